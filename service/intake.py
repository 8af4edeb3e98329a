"""From a verified envelope to a row that outlives us: all that happens before the sender's 202."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from integrations.tracker import Envelope
from service.store import Store, Transaction
from service.store.deliveries import JOB


class Accepted(StrEnum):
    NEW = "new"
    DUPLICATE = "duplicate"  # recorded before, by the sender's own delivery id


class NotRecorded(Exception):
    """Neither the delivery nor its job is on disk."""


class _Arrival:
    """A delivery whose thread waits for what becomes of it."""

    def __init__(self, connection: str, envelope: Envelope, at: datetime) -> None:
        self.connection = connection
        self.envelope = envelope
        self.at = at
        self.end: Accepted | Exception | None = None
        self._called = threading.Lock()
        self._called.acquire()

    def wait(self) -> None:
        """Until it is recorded, or its own thread is to record all that wait."""
        self._called.acquire()

    def call(self) -> None:
        self._called.release()


class Intake:
    """Records deliveries, those that come at the same time in one transaction (group commit).

    Who finds nobody recording does it for all who wait; who comes meanwhile waits, and one of
    them is called to record the next ones. So there is no thread to die and no time to tune: a
    delivery that comes alone is recorded at once.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._mutex = threading.Lock()
        self._waiting: list[_Arrival] = []
        self._recording = False

    def accept(self, connection: str, envelope: Envelope, now: datetime) -> Accepted:
        """Record the delivery and the job that works on it.

        When this returns, both are on disk; when it raises, neither is.
        """
        mine = _Arrival(connection, envelope, now)
        with self._mutex:
            self._waiting.append(mine)
            must_wait, self._recording = self._recording, True
        if must_wait:
            mine.wait()
        if mine.end is None:
            self._record_waiting(mine)
        if not isinstance(mine.end, Accepted):
            raise NotRecorded from mine.end
        return mine.end

    def _record_waiting(self, mine: _Arrival) -> None:
        with self._mutex:
            arrivals, self._waiting = self._waiting, []
        try:
            _record(self._store, arrivals)
        finally:
            with self._mutex:
                heir = self._waiting[0] if self._waiting else None
                self._recording = heir is not None
            if heir is not None:
                heir.call()
            for each in arrivals:
                if each is not mine:
                    each.call()


def _record(store: Store, arrivals: Sequence[_Arrival]) -> None:
    with store.write() as tx:
        ends = [_insert(tx, each) for each in arrivals]
    for each, end in zip(arrivals, ends, strict=True):
        each.end = end


def _insert(tx: Transaction, arrival: _Arrival) -> Accepted:
    delivery = tx.deliveries.insert(arrival.connection, arrival.envelope, received_at=arrival.at)
    if delivery is None:
        return Accepted.DUPLICATE
    tx.jobs.touch(JOB, str(delivery))
    return Accepted.NEW
