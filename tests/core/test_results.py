"""In whatever order the results of a check arrive, it is known since when it says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.store import Store
from service.store.checks import MOST_KEPT, Recorded
from workflows.watched import Result

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)

#: A result as these tests say it: the minute that it is about, and whether the check passed then.
Told = tuple[int, bool]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    directory: Path = tmp_path_factory.mktemp("results")
    opened = Store(f"sqlite:///{directory / 'store.db'}", lambda: NOON)
    opened.migrate()
    yield opened
    opened.close()


_NUMBERS = count()


@pytest.fixture
def name() -> str:
    return f"check-{next(_NUMBERS)}"


def arrives(store: Store, name: str, told: Told) -> Result:
    """The last result of the check once this one was recorded."""
    minute, passed = told
    at = NOON + timedelta(minutes=minute)
    with store.write() as tx:
        assert tx.checks.add(name, Result(passed, at, at)) is Recorded.NEW
        return tx.checks.latest([name])[name]


def walked(results: Sequence[Told]) -> Result:
    """What somebody finds who has all of them on paper, and walks through them by their times. Of
    two about the same minute the one that came later stands later."""
    by_time = sorted(results, key=lambda told: told[0])
    since, passed = by_time[0]
    for minute, now in by_time:
        if now != passed:
            since, passed = minute, now
    last = by_time[-1][0]
    return Result(passed, NOON + timedelta(minutes=last), NOON + timedelta(minutes=since))


def test_a_pass_that_arrives_late_ends_the_streak_that_it_lies_in(store: Store, name: str) -> None:
    arrives(store, name, (1, False))
    assert arrives(store, name, (3, False)).since == NOON + timedelta(minutes=1)
    last = arrives(store, name, (2, True))
    assert (last.passed, last.since) == (False, NOON + timedelta(minutes=3))


def test_a_failure_that_arrives_late_begins_the_streak_sooner(store: Store, name: str) -> None:
    arrives(store, name, (2, True))
    arrives(store, name, (5, False))
    assert arrives(store, name, (4, False)).since == NOON + timedelta(minutes=4)
    assert arrives(store, name, (1, False)).since == NOON + timedelta(minutes=4)


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=12))
@example([(1, False), (3, False), (2, True)])
@example([(1, False), (4, False), (6, True), (2, True), (8, True), (5, True)])
def test_after_each_arrival_it_stands_as_if_all_had_come_in_order(
    store: Store, told: list[Told]
) -> None:
    name = f"check-{next(_NUMBERS)}"
    for so_far in range(1, len(told) + 1):
        assert arrives(store, name, told[so_far - 1]) == walked(told[:so_far])


def test_what_is_older_than_all_that_are_kept_changes_nothing(store: Store, name: str) -> None:
    """What lay between is not known any more."""
    for minute in range(MOST_KEPT):
        last = arrives(store, name, (2 * minute, False))
    assert arrives(store, name, (-1, True)) == last
    assert arrives(store, name, (-2, False)) == last
    assert arrives(store, name, (1, True)).since == NOON + timedelta(minutes=2)
