"""The tick: what came due of all that incidents wait for in days gets its turn.

An occurrence is taken, and its incident's job asked for, in one transaction. So it comes once,
whether ticks are late, double or many at a time, and after a stop of any length. What is to be
done about it is decided in the incident's turn, from what holds by then.
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from service.clock import Clock
from service.jobs import AWAITED, ClaimedJob, Done, JobEnd, Later
from service.lease import Lease
from service.recurrences import compare
from service.routing import INCIDENT_JOB, incident_subject
from service.store import Store, Transaction
from service.store.journal import EntryKind
from workflows.calendars import HolidaysUnknown
from workflows.model import Incident
from workflows.policy import Policy
from workflows.schedule import plan

log = structlog.get_logger()

TICK_JOB = "tick"
DUE, PLANS = "due", "plans"  # its two subjects

#: So many occurrences are taken, or incidents planned, in one transaction.
AT_ONCE = 100

#: A tick comes when the next occurrence is due, and this often in any case: clocks are set.
LONGEST_REST = timedelta(hours=1)


def put_plan(tx: Transaction, incident: Incident, policy: Policy) -> None:
    """Plan what the incident waits for, in the transaction that saves it, and have the tick come
    in time. Raises HolidaysUnknown."""
    soonest = tx.occurrences.put(incident.id, plan(incident, policy))
    if soonest is not None:
        tx.jobs.touch(TICK_JOB, DUE, due_at=soonest, reason=_NEXT)


_NEXT = "the next occurrence is due"


class Tick:
    """Runs the jobs of kind ``tick``: ``due`` takes what is due, ``plans`` plans all incidents
    anew, which other rules may have changed, and compares those that never were."""

    def __init__(self, store: Store, policy: Policy, clock: Clock) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock

    def start(self) -> None:
        """Ask for both now, as at each start of a worker."""
        with self._store.write() as tx:
            for subject in (DUE, PLANS):
                tx.jobs.touch(TICK_JOB, subject)

    def run(self, job: ClaimedJob) -> JobEnd:
        with Lease(self._store, job).held() as lease:
            if job.subject == PLANS:
                self._plan_all(lease)
                return Done()
        if self.tick() == AT_ONCE:
            return Later(self._clock(), "more is due")
        with self._store.read() as tx:
            following = tx.occurrences.next_due()
        rest = self._clock() + LONGEST_REST
        return Later(min(following or rest, rest), _NEXT)

    def tick(self) -> int:
        """Take what is due, and ask for a turn of each incident that waited for it; returns how
        many it were, `AT_ONCE` at most. Where nothing is due, it only reads."""
        with self._store.read() as tx:
            if not tx.occurrences.anything_due():
                return 0
        with self._store.write() as tx:
            taken = tx.occurrences.take(AT_ONCE)
            for each in taken:
                what = each.occurrence.what
                subject = incident_subject(each.connection, each.ticket_id)
                tx.jobs.touch(INCIDENT_JOB, subject, priority=AWAITED, reason=what)
                data = {"occurrence": each.occurrence.key}
                tx.journal.add(each.incident_id, EntryKind.DUE, what, data)
        log.info("came due", occurrences=len(taken))
        return len(taken)

    def _plan_all(self, lease: Lease) -> None:
        """Plan each incident that has a document. Where that is not possible, its own turn says
        why."""
        with self._store.read() as tx:
            ids = [record.incident.id for record in tx.incidents.with_document()]
        for start in range(0, len(ids), AT_ONCE):
            with self._store.write() as tx:
                lease.extend(tx)
                for incident_id in ids[start : start + AT_ONCE]:
                    if (record := tx.incidents.get(incident_id)) is not None:
                        self._plan(tx, record.incident)

    def _plan(self, tx: Transaction, incident: Incident) -> None:
        try:
            put_plan(tx, incident, self._policy)
            compare(tx, incident)
        except HolidaysUnknown as unknown:
            subject = incident_subject(incident.ticket.connection, incident.ticket.id)
            tx.jobs.touch(INCIDENT_JOB, subject, reason=str(unknown))
