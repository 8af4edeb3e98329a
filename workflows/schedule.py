"""Days counted the way teams count them."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from workflows.policy import Span, SpanUnit

_SATURDAY = 5


def after(span: Span, start: datetime) -> date:
    """The date that lies `span` after the day of `start` (UTC); business days are Monday to
    Friday, and a span of them ends on one."""
    day = start.date()
    if span.unit is SpanUnit.DAYS:
        return day + timedelta(days=span.count)
    left = span.count
    while left > 0 or day.weekday() >= _SATURDAY:
        day += timedelta(days=1)
        if day.weekday() < _SATURDAY:
            left -= 1
    return day
