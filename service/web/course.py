"""The course of an incident, drawn in scale: where on a line each of its moments stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from workflows.moments import Moments
from workflows.timeline import length_in_words

#: Numbers nearer to each other than this (in percent of the line) would lie on each other.
_APART = 7.0

#: So much of the line (percent) is left free at each end, for half of what stands there.
_MARGIN = 2.0


@dataclass(frozen=True, slots=True)
class Stop:
    """One moment: the `number` that it has in the list below the line, its `name`, when it was
    (UTC), how long `after` the first one in words ("" for the first), where it stands on the line
    (`x`, percent) and how high its number is raised above it (`lane`, 0 for next to the line)."""

    number: int
    name: str
    at: datetime
    after: str
    x: float
    lane: int


@dataclass(frozen=True, slots=True)
class Course:
    """The stops in their order. From `felt_from` to `felt_to` (percent) it was not mitigated yet;
    None where that is not known."""

    stops: Sequence[Stop]
    felt_from: float | None = None
    felt_to: float | None = None

    @property
    def lanes(self) -> int:
        return 1 + max(stop.lane for stop in self.stops)


def course(moments: Moments) -> Course | None:
    """What can be drawn of these moments; None where fewer than two are known, or all are one."""
    named = (
        ("started", moments.started),
        ("opened", moments.opened),
        ("detected", moments.detected),
        ("acknowledged", moments.acknowledged),
        ("mitigated", moments.mitigated),
        ("resolved", moments.resolved),
    )
    known = sorted(((at, name) for name, at in named if at is not None), key=lambda each: each[0])
    if len(known) < 2 or known[0][0] == known[-1][0]:
        return None
    first, whole = known[0][0], known[-1][0] - known[0][0]
    stops: list[Stop] = []
    for number, (at, name) in enumerate(known, 1):
        x = round(_MARGIN + (100 - 2 * _MARGIN) * ((at - first) / whole), 2)
        after = length_in_words(at - first) if at > first else ""
        stops.append(Stop(number, name, at, after, x, _lane(stops, x)))
    end = next((stop.x for stop in stops if stop.name == "mitigated"), None)
    return Course(stops, stops[0].x if end is not None else None, end)


def _lane(stops: Sequence[Stop], x: float) -> int:
    """The lowest lane in which nothing stands so near."""
    taken = {stop.lane for stop in stops if x - stop.x < _APART}
    return next(lane for lane in range(len(stops) + 1) if lane not in taken)
