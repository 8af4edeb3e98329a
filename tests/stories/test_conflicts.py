"""What the sides of an action item do not agree on is seen, told to whom it may be, and settled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from begun import begun
from click.testing import CliRunner, Result
from remedies import BOTH, MINUTE, OPS, Remedy
from stage import GITHUB_INCIDENTS, JIRA_INCIDENTS, JIRA_TASKS, Stage

from integrations.sandbox.acme import KIM, NOOR
from service.commands.all import followthrough
from service.store.effects import EffectRecord, EffectState
from service.store.journal import Entry, EntryKind
from workflows.documents import marked, regions
from workflows.snapshots import Field, Side

PUBLIC_INCIDENTS = GITHUB_INCIDENTS.replace("acme/ops", "acme/website")
ISSUE_IN_WEBSITE = "{kind: github-issue, connection: github, repository: acme/website}"
ISSUE_IN_POSTMORTEMS = "{kind: github-issue, connection: github, repository: acme/postmortems}"
WEBSITE_TASKS = "{connection: github, repository: acme/website}"


@pytest.fixture
def remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Remedy]:
    monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(tmp_path / "data"))
    with Stage(tmp_path, sync="{flips: 2, rest: 1 hour}") as stage:
        yield begun(stage, Remedy)


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(followthrough, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def told(*arguments: str) -> str:
    """What a command prints, in one line."""
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def edit_owner(remedy: Remedy, before: str, after: str) -> None:
    """Somebody edits the owner in the item's row."""
    row = next(line for line in remedy.text.splitlines() if line.startswith("| AI-1 "))
    remedy.write(row, row.replace(f"| {before} |", f"| {after} |"))


def differ(remedy: Remedy) -> None:
    """The owner is changed in the row and on the task, before anybody heard of either."""
    edit_owner(remedy, "Kim Ito", "Lee Park")
    remedy.github.assign(OPS, remedy.issue.number, ["noor"], by="noor")
    remedy.stage.settle()


def journalled(remedy: Remedy, kind: EntryKind) -> list[Entry]:
    with remedy.stage.store.read() as tx:
        lines = tx.journal.of_incident(remedy.stage.incident(remedy.key).id)
    return [line for line in lines if line.kind is kind]


def comment(remedy: Remedy) -> str:
    """The one comment on the incident ticket."""
    number = int(remedy.key.rpartition("#")[2])
    notes = remedy.github.repos[remedy.key.rpartition("#")[0]].issues[number].notes
    return str(next(note.body for note in notes if "**Followthrough**" in note.body))


# --- seeing ---------------------------------------------------------------------------------------


def test_a_conflict_is_listed_with_who_said_what_when_and_what_settles_it(remedy: Remedy) -> None:
    differ(remedy)
    listed = told("conflicts", remedy.key)
    assert f"{remedy.key} AI-1 owner: changed on two sides; “Lee Park” holds" in listed
    assert "1 “Noor Aziz” the task, 2026-12-07 12:00 UTC" in listed
    assert "2 “Lee Park” the document, 2026-12-07 12:00 UTC" in listed
    assert f"conflicts choose {remedy.key} AI-1 owner NUMBER" in listed
    assert told("conflicts") == listed, "there is no other"


def test_a_conflict_is_journalled_once_with_both_values_and_says_how_it_is_settled(
    remedy: Remedy,
) -> None:
    differ(remedy)
    remedy.stage.wait(MINUTE)
    remedy.stage.poll()
    [entry] = journalled(remedy, EntryKind.CONFLICT)
    assert entry.text == (
        "AI-1 owner: changed on two sides, “Noor Aziz” (the task, 2026-12-07 12:00 UTC) and"
        " “Lee Park” (the document, 2026-12-07 12:00 UTC); “Lee Park” holds until somebody chooses"
    )
    explained = told("explain", remedy.key)
    assert f"! conflict {entry.text} → Settle it: followthrough conflicts {remedy.key}" in explained
    told("conflicts", "choose", remedy.key, "AI-1", "owner", "1")
    remedy.stage.settle()
    assert "Settle it" not in told("explain", remedy.key)
    assert f"conflict {entry.text}" in told("explain", remedy.key), "it is history now"


def test_explain_shows_what_each_side_says_where_they_differ(remedy: Remedy) -> None:
    assert "holds" not in told("explain", remedy.key), "all agree"
    differ(remedy)
    assert "holds task document ! owner Lee Park lee Lee Park" in told("explain", remedy.key)


# --- choosing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", [["1"], ["--value", "Noor Aziz"], ["--value", "noor aziz"]])
def test_what_somebody_chooses_holds_everywhere_and_is_on_record_with_who(
    remedy: Remedy, monkeypatch: pytest.MonkeyPatch, choice: list[str]
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "sam")
    differ(remedy)
    assert remedy.issue.assignees == ["lee"], "by preference the latest holds meanwhile"
    assert "is chosen" in told("conflicts", "choose", remedy.key, "AI-1", "owner", *choice)
    assert remedy.item.conflicts, "only the incident's own turn changes its state"
    remedy.stage.settle()
    assert remedy.item.conflicts == ()
    assert remedy.issue.assignees == ["noor"]
    remedy.stage.wait(MINUTE)
    assert remedy.row[Field.OWNER] == "Noor Aziz"
    assert "AI-1 owner: sam (command line) chose “Noor Aziz”" in remedy.stage.told(remedy.key)
    assert "AI-1 owner: sam (command line), chosen: “Noor Aziz” holds" in remedy.stage.told(
        remedy.key
    )
    assert "changed on two sides" not in comment(remedy)


def test_choosing_twice_is_harmless(remedy: Remedy) -> None:
    differ(remedy)
    choose = ("conflicts", "choose", remedy.key, "AI-1", "owner", "--value", "Noor Aziz")
    told(*choose)
    told(*choose)
    remedy.stage.settle()
    assert "AI-1 owner is “Noor Aziz” already." in told(*choose)
    remedy.stage.settle()
    assert [each.answer for each in remedy.stage.incident(remedy.key).choices] == [
        "chosen: “Noor Aziz” holds",
        "nothing is in conflict about AI-1 owner (any more): “Noor Aziz” holds",
    ]
    assert remedy.issue.assignees == ["noor"]


def test_two_who_choose_differently_are_answered_in_their_order(remedy: Remedy) -> None:
    differ(remedy)
    told("conflicts", "choose", remedy.key, "AI-1", "owner", "1")
    told("conflicts", "choose", remedy.key, "AI-1", "owner", "2")
    remedy.stage.settle()
    assert remedy.issue.assignees == ["noor"]
    assert "settled nothing: nothing is in conflict about AI-1 owner" in remedy.stage.told(
        remedy.key
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["choose", "AI-1", "owner", "--value", "Mallory"],
            "“Mallory” is none of what was said of AI-1 owner:"
            " choose “Noor Aziz” (1) or “Lee Park” (2)",
        ),
        (["choose", "AI-1", "owner", "3"], "choose “Noor Aziz” (1) or “Lee Park” (2)"),
        (["choose", "AI-1", "owner", "--value", ""], "(empty) is none of what was said"),
        (["choose", "AI-1", "due", "1"], "nothing is in conflict about AI-1 due"),
        (["choose", "AI-9", "owner", "1"], "there is no AI-9 of acme/ops#1"),
        (["choose", "P-1", "owner", "1"], "P-1 is no action item's name: write it as AI-1."),
        (["choose", "AI-1", "owner"], "Give either the number of a claim, or --value."),
        (["resume", "AI-1", "owner"], "AI-1 owner is neither left alone nor refused anywhere"),
    ],
)
def test_what_cannot_be_chosen_is_answered_with_what_can_and_writes_nothing(
    remedy: Remedy, arguments: list[str], words: str
) -> None:
    differ(remedy)
    command, *rest = arguments
    result = run("conflicts", command, remedy.key, *rest)
    assert result.exit_code == 1
    assert words in result.output
    with remedy.stage.store.read() as tx:
        assert tx.choices.of_incident(remedy.stage.incident(remedy.key).id) == []


def test_a_later_edit_settles_it_too_and_a_choice_after_that_settles_nothing(
    remedy: Remedy,
) -> None:
    differ(remedy)
    remedy.github.assign(OPS, remedy.issue.number, ["kim"], by="kim")
    remedy.stage.settle()
    assert remedy.item.conflicts == ()
    result = run("conflicts", "choose", remedy.key, "AI-1", "owner", "1")
    assert result.exit_code == 1
    assert "nothing is in conflict about AI-1 owner (any more): “Kim Ito” holds" in result.output


# --- circuits and refusals ------------------------------------------------------------------------


def fight(remedy: Remedy) -> None:
    """A rule of the tracker gives the task back to Kim whenever the row gives it to Noor."""
    for _ in range(2):
        edit_owner(remedy, remedy.row[Field.OWNER] or "—", "Noor Aziz")
        remedy.stage.settle()
        assert remedy.issue.assignees == ["noor"]
        remedy.github.assign(OPS, remedy.issue.number, ["kim"], by="kim")
        remedy.stage.settle()
        remedy.stage.wait(MINUTE)


def test_a_circuit_that_opens_is_told_once_and_listed(remedy: Remedy) -> None:
    fight(remedy)
    remedy.github.edit(OPS, remedy.issue.number, by="kim", title="Alert on depth, please")
    remedy.stage.settle()
    [entry] = journalled(remedy, EntryKind.CONFLICT)
    assert entry.text.startswith("AI-1 owner: it kept being changed back on the task, and is left")
    listed = told("conflicts")
    assert "AI-1 owner: it kept being changed back on the task; “kim” there, “Noor Aziz”" in listed
    assert f"conflicts resume {remedy.key} AI-1 owner" in listed
    assert remedy.issue.assignees == ["kim"], "left alone"


def test_a_circuit_is_closed_by_hand(remedy: Remedy) -> None:
    fight(remedy)
    told("conflicts", "resume", remedy.key, "AI-1", "owner")
    remedy.stage.settle()
    assert remedy.item.sides[Side.TASK].resting == {}
    assert remedy.item.owner == "Kim Ito", "what the task says by now was read"
    assert run("conflicts").output.startswith("None")
    edit_owner(remedy, "Noor Aziz", "Noor Aziz ")
    remedy.stage.wait(MINUTE)
    assert remedy.row[Field.OWNER] == "Kim Ito"


def test_a_circuit_closes_after_rest_and_nothing_needs_to_happen_for_that(remedy: Remedy) -> None:
    fight(remedy)
    remedy.stage.wait(timedelta(minutes=30))
    assert remedy.item.owner == "Noor Aziz"
    remedy.stage.wait(timedelta(minutes=31))
    assert remedy.item.sides[Side.TASK].resting == {}
    assert remedy.item.owner == "Kim Ito"
    remedy.stage.wait(MINUTE)
    assert remedy.row[Field.OWNER] == "Kim Ito"


def test_a_value_that_was_refused_is_tried_again_when_somebody_says_so(remedy: Remedy) -> None:
    del remedy.github.repos[OPS].members["lee"]
    edit_owner(remedy, "Kim Ito", "Lee Park")
    remedy.stage.settle()
    assert remedy.issue.assignees == ["kim"]
    assert "AI-1 owner: the task would not take “lee”" in told("conflicts", remedy.key)
    remedy.github.repos[OPS].members["lee"] = "write"
    remedy.stage.clock.wait(timedelta(minutes=11))
    told("conflicts", "resume", remedy.key, "AI-1", "owner")
    remedy.stage.settle()
    assert remedy.issue.assignees == ["lee"], remedy.stage.told(remedy.key)
    assert run("conflicts").output.startswith("None")


# --- what the comment tells -----------------------------------------------------------------------


def edit_milestone(remedy: Remedy, after: str) -> None:
    row = next(line for line in remedy.text.splitlines() if line.startswith("| AI-1 "))
    remedy.write(row, row.replace("| Kim Ito | — |", f"| Kim Ito | {after} |"))


def test_the_comment_tells_of_a_conflict_and_not_what_the_document_says(remedy: Remedy) -> None:
    edit_milestone(remedy, "Zebra launch")
    remedy.github.add_milestone(OPS, "Q1")
    remedy.github.edit(OPS, remedy.issue.number, by="noor", milestone=1)
    remedy.stage.settle()
    [conflict] = remedy.item.conflicts
    assert {claim.said.value for claim in conflict.claims} == {"Zebra launch", "Q1"}
    text = comment(remedy)
    assert "AI-1 milestone: changed on two sides: “Q1” (the task, 2026-12-07 12:00" in text
    assert "what the postmortem says (document, 2026-12-07 12:00 UTC)" in text
    assert "What the postmortem says holds until somebody chooses" in text
    assert "Zebra" not in text


def test_the_comment_leads_to_a_task_that_stands_elsewhere_and_does_not_repeat_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(tmp_path / "data"))
    with Stage(tmp_path, tasks=JIRA_TASKS) as stage:
        remedy = Remedy(stage)
        edit_milestone(remedy, "Quarter")
        remedy.jira.add_version("OPS", "Zebra launch")
        remedy.jira.edit(remedy.ticket.key, by=NOOR, fixVersions=["Zebra launch"])
        stage.settle()
        [conflict] = remedy.item.conflicts
        assert {claim.said.value for claim in conflict.claims} == {"Zebra launch", "Quarter"}
        text = comment(remedy)
        assert "AI-1 milestone: changed on two sides: what [OPS-1](" in text
        assert ") says (task, 2026-12-07 12:00 UTC), what the postmortem says (document, " in text
        assert "Zebra" not in text
        assert "Quarter" not in text
        assert "“Zebra launch” the task, Noor Aziz, 2026-12-07 12:00 UTC" in told("conflicts")


def test_a_refusal_of_what_the_document_says_is_told_without_the_words(remedy: Remedy) -> None:
    del remedy.github.repos[OPS].members["lee"]
    edit_owner(remedy, "Kim Ito", "Lee Park")
    remedy.stage.settle()
    text = comment(remedy)
    assert "AI-1 owner: what the postmortem says is not taken by the task" in text
    assert "(the service's page says why)" in text
    assert "lee" not in text.casefold().partition("ai-1 owner")[2].partition("\n")[0]


def test_of_a_restricted_incident_the_comment_tells_no_value_at_all(tmp_path: Path) -> None:
    """Nor does it tell what its task says, which stands in the same project."""
    tasks = JIRA_TASKS.replace("OPS", "INC").replace("Task", "Incident")
    with Stage(tmp_path, incidents=JIRA_INCIDENTS, tasks=tasks) as stage:
        jira = stage.sandbox.jira
        key = jira.create_issue(
            "INC",
            "Slow",
            KIM,
            "Incident",
            security="Staff only",
            customfield_10050={"value": "SEV-1"},
        )
        jira.transition(key, "Resolved", by=KIM, resolution="Done")
        stage.settle()
        [item] = stage.incident(key).actions
        assert item.task is not None
        path = f"postmortems/2026/{key}.md"
        place = stage.sandbox.github.repos["acme/postmortems"]
        branch = next(n for n in place.branches if n.startswith("followthrough/"))
        text = place.commits[place.branches[branch]].tree[path].decode()
        row = next(line for line in text.splitlines() if line.startswith("| AI-1 "))
        after = text.replace(row, row.replace("| — | — |", "| — | Quarter |", 1))
        assert after != text
        stage.sandbox.github.push("acme/postmortems", path, after, by="kim", branch=branch)
        jira.add_version("INC", "Zebra launch")
        jira.edit(item.task.key, by=NOOR, fixVersions=["Zebra launch"])
        stage.settle()
        [item] = stage.incident(key).actions
        assert item.conflicts, stage.told(key)
        body = str([note.body for note in jira.issue(key).comments])
        assert "AI-1 milestone: changed on two sides" in body
        assert "Zebra" not in body
        assert "Quarter" not in body


def test_what_may_not_be_told_any_more_is_not_taken_off_the_task(tmp_path: Path) -> None:
    with Stage(tmp_path, incidents=JIRA_INCIDENTS, tasks=JIRA_TASKS) as stage:
        jira = stage.sandbox.jira
        jira.add_version("OPS", "Q1")
        severity = {"value": "SEV-2"}
        key = jira.create_issue("INC", "Slow", KIM, "Incident", customfield_10050=severity)
        jira.comment(key, 'ACTION: alert milestone:"Q1" @kim@acme.example', by=NOOR)
        jira.transition(key, "Resolved", by=KIM, resolution="Done")
        stage.settle()
        task = stage.incident(key).actions[0].task
        assert task is not None
        planned = jira.issue(task.key).values["fixVersions"]
        assert planned
        jira.edit(key, by=KIM, security="Staff only")
        stage.settle()
        stage.wait(MINUTE)
        assert stage.incident(key).actions[0].milestone is None
        assert jira.issue(task.key).values["fixVersions"] == planned
        jira.transition(task.key, "Done", by=KIM)
        stage.settle()
        assert stage.incident(key).actions[0].status == "done", "the rest stays in sync"
        assert jira.issue(task.key).values["fixVersions"] == planned


# --- on which ways values travel ------------------------------------------------------------------


def effects(stage: Stage, key: str) -> dict[str, EffectRecord]:
    with stage.store.read() as tx:
        records = tx.effects.of_incident(stage.incident(key).id)
    return {record.key.partition(":")[0]: record for record in records}


def closed(stage: Stage, place: str) -> str:
    github = stage.sandbox.github
    number = github.open_issue(place, "Slow", by="kim", labels=["incident", "sev2"])
    github.comment(place, number, "ACTION: alert on depth @kim", by="noor")
    github.close(place, number, by="kim")
    stage.poll()
    return f"{place}#{number}"


def document(stage: Stage, place: str) -> Any:
    found = stage.sandbox.github.repos[place].issues.values()
    return next(issue for issue in found if issue.title.startswith("Postmortem"))


def test_what_is_said_on_a_private_task_is_written_into_no_public_document(tmp_path: Path) -> None:
    with Stage(
        tmp_path, incidents=PUBLIC_INCIDENTS, document=ISSUE_IN_WEBSITE, tasks=JIRA_TASKS
    ) as stage:
        key = closed(stage, "acme/website")
        task = stage.incident(key).actions[0].task
        assert task is not None
        stage.sandbox.jira.edit(task.key, by=KIM, assignee=NOOR)
        stage.settle()
        stage.wait(MINUTE)
        letter = effects(stage, key)["regions"]
        assert letter.state is EffectState.REJECTED, stage.told(key)
        assert letter.words.startswith(
            "everybody may read acme/website (github) and not everybody OPS (jira): postmortems"
        )
        assert "Noor" not in regions(document(stage, "acme/website").body or "")["actions"]


def test_what_is_said_in_a_private_document_is_set_in_no_public_task(tmp_path: Path) -> None:
    with Stage(
        tmp_path, incidents=PUBLIC_INCIDENTS, document=ISSUE_IN_POSTMORTEMS, tasks=WEBSITE_TASKS
    ) as stage:
        key = closed(stage, "acme/website")
        issue = document(stage, "acme/postmortems")
        table = regions(issue.body or "")["actions"]
        edited = table.replace("| Kim Ito | — |", "| Kim Ito | Zebra launch |")
        assert edited != table
        body = (issue.body or "").replace(marked("actions", table), marked("actions", edited))
        stage.sandbox.github.edit("acme/postmortems", issue.number, by="kim", body=body)
        stage.settle()
        letter = effects(stage, key)["set"]
        assert letter.state is EffectState.REJECTED, stage.told(key)
        assert "and not everybody acme/postmortems (github): remediation tasks" in letter.words
        assert stage.sandbox.github.repos["acme/website"].milestones == []


def test_what_is_said_on_a_private_task_is_set_in_no_public_twin(tmp_path: Path) -> None:
    twins = BOTH.replace("acme/ops", "acme/website")
    with Stage(tmp_path, incidents=PUBLIC_INCIDENTS, tasks=twins) as stage:
        key = closed(stage, "acme/website")
        item = stage.incident(key).actions[0]
        assert item.task is not None
        assert item.twin is not None, "the incident's own words may go there"
        stage.sandbox.jira.edit(item.task.key, by=KIM, assignee=NOOR)
        stage.settle()
        letter = effects(stage, key)["set"]
        assert letter.state is EffectState.REJECTED, stage.told(key)
        assert "and not everybody OPS (jira): twins of remediation tasks" in letter.words
        number = int(item.twin.key.rpartition("#")[2])
        assert stage.sandbox.github.repos["acme/website"].issues[number].assignees == ["kim"]
