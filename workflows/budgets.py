"""How much may be asked of a tracker, and when more of it may be: sliding windows over what was
spent, exact rather than smoothed, because a tracker that counts forgives nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

#: One part in so many of each window is kept for what somebody waits for: old work may use the
#: rest, so that a new incident finds room even behind a long backlog.
KEPT_BACK = 25

#: A backfill may go on as long as no more than one part in so many of a window is used, by
#: whomever: all else goes first, and finds most of it free.
BACKFILL_PART = 4


class Haste(IntEnum):
    """Whom a call is made for, the least urgent first."""

    BACKFILL = 0  # history that somebody asked for, however long it takes
    OLD_WORK = 1  # what comes round by itself
    AWAITED = 2  # somebody waits for it


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


def room(window: Window, haste: Haste) -> int:
    """How many units of the window may be used once such a call is made."""
    match haste:
        case Haste.AWAITED:
            return window.most
        case Haste.OLD_WORK:
            return window.most - window.most // KEPT_BACK
        case Haste.BACKFILL:
            return max(window.most // BACKFILL_PART, 1)


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
