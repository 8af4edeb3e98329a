"""How tasks are kept in sync, as the rules say it: what holds, and what is refused."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.rules import RulesError, load
from workflows.policy import FieldRules, Policy, Prefer, StatusWords, SyncRules, Team
from workflows.snapshots import Field, Progress, Side

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "rules.md"

RIGHT = """\
connections:
  hub:
    kind: github
    url: https://api.github.com
    auth: {type: token, token: {env: TOKEN}}
  desk:
    kind: jira
    url: https://acme.atlassian.net
    auth: {type: bearer, token: {env: TOKEN}}
  hub2:
    kind: github
    url: https://api.github.com
    auth: {type: token, token: {env: OTHER}}
teams:
  ops:
    start_from: 2026-12-01
    incidents: [{connection: hub, repository: acme/ops}]
    postmortem:
      document: {kind: github-issue, connection: hub, repository: acme/ops}
      tasks:
        connection: desk
        project: PAY
        statuses:
          in review: [In Review, Code Review]
          won't do: Rejected
        fill: {Root cause: Unknown}
        twin: {connection: hub, repository: acme/ops, labels: [remediation]}
    sync:
      owner: {from: [task, twin], prefer: task}
      title: {from: [task, document]}
      status: {from: task}
      due: off
      document_every: 0
      flips: 4
      window: 90 seconds
      rest: 1 day
      close_milestones: true
people_by: [email, login]
"""
TWIN = "        twin: {connection: hub, repository: acme/ops, labels: [remediation]}\n"
SYNC = RIGHT[RIGHT.index("    sync:") : RIGHT.index("people_by")]
ENVIRONMENT = {"TOKEN": "t0ken-value", "OTHER": "0ther-value"}


def policy(tmp_path: Path, text: str = RIGHT) -> Policy:
    file = tmp_path / "rules.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file, ENVIRONMENT).policy


def changed(old: str, new: str) -> str:
    assert RIGHT.count(old) == 1, f"{old!r} should stand once in the right rules"
    return RIGHT.replace(old, new)


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(RulesError) as raised:
        policy(tmp_path, text)
    return [str(problem).removeprefix(f"{tmp_path}/") for problem in raised.value.problems]


def ops(tmp_path: Path, text: str = RIGHT) -> Team:
    return policy(tmp_path, text).teams["ops"]


# --- what holds -----------------------------------------------------------------------------------


def test_a_field_is_kept_in_sync_as_its_rule_says(tmp_path: Path) -> None:
    assert ops(tmp_path).sync == SyncRules(
        fields={
            Field.OWNER: FieldRules(frozenset({Side.TASK, Side.TWIN}), Prefer.TASK),
            Field.MILESTONE: FieldRules(),
            Field.STATUS: FieldRules(frozenset({Side.TASK})),
            Field.DUE: FieldRules(frozenset()),
            Field.TITLE: FieldRules(frozenset({Side.TASK, Side.DOCUMENT})),
        },
        document_every=timedelta(),
        flips=4,
        window=timedelta(seconds=90),
        rest=timedelta(days=1),
        close_milestones=True,
    )


def test_without_a_word_everything_but_titles_is_kept_in_sync_both_ways(tmp_path: Path) -> None:
    sync = ops(tmp_path, RIGHT.replace(SYNC, "")).sync
    assert sync.fields[Field.TITLE].counts == frozenset()
    assert {sync.fields[f] for f in Field if f is not Field.TITLE} == {
        FieldRules(frozenset(Side), Prefer.NEWEST)
    }
    assert (sync.document_every, sync.flips) == (timedelta(minutes=1), 6)
    assert (sync.window, sync.rest) == (timedelta(minutes=10), timedelta(hours=1))
    assert not sync.close_milestones


def test_a_rule_that_names_no_sides_means_all_of_them(tmp_path: Path) -> None:
    titles = changed("title: {from: [task, document]}", "title: {prefer: document}")
    rule = ops(tmp_path, titles).sync.fields[Field.TITLE]
    assert rule == FieldRules(frozenset(Side), Prefer.DOCUMENT)


def test_a_twin_is_a_destination_of_its_own(tmp_path: Path) -> None:
    twin = ops(tmp_path).postmortem.twin
    assert twin is not None
    assert (twin.connection, twin.place, twin.labels) == ("hub", "acme/ops", ("remediation",))
    assert twin.issue_type == ""
    without = RIGHT.replace(TWIN, "").replace(SYNC, "")
    assert ops(tmp_path, without).postmortem.twin is None


def test_a_destination_says_what_its_tracker_can_tell_apart(tmp_path: Path) -> None:
    rules = ops(tmp_path).postmortem
    assert rules.tasks.statuses == StatusWords(
        says=frozenset(Progress),
        names={
            Progress.IN_REVIEW: ("In Review", "Code Review"),
            Progress.WONT_DO: ("Rejected",),
        },
        fill={"Root cause": "Unknown"},
    )
    assert rules.twin is not None
    assert rules.twin.statuses == StatusWords(
        frozenset({Progress.OPEN, Progress.DONE, Progress.WONT_DO, Progress.DUPLICATE})
    )
    unnamed = changed("          in review: [In Review, Code Review]\n", "")
    says = ops(tmp_path, unnamed).postmortem.tasks.statuses.says
    assert says == frozenset(Progress) - {Progress.IN_REVIEW}


def test_a_twin_in_jira_has_names_of_its_own(tmp_path: Path) -> None:
    start, end = RIGHT.index("      tasks:\n"), RIGHT.index("    sync:")
    tasks = """\
      tasks:
        connection: hub
        repository: acme/ops
        twin: {connection: desk, project: PAY, statuses: {done: [Shipped, Done]}, fill: {Cause: x}}
"""
    rules = ops(tmp_path, RIGHT[:start] + tasks + RIGHT[end:]).postmortem
    assert rules.tasks.statuses.names == {}
    assert rules.twin is not None
    assert rules.twin.issue_type == "Task"
    assert rules.twin.statuses.names == {Progress.DONE: ("Shipped", "Done")}
    assert rules.twin.statuses.fill == {"Cause": "x"}


@pytest.mark.parametrize(
    ("written", "by"),
    [
        ("people_by: [email, login]\n", {"email", "login"}),
        ("people_by: login\n", {"login"}),
        ("people_by: []\n", set()),
        ("", {"email"}),
    ],
)
def test_people_are_told_across_trackers_as_the_rules_allow(
    tmp_path: Path, written: str, by: set[str]
) -> None:
    assert policy(tmp_path, changed("people_by: [email, login]\n", written)).people_by == by


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[In Review, Code Review]", "[Code Review, In Review]"),
        ("Root cause: Unknown", "Root cause: Known"),
        (", labels: [remediation]}", "}"),
        ("prefer: task", "prefer: newest"),
        ("{from: task}", "{from: twin}"),
        ("due: off", "due: {}"),
        ("document_every: 0", "document_every: 1 second"),
        ("flips: 4", "flips: 5"),
        ("window: 90 seconds", "window: 91 seconds"),
        ("rest: 1 day", "rest: 2 days"),
        ("close_milestones: true", "close_milestones: false"),
        ("people_by: [email, login]", "people_by: [email]"),
    ],
)
def test_each_of_these_is_a_decision_that_the_hash_tells(
    tmp_path: Path, old: str, new: str
) -> None:
    assert policy(tmp_path, changed(old, new)).hash != policy(tmp_path).hash


def test_other_words_for_the_same_are_no_new_decision(tmp_path: Path) -> None:
    same = changed("window: 90 seconds", "window: 90 second").replace("1 day", "24 hours")
    same = same.replace("due: off", "due: no").replace("{from: task}", "{from: [task]}")
    assert policy(tmp_path, same).hash == policy(tmp_path).hash


def test_the_example_of_the_reference_is_right(tmp_path: Path) -> None:
    text = REFERENCE.read_text(encoding="utf-8").partition("### Keeping tasks in sync")[2]
    found = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert found is not None
    example = yaml.safe_load(found[1])
    rules: Any = yaml.safe_load(
        RIGHT.replace("hub:", "acme-github:")
        .replace("desk:", "acme-jira:")
        .replace("connection: hub,", "connection: acme-github,")
    )
    rules["teams"]["ops"]["postmortem"]["tasks"] = example["postmortem"]["tasks"]
    rules["teams"]["ops"]["sync"] = example["sync"]
    team = ops(tmp_path, yaml.safe_dump(rules))
    assert team.postmortem.twin is not None
    assert team.sync.fields[Field.OWNER].prefer is Prefer.TASK
    assert team.sync.fields[Field.DUE].counts == frozenset()
    assert team.sync.document_every == timedelta(minutes=5)


def test_the_examples_of_single_fields_are_right(tmp_path: Path) -> None:
    text = REFERENCE.read_text(encoding="utf-8").partition("### Keeping tasks in sync")[2]
    table = text.partition("| wanted | written |")[2].partition("\n\n")[0]
    rows = re.findall(r"\| `(.+)` \|$", table, re.MULTILINE)
    assert len(rows) == 5
    for row in rows:
        ops(tmp_path, RIGHT.replace(SYNC, f"    sync:\n      {row}\n"))


# --- what is refused ------------------------------------------------------------------------------

IN_TASKS = "teams.ops.postmortem.tasks"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "twin: {connection: hub, repository: acme/ops",
            "twin: {connection: desk, project: OPS",
            f"rules.yaml:27: {IN_TASKS}.twin.connection: the task is in desk already, and a twin is"
            " for those who use another tracker — name another connection, or remove twin",
        ),
        (
            "twin: {connection: hub,",
            "twin: {connection: hbu,",
            f"rules.yaml:27: {IN_TASKS}.twin.connection: no connection is called “hbu”"
            " — did you mean hub?",
        ),
        (
            "twin: {connection: hub, repository: acme/ops",
            "twin: {connection: hub, project: OPS",
            f"rules.yaml:27: {IN_TASKS}.twin.project: does not fit, because hub is a github"
            " connection — write repository instead",
        ),
        (
            "labels: [remediation]}",
            "labels: [remediation], statuses: {done: Closed}}",
            f"rules.yaml:27: {IN_TASKS}.twin.statuses: is for Jira only: a GitHub issue is open or"
            " closed, and nothing else — remove it",
        ),
        (
            "labels: [remediation]}",
            "labels: [remediation], fill: {}}",
            f"rules.yaml:27: {IN_TASKS}.twin.fill: is for Jira only: a GitHub issue is open or"
            " closed, and nothing else — remove it",
        ),
        (
            "labels: [remediation]}",
            "labels: [remediation], twin: {}}",
            f"rules.yaml:27: {IN_TASKS}.twin.twin: is not a key of this group — write one of"
            " connection, project, repository, issue_type, labels, statuses, fill",
        ),
        (
            "won't do: Rejected",
            "won't do: code  review",
            f"rules.yaml:25: {IN_TASKS}.statuses.won't do[0]: “code  review” means in review"
            f" already, in {IN_TASKS}.statuses.in review — keep it at one of them",
        ),
        (
            "won't do: Rejected",
            "wont do: Rejected",
            f"rules.yaml:25: {IN_TASKS}.statuses.wont do: “wont do” is unknown"
            " — did you mean won't do?",
        ),
        (
            "won't do: Rejected",
            "won't do: []",
            f"rules.yaml:25: {IN_TASKS}.statuses.won't do: names none"
            " — name a status, or remove the line",
        ),
        (
            "{Root cause: Unknown}",
            "{Root cause: 5}",
            f"rules.yaml:26: {IN_TASKS}.fill.Root cause: must be text, and YAML reads a number"
            " — put it in quotes",
        ),
        (
            "{Root cause: Unknown}",
            "Unknown",
            f"rules.yaml:26: {IN_TASKS}.fill: must be a group — write name: value",
        ),
        (
            "{from: [task, twin], prefer: task}",
            "{from: [task, twins]}",
            "rules.yaml:29: teams.ops.sync.owner.from[1]: “twins” is unknown — did you mean twin?",
        ),
        (
            "{from: [task, twin], prefer: task}",
            "{from: [task, twin], prefer: document}",
            "rules.yaml:29: teams.ops.sync.owner.prefer: prefers document, whose edits do not count"
            " — add document to from, or prefer newest, task, twin",
        ),
        (
            "{from: [task, twin], prefer: task}",
            "{prefer: oldest}",
            "rules.yaml:29: teams.ops.sync.owner.prefer: “oldest” is unknown"
            " — write one of newest, task, twin, document",
        ),
        (
            "{from: task}",
            "{from: []}",
            "rules.yaml:31: teams.ops.sync.status.from: names none"
            " — name a side, or write off to keep the field out of sync",
        ),
        (
            "due: off",
            "due: on",
            "rules.yaml:32: teams.ops.sync.due: is neither off nor a group of keys"
            " — write off, or {from: [task, document], prefer: newest}",
        ),
        (
            "due: off",
            "dew: off",
            "rules.yaml:32: teams.ops.sync.dew: is not a key of this group — did you mean due?",
        ),
        (
            "document_every: 0",
            "document_every: 30",
            "rules.yaml:33: teams.ops.sync.document_every: is not a length of time"
            " — write it as “30 seconds”, “5 minutes” or 0",
        ),
        (
            "flips: 4",
            "flips: 0",
            "rules.yaml:34: teams.ops.sync.flips: is not a number from 1 on — write it as 6",
        ),
        (
            "window: 90 seconds",
            "window: 0",
            "rules.yaml:35: teams.ops.sync.window: is not a length of time"
            " — write it as “30 seconds”, “5 minutes” or “1 hour”",
        ),
        (
            "rest: 1 day",
            "rest: a day",
            "rules.yaml:36: teams.ops.sync.rest: is not a length of time"
            " — write it as “30 seconds”, “5 minutes” or “1 hour”",
        ),
        (
            "close_milestones: true",
            "close_milestones: 1",
            "rules.yaml:37: teams.ops.sync.close_milestones: must be yes or no"
            " — write true or false",
        ),
        (
            "people_by: [email, login]",
            "people_by: [email, logins]",
            "rules.yaml:38: people_by[1]: “logins” is unknown — did you mean login?",
        ),
    ],
)
def test_each_mistake_is_told_with_its_line_and_its_mend(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    assert problems(tmp_path, changed(old, new)) == [told]


def test_a_twin_that_is_not_there_is_nobodys_side(tmp_path: Path) -> None:
    told = "this team's tasks have no twin — write postmortem.tasks.twin, or leave it out"
    text = changed(TWIN, "").replace("prefer: task", "prefer: twin")
    assert problems(tmp_path, text) == [
        f"rules.yaml:28: teams.ops.sync.owner.from[1]: {told}",
        f"rules.yaml:28: teams.ops.sync.owner.prefer: {told}",
        f"rules.yaml:36: teams.ops.sync.close_milestones: {told}",
    ]


def test_a_twin_that_cannot_be_read_is_told_once(tmp_path: Path) -> None:
    text = changed(TWIN, "        twin: hub\n")
    assert problems(tmp_path, text) == [
        f"rules.yaml:27: {IN_TASKS}.twin: must be a group of keys"
        " — write the keys below it, indented"
    ]


def test_a_second_account_makes_no_twin_of_the_same_place(tmp_path: Path) -> None:
    start, end = RIGHT.index("      tasks:\n"), RIGHT.index("    sync:")
    tasks = """\
      tasks:
        connection: hub
        repository: acme/ops
        twin: {connection: hub2, repository: Acme/Ops}
"""
    text = RIGHT[:start] + tasks + RIGHT[end:]
    assert problems(tmp_path, text) == [
        f"rules.yaml:23: {IN_TASKS}.twin.connection: is the same place as the task's, by another"
        " account than hub — name another place, or remove twin"
    ]
    elsewhere = ops(tmp_path, text.replace("Acme/Ops", "acme/web")).postmortem.twin
    assert elsewhere is not None
    assert elsewhere.connection == "hub2"


WORDS = ("task", "twin", "document", "newest", "from", "prefer", "off", "done", "in review", "hub")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.floats() | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner),
    max_leaves=5,
)
LINES = RIGHT.splitlines()
FIRST = LINES.index("      tasks:")


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(FIRST, len(LINES) - 1), value=VALUES)
def test_no_value_in_any_place_is_more_than_a_problem(
    tmp_path: Path, at: int, value: object
) -> None:
    """Loading ends with a policy that has a hash, or with problems that each have a line."""
    key = LINES[at].partition(":")[0]
    spoilt = [*LINES[:at], f"{key}: {json.dumps(value)}", *LINES[at + 1 :]]
    lines: list[int] = []
    try:
        assert policy(tmp_path, "\n".join(spoilt)).hash
    except RulesError as error:
        lines = [problem.line for problem in error.problems]
    assert all(line > FIRST for line in lines), "what was not spoilt is right"
