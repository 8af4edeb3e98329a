"""Leading beside lagging: what tells early how it will go, and what tells how it went."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from workflows.counts import Asked, Due, Lengths, Opened
from workflows.figures import (
    Share,
    audits_by_bucket,
    by_bucket,
    percent_line,
    recurring,
    unfinished,
)
from workflows.lengths import median_of
from workflows.percentiles import told
from workflows.periods import Period
from workflows.pictures import Cell, Columns, Figure, Line


def indicators(
    period: Period,
    found: tuple[Sequence[Due], Sequence[Asked], Sequence[Opened], Sequence[Lengths]],
    today: date,
) -> Figure:
    """`found`: action items due, audits due, incidents opened, and their times to resolve."""
    due, asked = by_bucket(period, found[0]), audits_by_bucket(period, found[1])
    leading = {
        "action items done by their day": [Share(each.in_time, each.past) for each in due],
        "audits answered in time": [Share(each.in_time, each.past) for each in asked],
        "preventive action items": [Share(each.preventive, each.total) for each in due],
        "done with evidence": [Share(e.proven, e.proven + e.unproven) for e in due],
    }
    again, median = recurring(period, found[2]), median_of(period, found[3])
    counts = [share.whole for share in again]
    lengths = ["—" if value is None else told(value) for value in median]
    names = ["incidents", "median time to resolve", "incidents that came back"]
    lagging = [
        Line(names[0], counts, [str(count) for count in counts]),
        Line(f"{names[1]}, hours", median, [_hours(value) for value in median]),
        percent_line(names[2], again),
    ]
    lines = [percent_line(name, shares) for name, shares in leading.items()]
    total = sum(month.incidents for month in found[3])
    known = sum(len(month.known) for month in found[3])
    return Figure(
        name="indicators",
        title="Leading beside lagging",
        words="On one side what can be changed today: whether action items and audits are done in"
        " time, how many prevent, how many are proven. On the other what came of it. Scales of"
        " shares end at 100 %; the others at their highest column.",
        notes=[
            "An action item or audit counts where it is due.",
            f"The time to resolve is known of {known} of {total} incidents; its whole"
            " distribution is a figure of its own.",
            *unfinished(period, today),
        ],
        pictures=[
            Columns("Leading", period.buckets, lines, highest=100),
            Columns("Lagging", period.buckets, lagging),
        ],
        head=[period.step.capitalize(), *leading, *names],
        units=["", *("percent" for _ in leading), "", "seconds", "percent"],
        rows=[
            [
                Cell(bucket.name, bucket.name),
                *(shares[n].cell() for shares in leading.values()),
                Cell(counts[n], str(counts[n])),
                Cell(None if (value := median[n]) is None else round(value), lengths[n]),
                again[n].cell(),
            ]
            for n, bucket in enumerate(period.buckets)
        ],
        empty=not any((sum(counts), *(e.total for e in due), *(e.total for e in asked))),
    )


def _hours(seconds: float | None) -> str:
    """As short as it must be to stand above its column: "0.25", "1.5", "36"."""
    if seconds is None:
        return "—"
    hours = seconds / 3600
    return f"{hours:.0f}" if hours >= 10 else f"{hours:.2g}"
