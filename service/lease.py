"""The lease of a job while it is worked on: as it was last extended, and long enough for the next
call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta

from service.jobs import AWAITED, PROMPT, ClaimedJob
from service.store import Store, Transaction

_held: ContextVar[Lease | None] = ContextVar("lease", default=None)


class Lease:
    """What `job` holds. `extend` and `outlast` raise LostLease when it holds no longer."""

    def __init__(self, store: Store, job: ClaimedJob) -> None:
        self._store = store
        self._job = job

    @property
    def urgent(self) -> bool:
        """Whether somebody waits for what the job does."""
        return self._job.priority >= AWAITED

    @property
    def prompt(self) -> bool:
        """Whether somebody has just asked for the job: there is news."""
        return self._job.priority >= PROMPT

    @contextmanager
    def held(self) -> Iterator[Lease]:
        """Make it the lease that every call of this thread must outlast."""
        token = _held.set(self)
        try:
            yield self
        finally:
            _held.reset(token)

    def extend(self, tx: Transaction) -> None:
        """Hold the job for a whole lease from now, as part of what is saved."""
        self._job = tx.jobs.extend(self._job)

    def outlast(self, length: timedelta) -> None:
        """Make sure, right before a call, that the lease outlasts one of that length."""
        if self._job.lease_until - self._store.clock() < length:
            with self._store.write(beside=True) as tx:
                self.extend(tx)


def held() -> Lease | None:
    """The lease that the calls of this thread are made under, if any."""
    return _held.get()
