"""Spans of days, counted by a team's calendar."""

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


def before(span: Span, day: date, calendar: Calendar) -> date:
    """The date that lies `span` before `day`; of business days, so many of them. Raises
    HolidaysUnknown."""
    if span.unit is SpanUnit.DAYS:
        return day - timedelta(days=span.count)
    for _ in range(span.count):
        day = calendar.business_day_before(day)
    return day
