"""Where the release check is shown, as the rules say it: what holds, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.rules import Rules, RulesError, load
from workflows.release import Fail
from workflows.release_rules import ReleaseRules

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
    release_checks: [CHECKS]
"""
ONE = "{connection: hub, repository: acme/checkout, service: checkout}"
OTHER = f"""\
  web:
    <<: *team
    incidents: [{{connection: hub, repository: acme/web}}]
    release_checks: [{ONE.replace("acme/", "Acme/")}]
"""


def read(tmp_path: Path, checks: str, more: str = "") -> Rules:
    file = tmp_path / "rules.yaml"
    file.write_text(RIGHT.replace("CHECKS", checks) + more)
    return load(file, {"TOKEN": "t"})


def wrong(tmp_path: Path, checks: str, more: str = "") -> list[str]:
    with pytest.raises(RulesError) as refused:
        read(tmp_path, checks, more)
    return [f"{each.message} — {each.mend}" for each in refused.value.problems]


def with_(**changed: str) -> str:
    said = {"connection": "hub", "repository": "acme/checkout", "service": "checkout", **changed}
    return "{" + ", ".join(f"{key}: {value}" for key, value in said.items()) + "}"


@pytest.mark.parametrize(
    ("said", "fail_on"),
    [
        ({}, (Fail.LATE, Fail.SUSPECT)),
        ({"fail_on": "[overdue, late]"}, (Fail.LATE, Fail.OVERDUE)),
        ({"fail_on": "none"}, ()),
    ],
)
def test_a_repository_shows_the_check_of_one_service(
    tmp_path: Path, said: dict[str, str], fail_on: tuple[Fail, ...]
) -> None:
    found = read(tmp_path, with_(**said)).policy.teams["ops"].release_checks
    assert found == (ReleaseRules("hub", "acme/checkout", "checkout", fail_on),)


def test_without_it_nothing_is_shown(tmp_path: Path) -> None:
    assert read(tmp_path, "").policy.teams["ops"].release_checks == ()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (with_(connection="desk"), "“desk” shows no checks — write hub"),
        (with_(connection="hubb"), "“hubb” is no connection — did you mean hub?"),
        (with_(repository="checkout"), "“checkout” has not the right form"),
        (with_(service='"!"'), "has no word in it — write the service as incidents name it"),
        (with_(fail_on="[none, late]"), "none stands alone — take it out, or the others"),
        (with_(fail_on="soon"), "“soon” is unknown — write one of late, open, suspect"),
        (with_(branch="main"), "is not a key of this group"),
        ("{connection: hub, service: checkout}", "is missing — write repository: acme/ops"),
        ("{connection: hub, repository: a/b}", "is missing — write service: checkout"),
        (f"{ONE}, {ONE}", "has its check already, in teams.ops.release_checks[0] — keep one"),
    ],
)
def test_what_is_wrong_is_told_with_what_would_be_right(
    tmp_path: Path, said: str, told: str
) -> None:
    assert any(told in each for each in wrong(tmp_path, said)), wrong(tmp_path, said)


def test_two_teams_do_not_show_two_checks_in_one_repository(tmp_path: Path) -> None:
    [told] = wrong(tmp_path, ONE, OTHER)
    assert told.startswith("teams.web.release_checks[0].repository: has its check already")
