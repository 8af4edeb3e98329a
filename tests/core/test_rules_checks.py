"""What measures may name, as the rules say it: what holds, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from config.rules import Rules, RulesError, load
from service.container import check_doors
from workflows.policy import CheckRules

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
teams:
  ops: &team
    start_from: 2026-12-01
    incidents: [{connection: hub, repository: acme/ops}]
    postmortem:
      document: {kind: github-issue, connection: hub, repository: acme/ops}
      tasks: {connection: hub, repository: acme/ops, labels: [remediation]}
    checks: CHECKS
"""
OTHER = """\
  web:
    <<: *team
    incidents: [{connection: hub, repository: acme/web}]
    checks: {token: {env: OTHER}, names: {drill: }}
"""


def read(tmp_path: Path, checks: str, more: str = "") -> Rules:
    file = tmp_path / "rules.yaml"
    file.write_text(RIGHT.replace("CHECKS", checks) + more)
    return load(file, {"TOKEN": "t", "PAYMENTS_CHECKS": "token-1", "OTHER": "token-2"})


def wrong(tmp_path: Path, checks: str, more: str = "") -> list[str]:
    with pytest.raises(RulesError) as refused:
        read(tmp_path, checks, more)
    return [f"{each.message} — {each.mend}" for each in refused.value.problems]


WHOLE = (
    "{token: {env: PAYMENTS_CHECKS}, names: {drill: {silent_after: 36 hours}, weekly: },"
    " repositories: [{connection: hub, repository: acme/ops}]}"
)


def test_checks_and_repositories_are_known_with_their_token(tmp_path: Path) -> None:
    rules = read(tmp_path, WHOLE)
    assert rules.policy.teams["ops"].checks == CheckRules(
        {"drill": timedelta(hours=36), "weekly": timedelta(days=8)}, {"acme/ops": "hub"}
    )
    [door] = check_doors(rules)
    assert (door.token.reveal(), sorted(door.names)) == ("token-1", ["drill", "weekly"])
    assert door.token in rules.secrets
    assert "token-1" not in repr(rules)


def test_without_the_section_nothing_may_be_named_and_no_door_is_open(tmp_path: Path) -> None:
    rules = read(tmp_path, "{}")
    assert rules.policy.teams["ops"].checks == CheckRules()
    assert check_doors(rules) == ()


def test_another_token_is_no_new_decision(tmp_path: Path) -> None:
    before = read(tmp_path, WHOLE).policy.hash
    assert read(tmp_path, WHOLE.replace("PAYMENTS_CHECKS", "OTHER")).policy.hash == before
    assert read(tmp_path, WHOLE.replace("36", "37")).policy.hash != before


TOKEN = "token: {env: PAYMENTS_CHECKS}"


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ("{names: {drill: }}", "teams.ops.checks: has no token"),
        ("{token: {env: NOBODY}}", "the environment variable NOBODY is not set"),
        ("{token: hunter2}", "secrets never stand in the rules"),
        (f"{{{TOKEN}, names: {{drill: {{silent_after: soon}}}}}}", "is not a length of time"),
        (f"{{{TOKEN}, names: {{a/b: }}}}", "cannot be a name"),
        (f"{{{TOKEN}, names: {{{'a' * 101}: }}}}", "is longer than 100 characters"),
        ("{repositories: [{connection: hub, repository: ops}]}", "has not the right form"),
        ("{repositories: [{connection: desk, repository: a/b}]}", "“desk” keeps no files"),
        ("{repositories: [{connection: hug, repository: a/b}]}", "“hug” is no connection"),
        (
            "{repositories: [{connection: hub, repository: a/b},"
            " {connection: hub, repository: A/B}]}",
            "is listed twice",
        ),
        ("{}\n    audits: off\n    reminders: {before: x}", "is not a span of time"),
    ],
)
def test_what_cannot_be_is_told(tmp_path: Path, checks: str, said: str) -> None:
    assert any(said in each for each in wrong(tmp_path, checks))


def test_checks_that_could_open_no_audit_are_refused(tmp_path: Path) -> None:
    [told] = wrong(tmp_path, f"{WHOLE}\n    audits: off")
    assert "can open no audit" in told
    assert read(tmp_path, "{}\n    audits: off").policy.teams["ops"].audits is None


def test_a_name_is_one_check_of_one_team(tmp_path: Path) -> None:
    [told] = wrong(tmp_path, WHOLE, OTHER)
    assert "is the name of another check, teams.ops.checks.names.drill" in told
