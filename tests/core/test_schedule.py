"""Days counted the way teams count them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from workflows.policy import Span, SpanUnit
from workflows.schedule import after

FRIDAY = datetime(2026, 12, 11, 17, tzinfo=UTC)


def test_three_business_days_after_friday_is_wednesday() -> None:
    assert after(Span(3, SpanUnit.BUSINESS_DAYS), FRIDAY) == date(2026, 12, 16)


def test_plain_days_count_the_weekend() -> None:
    assert after(Span(3, SpanUnit.DAYS), FRIDAY) == date(2026, 12, 14)


@given(st.integers(0, 60), st.dates(date(2020, 1, 1), date(2040, 1, 1)))
def test_business_days_agree_with_counting_on_a_calendar(count: int, start: date) -> None:
    due = after(Span(count, SpanUnit.BUSINESS_DAYS), datetime.combine(start, time(), UTC))
    days = [start + timedelta(days=n) for n in range(1, (due - start).days + 1)]
    assert due.weekday() < 5
    assert sum(day.weekday() < 5 for day in days) == max(count, int(start.weekday() >= 5))
