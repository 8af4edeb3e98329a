"""When a measure is audited: a ladder of audits whose intervals grow.

The first steps are as the rules say, each counted from when the measure was done. So they stay
where they are however late an audit is opened or judged, and whenever somebody looks.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from workflows.model import Kind
from workflows.policy import Span, Team
from workflows.schedule import after

#: The longest time between two audits. In CAPA practice a check comes "typically 30-90 days after
#: CAPA implementation" (https://www.valqms.com/capa-tool), and for minor findings within a year.
LONGEST = timedelta(days=365)

#: The shortest: a ladder of days and business days may overtake itself over a holiday.
CLOSEST = timedelta(days=1)


def steps(team: Team, kind: Kind, severity: str | None) -> tuple[Span, ...]:
    """How long after it is done each audit of such a measure opens; none where it gets none."""
    rules = team.audits
    if rules is None:
        return ()
    if kind is Kind.CORRECTIVE:
        return (rules.corrective,) if rules.corrective else ()
    return rules.ladder.get(severity or "", rules.usual)


def opens_at(
    step: int, done_at: datetime, team: Team, kind: Kind, severity: str | None
) -> datetime | None:
    """When (UTC) this step, counted from 1, comes by the ladder alone; None where that has no such
    step. Past its end the intervals grow, if the rules let them."""
    rules, spans = team.audits, steps(team, kind, severity)
    if rules is None or not spans or step < 1:
        return None
    before = last = done_at
    for span in spans[:step]:
        before, last = last, max(_after(span, done_at, team), last + CLOSEST)
    if step <= len(spans):
        return last
    if kind is Kind.CORRECTIVE or not rules.lengthen:
        return None
    interval = last - before
    for _ in range(step - len(spans)):
        interval = min(interval * rules.lengthen, max(LONGEST, interval))
        last += interval
    return last


def interval_before(
    step: int, done_at: datetime, team: Team, kind: Kind, severity: str | None
) -> timedelta:
    """The time between this step and the one before it, or the beginning; of a step that the
    rules have no more, that of the longest they have."""
    here = opens_at(step, done_at, team, kind, severity)
    if here is None:
        return LONGEST
    before = opens_at(step - 1, done_at, team, kind, severity) if step > 1 else done_at
    return here - (before or done_at)


def spoken_at(planned: datetime, team: Team) -> datetime:
    """When (UTC) an audit opens that is `planned` for then: it gets somebody a ticket, so not
    before the team may be spoken to. Steps are counted without that, or each would move the next.

    Ladders reach past the last year whose holidays are known. There only weekends and quiet hours
    count: a turn must not fail years ahead."""
    return replace(team.calendar, known_until=None).speak_at(planned)


def _after(span: Span, start: datetime, team: Team) -> datetime:
    """The same time of the day (UTC) that lies `span` after `start`."""
    calendar = team.calendar
    return start + (after(span, start, calendar) - calendar.day_of(start))
