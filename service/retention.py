"""What trackers sent is packed after a week, and dropped after as many days as the settings say.

What it led to stays: each delivery's row, the journal, the audit log, published versions.
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from service.clock import Clock
from service.jobs import ClaimedJob, JobEnd, Later
from service.lease import Lease
from service.store import Store
from service.store.bodies import packed

log = structlog.get_logger()

RETENTION_JOB = "retention"
DELIVERIES = "deliveries"  # its one subject
EVERY = timedelta(days=1)

#: Who looks at what was sent does so in the first days; packed, it takes a fifth of the room.
PACK_AFTER = timedelta(days=7)

#: So many are packed in one transaction, and dropped: it is to be short.
AT_ONCE = 100


class Retention:
    """Runs the job of kind ``retention``. `keep` is for how long what was sent is kept."""

    def __init__(self, store: Store, clock: Clock, keep: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._keep = keep

    def start(self) -> None:
        """Ask for it now, as at each start of a worker."""
        with self._store.write() as tx:
            tx.jobs.touch(RETENTION_JOB, DELIVERIES)

    def run(self, job: ClaimedJob) -> JobEnd:
        now = self._clock()
        with Lease(self._store, job).held() as lease:
            dropped = made_small = 0
            while done := self._drop(lease):
                dropped += done
            while done := self._pack(lease):
                made_small += done
        if dropped or made_small:
            log.info("deliveries packed and dropped", packed=made_small, dropped=dropped)
        return Later(now + EVERY, "what trackers sent is kept for a time")

    def _drop(self, lease: Lease) -> int:
        with self._store.write() as tx:
            lease.extend(tx)
            return tx.bodies.drop(tx.now - self._keep, AT_ONCE)

    def _pack(self, lease: Lease) -> int:
        with self._store.read() as tx:
            whole = tx.bodies.whole(tx.now - PACK_AFTER, AT_ONCE)
        smaller = [(id, packed(body)) for id, body in whole]  # while nobody waits for us to write
        with self._store.write() as tx:
            lease.extend(tx)
            tx.bodies.put(smaller)
        return len(whole)
