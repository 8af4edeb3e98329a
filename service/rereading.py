"""Documents that people changed are read again, before anything is decided of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from integrations.tracker import Rejected, TrackerError
from service.clock import Clock
from service.executor import Executor
from service.jobs import ClaimedJob
from service.outcomes import new_conflicts, retry_at, sentence
from service.store import Store, Transaction
from service.store.incidents import IncidentRecord
from service.store.journal import EntryKind
from service.transfers import remember_document
from workflows.effects import Effect, Hold, WriteRegions
from workflows.folding import fold
from workflows.model import Incident
from workflows.policy import Policy

#: Rests of a document that cannot be read: as long as it has been so already, within these.
SHORTEST, LONGEST = timedelta(seconds=30), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Unread:
    """A document that was changed and cannot be read: why, and when (UTC) it is tried again."""

    why: Hold
    at: datetime


class Rereading:
    """Reads again the documents that are marked as changed."""

    def __init__(self, store: Store, policy: Policy, executor: Executor, clock: Clock) -> None:
        self._store = store
        self._policy = policy
        self._executor = executor
        self._clock = clock

    def again(
        self, job: ClaimedJob, known: IncidentRecord | None
    ) -> tuple[Incident | None, Unread | None]:
        """The incident, with its document read again if somebody changed that; or why that is
        not possible: the ticket's own news need not wait for it."""
        if known is None:
            return None, None
        incident = known.incident
        if not known.document_changed or incident.postmortem is None:
            return incident, None
        try:
            news = self._executor.read_document(incident)
        except TrackerError as error:
            return incident, self._unread(job, incident, error)
        before, incident = incident, fold(news, incident)
        with self._store.write() as tx:
            tx.jobs.fence(job)
            tx.incidents.save(incident, self._policy.hash)
            remember_document(tx, incident)
            # Whoever says that the document changed asks for this job too. If that was while we
            # read, we may have read what was before: the job runs again, and must read again.
            if not tx.jobs.asked_meanwhile(job):
                tx.incidents.set_document_changed(incident.id, False)
            tx.journal.add(incident.id, EntryKind.NOTE, "document read again: it was changed")
            for conflict in new_conflicts(before, incident):
                tx.journal.add(incident.id, EntryKind.CONFLICT, conflict)
        return incident, None

    def _unread(self, job: ClaimedJob, incident: Incident, error: TrackerError) -> Unread:
        """Noted once; it stays marked as changed, and is tried again after growing rests."""
        why = sentence(error)
        with self._store.write() as tx:
            tx.jobs.fence(job)
            since = note(tx, incident.id, f"the document could not be read: {why}")
        now = self._clock()
        rest = min(max(now - since, SHORTEST), LONGEST)
        hold = Hold(f"the document to be readable: {why}", isinstance(error, Rejected))
        return Unread(hold, max(retry_at(error, now), now + rest))


def feasible(wished: Sequence[Effect], unread: Unread | None) -> list[Effect]:
    """What may be executed: nothing is written over a document that cannot be read."""
    return [each for each in wished if unread is None or not isinstance(each, WriteRegions)]


def note(tx: Transaction, incident_id: str, text: str) -> datetime:
    """Write this down unless it is the latest note already. Returns since when (UTC) it is."""
    last = tx.journal.last(incident_id, EntryKind.NOTE)
    if last is not None and last.text == text:
        return last.at
    tx.journal.add(incident_id, EntryKind.NOTE, text)
    return tx.now
