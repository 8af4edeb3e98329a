"""Percentiles, and the steps of a scale on which lengths of time are told apart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from workflows.timeline import length_in_words

MEDIAN, P90 = 0.5, 0.9


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which this `share` (0 to 1) of the `ordered` values lies: between the two
    nearest ones in proportion, so that the lowest is at 0 and the highest at 1. There is at least
    one value. This is ``method="inclusive"`` of
    https://docs.python.org/3/library/statistics.html#statistics.quantiles
    """
    place = (len(ordered) - 1) * share
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def told(seconds: float) -> str:
    """ "1 h 20 min"; of what takes longer than ten minutes, no seconds."""
    whole = round(seconds)
    return length_in_words(timedelta(seconds=whole if whole < 600 else round(whole / 60) * 60))
