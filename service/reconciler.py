"""Finds what no webhook told: polls the watched places, and documents that tell nothing.

Looking back overlaps with what was seen before, because the trackers' indexes lag and their
times are coarse; the ledger of (ticket, its own `updated`) says what is news.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice

import structlog

from integrations.tracker import Glimpse, NotThere, Tracker, TrackerError
from service.clock import Clock
from service.executor import DocumentStores
from service.jobs import ClaimedJob, JobEnd, Later
from service.outcomes import retry_at, sentence
from service.routing import INCIDENT_JOB, incident_subject
from service.store import Store, Transaction
from service.store.refs import Role
from workflows.model import TicketRef
from workflows.policy import Policy

log = structlog.get_logger()

POLL_JOB = "poll"
DOCUMENTS = "documents"  # the subject that polls documents; all others are connections

#: Jira's search index was seen to lag by minutes and its `updated` has minute precision.
OVERLAP = timedelta(minutes=15)

_CHUNK = 100


class Reconciler:
    """Runs the jobs of kind ``poll``; each comes again `every` after it ended."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        trackers: Mapping[str, Tracker],
        documents: DocumentStores,
        clock: Clock,
        every: timedelta,
    ) -> None:
        self._store = store
        self._policy = policy
        self._trackers = trackers
        self._documents = documents
        self._clock = clock
        self._every = every

    def start(self) -> None:
        """Ask for all polls now, as at each start of a worker."""
        with self._store.write() as tx:
            for subject in (*self._places(), DOCUMENTS):
                tx.jobs.touch(POLL_JOB, subject)

    def run(self, job: ClaimedJob) -> JobEnd:
        if job.subject == DOCUMENTS:
            self._poll_documents(job)
            return Later(self._clock() + self._every, "documents are looked at again")
        places = self._places().get(job.subject)
        if places is None:
            return Later(self._clock() + timedelta(days=1), "the rules no longer poll this")
        for place, start in places.items():
            try:
                self._poll(job, place, start)
            except TrackerError as error:
                at = retry_at(error, self._clock())
                log.warning("poll failed", place=place, words=error.words, mend=error.mend)
                return Later(at, f"{place}: {sentence(error)}")
        return Later(self._clock() + self._every, "polled")

    def _places(self) -> dict[str, dict[str, datetime]]:
        """Connection → place → from when its tickets count."""
        found: dict[str, dict[str, datetime]] = {}
        for team in self._policy.teams.values():
            for source in team.incidents:
                places = found.setdefault(source.connection, {})
                earliest = min(places.get(source.place, team.start_from), team.start_from)
                places[source.place] = earliest
        return found

    def _poll(self, job: ClaimedJob, place: str, start: datetime) -> None:
        """Look through one place. The mark moves to when the look began, and only at its end:
        a look that failed half-way is done again."""
        began = self._clock()
        with self._store.read() as tx:
            mark = tx.ledger.since(job.subject, place)
        since = start if mark is None else max(start, mark - OVERLAP)
        found = 0
        for glimpses in _chunks(self._trackers[job.subject].changed(place, since)):
            with self._store.write() as tx:
                tx.jobs.extend(job, timedelta(minutes=2))
                for glimpse in tx.ledger.news(glimpses):
                    found += 1
                    tx.ledger.record(glimpse)
                    ask_to_read(tx, glimpse.ref, "found by polling")
        with self._store.write() as tx:
            tx.jobs.fence(job)
            tx.ledger.set_since(job.subject, place, began)
        if found:
            log.info("polled", place=place, news=found)

    def _poll_documents(self, job: ClaimedJob) -> None:
        """Ask for each living document whether it changed; those that did are read again."""
        with self._store.read() as tx:
            incidents = [record.incident for record in tx.incidents.with_document()]
        for incident in incidents:
            known = incident.postmortem
            if known is None:
                continue
            try:
                version = self._documents(known.ref.kind, known.connection).version(known.ref)
            except NotThere:
                version = ""  # gone: reading it will say so
            except TrackerError as error:
                log.warning("document not looked at", id=known.ref.id, words=error.words)
                continue
            if version is not None and version != known.ref.version:
                with self._store.write() as tx:
                    tx.jobs.extend(job, timedelta(minutes=2))
                    tx.incidents.set_document_changed(incident.id, True)
                    subject = incident_subject(incident.ticket.connection, incident.ticket.id)
                    tx.jobs.touch(INCIDENT_JOB, subject, reason="its document was edited")


def ask_to_read(tx: Transaction, ref: TicketRef, why: str) -> None:
    """Ask for the turn of the incident that this ticket is, or whose document it is."""
    ours = tx.refs.find(ref.connection, ref.id)
    if ours is None:
        tx.jobs.touch(INCIDENT_JOB, incident_subject(ref.connection, ref.id), reason=why)
    elif ours.role is Role.DOCUMENT and (record := tx.incidents.get(ours.incident_id)):
        ticket = record.incident.ticket
        tx.incidents.set_document_changed(ours.incident_id, True)
        subject = incident_subject(ticket.connection, ticket.id)
        tx.jobs.touch(INCIDENT_JOB, subject, reason=f"its document: {why}")


def _chunks(glimpses: Iterator[Glimpse]) -> Iterator[list[Glimpse]]:
    while chunk := list(islice(glimpses, _CHUNK)):
        yield chunk
