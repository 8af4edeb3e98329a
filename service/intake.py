"""From a verified envelope to a row that outlives us: all that happens before the sender's 202."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from integrations.tracker import Envelope
from service.store import Store
from service.store.deliveries import Arrival, Unrecordable


class Accepted(StrEnum):
    NEW = "new"
    DUPLICATE = "duplicate"  # recorded before, by the sender's own delivery id


class NotRecorded(Exception):
    """Neither the delivery nor its job is on disk."""


class Intake:
    """Records deliveries, those that come at the same time in one transaction (group commit).

    Who finds nobody recording does it for all who wait; who comes meanwhile waits, and the first
    of them is called to record the next ones. So there is no thread that could die and no time to
    tune: a delivery that comes alone is recorded at once.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._mutex = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._recording = False

    def accept(self, connection: str, envelope: Envelope, now: datetime) -> Accepted:
        """Record the delivery and the job that works on it.

        When this returns, both are on disk. Raises NotRecorded when neither is.
        """
        mine = _Waiting(Arrival(connection, envelope, now))
        with self._mutex:
            self._waiting.append(mine)
            somebody_records, self._recording = self._recording, True
        if somebody_records:
            mine.wait()
        if mine.end is None:
            self._record_waiting()
        if not isinstance(mine.end, Accepted):
            raise NotRecorded(f"a delivery to {connection} is not on disk") from mine.end
        return mine.end

    def _record_waiting(self) -> None:
        """Record all who wait, tell them, and call somebody to go on."""
        with self._mutex:
            group, self._waiting = self._waiting, []
        ends: Sequence[Accepted | Exception] = [NotRecorded()] * len(group)
        try:
            ends = self._record([each.arrival for each in group])
        except Exception as error:  # noqa: BLE001 - each of them raises it in its own thread
            ends = [error] * len(group)
        finally:
            with self._mutex:
                heir = self._waiting[0] if self._waiting else None
                self._recording = heir is not None
            if heir is not None:
                heir.call()
            for each, end in zip(group, ends, strict=True):
                each.end = end
                each.call()

    def _record(self, arrivals: Sequence[Arrival]) -> list[Accepted | Exception]:
        with self._store.write(beside=True) as tx:
            recorded = tx.deliveries.record(arrivals)
        return [_end(each) for each in recorded]


def _end(recorded: int | Unrecordable | None) -> Accepted | Exception:
    if isinstance(recorded, Unrecordable):
        return recorded
    return Accepted.DUPLICATE if recorded is None else Accepted.NEW


class _Waiting:
    """A delivery whose thread waits for its `end`, or to be the one that records."""

    def __init__(self, arrival: Arrival) -> None:
        self.arrival = arrival
        self.end: Accepted | Exception | None = None
        self._called = threading.Lock()
        self._called.acquire()

    def wait(self) -> None:
        self._called.acquire()

    def call(self) -> None:
        self._called.release()
