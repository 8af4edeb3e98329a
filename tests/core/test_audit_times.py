"""When a team may be asked and told of audits: not at night, on no holiday, by its own clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time

import pytest
from builders import NOON
from core.test_audits import DAY, RULES, asked, asks, days, incident, measure, rules, says, settled

from workflows.calendars import Calendar, Hours
from workflows.effects import CreateTask, WriteNote
from workflows.model import Incident, Phase, TicketRef
from workflows.rungs import Audit
from workflows.schedule import plan
from workflows.standing import Decision

ANGELES = Calendar("America/Los_Angeles", quiet=Hours(time(18), time(8)))
POLICY = rules(calendar=ANGELES, manager="Noor Aziz")

REF = TicketRef("github", "I_77", "acme/ops#77", "https://github.example/acme/ops/issues/77")
DUE = date(2026, 12, 17)  # a Thursday
MIDNIGHT = datetime(2026, 12, 18, 8, tzinfo=UTC)  # in Los Angeles
OPENING = datetime(2026, 12, 18, 17, tzinfo=UTC)


def late(**audit: object) -> Incident:
    """An audit whose ticket is open is not judged by its due date."""
    base = Audit(1, 1, 1, 1, NOON, NOON, "Noor Aziz", "Kim Ito", DUE, REF, ("measure", "incident"))
    known = replace(base, **audit)  # type: ignore[arg-type]
    return incident(measure(done_at=NOON), audits=(known,))


def told(decision: Decision) -> list[str]:
    return [e.key for e in decision.effects if isinstance(e, WriteNote)]


def test_an_audit_is_overdue_when_its_day_is_over_where_the_team_is() -> None:
    known = late()
    assert known.audits[0].overdue_at(ANGELES) == MIDNIGHT
    assert [o.due for o in plan(known, POLICY) if o.what.endswith("is overdue")] == [OPENING]
    awake = rules(calendar=replace(ANGELES, quiet=None))
    assert told(asked(known, MIDNIGHT - DAY / 24, awake)) == []
    assert told(asked(known, MIDNIGHT, awake)) == ["note:k3v9w:1:1:1:overdue"]


def test_that_an_audit_is_overdue_is_said_when_people_may_be_spoken_to() -> None:
    decision = asked(late(), MIDNIGHT, POLICY)
    assert (told(decision), decision.again_at) == ([], OPENING)
    assert told(asked(late(), OPENING, POLICY)) == ["note:k3v9w:1:1:1:overdue"]


@pytest.mark.parametrize(
    "known",
    [late(muted=True), replace(late(), muted=True), replace(late(), phase=Phase.GONE)],
    ids=["the audit is muted", "the incident is muted", "the incident is gone"],
)
def test_that_an_audit_is_overdue_is_not_said(known: Incident) -> None:
    assert told(asked(late(), OPENING, POLICY)) != []
    decision = asked(known, OPENING, POLICY)
    assert (told(decision), decision.again_at) == ([], None)


def test_an_answer_does_not_wait_for_the_end_of_quiet_hours() -> None:
    known = late()
    reads = [asks(known, says("/audit what", MIDNIGHT))]
    assert len(told(asked(known, MIDNIGHT, POLICY, audits=reads))) == 1


def test_a_step_that_comes_on_a_sunday_opens_on_monday_and_moves_no_other() -> None:
    ladder = rules(replace(RULES, usual=days(20, 30, 60)))
    known, _ = settled(incident(measure()), NOON, ladder)
    monday = datetime(2026, 12, 28, 9, tzinfo=UTC)
    assert known.audits[0].opens == monday  # 20 days after is a Sunday
    known, done = settled(known, NOON + 20 * DAY, ladder)
    assert not [wish for wish in done if isinstance(wish, CreateTask)]
    known, _ = settled(known, monday, ladder)
    read = asks(known, says("/audit effective", monday))
    known, _ = settled(known, monday, ladder, audits=[read])
    assert known.audits[1].opens == NOON + 30 * DAY


def test_a_step_past_the_last_known_holidays_is_planned_without_them() -> None:
    calendar = replace(ANGELES, known_until=date(2026, 12, 31))
    known, _ = settled(
        incident(measure()), NOON, rules(replace(RULES, usual=days(27)), calendar=calendar)
    )
    assert known.audits[0].opens == datetime(2027, 1, 4, 17, tzinfo=UTC)
