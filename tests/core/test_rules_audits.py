"""When measures are audited, as the rules say it: what holds, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from config.rules import RulesError, load
from workflows.policy import AuditRules, Span, SpanUnit, StatusWords, TaskDestination
from workflows.rungs import Verdict

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
  ops:
    start_from: 2026-12-01
    rota: {reviewer: [Kim Lee]}
    incidents: [{connection: hub, repository: acme/ops}]
    postmortem:
      document: {kind: github-issue, connection: hub, repository: acme/ops}
      tasks: {connection: hub, repository: acme/ops, labels: [remediation]}
    audits: AUDITS
people:
  - {name: Kim Lee, github: kim}
  - {name: Ada Novak, github: ada}
"""


def read(tmp_path: Path, audits: str | None) -> AuditRules | None:
    text = RIGHT.replace("    audits: AUDITS\n", f"    audits: {audits}\n" if audits else "")
    file = tmp_path / "rules.yaml"
    file.write_text(text)
    return load(file, {"TOKEN": "t"}).policy.teams["ops"].audits


def days(*counts: int) -> tuple[Span, ...]:
    return tuple(Span(count, SpanUnit.DAYS) for count in counts)


@pytest.mark.parametrize("audits", [None, "{}"])
def test_what_is_not_said_is_as_it_is_shipped(tmp_path: Path, audits: str | None) -> None:
    found = read(tmp_path, audits)
    assert found is not None
    to = replace(found.destination, statuses=StatusWords())
    assert replace(found, destination=to) == AuditRules(
        destination=TaskDestination("hub", "acme/ops", labels=("audit",)),
        usual=days(30, 90, 180),
        corrective=days(30)[0],
        within=Span(10, SpanUnit.BUSINESS_DAYS),
        lengthen=2,
    )


def test_all_that_can_be_said_is_taken_over(tmp_path: Path) -> None:
    audits = read(
        tmp_path,
        "{ladder: {sev1: [5 business days, 30 days], sev3: [], default: 60 days},"
        " corrective: off, within: 5 days, lengthen: off, reviewers: [ada, Kim Lee],"
        " destination: {connection: desk, project: QA, issue_type: Audit}, labels: [capa],"
        " verdicts: {effective: Verified, not-effective: [Failed, Broken]},"
        " verdict_field: Audit verdict}",
    )
    assert audits is not None
    assert audits.ladder == {
        "sev1": (Span(5, SpanUnit.BUSINESS_DAYS), Span(30, SpanUnit.DAYS)),
        "sev3": (),
    }
    assert (audits.usual, audits.corrective) == (days(60), None)
    assert (audits.within, audits.lengthen) == (Span(5, SpanUnit.DAYS), 0)
    assert audits.reviewers == ("Ada Novak", "Kim Lee")
    to = audits.destination
    assert (to.connection, to.place, to.issue_type, to.labels) == ("desk", "QA", "Audit", ("capa",))
    assert audits.verdicts == {
        Verdict.EFFECTIVE: ("Verified",),
        Verdict.NOT_EFFECTIVE: ("Failed", "Broken"),
    }
    assert audits.verdict_field == "Audit verdict"


def test_off_asks_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "off") is None


@pytest.mark.parametrize(
    ("audits", "words"),
    [
        ("{ladder: {sev9: [30 days]}}", "ladder.sev9: “sev9” is no severity"),
        ("{ladder: {sev1: [90 days, 30 days]}}", "ladder.sev1[1]: is not later than the one"),
        ("{ladder: {sev1: [7 days, 5 business days]}}", "ladder.sev1[1]: is not later"),
        ("{ladder: {sev1: soon}}", "is not a span of time"),
        ("{reviewers: [Kim Leee]}", "nobody in people is called “Kim Leee”"),
        ("{destination: {connection: hub, project: QA}}", "does not fit, because hub is a github"),
        ("{destination: {connection: bub, project: QA}}", "no connection is called “bub”"),
        (
            "{destination: {connection: hub, repository: acme/qa, fill: {Team: Payments}}}",
            "audits.destination.fill: is for Jira only",
        ),
        (
            "{destination: {connection: hub, repository: acme/qa, statuses: {done: [Closed]}}}",
            "audits.destination.statuses: is for Jira only",
        ),
        (
            "{destination: {connection: desk, project: QA, statuses: {open: [A], done: [A]}}}",
            "“A” means open already",
        ),
        ("{verdicts: {effective: [Done], partly: [done]}}", "“done” means effective already"),
        ("{verdicts: {fine: [Done]}}", "fine"),
        ("{lengthen: 0}", "is not a number from 1 on"),
        ("{labels: [a b], destination: {connection: desk, project: QA}}", "hold no spaces"),
        ("sometimes", "is neither off nor a group of keys"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, audits: str, words: str) -> None:
    with pytest.raises(RulesError) as told:
        read(tmp_path, audits)
    (problem,) = str(told.value).strip().splitlines()
    assert words in problem
    assert "rules.yaml:18:" in problem
