"""Calendars agree with somebody who walks through the days and minutes one by one.

The walker knows zones from zoneinfo and nothing else: it looks at the clock of each minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import count, islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.calendars import USUAL, Calendar, HolidaysUnknown, Hours

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)

#: Changes in spring and autumn, by an hour or half of one, at midnight, in the southern autumn, two
#: in a year, none, and a day that never was (Samoa's 30 December 2011).
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "America/Havana",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "UTC",
)
FIRST, LAST = date(2003, 1, 1), date(2034, 12, 31)


@cache
def days_of_change(zone: str) -> tuple[date, ...]:
    """The days (UTC) during which the clocks of the zone are changed, and those beside them."""
    here = ZoneInfo(zone)
    days = [FIRST + n * DAY for n in range((LAST - FIRST).days)]
    offsets = [datetime.combine(day, time(), UTC).astimezone(here).utcoffset() for day in days]
    changed = [n for n in range(1, len(days) - 2) if offsets[n] != offsets[n + 1]]
    return tuple(days[n] + near * DAY for n in changed for near in (-1, 0, 1))


@dataclass(frozen=True)
class Edge:
    """So many minutes after the quiet hours begin (or end)."""

    first: bool
    after: int


def clock_times() -> st.SearchStrategy[time]:
    """Any, and more of the hours in which clocks are changed."""
    at_night = st.integers(0, 4 * 60)
    minutes = st.one_of(at_night, at_night, st.integers(0, 24 * 60 - 1))
    return minutes.map(lambda n: time(n // 60, n % 60))


@st.composite
def quiet_hours(draw: st.DrawFn) -> Hours | None:
    begin, end = draw(clock_times()), draw(clock_times())
    return Hours(begin, end) if begin != end else None


@st.composite
def situations(draw: st.DrawFn) -> tuple[Calendar, date]:
    """A calendar, and a day near which clocks may be changed."""
    zone = draw(st.sampled_from(ZONES))
    ordinary = st.dates(FIRST, LAST)
    changes = days_of_change(zone)
    day = draw(st.one_of(st.sampled_from(changes), ordinary) if changes else ordinary)
    quiet, opens = draw(quiet_hours()), draw(clock_times())
    holidays = draw(st.frozensets(st.integers(-4, 8).map(lambda n: day + n * DAY), max_size=6))
    weekend = draw(st.frozensets(st.integers(0, 6), max_size=4))
    if quiet is not None and quiet.hold(opens):
        opens = quiet.end
    return Calendar(zone, holidays, weekend, quiet, opens), day


# --- the one who walks ---------------------------------------------------------------------------


def works(calendar: Calendar, day: date) -> bool:
    return day.isoweekday() - 1 not in calendar.weekend and day not in calendar.holidays


def clocks(zone: str, since: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Minute by minute from then on: the moment, and what the clock on the wall shows."""
    here = ZoneInfo(zone)
    for n in count():
        moment = since + n * MINUTE
        yield moment, moment.astimezone(here).replace(tzinfo=None)


def walk_to(calendar: Calendar, day: date, clock: time) -> datetime:
    """The first minute at which the clock shows this time of this day, or more than it."""
    wanted, early = datetime.combine(day, clock), datetime.combine(day - DAY, time(), UTC)
    return next(moment for moment, wall in clocks(calendar.zone, early) if wall >= wanted)


def is_quiet(calendar: Calendar, wall: datetime) -> bool:
    if calendar.quiet is None:
        return False
    begin, end = (at.hour * 60 + at.minute for at in (calendar.quiet.begin, calendar.quiet.end))
    quiet = range(begin, end) if begin < end else (*range(begin, 24 * 60), *range(end))
    return wall.hour * 60 + wall.minute in quiet


def walk_until_open(calendar: Calendar, wanted: datetime) -> datetime:
    """This minute, or the first one in which somebody comes in: on each date, the first minute
    with the clock at the opening time or later."""
    came: set[date] = set()
    for moment, wall in clocks(calendar.zone, wanted - timedelta(hours=26)):
        comes = wall.date() not in came and wall >= datetime.combine(wall.date(), calendar.opens)
        if comes:
            came.add(wall.date())
        free = works(calendar, wall.date()) and not is_quiet(calendar, wall)
        if free and (moment == wanted or (moment > wanted and comes)):
            return moment
    raise AssertionError("there is always another day")


# --- the laws ------------------------------------------------------------------------------------


def agrees_on_days(situation: tuple[Calendar, date], distance: int) -> None:
    calendar, day = situation
    assert calendar.is_business_day(day) == works(calendar, day)
    later = (day + n * DAY for n in count(1) if works(calendar, day + n * DAY))
    earlier = (day - n * DAY for n in count(1) if works(calendar, day - n * DAY))
    assert calendar.business_day_before(day) == next(earlier)
    if distance == 0 and works(calendar, day):
        assert calendar.business_days_after(day, 0) == day
    else:
        wanted = next(islice(later, max(distance, 1) - 1, None))
        assert calendar.business_days_after(day, distance) == wanted


def agrees_on_moments(situation: tuple[Calendar, date], clock: time) -> None:
    calendar, day = situation
    assert calendar.at(day, clock) == walk_to(calendar, day, clock)


def agrees_on_when_to_speak(situation: tuple[Calendar, date], when: int | Edge) -> None:
    calendar, day = situation
    wanted = datetime.combine(day, time(), UTC)
    if isinstance(when, int):
        wanted += when * MINUTE
    elif calendar.quiet is not None:
        clock = calendar.quiet.begin if when.first else calendar.quiet.end
        wanted = walk_to(calendar, day, clock) + when.after * MINUTE
    assert calendar.speak_at(wanted) == walk_until_open(calendar, wanted)


DISTANCES = st.integers(0, 40)
MOMENTS = st.one_of(
    st.integers(-12 * 60, 36 * 60), st.builds(Edge, st.booleans(), st.integers(-1, 1))
)
in_a_commit = settings(max_examples=100, deadline=None)
thousands = settings(max_examples=10_000, deadline=None)


@in_a_commit
@given(situations(), DISTANCES)
def test_business_days_are_those_that_one_counts(s: tuple[Calendar, date], n: int) -> None:
    agrees_on_days(s, n)


@in_a_commit
@given(situations(), clock_times())
def test_a_time_of_a_day_is_when_the_clock_first_shows_it(
    s: tuple[Calendar, date], clock: time
) -> None:
    agrees_on_moments(s, clock)


@in_a_commit
@given(situations(), MOMENTS)
def test_one_speaks_at_once_or_at_the_next_opening(
    s: tuple[Calendar, date], when: int | Edge
) -> None:
    agrees_on_when_to_speak(s, when)


@pytest.mark.many
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("law", "strategy"),
    [
        (agrees_on_days, DISTANCES),
        (agrees_on_moments, clock_times()),
        (agrees_on_when_to_speak, MOMENTS),
    ],
)
def test_ten_thousand_times(
    law: Callable[[tuple[Calendar, date], object], None], strategy: st.SearchStrategy[object]
) -> None:
    thousands(given(situations(), strategy)(law))()


# --- the cases that one can look up --------------------------------------------------------------

BERLIN = Calendar("Europe/Berlin", quiet=Hours(time(18), time(8)))


def utc(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC)  # type: ignore[misc, arg-type]


def test_a_time_that_is_skipped_is_the_first_after_the_gap() -> None:
    assert BERLIN.at(date(2026, 3, 29), time(2, 30)) == utc(2026, 3, 29, 1)


def test_a_time_that_comes_twice_is_the_first() -> None:
    assert BERLIN.at(date(2026, 10, 25), time(2, 30)) == utc(2026, 10, 25, 0, 30)


def test_an_evening_waits_for_the_morning_and_a_friday_evening_for_monday() -> None:
    assert BERLIN.speak_at(utc(2026, 12, 1, 19)) == utc(2026, 12, 2, 8)
    assert BERLIN.speak_at(utc(2026, 12, 4, 19)) == utc(2026, 12, 7, 8)


def test_the_morning_after_the_clocks_were_changed_comes_an_hour_sooner() -> None:
    friday, monday = utc(2026, 3, 27, 20), utc(2026, 3, 30, 7)
    assert BERLIN.speak_at(friday) == monday


def test_a_day_that_a_zone_left_out_has_no_opening() -> None:
    samoa = Calendar("Pacific/Apia", weekend=frozenset(), quiet=Hours(time(20), time(21)))
    left_out = date(2011, 12, 30)
    assert samoa.day_of(samoa.at(left_out, time(9))) == date(2011, 12, 31)
    evening_before = samoa.at(date(2011, 12, 29), time(20))
    assert samoa.speak_at(evening_before) == samoa.at(date(2011, 12, 31), time(9))


def test_what_is_due_after_the_known_holidays_is_an_error_that_says_so() -> None:
    known = Calendar(known_until=date(2040, 12, 31))
    assert known.business_days_after(date(2040, 12, 28), 1) == date(2040, 12, 31)
    with pytest.raises(HolidaysUnknown, match=r"holidays of 2041 .* until 2040-12-31"):
        known.business_days_after(date(2040, 12, 28), 2)


def test_days_that_are_all_named_never_end() -> None:
    assert USUAL.business_days_after(date(2040, 12, 28), 2) == date(2041, 1, 1)


@pytest.mark.parametrize(
    "values",
    [
        {"weekend": frozenset(range(7))},
        {"quiet": Hours(time(18), time(9, 1))},
    ],
)
def test_a_calendar_in_which_nobody_ever_speaks_cannot_be_made(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"business day|quiet hours"):
        Calendar(**values)  # type: ignore[arg-type]
