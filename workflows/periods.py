"""The time that figures are about, and the months or quarters in which they count."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from workflows.quarters import Quarter, quarter_of

#: Nobody reads a row of more columns than these make.
LONGEST_YEARS = 10

#: More months than these are counted by quarter.
MOST_MONTHS = 12

_DAY = timedelta(days=1)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Step(StrEnum):
    MONTH = "month"
    QUARTER = "quarter"


class NoPeriod(ValueError):
    """These days bound no period; its text says why."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A month or quarter, or the part of it that is in the period: from the day `since` until
    before the day `until`. `name` is ``2026-07`` or ``2026 Q3``, `short` what is enough beside its
    year."""

    name: str
    short: str
    year: int
    since: date
    until: date


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `first` to `last`, both in it, by UTC."""

    first: date
    last: date

    @property
    def step(self) -> Step:
        return Step.MONTH if len(self._months()) <= MOST_MONTHS else Step.QUARTER

    @property
    def end(self) -> date:
        """The first day after it."""
        return self.last + _DAY

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """Its months or quarters in their order; there is at least one."""
        if self.step is Step.MONTH:
            return tuple(self._month(*month) for month in self._months())
        quarters = dict.fromkeys(quarter_of(date(*month, 1)) for month in self._months())
        return tuple(self._quarter(quarter) for quarter in quarters)

    def places(self) -> dict[str, int]:
        """Which of its buckets each month belongs to, by the month's name (``2026-07``)."""
        order = {bucket.name: number for number, bucket in enumerate(self.buckets)}
        by_month = self.step is Step.MONTH
        return {
            month_name(*month): order[
                month_name(*month) if by_month else quarter_name(quarter_of(date(*month, 1)))
            ]
            for month in self._months()
        }

    def _months(self) -> list[tuple[int, int]]:
        first, last = (day.year * 12 + day.month - 1 for day in (self.first, self.last))
        return [(month // 12, month % 12 + 1) for month in range(first, last + 1)]

    def _month(self, year: int, month: int) -> Bucket:
        following = date(year + month // 12, month % 12 + 1, 1)
        return self._bucket(
            month_name(year, month), _MONTHS[month - 1], date(year, month, 1), following
        )

    def _quarter(self, quarter: Quarter) -> Bucket:
        name, short = quarter_name(quarter), f"Q{quarter.number}"
        return self._bucket(name, short, quarter.begins, quarter.ends)

    def _bucket(self, name: str, short: str, since: date, until: date) -> Bucket:
        return Bucket(name, short, since.year, max(since, self.first), min(until, self.end))


def month_name(year: int, month: int) -> str:
    return f"{year:04}-{month:02}"


def quarter_name(quarter: Quarter) -> str:
    return f"{quarter.year} Q{quarter.number}"


def read_period(first: str, last: str, today: date) -> Period:
    """The period between two days as somebody wrote them (``2026-07-01``). Without a last day, up
    to the end of this quarter; without a first one, the four quarters that end with the last day.

    Raises NoPeriod.
    """
    until = _day(last) if last else quarter_of(today).ends - _DAY
    since = _day(first) if first else _back(quarter_of(until), 3).begins
    if since > until:
        raise NoPeriod(f"{since} comes after {until}: say the first day first")
    if until.year - since.year > LONGEST_YEARS:
        raise NoPeriod(f"From {since} to {until} is more than {LONGEST_YEARS} years: say less")
    return Period(since, until)


def presets(today: date) -> list[tuple[str, Period]]:
    """The periods that are asked for most, by name: the last quarters, a year, three years."""
    present = quarter_of(today)
    quarters = [present]
    while len(quarters) < 4:
        quarters.append(_back(quarters[-1], 1))
    last = present.ends - _DAY
    return [
        ("Four quarters", Period(quarters[-1].begins, last)),
        *((quarter_name(each), Period(each.begins, each.ends - _DAY)) for each in quarters),
        ("Three years", Period(_back(present, 11).begins, last)),
    ]


def _back(quarter: Quarter, count: int) -> Quarter:
    number = quarter.year * 4 + quarter.number - 1 - count
    return Quarter(number // 4, number % 4 + 1)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise NoPeriod(f"{text[:40]!r} is no day: write it as 2026-07-01") from None
    if not 1900 <= day.year <= 2999:
        raise NoPeriod(f"{day} is too far away: say a day from 1900 to 2999")
    return day
