"""Documents made to fit where a tracker's field holds only so much: the timeline gives way.

What people wrote in comments goes first, then other recorded changes, then changes of status; of
equal rows the latest. A last line says how many rows are missing and where they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

Built = TypeVar("Built")

_NOTE = "*{count} more rows do not fit here: the incident ticket has them.*"
_NOTED = re.compile(r"^\*(\d{1,9}) more rows do not fit here\b.*$")


def fitted(timeline: str, build: Callable[[str], Built], fits: Callable[[Built], bool]) -> Built:
    """``build(timeline)`` with as many rows of the table as `fits` allows.

    A document that does not fit even without rows is returned as it is with the fewest: the
    tracker will say so in its own words.
    """
    whole = build(timeline)
    if fits(whole):
        return whole
    lines = timeline.splitlines()
    rows = [number for number, line in enumerate(lines) if line.startswith("|")][2:]
    if not rows:
        return whole
    missing = sum(int(found[1]) for line in lines if (found := _NOTED.match(line)))
    kept = [number for number, line in enumerate(lines) if not _NOTED.match(line)]
    order = sorted(rows, key=lambda number: (_worth(lines[number]), -number))
    fewest, most = 1, len(rows)  # how many rows are left out; none was tried already
    best = build(_without(lines, kept, order, most, missing))
    while fewest < most:
        middle = (fewest + most) // 2
        built = build(_without(lines, kept, order, middle, missing))
        if fits(built):
            most, best = middle, built
        else:
            fewest = middle + 1
    return best


def _without(lines: list[str], kept: list[int], order: list[int], count: int, missing: int) -> str:
    dropped = set(order[:count])
    table = "\n".join(lines[number] for number in kept if number not in dropped).rstrip()
    return f"{table}\n\n{_NOTE.format(count=missing + count)}"


def _worth(row: str) -> int:
    if "| recorded |" not in row:
        return 0
    return 2 if "| status: " in row or "| Ticket opened |" in row else 1
