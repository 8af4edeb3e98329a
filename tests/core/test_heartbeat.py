"""Workers say that they are alive, and hand over what they counted of calls to trackers."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from builders import NOON
from databases import without

from integrations.gate import OPEN, Answered, Call, Report
from integrations.tracker import RateLimited
from service.calls import Tally, WatchedGate
from service.heartbeat import Heartbeat
from service.store import Store
from service.store.calls import Called
from service.store.workers import ALIVE_FOR, REMEMBERED

READ = Call("github", "GET", "/user")


class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'heart.db'}", clock)
    opened.migrate()
    yield opened
    opened.close()


def alive(store: Store) -> list[int]:
    """How many threads each living worker has."""
    with store.read() as tx:
        return [each.threads for each in tx.workers.alive()]


def counted(store: Store) -> list[tuple[str, int, int]]:
    with store.read() as tx:
        return [(each.verb, each.status, each.calls) for each in tx.calls.all()]


def answer(gate: WatchedGate, status: int, call: Call = READ) -> None:
    with gate.passing(call) as report:
        report(Answered(status=status))


def test_workers_are_known_from_their_start_to_their_end(store: Store) -> None:
    one, two = Heartbeat(store, Tally(), 4), Heartbeat(store, Tally(), 2)
    one.start()
    two.start()
    assert sorted(alive(store)) == [2, 4]
    one.stop()
    assert alive(store) == [2]
    two.stop()
    assert alive(store) == []


def test_a_worker_whose_database_takes_nothing_ends_all_the_same(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """As on SIGTERM while PostgreSQL is started again."""
    heart = Heartbeat(store, Tally(), 1)
    heart.start()
    without(store, "workers")
    heart.stop()
    assert "heartbeat not written" in capsys.readouterr().out


def test_calls_are_counted_for_as_long_as_the_service_lives(store: Store) -> None:
    """PostgreSQL's integer ends at two thousand million; then no heartbeat could be written."""
    with store.write() as tx:
        tx.calls.add([Called("github", "GET", 200, 2**31, 1.0)])
        tx.calls.add([Called("github", "GET", 200, 1, 1.0)])
    assert counted(store) == [("GET", 200, 2**31 + 1)]


def test_one_that_was_killed_is_alive_for_three_beats_and_forgotten_after_a_day(
    store: Store, clock: Clock
) -> None:
    Heartbeat(store, Tally(), 4).beat()
    clock.now += ALIVE_FOR - timedelta(seconds=1)
    assert alive(store) == [4]
    clock.now += timedelta(seconds=1)
    assert alive(store) == []
    with store.read() as tx:
        assert tx.workers.heard_at() == NOON
    clock.now += REMEMBERED
    last = Heartbeat(store, Tally(), 2)
    last.start()
    last.stop()
    with store.read() as tx:
        assert tx.workers.heard_at() is None


def test_calls_are_counted_by_connection_verb_and_status(store: Store) -> None:
    tally = Tally()
    gate = WatchedGate(OPEN, tally)
    for status in (200, 200, 404, 0):
        answer(gate, status)
    answer(gate, 201, Call("github", "POST", "/repos/acme/ops/issues"))
    assert counted(store) == []
    Heartbeat(store, tally, 4).beat()
    assert counted(store) == [
        ("GET", 0, 1),
        ("GET", 200, 2),
        ("GET", 404, 1),
        ("POST", 201, 1),
    ]


def test_what_was_counted_since_the_last_beat_is_handed_over_at_the_end(store: Store) -> None:
    tally = Tally()
    heart = Heartbeat(store, tally, 4)
    heart.start()
    answer(WatchedGate(OPEN, tally), 200)
    heart.stop()
    assert counted(store) == [("GET", 200, 1)]


def test_counts_that_could_not_be_written_are_written_by_the_next_beat(store: Store) -> None:
    tally = Tally()
    answer(WatchedGate(OPEN, tally), 200)
    heart = Heartbeat(store, tally, 4)
    with store.write(), pytest.raises(RuntimeError):
        heart.beat()  # as a database that takes nothing now
    answer(WatchedGate(OPEN, tally), 200)
    heart.beat()
    heart.beat()
    assert counted(store) == [("GET", 200, 2)]


def test_a_call_that_was_not_let_through_is_not_counted() -> None:
    class Shut:
        @contextmanager
        def passing(self, call: Call) -> Iterator[Report]:
            raise RateLimited("later", retry_at=NOON)
            yield

    tally = Tally()
    with pytest.raises(RateLimited), WatchedGate(Shut(), tally).passing(READ):
        raise AssertionError("it was let through")
    assert tally.take() == []


def test_threads_that_count_at_once_lose_nothing() -> None:
    tally, taken = Tally(), list[Called]()
    stop = threading.Event()

    def take() -> None:
        while not stop.is_set():
            taken.extend(tally.take())

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        taker = threading.Thread(target=take)
        taker.start()
        gate = WatchedGate(OPEN, tally)
        with ThreadPoolExecutor(4) as pool:
            for _ in range(2000):
                pool.submit(answer, gate, 200)
        stop.set()
        taker.join()
    finally:
        sys.setswitchinterval(interval)
    taken.extend(tally.take())
    assert sum(each.calls for each in taken) == 2000
