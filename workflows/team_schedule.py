"""When a team gets what it gets on a schedule: of a quarter the portfolio audit and the pre-read of
its review, and digests.

What was missed is found by what was done last: what comes after that is due, however long ago. So
unlike in `workflows.schedule` a plan looks at the clock, for one thing: what is due and was
refused does not move on, and still the next one is waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial

from workflows.calendars import Calendar, HolidaysUnknown
from workflows.policy import DigestRules, Mode, PrereadRules, SpanUnit, Team
from workflows.quarters import Quarter, quarter_of
from workflows.schedule import Occurrence
from workflows.spans import before
from workflows.team_books import PORTFOLIO, PREREAD, TeamBook, digest_key

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)


def wants_portfolio(team: Team | None) -> bool:
    """Whether a team that acts is to get portfolio audits."""
    acts = team is not None and team.mode is Mode.ACT
    return acts and team is not None and team.audits is not None and team.audits.portfolio


def preread_rules(team: Team | None) -> PrereadRules | None:
    """How a team that acts is to get pre-reads, None where it gets none."""
    return team.preread if team is not None and team.mode is Mode.ACT else None


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
    preread = (book.preread or quarter_of(day)) if preread_rules(team) else None
    book = replace(book, quarter=quarter, preread=preread)
    if digest_rules(team) is None:
        return replace(book, told_until=None, telling_until=None)
    return replace(book, told_until=book.told_until or day)


def plan_team(book: TeamBook, team: Team, now: datetime) -> tuple[Occurrence, ...]:
    """What the team waits for at `now` (UTC): the next portfolio audit and the next digest, and
    what comes after these where they were due and are not known to be done. The time is part of
    the key: other rules may move it after it came, and then it comes again. Where the holidays are
    not known, it is that of the day itself: the turn says then what is missing."""
    found: list[Occurrence] = []
    if wants_portfolio(team) and book.quarter is not None:
        for quarter, at in _ahead(book.quarter, partial(_opens, calendar=team.calendar), now):
            key = f"{PORTFOLIO}:{book.id}:{quarter}:{at:%Y-%m-%dT%H:%M:%S}"
            found.append(Occurrence(key, f"the portfolio audit {quarter}", at))
    asked = preread_rules(team)
    if asked is not None and book.preread is not None:
        opens = partial(_preread_opens, rules=asked, calendar=team.calendar)
        for quarter, at in _ahead(book.preread, opens, now):
            key = f"{PREREAD}:{book.id}:{quarter}:{at:%Y-%m-%dT%H:%M:%S}"
            found.append(Occurrence(key, f"the pre-read {quarter}", at))
    rules = digest_rules(team)
    if rules is not None and book.told_until is not None:
        day = next_digest(book.telling_until or book.told_until, rules)
        at = _said_at(team.calendar.at(day, rules.at), team.calendar)
        key = f"{digest_key(book)}:{at:%Y-%m-%dT%H:%M:%S}"
        found.append(Occurrence(key, f"the digest of {day}", at))
    return tuple(found)


def _ahead(
    quarter: Quarter, opens: Callable[[Quarter], datetime], now: datetime
) -> Iterator[tuple[Quarter, datetime]]:
    """The quarter, and the first one that is not due yet, each with when (UTC) it opens."""
    at = opens(quarter)
    yield quarter, at
    if at <= now:
        while at <= now:
            quarter = quarter.next
            at = opens(quarter)
        yield quarter, at


def _opens(quarter: Quarter, calendar: Calendar) -> datetime:
    """When (UTC) to look whether a portfolio audit opens."""
    try:
        return portfolio_at(quarter, calendar)
    except HolidaysUnknown:
        return calendar.opening(quarter.ends)


def _preread_opens(quarter: Quarter, rules: PrereadRules, calendar: Calendar) -> datetime:
    """When (UTC) to look whether a pre-read opens."""
    try:
        return preread_at(quarter, rules, calendar)
    except HolidaysUnknown:
        return calendar.opening(quarter.ends)


def _said_at(wanted: datetime, calendar: Calendar) -> datetime:
    """When (UTC) to look whether what is wanted then may be said."""
    try:
        return calendar.speak_at(wanted)
    except HolidaysUnknown:
        return wanted


def is_due(quarter: Quarter, calendar: Calendar, now: datetime) -> bool:
    """Whether the portfolio audit of a quarter is to be opened by `now` (UTC). Until the quarter is
    over, no holidays of the next one need to be known. Raises HolidaysUnknown."""
    return calendar.day_of(now) >= quarter.ends and portfolio_at(quarter, calendar) <= now


def portfolio_at(quarter: Quarter, calendar: Calendar) -> datetime:
    """When (UTC) the portfolio audit of a quarter opens: on the first business day after it, when
    the team may be spoken to. Raises HolidaysUnknown."""
    return calendar.speak_at(calendar.opening(calendar.business_days_after(quarter.ends, 0)))


def preread_is_due(
    quarter: Quarter, rules: PrereadRules, calendar: Calendar, now: datetime
) -> bool:
    """Whether the pre-read of a quarter is to be opened by `now` (UTC). Raises HolidaysUnknown."""
    return calendar.day_of(now) >= quarter.ends and preread_at(quarter, rules, calendar) <= now


def review_on(quarter: Quarter, rules: PrereadRules, calendar: Calendar) -> date:
    """The day of the review of a quarter. Raises HolidaysUnknown."""
    if rules.review.unit is SpanUnit.DAYS:
        return quarter.ends + timedelta(days=rules.review.count)
    return calendar.business_days_after(quarter.ends, rules.review.count)


def preread_at(quarter: Quarter, rules: PrereadRules, calendar: Calendar) -> datetime:
    """When (UTC) the pre-read of a quarter opens: so long before its review, on a business day
    after the quarter, when the team may be spoken to. Raises HolidaysUnknown."""
    day = max(before(rules.before, review_on(quarter, rules, calendar), calendar), quarter.ends)
    return calendar.speak_at(calendar.opening(calendar.business_days_after(day, 0)))


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
