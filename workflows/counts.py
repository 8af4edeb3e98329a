"""What figures are made of: rows that the store has counted, and of what they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from workflows.periods import Period
from workflows.sight import Sight


@dataclass(frozen=True, slots=True)
class Scope:
    """What is counted: what lies in the `period`, as far as somebody may see it (`sight`); only of
    this `team` and `service`, "" for all."""

    period: Period
    sight: Sight
    team: str = ""
    service: str = ""


class Group(StrEnum):
    """What incidents are told apart by."""

    SEVERITY = "severity"
    SERVICE = "service"


class Owners(StrEnum):
    """What action items are told apart by."""

    TEAM = "team"
    KIND = "kind"


class Length(StrEnum):
    """What was measured of an incident; see `workflows.timeline.figures`."""

    DETECT = "detect"
    ACKNOWLEDGE = "acknowledge"
    MITIGATE = "mitigate"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Opened:
    """So many incidents were opened in that month (``2026-07``), of those that are compared by
    these `words`, and were called so; `again` of them as recurrences of earlier ones."""

    month: str
    words: str
    said: str
    count: int
    again: int = 0


class Measured(NamedTuple):
    """An incident whose length is known: when it was opened (ISO 8601, UTC), the length in seconds,
    our id, and its ticket's key."""

    opened: str
    seconds: int
    id: str
    key: str


class Lengths(NamedTuple):
    """A month: how many incidents were opened in it, and the lengths that are `known` of these, in
    seconds and in any order. There may be very many."""

    month: str
    incidents: int
    known: Sequence[int]


@dataclass(frozen=True, slots=True)
class Due:
    """Action items that were due in that month, by team or kind (`group`): how many were done by
    their day, up to a week, up to 30 days, and more than that later; how many are open past it, and
    open before it; and the others, which were given up. Of all: how many are preventive; of those
    that are done: for how many there is evidence as the rules ask for, and for how many not."""

    month: str = ""
    group: str = ""
    in_time: int = 0
    week_late: int = 0
    month_late: int = 0
    later: int = 0
    open_late: int = 0
    ahead: int = 0
    given_up: int = 0
    preventive: int = 0
    proven: int = 0
    unproven: int = 0

    @property
    def total(self) -> int:
        return sum((self.in_time, self.late, self.open_late, self.ahead, self.given_up))

    @property
    def late(self) -> int:
        """Done, but not by its day."""
        return self.week_late + self.month_late + self.later

    @property
    def past(self) -> int:
        """Those whose day has come, or that are done, without those that were given up."""
        return self.in_time + self.late + self.open_late


@dataclass(frozen=True, slots=True)
class Asked:
    """Audits that were to be answered in that month: by their day, later; not yet past it, not yet
    before it; and those that were withdrawn."""

    month: str = ""
    in_time: int = 0
    late: int = 0
    open_late: int = 0
    ahead: int = 0
    withdrawn: int = 0

    @property
    def total(self) -> int:
        return self.past + self.ahead + self.withdrawn

    @property
    def past(self) -> int:
        return self.in_time + self.late + self.open_late


@dataclass(frozen=True, slots=True)
class Judged:
    """Verdicts that were given in that month, and how many of them are in doubt."""

    month: str = ""
    effective: int = 0
    partly: int = 0
    not_effective: int = 0
    suspect: int = 0


Row = TypeVar("Row", Due, Asked, Judged)


def added(one: Row, other: Row) -> Row:
    """Both together, under the name of the first."""
    values: dict[str, Any] = {}
    for each in fields(one):
        mine, theirs = getattr(one, each.name), getattr(other, each.name)
        values[each.name] = mine if isinstance(mine, str) else mine + theirs
    return type(one)(**values)
