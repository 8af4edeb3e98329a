"""The lease of a job while it is worked on: as it was last extended, and long enough for the next
step."""

from __future__ import annotations

from datetime import timedelta

from service.jobs import LEASE, ClaimedJob
from service.store import Store, Transaction

#: The longest step between two looks at the clock: a pull request takes five calls (connect 5 s,
#: answer 20 s each), with room to record them.
STEP = timedelta(seconds=150)


class Lease:
    """What `job` holds. Both methods raise LostLease when it holds no longer."""

    def __init__(self, store: Store, job: ClaimedJob) -> None:
        self._store = store
        self._job = job

    def extend(self, tx: Transaction) -> None:
        """Hold the job for a whole lease from now, as part of what is saved."""
        self._job = tx.jobs.extend(self._job, LEASE)

    def outlast_step(self) -> None:
        """Make sure, right before a call, that the lease outlasts it."""
        if self._job.lease_until - self._store.clock() < STEP:
            with self._store.write() as tx:
                self.extend(tx)
