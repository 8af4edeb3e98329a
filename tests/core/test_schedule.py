"""Days counted the way a team counts them."""

from __future__ import annotations

from datetime import UTC, date, datetime

from workflows.calendars import USUAL, Calendar
from workflows.policy import Span, SpanUnit
from workflows.schedule import after

FRIDAY = datetime(2026, 12, 11, 17, tzinfo=UTC)


def test_three_business_days_after_friday_is_wednesday() -> None:
    assert after(Span(3, SpanUnit.BUSINESS_DAYS), FRIDAY, USUAL) == date(2026, 12, 16)


def test_plain_days_count_the_weekend() -> None:
    assert after(Span(3, SpanUnit.DAYS), FRIDAY, USUAL) == date(2026, 12, 14)


def test_a_holiday_is_no_business_day() -> None:
    calendar = Calendar(holidays=frozenset({date(2026, 12, 15)}))
    assert after(Span(3, SpanUnit.BUSINESS_DAYS), FRIDAY, calendar) == date(2026, 12, 17)


def test_the_day_on_which_it_began_is_the_teams_own() -> None:
    auckland = Calendar("Pacific/Auckland")  # where it is Saturday already
    assert after(Span(3, SpanUnit.DAYS), FRIDAY, auckland) == date(2026, 12, 15)
    assert after(Span(1, SpanUnit.BUSINESS_DAYS), FRIDAY, auckland) == date(2026, 12, 14)
