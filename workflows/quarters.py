"""Quarters of the calendar year."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

_WRITTEN = re.compile(r"([0-9]{4})-?Q([1-4])", re.IGNORECASE)


@dataclass(frozen=True, slots=True, order=True)
class Quarter:
    """A quarter of a year: ``2026Q4`` is October to December 2026."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year}Q{self.number}"

    @property
    def begins(self) -> date:
        return date(self.year, 3 * self.number - 2, 1)

    @property
    def next(self) -> Quarter:
        last = self.number == 4
        return Quarter(self.year + 1, 1) if last else Quarter(self.year, self.number + 1)

    @property
    def ends(self) -> date:
        """The first day after it."""
        return self.next.begins

    @property
    def last(self) -> date:
        """Its last day."""
        return self.ends - timedelta(days=1)

    def holds(self, day: date) -> bool:
        return self.begins <= day < self.ends


def quarter_of(day: date) -> Quarter:
    """The quarter in which a day lies."""
    return Quarter(day.year, (day.month + 2) // 3)


def read_quarter(text: str) -> Quarter | None:
    """The quarter that somebody wrote as ``2026Q4`` or ``2026-q4``; None where it is none."""
    found = _WRITTEN.fullmatch(text.strip())
    if found is None or not date.min.year <= int(found[1]) < date.max.year:
        return None
    return Quarter(int(found[1]), int(found[2]))
