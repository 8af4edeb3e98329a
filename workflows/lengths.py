"""How long it took: each incident a dot, with the median and the 90th percentile."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import chain

from workflows.counts import Length, Lengths, Measured
from workflows.figures import unfinished
from workflows.percentiles import MEDIAN, P90, percentile, told
from workflows.periods import Bucket, Period
from workflows.pictures import Cell, Dot, Dots, Each, Figure, Mark

#: More incidents than these are not drawn one by one.
MOST_DOTS = 600

#: Fewer than these make no percentile that says anything.
ENOUGH = 10

#: What is shorter than this (seconds) is drawn here: the scale has no zero.
SHORTEST = 10

#: So many steps each tenfold of the scale is told apart by, where dots stand for many incidents.
_STEPS = 8
_EDGES = [SHORTEST * 10 ** (n / _STEPS) for n in range(1, 6 * _STEPS + 1)]

MEASURED = {
    Length.DETECT: "from when it started until it was detected",
    Length.ACKNOWLEDGE: "from when it was detected until it was acknowledged",
    Length.MITIGATE: "from when it started, or was detected or opened where that is not known,"
    " until it was mitigated",
    Length.RESOLVE: "from when it started, or was detected or opened where that is not known,"
    " until it was resolved",
}


def lengths(
    length: Length,
    period: Period,
    found: Sequence[Lengths],
    each: Sequence[Measured],
    today: date,
) -> Figure:
    """The distribution of a length over the period: `each` incident for itself, where they are few
    enough (see `alone`)."""
    totals, known = _parts(period, found)
    total, every = sum(totals), sorted(chain.from_iterable(known))
    dots = list(_each(period, each) if alone(found) else _binned(period, known))
    return Figure(
        name=f"time-to-{length}",
        title=f"Time to {length}",
        words=f"How long it took {MEASURED[length]}. The scale is logarithmic: equal steps up mean"
        " so many times longer, not so much longer. Half of the incidents took at most the"
        " median (thick line), nine of ten at most the p90 (dashed line).",
        notes=[*_notes(total, every, alone(found), known), *unfinished(period, today)],
        pictures=[
            Dots(
                f"Time to {length}",
                period.buckets,
                dots,
                list(_marks(period, known)),
                max((dot.count for dot in dots), default=1),
            )
        ],
        head=[period.step.capitalize(), "incidents", "known", "median", "p90", "longest"],
        units=["", "", "", "seconds", "seconds", "seconds"],
        rows=[
            *(
                _row(bucket.name, count, values)
                for bucket, count, values in zip(period.buckets, totals, known, strict=True)
            ),
            _row("all", total, every),
        ],
        empty=not every,
        each=[
            Each(one.id, one.key, datetime.fromisoformat(one.opened), told(one.seconds))
            for one in sorted(each, key=lambda one: (-one.seconds, one.opened))
        ],
    )


def alone(found: Sequence[Lengths]) -> bool:
    """Whether each incident has a dot of its own: they are not too many for that."""
    return sum(len(month.known) for month in found) <= MOST_DOTS


def median_of(period: Period, found: Sequence[Lengths]) -> list[float | None]:
    """The median of each bucket, None where nothing is known."""
    _, known = _parts(period, found)
    return [percentile(values, MEDIAN) if values else None for values in known]


def _parts(period: Period, found: Sequence[Lengths]) -> tuple[list[int], list[list[int]]]:
    """How many there are in each bucket, and the lengths that are known, the shortest first."""
    places, totals = period.places(), [0] * len(period.buckets)
    known: list[list[int]] = [[] for _ in period.buckets]
    for month in found:
        place = places[month.month]
        totals[place] += month.incidents
        known[place] += month.known
    return totals, [sorted(values) for values in known]


def _notes(
    total: int, every: Sequence[int], alone: bool, known: Sequence[Sequence[int]]
) -> Iterator[str]:
    if len(every) < total:
        yield f"Known of {len(every)} of {total} incidents; the others are not in the figure."
    if len(every) == 1:
        yield "It is one incident only: it is no distribution."
    elif any(0 < len(values) < ENOUGH for values in known):
        yield f"Where fewer than {ENOUGH} are known, look at the dots: the p90 says little."
    if not alone:
        yield (
            f"{len(every)} incidents are too many for a dot each. Each circle stands for those of"
            " one column whose length is about the same, and its area for how many."
        )
    if every and every[0] < SHORTEST:
        yield f"What took less than {SHORTEST} s is drawn at the lowest line."


def _each(period: Period, found: Sequence[Measured]) -> Iterator[Dot]:
    begin = datetime.fromisoformat(f"{period.first}T00:00:00Z")
    whole = (period.end - period.first).total_seconds()
    for each in found:
        at = datetime.fromisoformat(each.opened)
        words = f"{each.key}, opened {at:%Y-%m-%d}: {told(each.seconds)}"
        yield Dot((at - begin).total_seconds() / whole, each.seconds, 1, words, each.id)


def _binned(period: Period, known: Sequence[Sequence[int]]) -> Iterator[Dot]:
    for bucket, values in zip(period.buckets, known, strict=True):
        x1, x2 = _span(period, bucket)
        below = 0
        for n, edge in enumerate(_EDGES):
            upto = bisect_left(values, edge) if n + 1 < len(_EDGES) else len(values)
            if count := upto - below:
                middle = edge / 10 ** (0.5 / _STEPS)
                least, most = told(values[below]), told(values[upto - 1])
                yield Dot((x1 + x2) / 2, middle, count, f"{bucket.name}: {count}, {least} – {most}")
            below = upto


def _marks(period: Period, known: Sequence[Sequence[int]]) -> Iterator[Mark]:
    for bucket, values in zip(period.buckets, known, strict=True):
        if values:
            x1, x2 = _span(period, bucket)
            yield Mark(x1, x2, percentile(values, MEDIAN), percentile(values, P90))


def _span(period: Period, bucket: Bucket) -> tuple[float, float]:
    """From where to where in the period (0 to 1) it goes."""
    whole = (period.end - period.first).days
    return (bucket.since - period.first).days / whole, (bucket.until - period.first).days / whole


def _row(name: str, total: int, values: Sequence[int]) -> list[Cell]:
    counts = [Cell(name, name), Cell(total, str(total)), Cell(len(values), str(len(values)))]
    if not values:
        return [*counts, *(Cell(None, "not known") for _ in range(3))]
    found = (percentile(values, MEDIAN), percentile(values, P90), values[-1])
    return [*counts, *(Cell(round(value), told(value)) for value in found)]
