"""A delivery that was acknowledged is on disk, whatever happens to the process that took it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from builders import NOON

from bench.kills import kill
from integrations.tracker import Envelope
from service.intake import Accepted, Intake, NotRecorded
from service.store import Store, Transaction
from service.store.deliveries import JOB


@pytest.mark.timeout(110)
def test_what_was_acknowledged_before_a_kill_is_on_disk_exactly_once(tmp_path: Path) -> None:
    outcome = kill(tmp_path, kills=3, seed=7)
    assert outcome.wrong == []
    assert outcome.acknowledged > 100
    assert outcome.sent_again > 0, "no kill hit anything that was on its way"


class Crowded(Store):
    """A store whose first transaction waits until so many deliveries wait behind it; its write
    transactions are counted, and can be made to fail."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.gate = threading.Event()
        self.writes = 0
        self.fault: Exception | None = None

    @contextmanager
    def write(self, *, beside: bool = False) -> Iterator[Transaction]:
        self.writes += 1
        if self.writes == 1:
            assert self.gate.wait(20)
        with super().write(beside=beside) as tx:
            yield tx
            if self.fault is not None and self.writes > 1:
                raise self.fault


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Crowded]:
    store = Crowded(f"sqlite:///{tmp_path}/followthrough.db")
    store.migrate()
    yield store
    store.close()


def come_together(
    store: Crowded, envelopes: list[Envelope], intake: Intake | None = None
) -> list[Accepted | Exception]:
    """What each meets when all but the first come while the first is being recorded."""
    intake = intake or Intake(store)

    def accept(envelope: Envelope) -> Accepted | Exception:
        try:
            return intake.accept("acme-github", envelope, NOON)
        except NotRecorded as error:
            return error

    with ThreadPoolExecutor(len(envelopes)) as pool:
        first = pool.submit(accept, envelopes[0])
        while store.writes == 0:
            time.sleep(0.001)
        others = [pool.submit(accept, each) for each in envelopes[1:]]
        while len(intake._waiting) < len(others):
            time.sleep(0.001)
        store.gate.set()
        return [each.result(20) for each in (first, *others)]


def envelopes(*names: str) -> list[Envelope]:
    return [Envelope(name, "issues", b"{}") for name in names]


def on_disk(store: Store) -> set[str]:
    """The ids of the deliveries that are there with their job."""
    with store.read() as tx:
        return {
            each.delivery_id
            for each in tx.deliveries.page(limit=1000)
            if tx.jobs.get(JOB, str(each.id)) is not None
        }


def test_deliveries_that_come_together_share_a_commit(store: Crowded) -> None:
    names = [f"d-{number}" for number in range(12)]
    assert come_together(store, envelopes(*names)) == [Accepted.NEW] * 12
    assert on_disk(store) == set(names)
    assert store.writes == 2


def test_of_one_delivery_that_comes_twice_together_one_is_the_duplicate(store: Crowded) -> None:
    ends = come_together(store, envelopes("first", "same", "same", "other", "first"))
    assert sorted(map(str, ends)) == ["duplicate", "duplicate", "new", "new", "new"]
    assert on_disk(store) == {"first", "same", "other"}


def test_a_delivery_that_cannot_be_recorded_fails_alone(store: Crowded) -> None:
    half = Envelope("half", "\ud800", b"{}")  # half of a surrogate pair is no text
    ends = come_together(store, [*envelopes("first", "before"), half, *envelopes("after")])
    assert [ends[0], ends[1], ends[3]] == [Accepted.NEW] * 3
    assert isinstance(ends[2], NotRecorded)
    assert on_disk(store) == {"first", "before", "after"}


def test_when_the_commit_fails_each_of_its_deliveries_is_told(store: Crowded) -> None:
    store.fault = OSError("disk full")
    ends = come_together(store, envelopes("first", "one", "two", "three"))
    assert ends[0] is Accepted.NEW
    assert all(isinstance(end, NotRecorded) for end in ends[1:])
    assert on_disk(store) == {"first"}


def test_after_a_failed_commit_the_next_delivery_is_taken(store: Crowded) -> None:
    intake = Intake(store)
    store.fault = OSError("disk full")
    come_together(store, envelopes("first", "one"), intake)
    store.fault = None
    [again] = envelopes("one")
    assert intake.accept("acme-github", again, NOON) is Accepted.NEW
    assert on_disk(store) == {"first", "one"}
