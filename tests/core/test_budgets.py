"""Budgets: never more than a tracker allows in any window, and no later than needed."""

from __future__ import annotations

from datetime import timedelta

from builders import NOON, at
from hypothesis import given
from hypothesis import strategies as st

from workflows.budgets import KEPT_BACK, Haste, Spent, Window, free_at, room

spendings = st.lists(
    st.builds(
        Spent, st.integers(-7200, 60).map(lambda s: NOON + timedelta(seconds=s)), st.integers(1, 5)
    ),
    max_size=30,
)
windows = st.builds(
    Window, st.integers(5, 40), st.sampled_from([timedelta(minutes=1), timedelta(hours=1)])
)


def counted(window: Window, spent: list[Spent], now_plus: timedelta) -> int:
    """What a tracker would count at that time of what was spent before."""
    now = NOON + now_plus
    return sum(each.units for each in spent if each.at > now - window.length)


@given(windows, spendings, st.integers(1, 5))
def test_at_the_time_that_is_named_there_is_room_and_not_a_moment_before(
    window: Window, spent: list[Spent], units: int
) -> None:
    when = free_at(window, spent, units, NOON, window.most)
    assert when >= NOON
    assert counted(window, spent, when - NOON) + units <= window.most
    if when > NOON:
        just_before = when - NOON - timedelta(microseconds=1)
        assert counted(window, spent, just_before) + units > window.most


def test_with_room_it_is_now() -> None:
    window = Window(80, timedelta(minutes=1))
    assert free_at(window, [Spent(at(-0.5), 79)], 1, NOON, 80) == NOON
    assert free_at(window, [Spent(at(-0.5), 80)], 1, NOON, 80) == at(0.5)


def test_a_part_is_kept_for_what_somebody_waits_for() -> None:
    window = Window(500, timedelta(hours=1))
    assert room(window, Haste.AWAITED) == 500
    assert room(window, Haste.OLD_WORK) == 500 - 500 // KEPT_BACK
