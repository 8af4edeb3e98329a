"""The kinds of values that calendars are made of."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Any
from zoneinfo import available_timezones

from marshmallow import ValidationError

from config.fields import Value
from config.problems import nearest, said
from workflows.calendars import Hours

_CLOCK = r"([01]\d|2[0-3]):([0-5]\d)"


def _clock(text: str) -> time | None:
    found = re.fullmatch(_CLOCK, text.strip())
    return time(int(found[1]), int(found[2])) if found else None


def _day(value: Any) -> date | None:
    """A date; a datetime is one to Python, and none here."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            return None
    return value if isinstance(value, date) and not isinstance(value, datetime) else None


class ClockTime(Value[time]):
    """A time of day: ``"09:00"``, in quotes, because YAML reads some of them as numbers."""

    def read(self, value: Any) -> time:
        found = _clock(value) if isinstance(value, str) else None
        if found is None:
            raise ValidationError(said("is not a time of day", 'write it as "09:00", in quotes'))
        return found


class DayHours(Value[Hours]):
    """A part of each day: ``"18:00-08:00"``."""

    def read(self, value: Any) -> Hours:
        begin, _, end = value.partition("-") if isinstance(value, str) else ("", "", "")
        since, until = _clock(begin), _clock(end)
        if since is None or until is None:
            hint = 'write it as "18:00-08:00"'
            raise ValidationError(said("is not a part of the day", hint))
        if since == until:
            hint = "let it end at another time, or remove the line"
            raise ValidationError(said("ends when it begins", hint))
        return Hours(since, until)


class Zone(Value[str]):
    """A time zone by its name in the IANA database: ``Europe/Berlin``."""

    def read(self, value: Any) -> str:
        known = available_timezones()
        if not isinstance(value, str) or value not in known:
            hint = nearest(str(value), known) or "write it as Europe/Berlin"
            raise ValidationError(said(f"“{value}” is no time zone", hint))
        return value


class Days(Value[tuple[date, ...]]):
    """A list of dates."""

    def read(self, value: Any) -> tuple[date, ...]:
        if not isinstance(value, list):
            raise ValidationError(said("must be a list", "write [2026-12-24, 2026-12-31]"))
        days = {n: _day(item) for n, item in enumerate(value)}
        wrong = {n: [said("is not a date", "write it as 2026-12-01")] for n in days if not days[n]}
        if wrong:
            raise ValidationError(wrong)
        return tuple(day for day in days.values() if day)


class Spells(Value[tuple[tuple[date, date], ...]]):
    """A list of dates and of ranges of dates, both ends included: ``2026-12-20..2027-01-02``."""

    def read(self, value: Any) -> tuple[tuple[date, date], ...]:
        right = 'write ["2026-12-20..2027-01-02", 2027-02-01]'
        if not isinstance(value, list):
            raise ValidationError(said("must be a list", right))
        wrong: dict[int, list[str]] = {}
        spells: list[tuple[date, date]] = []
        for n, item in enumerate(value):
            first, _, last = item.partition("..") if isinstance(item, str) else (item, "", "")
            begin, end = _day(first), _day(last or first)
            if begin is None or end is None:
                wrong[n] = [said("is neither a date nor a range of dates", right)]
            elif end < begin:
                wrong[n] = [said("ends before it begins", "exchange the two dates")]
            else:
                spells.append((begin, end))
        if wrong:
            raise ValidationError(wrong)
        return tuple(spells)
