"""Days counted the way a team counts them."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from workflows.calendars import Calendar
from workflows.policy import Span, SpanUnit


def after(span: Span, start: datetime, calendar: Calendar) -> date:
    """The date that lies `span` after the day of `start` (UTC), by the team's calendar: a span of
    business days ends on one. Raises HolidaysUnknown."""
    day = calendar.day_of(start)
    if span.unit is SpanUnit.DAYS:
        return day + timedelta(days=span.count)
    return calendar.business_days_after(day, span.count)
