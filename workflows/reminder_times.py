"""When people are reminded of an action item: before it is due and after.

Made of the incident's state and the rules, and of nothing else. What comes after a reminder is
counted from when that was written: so nobody is told at once what was missed, and whoever is
responsible for the owner hears of it only after the owner did.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime

from workflows.calendars import Calendar, HolidaysUnknown
from workflows.model import ActionItem, Incident, Phase
from workflows.policy import ReminderRules, Team
from workflows.reminded import key_of
from workflows.snapshots import Agreement, Field, Progress, Side
from workflows.spans import after, before

_ENDED = frozenset({Progress.DONE.value, Progress.WONT_DO.value, Progress.DUPLICATE.value})


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder of something (`what`: ``AI-2``, ``synthesis``, ``review``) that is due on that
    date, to be written when `at` (UTC) comes. `n` tells those of one date apart; of an action item
    0 is the one before. `last`: none follows it."""

    what: str
    due: date
    n: int
    at: datetime
    last: bool = False

    def key(self, incident: Incident) -> str:
        """The key of the one effect that writes it."""
        return key_of(incident.id, self.what, self.due, self.n)


def awaited(incident: Incident, team: Team) -> Iterator[Reminder]:
    """The next reminders of each action item, whether their time has come or not. None of a date
    that cannot be counted, in a year whose holidays nobody knows or at the end of all years: people
    may write any, and the incident must go on."""
    rules = team.reminders
    if rules is None or incident.phase is not Phase.CLOSED or incident.muted:
        return
    for item in incident.actions:
        if is_asked(item) and item.due is not None and not _is_past(incident, item.due, team):
            with suppress(HolidaysUnknown, OverflowError):
                yield from [*_of_item(incident, item, item.due, rules, team.calendar)]


def _is_past(incident: Incident, due: date, team: Team) -> bool:
    """Whether the date had passed when somebody asked to have an incident of the past taken up:
    nobody is told that it is overdue for years."""
    known = incident.backfilled
    return known is not None and due < team.calendar.day_of(known.at)


def is_asked(item: ActionItem) -> bool:
    """Whether its ticket still asks for something, and may be told so."""
    gone = item.sides.get(Side.TASK, Agreement()).gone
    there = item.task is not None and not gone and not item.given_up
    return there and item.status not in _ENDED and not item.muted


def _of_item(
    incident: Incident, item: ActionItem, due: date, rules: ReminderRules, calendar: Calendar
) -> Iterator[Reminder]:
    said = [each for each in incident.reminders if (each.what, each.due) == (item.name, due)]
    latest = max(said, key=lambda each: each.n, default=None)
    if latest is None:
        day = before(rules.before, due, calendar)
        if day > _known_since(incident, item, calendar):
            yield Reminder(item.name, due, 0, calendar.speak_at(calendar.opening(day)))
    n = 1 if latest is None else latest.n + 1
    if n > rules.times:
        return
    if latest is None or latest.n == 0:
        day = calendar.business_days_after(calendar.business_days_after(due, 0), 1)
    else:
        day = after(rules.every, latest.at, calendar)
    at = calendar.speak_at(calendar.opening(day))
    yield Reminder(item.name, due, n, at, last=n == rules.times)


def _known_since(incident: Incident, item: ActionItem, calendar: Calendar) -> date:
    """The day on which somebody said when it is due; nobody is reminded of that at once."""
    days = [calendar.day_of(incident.counted_from)] if incident.counted_from else []
    claim = item.said.get(Field.DUE)
    if claim is not None and claim.said.at.year > 1:  # the first year: nobody knows when
        days.append(calendar.day_of(claim.said.at))
    return max(days, default=date.min)
