"""Asks trackers again for the webhook deliveries that failed, most of all while we were down.

Polling finds the same changes without that; this is sooner, and the only way where a place is
not polled. What is on record here is never asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from integrations.tracker import KeptDeliveries, RateLimited, TrackerError, Unavailable
from service.clock import Clock
from service.jobs import ClaimedJob, Done, JobEnd, Later
from service.lease import Lease
from service.outcomes import retry_at, sentence
from service.store import Store
from service.store.redeliveries import Missed

log = structlog.get_logger()

REDELIVERY_JOB = "redelivery"
EVERY = timedelta(minutes=5)

#: Before each time that one is asked for: after the third nothing is left but polling.
PAUSES = (timedelta(0), timedelta(minutes=10), timedelta(hours=1))

#: A request that is still on its way when we look is listed later, under the time it was sent at:
#: the sender waits half a minute for an answer at most.
OVERLAP = timedelta(minutes=5)

#: As long as any sender keeps what failed: so long is shown what never came.
LONGEST_KEPT = timedelta(days=7)

#: Where the account may not look, it may later: somebody reads what `doctor` says.
HIDDEN = timedelta(hours=1)

#: At once, so that the sender's limits are left for other work.
MOST_AT_ONCE = 50

_MARK = "redelivery"  # the place under which it is remembered up to when was looked


class Redelivery:
    """Runs the jobs of kind ``redelivery``, whose subject is a connection."""

    def __init__(self, store: Store, kept: Mapping[str, KeptDeliveries], clock: Clock) -> None:
        self._store = store
        self._kept = kept
        self._clock = clock

    def start(self) -> None:
        """Ask for a look at each connection now, as at each start of a worker."""
        with self._store.write() as tx:
            for connection in self._kept:
                tx.jobs.touch(REDELIVERY_JOB, connection)

    def run(self, job: ClaimedJob) -> JobEnd:
        with Lease(self._store, job).held() as lease:
            return self._run(job, lease)

    def _run(self, job: ClaimedJob, lease: Lease) -> JobEnd:
        kept = self._kept.get(job.subject)
        if kept is None:  # the rules lost it, or its webhook secret
            return Done()
        began = self._clock()
        horizon = began - kept.kept_for
        with self._store.read() as tx:
            mark = tx.ledger.since(job.subject, _MARK)
        try:
            missed = list(kept.missed(max(horizon, mark - OVERLAP) if mark else horizon))
        except TrackerError as error:
            return self._unable(job, error)
        with self._store.write() as tx:
            lease.extend(tx)
            tx.redeliveries.note(job.subject, missed)
            tx.ledger.set_since(job.subject, _MARK, began)
            missing = tx.redeliveries.missing(job.subject, horizon)
        due = [each for each in missing if _is_due(each, began)]
        return self._ask(kept, lease, due[:MOST_AT_ONCE], left=len(missing))

    def _ask(self, kept: KeptDeliveries, lease: Lease, due: list[Missed], left: int) -> Later:
        """Ask for each of `due`; that it was asked for is on disk before the call."""
        refused = ""
        for missed in due:
            with self._store.write() as tx:
                lease.extend(tx)
                tx.redeliveries.asked(missed)
            try:
                kept.ask_again(missed.handle)
            except TrackerError as error:
                refused, passes = sentence(error), isinstance(error, RateLimited | Unavailable)
                with self._store.write() as tx:
                    lease.extend(tx)
                    tx.redeliveries.refused(missed, refused, counts=not passes)
                log.warning("not sent again", delivery=missed.delivery_id, words=refused)
                if passes:
                    return Later(retry_at(error, self._clock()), refused)
                continue
            log.info("asked to send again", delivery=missed.delivery_id, told=missed.event)
        return Later(self._clock() + EVERY, refused or _told(len(due), left))

    def _unable(self, job: ClaimedJob, error: TrackerError) -> Later:
        """Noted when it is news: it is found every time, and polling remains."""
        why = sentence(error)
        with self._store.read() as tx:
            known = tx.jobs.get(job.kind, job.subject)
        if known is None or known.reason != why:
            log.warning("failed deliveries cannot be asked for again", why=why)
        now = self._clock()
        passes = isinstance(error, RateLimited | Unavailable)
        return Later(retry_at(error, now) if passes else now + HIDDEN, why)


def next_asked(missed: Missed) -> datetime | None:
    """When (UTC) it is asked for next; None when it was asked for often enough."""
    if missed.attempts >= len(PAUSES):
        return None
    return (missed.asked_at or missed.failed_at) + PAUSES[missed.attempts]


def _is_due(missed: Missed, now: datetime) -> bool:
    at = next_asked(missed)
    return at is not None and at <= now


def _told(asked: int, left: int) -> str:
    if not left:
        return "no delivery failed"
    return f"{left} failed, {asked} asked for again just now"
