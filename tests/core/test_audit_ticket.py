"""What the ticket of an audit tells of all that the service knows of its measure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from builders import NOON
from core.test_audits import DAY, RULES, days, incident, measure, rules

from workflows import audit_text
from workflows.model import Incident, TicketRef
from workflows.pairs import Recurrence
from workflows.policy import Policy
from workflows.rungs import Audit, Verdict

FIRST = TicketRef("github", "I_50", "acme/ops#50", "https://git.example/acme/ops/issues/50")
OTHER = TicketRef("github", "I_99", "acme/shop#99", "https://git.example/acme/shop/issues/99")

JUDGED = Audit(
    1,
    1,
    1,
    1,
    since=NOON,
    opens=NOON + 30 * DAY,
    due=date(2027, 1, 20),
    ticket=FIRST,
    verdict=Verdict.PARTLY,
    by="Noor Aziz",
    at=NOON + 32 * DAY,
    evidence="words of people",
    led_to=2,
)
SECOND = Audit(1, 1, 2, 1, since=NOON + 32 * DAY, opens=NOON + 62 * DAY, due=date(2027, 2, 20))


def text(known: Incident, audit: Audit, policy: Policy | None = None) -> str:
    team = (policy or rules()).teams["payments"]
    assert known.postmortem is not None
    return audit_text.text(known, known.actions[0], audit, known.postmortem, team)


def of(*audits: Audit, **values: Any) -> Incident:
    return incident(measure(done_at=NOON), audits=audits, **values)


def test_an_incident_that_came_back_is_named_whatever_opened_the_audit() -> None:
    pair = Recurrence("zzz", OTHER, False, NOON + 40 * DAY, NOON + 40 * DAY, why="same service")
    line = f"- [acme/shop#99]({OTHER.url}): it came later, and may be the same again"
    told = text(of(JUDGED, SECOND, recurrences=(pair,)), SECOND)
    assert line in told
    assert "same service" not in told.partition("came later")[2].partition("\n")[0]
    for left_out in (replace(pair, withdrawn=True), replace(pair, earlier=True)):
        assert OTHER.url not in text(of(JUDGED, SECOND, recurrences=(left_out,)), SECOND)


def test_the_earlier_audits_are_named_with_what_came_of_them_and_no_words_of_people() -> None:
    told = text(of(JUDGED, SECOND), SECOND)
    row = f"| **Earlier audit** | 1.1, [acme/ops#50]({FIRST.url}): partly, led to AI-2 |"
    assert told.count("Earlier audit") == 1
    assert row in told
    assert "words of people" not in told
    other = replace(JUDGED, item=2)
    assert "Earlier audit" not in text(of(other, JUDGED, SECOND), replace(JUDGED, verdict=None))


def test_the_last_step_of_a_ladder_says_that_nothing_follows() -> None:
    short = rules(replace(RULES, lengthen=0, usual=days(30, 90)))
    first, last = (replace(SECOND, step=step) for step in (1, 2))
    assert "the next audit is planned" in text(of(first), first, short)
    assert "this measure is not audited again" in text(of(last), last, short)
    assert "the next audit is planned" in text(of(last), last)
