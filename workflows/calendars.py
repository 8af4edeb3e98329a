"""When a team works: its business days, its time zone, and when it may be spoken to.

A calendar is data; where its holidays come from, nothing here knows. Moments are aware UTC, days
and hours are those of the calendar's zone. Zones and their changes are those of Python's zoneinfo
(https://docs.python.org/3/library/zoneinfo.html).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_WEEK = 7


class HolidaysUnknown(ValueError):
    """Nobody knows yet which days of that year are holidays; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of each day by the clock on the wall, from `begin` up to `end`, in whole minutes; it
    goes over midnight where `end` is the earlier one."""

    begin: time
    end: time

    def hold(self, at: time) -> bool:
        if self.begin < self.end:
            return self.begin <= at < self.end
        return at >= self.begin or at < self.end


@dataclass(frozen=True, slots=True)
class Calendar:
    """One team's time. `weekend` are days as `date.weekday` counts them; in the hours of `quiet`,
    and on days that are no business days, nobody is spoken to; what is due on a day is said when
    it `opens`. After `known_until` the holidays are not known, and to ask is an error; None where
    they are all named one by one."""

    zone: str = "UTC"
    holidays: frozenset[date] = frozenset()
    weekend: frozenset[int] = frozenset({5, 6})
    quiet: Hours | None = None
    opens: time = time(9)
    known_until: date | None = None

    def __post_init__(self) -> None:
        if len(self.weekend) >= _WEEK:
            raise ValueError("a week without any business day")
        if self.quiet is not None and self.quiet.hold(self.opens):
            raise ValueError("it opens in its quiet hours")

    # --- days -------------------------------------------------------------------------------

    def is_business_day(self, day: date) -> bool:
        """Raises HolidaysUnknown."""
        if self.known_until is not None and day > self.known_until:
            raise HolidaysUnknown(
                f"The holidays of {day.year} are not known: this version knows them until "
                f"{self.known_until}. Install a newer one, or name a calendar that lists its own."
            )
        return day.weekday() not in self.weekend and day not in self.holidays

    def business_days_after(self, day: date, count: int) -> date:
        """The business day that lies so many of them after `day`: 0 is the day itself, or the next
        one if it is none. Raises HolidaysUnknown."""
        while count > 0 or not self.is_business_day(day):
            day += _DAY
            if self.is_business_day(day):
                count -= 1
        return day

    def business_day_before(self, day: date) -> date:
        """The last business day before `day`. Raises HolidaysUnknown."""
        day -= _DAY
        while not self.is_business_day(day):
            day -= _DAY
        return day

    # --- hours ------------------------------------------------------------------------------

    def day_of(self, moment: datetime) -> date:
        """The day that it is here at this moment."""
        return self._local(moment).date()

    def at(self, day: date, clock: time) -> datetime:
        """The moment (UTC) at which the clock here shows that time of that day: the first one if it
        does so twice, and the first after the gap if it never does."""
        wall = datetime.combine(day, clock)
        # Of a time in a gap, PEP 495 gives a moment after the gap for the fold 0, and one before it
        # for the fold 1: https://peps.python.org/pep-0495/#the-fold-attribute
        found = wall.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)
        if self._wall(found) == wall:
            return found
        before = wall.replace(tzinfo=ZoneInfo(self.zone), fold=1).astimezone(UTC)
        return self._change_between(before, found)

    def opening(self, day: date) -> datetime:
        """When (UTC) it opens on that day, be it a business day or not."""
        return self.at(day, self.opens)

    def may_speak(self, moment: datetime) -> bool:
        """Whether somebody may be spoken to then. Raises HolidaysUnknown."""
        local = self._local(moment)
        quiet = self.quiet is not None and self.quiet.hold(time(local.hour, local.minute))
        return not quiet and self.is_business_day(local.date())

    def speak_at(self, wanted: datetime) -> datetime:
        """When (UTC) to say what is to be said at `wanted`: then, or when it next opens on a
        business day. Raises HolidaysUnknown."""
        if self.may_speak(wanted):
            return wanted
        day = self.day_of(wanted)
        while True:
            opening = self.opening(day)
            # A zone that moved over the date line left a day out; what opens is the next one then.
            there = self.day_of(opening) == day
            if there and opening > wanted and self.may_speak(opening):
                return opening
            day += _DAY

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(ZoneInfo(self.zone))

    def _wall(self, moment: datetime) -> datetime:
        return self._local(moment).replace(tzinfo=None)

    def _change_between(self, before: datetime, after: datetime) -> datetime:
        """The first moment (UTC, in whole seconds, as the zones' changes are) after the one change
        of the clock that lies between these two."""
        old = self._local(before).utcoffset()
        while after - before > timedelta(seconds=1):
            middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
            if self._local(middle).utcoffset() == old:
                before = middle
            else:
                after = middle
        return after


#: Where the rules name none: Monday to Friday, without holidays or quiet hours, in UTC.
USUAL = Calendar()
