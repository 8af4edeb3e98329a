"""Whatever is wrong with a rules file is told at once, at its line, with what would be right."""

from __future__ import annotations

import json
import string
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.rules import RulesError, load
from service.commands.rules import rules as rules_command

RIGHT = """\
connections:
  hub:
    kind: github
    url: https://api.github.com
    auth: {type: token, token: {env: TOKEN}}
  desk:
    kind: jira
    url: https://acme.atlassian.net
    auth: {type: basic, user: bot@acme.example, token: {env: TOKEN}}
teams:
  ops:
    start_from: 2026-12-01
    manager: Kim Lee
    incidents:
      - connection: desk
        project: INC
        match: {issue_type: Incident}
    postmortem:
      when: {severity: [sev1]}
      document: {kind: github-issue, connection: hub, repository: acme/ops}
      tasks: {connection: hub, repository: acme/ops}
  web:
    start_from: 2026-12-01
    incidents:
      - connection: hub
        repository: acme/web
        severity: {label: "sev*"}
    postmortem:
      document: {kind: git-directory, directory: .}
      tasks: {connection: desk, project: WEB}
people:
  - {name: Kim Lee, email: kim@acme.example, github: kim}
"""
ENVIRONMENT = {"TOKEN": "t0ken-value"}


def problems(tmp_path: Path, text: str) -> list[str]:
    """What is wrong with `text`, each without the directory that the test runs in."""
    file = tmp_path / "rules.yaml"
    file.write_text(text, encoding="utf-8")
    try:
        load(file, ENVIRONMENT)
    except RulesError as error:
        return [str(problem).removeprefix(f"{tmp_path}/") for problem in error.problems]
    return []


def changed(tmp_path: Path, old: str, new: str) -> list[str]:
    assert RIGHT.count(old) == 1, f"{old!r} should stand once in the right rules"
    return problems(tmp_path, RIGHT.replace(old, new))


def test_the_rules_that_these_tests_spoil_are_right(tmp_path: Path) -> None:
    assert problems(tmp_path, RIGHT) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "connection: desk\n",
            "connection: deks\n",
            "rules.yaml:15: teams.ops.incidents[0].connection: no connection is called “deks”"
            " — did you mean desk?",
        ),
        (
            "project: INC",
            "repository: acme/inc",
            "rules.yaml:16: teams.ops.incidents[0].repository: does not fit, because desk is a"
            " jira connection — write project instead",
        ),
        (
            "    start_from: 2026-12-01\n    manager",
            "    manager",
            "rules.yaml:11: teams.ops.start_from: is missing — write start_from: 2026-12-01;"
            " incidents closed before it are left alone",
        ),
        (
            "2026-12-01\n    manager",
            "soon\n    manager",
            "rules.yaml:12: teams.ops.start_from: is not a date — write it as 2026-12-01",
        ),
        (
            "2026-12-01\n    manager",
            "2026-13-01\n    manager",
            "rules.yaml:12: this is not YAML: there is no such date or number",
        ),
        (
            "manager: Kim Lee",
            "manager: Kim Leo",
            "rules.yaml:13: teams.ops.manager: nobody in people is called “Kim Leo”"
            " — did you mean Kim Lee?",
        ),
        (
            "[sev1]",
            "[sev1, sevv2]",
            "rules.yaml:19: teams.ops.postmortem.when.severity[1]: “sevv2” is no severity"
            " — did you mean sev2?",
        ),
        (
            "kind: github-issue, connection: hub",
            "kind: github-issue, connection: desk",
            "rules.yaml:20: teams.ops.postmortem.document.connection: github-issue needs a github"
            " connection, and this one is jira — name another, or another kind",
        ),
        (
            ", directory: .",
            "",
            "rules.yaml:29: teams.web.postmortem.document.directory: is missing"
            " — write directory: the path of a git repository",
        ),
        (
            "directory: .",
            'directory: ., path: "{incident}/{ticket}.md"',
            "rules.yaml:29: teams.web.postmortem.document.path: {ticket} is no placeholder here"
            " — use {year}, {month}, {incident}, {severity}, {service}",
        ),
        (
            "project: INC\n",
            "project: INC\n        writers: []\n",
            "rules.yaml:17: teams.ops.incidents[0].writers: names none"
            " — name a role of the project",
        ),
        (
            "repository: acme/web\n",
            "repository: acme/web\n        writers: [Developers]\n",
            "rules.yaml:27: teams.web.incidents[0].writers: is for Jira only: GitHub says by itself"
            " who may write — remove it",
        ),
        (
            "match: {issue_type: Incident}\n",
            "match: {issue_type: Incident}\n      - {connection: desk, project: INC,"
            " match: {issue_type: Outage}, writers: [Developers]}\n",
            "rules.yaml:18: teams.ops.incidents[1].writers: INC has other writers in"
            " teams.ops.incidents[0] — name the same roles in both",
        ),
        (
            '{label: "sev*"}',
            "{field: Severity}",
            "rules.yaml:27: teams.web.incidents[0].severity: a GitHub issue has no field to read"
            " this from — write {heading: …} or {label: …}",
        ),
        (
            "match: {issue_type: Incident}",
            "closed: {status_category: new}",
            "rules.yaml:17: teams.ops.incidents[0].closed.status_category: “new” is unknown"
            " — write done",
        ),
        (
            "match: {issue_type: Incident}",
            "moments: {detectd: {status: Seen}}",
            "rules.yaml:17: teams.ops.incidents[0].moments.detectd: is not a key of this group"
            " — did you mean detected?",
        ),
        (
            "repository: acme/web",
            "repository: web",
            "rules.yaml:26: teams.web.incidents[0].repository: “web” has not the right form"
            " — write owner/name, such as acme/ops",
        ),
        (
            "url: https://api.github.com",
            "url: http://api.github.com",
            "rules.yaml:4: connections.hub.url: would send the token unencrypted"
            " — write https:// (http is for this machine only)",
        ),
        (
            "url: https://api.github.com",
            "url: https://acme.ghe.com",
            "rules.yaml:4: connections.hub.url: is GitHub's page, not its API"
            " — write https://api.acme.ghe.com",
        ),
        (
            "  web:\n",
            "  ops:\n",
            "rules.yaml:22: teams.ops: stands twice, on lines 11 and 22 — keep one of them",
        ),
        (
            "people:\n",
            "people:\n  - {name: kim lee}\n",
            "rules.yaml:33: people[1].name: “Kim Lee” is also people[0]"
            " — write what tells them apart",
        ),
        (
            "people:\n",
            "severities: {sev1: {aliases: [SEV-2]}, sev2: }\npeople:\n",
            "rules.yaml:31: severities.sev2: “sev2” means sev1 already — keep it at one of them",
        ),
        (
            "people:\n",
            "severities: {sev1: {review_within: 3 weeks}}\npeople:\n",
            "rules.yaml:31: severities.sev1.review_within: is not a span of time"
            " — write it as “3 business days” or “15 days”",
        ),
    ],
)
def test_each_mistake_is_told_with_its_line_and_its_mend(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    assert changed(tmp_path, old, new) == [told]


def test_everything_is_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (
        RIGHT.replace("kind: github\n", "kind: gitlab\n")
        .replace("project: INC", "project: inc")
        .replace("manager: Kim Lee", "manager: Nobody")
        .replace("{env: TOKEN}}\nteams", "{env: ABSENT}}\nteams")
        .replace("name: Kim Lee,", "nam: Kim Lee,")
    )
    lines = [int(problem.split(":")[1]) for problem in problems(tmp_path, text)]
    assert lines == sorted(lines)
    assert {3, 9, 13, 16, 32} <= set(lines)


def test_two_teams_cannot_watch_the_same_tickets(tmp_path: Path) -> None:
    theirs = 'connection: hub\n        repository: acme/web\n        severity: {label: "sev*"}'
    assert changed(tmp_path, theirs, "connection: desk\n        project: INC") == [
        "rules.yaml:25: teams.web.incidents[0]: may match the same tickets as"
        " teams.ops.incidents[0] — give them matches that exclude each other, such as issue types"
    ]
    other_type = "connection: desk\n        project: INC\n        match: {issue_type: Outage}"
    assert changed(tmp_path, theirs, other_type) == []


def test_a_second_connection_to_the_same_server_does_not_hide_an_overlap(tmp_path: Path) -> None:
    second = (
        "  desk2:\n    kind: jira\n    url: https://ACME.atlassian.net/\n"
        "    auth: {type: bearer, token: {env: TOKEN}}\nteams:\n"
    )
    text = RIGHT.replace("teams:\n", second).replace(
        'connection: hub\n        repository: acme/web\n        severity: {label: "sev*"}',
        "connection: desk2\n        project: INC",
    )
    assert "may match the same tickets" in problems(tmp_path, text)[0]


def test_one_account_is_not_two_connections(tmp_path: Path) -> None:
    auth = "{type: token, token: {env: TOKEN}}"
    twin = f"  hub2: {{kind: github, url: https://api.github.com/, auth: {auth}}}\n"
    found = changed(tmp_path, "teams:\n", f"{twin}teams:\n")
    assert found == [
        "rules.yaml:10: connections.hub2: is the same server and account as hub — keep one of them"
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "connections: is missing"),
        ("- a\n- b\n", "must be a group of keys — begin with connections:"),
        ("a: [", "this is not YAML"),
        ("a: &b [*b]", "an alias that holds itself"),
        ("? [a]\n: b\n", "a key must be a word"),
        ("a: !!python/object:os.system {}", "connections: is missing"),
        ("a: \x01", "holds characters that YAML does not allow"),
    ],
)
def test_a_file_that_is_no_rules_at_all_is_told_kindly(
    tmp_path: Path, text: str, told: str
) -> None:
    assert any(told in problem for problem in problems(tmp_path, text))


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="there is no such file"):
        load(tmp_path / "absent.yaml", {})
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(RulesError, match="cannot be read"):
        load(tmp_path / "circle", {})
    (tmp_path / "latin").write_bytes(b"a: \xff\n")
    with pytest.raises(RulesError, match="UTF-8"):
        load(tmp_path / "latin", {})


SECRET = "ghp_0123456789abcdefghij"


@pytest.mark.parametrize(
    "token",
    [
        SECRET,
        f"[{SECRET}]",
        f"{{env: {SECRET}}}",
        f"{{file: {SECRET}}}",
        f"{{{SECRET}: env}}",
        f"{{env: [{SECRET}]}}",
        f"{{env: TOKEN, file: {SECRET}}}",
        f"{{value: {SECRET}}}",
        f"!secret {SECRET}",
        f"*{SECRET[:3]} {SECRET}",
    ],
)
def test_a_secret_in_the_rules_is_refused_and_never_repeated(tmp_path: Path, token: str) -> None:
    """Whatever somebody writes in the place of a secret might be one."""
    old = "{env: TOKEN}}\n  desk"
    file = tmp_path / "rules.yaml"
    file.write_text(RIGHT.replace(old, f"{token}}}\n  desk"), encoding="utf-8")
    with pytest.raises(RulesError) as raised:
        load(file, ENVIRONMENT)
    assert raised.value.problems[0].line == 5
    assert SECRET not in str(raised.value)
    assert SECRET not in repr(raised.value.problems)
    result = CliRunner().invoke(rules_command, ["check", str(file)])
    assert result.exit_code == 1
    assert SECRET not in result.output


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        ("{env: ABSENT}", "the environment variable ABSENT is not set — set ABSENT"),
        ("{env: FOLLOWTHROUGH_ADMIN_TOKEN}", "FOLLOWTHROUGH_… are the service's own settings"),
        ("{file: absent}", "the file named here does not exist"),
        ("{file: empty}", "the file named here is empty"),
        ("{file: .}", "the file named here cannot be read"),
        ("[]", "secrets never stand in the rules — write {env: NAME} or {file: path}"),
    ],
)
def test_a_secret_that_is_not_there_is_a_problem_with_a_line(
    tmp_path: Path, secret: str, told: str
) -> None:
    (tmp_path / "empty").write_text(" \n", encoding="utf-8")
    (found,) = changed(tmp_path, "{env: TOKEN}}\n  desk", f"{secret}}}\n  desk")
    assert found.startswith("rules.yaml:5: connections.hub.auth.token: ")
    assert told in found


def test_text_that_yaml_reads_as_something_else_must_be_quoted(tmp_path: Path) -> None:
    (found,) = changed(tmp_path, "github: kim}", "github: 1234}")
    assert found.endswith("must be text, and YAML reads a number — put it in quotes")


YAML_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(string.printable, max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
LINES = [line for line in RIGHT.splitlines() if line.strip()]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, len(LINES) - 1), value=YAML_VALUES)
def test_no_value_in_any_place_is_more_than_a_problem(
    tmp_path: Path, at: int, value: object
) -> None:
    """Loading ends with rules or with problems, whatever stands after any key."""
    key, colon, _ = LINES[at].partition(":")
    spoilt = [*LINES[:at], f"{key}{colon} {json.dumps(value)}", *LINES[at + 1 :]]
    problems(tmp_path, "\n".join(spoilt))


APP = "{type: app, app_id: 12345, private_key: {env: TOKEN}}"


@pytest.mark.parametrize(
    ("auth", "told"),
    [
        (APP, []),
        ('{type: app, app_id: "Iv23liabc", private_key: {env: TOKEN}}', []),
        (
            "{type: app, token: {env: TOKEN}}",
            [
                "app_id: is missing — write app_id: the number that the App's page shows",
                "private_key: is missing — write private_key: {env: NAME}",
                "token: does not go with type: app — remove it: an App fetches its tokens with its"
                " private_key",
            ],
        ),
        (
            "{type: token, app_id: 12345, token: {env: TOKEN}}",
            ["app_id: goes with type: app only — remove it"],
        ),
        (
            "{type: app, user: bot, app_id: true, private_key: {env: NOT_SET}}",
            [
                "app_id: must be text, and YAML reads yes or no — put it in quotes",
                "private_key: the environment variable NOT_SET is not set — set NOT_SET",
                "user: goes with type: basic only — remove it",
            ],
        ),
    ],
)
def test_an_app_has_an_id_and_a_private_key(tmp_path: Path, auth: str, told: list[str]) -> None:
    found = changed(tmp_path, "auth: {type: token, token: {env: TOKEN}}", f"auth: {auth}")
    words = [problem.partition("connections.hub.auth.")[2] for problem in found]
    assert sorted(words) == told


def test_jira_knows_no_apps(tmp_path: Path) -> None:
    (found, *_) = changed(
        tmp_path, "{type: basic, user: bot@acme.example, token: {env: TOKEN}}", APP
    )
    assert "does not fit jira — write type: basic or type: bearer" in found
