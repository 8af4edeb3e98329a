"""How much may be asked of a tracker, and when more of it may be: sliding windows over what was
spent, exact rather than smoothed, because a tracker that counts forgives nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

#: One part in so many of each window is kept for what somebody waits for: old work may use the
#: rest, so that a new incident finds room even behind a long backlog.
KEPT_BACK = 25


@dataclass(frozen=True, slots=True)
class Window:
    """At most `most` units within any span of `length`."""

    most: int
    length: timedelta


@dataclass(frozen=True, slots=True)
class Budget:
    """What a tracker limits for one account, as people read it ("new content"), with every window
    that counts it. `at_once` limits how many calls are under way at one time (0: not limited)."""

    name: str
    windows: tuple[Window, ...] = ()
    at_once: int = 0

    @property
    def longest(self) -> timedelta:
        """For how long something that was spent matters."""
        return max((window.length for window in self.windows), default=timedelta())


@dataclass(frozen=True, slots=True)
class Spent:
    """`units` that count from `at` on: from when their call had certainly arrived."""

    at: datetime
    units: int


def room(window: Window, urgent: bool) -> int:
    """How many units of the window a call may use."""
    kept = 0 if urgent else window.most // KEPT_BACK
    return window.most - kept


def free_at(
    window: Window, spent: Sequence[Spent], units: int, now: datetime, most: int
) -> datetime:
    """When `units` more fit under `most` in the window: `now`, or when enough of what was spent
    has left it. `spent` in any order."""
    inside = sorted((s for s in spent if s.at > now - window.length), key=lambda s: s.at)
    over = sum(s.units for s in inside) + units - most
    when = now
    for each in inside:
        if over <= 0:
            break
        over -= each.units
        when = each.at + window.length
    return when
