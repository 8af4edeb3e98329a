"""What incidents teach is made anew where it is missing: after the service was brought up to date,
or the rules have other synonyms.

Whatever is saved from then on is kept with the incident itself, by `service.store.incidents`.
"""

from __future__ import annotations

import structlog

from service.jobs import ClaimedJob, Done, JobEnd
from service.lease import Lease
from service.store import Store
from workflows.policy import Policy

log = structlog.get_logger()

LEARNING_JOB = "learning"
ALL = "all"

#: So many incidents are written in one transaction: it is to be short.
AT_ONCE = 50


class LearningAnew:
    """Runs the job of kind ``learning``."""

    def __init__(self, store: Store, policy: Policy) -> None:
        self._store = store
        self._synonyms = policy.learning.synonyms

    def start(self) -> None:
        """Ask for it now, as at each start of a worker."""
        with self._store.write() as tx:
            tx.jobs.touch(LEARNING_JOB, ALL)

    def run(self, job: ClaimedJob) -> JobEnd:
        with Lease(self._store, job).held() as lease:
            self._run(lease)
        return Done()

    def _run(self, lease: Lease) -> None:
        with self._store.write() as tx:
            lease.extend(tx)
            tx.learning.set_synonyms(self._synonyms)
        made = 0
        while (done := self._batch(lease)) > 0:
            made += done
        if made:
            log.info("learnt anew", incidents=made)

    def _batch(self, lease: Lease) -> int:
        with self._store.write() as tx:
            lease.extend(tx)
            ids = tx.learning.unlearnt(AT_ONCE)
            for id in ids:
                if (record := tx.incidents.get(id)) is not None:
                    tx.learning.learn(record.incident)
            return len(ids)
