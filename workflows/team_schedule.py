"""When a team gets what it gets on a schedule: the portfolio audit of a quarter, and digests.

As in `workflows.schedule`, a plan is made of the state and the rules alone. What was missed is
found by that: what comes after what was done last is due, however long ago.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from workflows.calendars import Calendar
from workflows.policy import DigestRules, Mode, Team
from workflows.quarters import Quarter, quarter_of
from workflows.schedule import Occurrence
from workflows.team_books import PORTFOLIO, TeamBook, digest_key

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)


def wants_portfolio(team: Team | None) -> bool:
    """Whether a team that acts is to get portfolio audits."""
    acts = team is not None and team.mode is Mode.ACT
    return acts and team is not None and team.audits is not None and team.audits.portfolio


def digest_rules(team: Team | None) -> DigestRules | None:
    """How a team that acts is to get digests, None where it gets none."""
    if team is None or team.mode is not Mode.ACT or team.reminders is None:
        return None
    return team.reminders.digest


def begun(book: TeamBook, team: Team | None, now: datetime) -> TeamBook:
    """The book under the rules as they are by now; the team is None where they know it no more.
    What they begin to ask for begins today, or when the team starts: nothing is asked of the time
    before."""
    day = now.date()
    if team is not None:
        day = max(team.calendar.day_of(now), team.start_from.date())
    quarter = (book.quarter or quarter_of(day)) if wants_portfolio(team) else None
    if digest_rules(team) is None:
        return replace(book, quarter=quarter, told_until=None, telling_until=None)
    return replace(book, quarter=quarter, told_until=book.told_until or day)


def plan_team(book: TeamBook, team: Team) -> tuple[Occurrence, ...]:
    """What the team waits for: the next portfolio audit and the next digest. The time is part of
    the key: other rules may move it after it came, and then it comes again. Raises
    HolidaysUnknown."""
    found: list[Occurrence] = []
    if wants_portfolio(team) and book.quarter is not None:
        at = portfolio_at(book.quarter, team.calendar)
        key = f"{PORTFOLIO}:{book.id}:{book.quarter}:{at:%Y-%m-%dT%H:%M:%S}"
        found.append(Occurrence(key, f"the portfolio audit {book.quarter}", at))
    rules = digest_rules(team)
    if rules is not None and book.told_until is not None:
        day = next_digest(book.told_until, rules)
        at = digest_at(day, rules, team.calendar)
        key = f"{digest_key(book)}:{at:%Y-%m-%dT%H:%M:%S}"
        found.append(Occurrence(key, f"the digest of {day}", at))
    return tuple(found)


def portfolio_at(quarter: Quarter, calendar: Calendar) -> datetime:
    """When (UTC) the portfolio audit of a quarter opens: on the first business day after it, when
    the team may be spoken to. Raises HolidaysUnknown."""
    return calendar.speak_at(calendar.opening(calendar.business_days_after(quarter.ends, 0)))


def next_digest(told_until: date, rules: DigestRules) -> date:
    """The day of the digest that comes after the one that told of the days before `told_until`."""
    day = told_until + _DAY
    return day + timedelta(days=(rules.weekday - day.weekday()) % 7)


def digest_at(day: date, rules: DigestRules, calendar: Calendar) -> datetime:
    """When (UTC) the digest of a day is written: then, or when the team may next be spoken to.
    Raises HolidaysUnknown."""
    return calendar.speak_at(calendar.at(day, rules.at))


def latest_digest(
    told_until: date, rules: DigestRules, calendar: Calendar, now: datetime
) -> date | None:
    """The day of the latest digest whose time has come, None where none has. Raises
    HolidaysUnknown."""
    latest, day = None, next_digest(told_until, rules)
    while calendar.at(day, rules.at) <= now:
        if digest_at(day, rules, calendar) <= now:
            latest = day
        day += _WEEK
    return latest
