"""Finds what no webhook told: polls the watched places, and documents that tell nothing.

Looking back overlaps with what was seen before, because the trackers' indexes lag and their
times are coarse; the ledger of (ticket, its own `updated`) says what is news.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice

import structlog

from integrations.tracker import (
    Glimpse,
    NotThere,
    RateLimited,
    Tracker,
    TrackerError,
    Unavailable,
)
from service.clock import Clock
from service.jobs import AWAITED, TIMING, ClaimedJob, JobEnd, Later, Timing
from service.lease import Lease
from service.outcomes import retry_at, sentence
from service.routing import INCIDENT_JOB, incident_subject
from service.settling import DocumentStores
from service.store import Store, Transaction
from service.store.refs import Role
from workflows.model import DocumentStatus, Postmortem, TicketRef
from workflows.policy import Policy

log = structlog.get_logger()

POLL_JOB = "poll"
DOCUMENTS = "documents"  # the subject that polls documents; all others are connections

#: Jira's search index was seen to lag by minutes and its `updated` has minute precision.
OVERLAP = timedelta(minutes=15)

#: A ticket that changed this shortly ago may change once more under the same time (GitHub's has
#: the precision of a second): it is looked at once more before it counts as seen.
SETTLED = timedelta(seconds=10)

#: Documents are read one by one, so not as often as places are polled.
DOCUMENTS_EVERY = timedelta(minutes=5)

#: Published documents seldom change, become ever more, and their trackers tell of edits: those
#: that must be read to know whether they changed are looked at in a round of their own.
PUBLISHED_EVERY = timedelta(days=1)
_PUBLISHED = "published"  # the mark of that round

#: Documents that people still work on.
_LIVING = frozenset({DocumentStatus.DRAFT, DocumentStatus.IN_REVIEW, DocumentStatus.PUBLISHED})

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
        timing: Timing = TIMING,
    ) -> None:
        self._store = store
        self._policy = policy
        self._trackers = trackers
        self._documents = documents
        self._clock = clock
        self._every = every
        self._timing = timing

    def start(self) -> None:
        """Ask for all polls now, as at each start of a worker; and for a turn of each incident
        that waits and was decided under other rules: these may be what it waited for."""
        with self._store.write() as tx:
            for subject in (*self._places(), DOCUMENTS):
                tx.jobs.touch(POLL_JOB, subject)
            for ticket in tx.incidents.waiting_under_other_rules(self._policy.hash):
                subject = incident_subject(ticket.connection, ticket.id)
                tx.jobs.touch(INCIDENT_JOB, subject, reason="the rules changed")

    def run(self, job: ClaimedJob) -> JobEnd:
        with Lease(self._store, job).held() as lease:
            return self._run(job, lease)

    def _run(self, job: ClaimedJob, lease: Lease) -> JobEnd:
        if job.subject == DOCUMENTS:
            self._poll_documents(lease)
            pause = max(self._every, DOCUMENTS_EVERY)
            return Later(self._clock() + pause, "documents are looked at again")
        places = self._places().get(job.subject)
        if places is None:
            return Later(self._clock() + timedelta(days=1), "the rules no longer poll this")
        return self._poll_places(job, lease, places)

    def _poll_places(self, job: ClaimedJob, lease: Lease, places: Mapping[str, datetime]) -> Later:
        """Look through each place, whatever becomes of the others. But a tracker that asks to
        wait means all of the connection: nothing more is asked before it allows."""
        failed: dict[str, TrackerError] = {}
        for place, start in places.items():
            try:
                self._poll(job, lease, place, start)
            except TrackerError as error:
                log.warning("poll failed", place=place, words=error.words, mend=error.mend)
                failed[place] = error
                if isinstance(error, RateLimited):
                    break
        if not failed:
            return Later(self._clock() + self._every, "polled")
        now = self._clock()
        limits = [each.retry_at for each in failed.values() if isinstance(each, RateLimited)]
        at = max(limits, default=min(retry_at(error, now) for error in failed.values()))
        return Later(at, "; ".join(f"{place}: {sentence(e)}" for place, e in failed.items()))

    def _places(self) -> dict[str, dict[str, datetime]]:
        """Connection → place → from when its tickets count."""
        found: dict[str, dict[str, datetime]] = {}
        for team in self._policy.teams.values():
            for source in team.incidents:
                places = found.setdefault(source.connection, {})
                earliest = min(places.get(source.place, team.start_from), team.start_from)
                places[source.place] = earliest
        return found

    def _poll(self, job: ClaimedJob, lease: Lease, place: str, start: datetime) -> None:
        """Look through one place. The mark moves to when the look began, and only at its end:
        a look that failed half-way is done again."""
        began = self._clock()
        with self._store.read() as tx:
            mark = tx.ledger.since(job.subject, place)
        since = start if mark is None else max(start, mark - OVERLAP)
        found = 0
        for glimpses in _chunks(self._trackers[job.subject].changed(place, since)):
            with self._store.write() as tx:
                lease.extend(tx)
                for glimpse in tx.ledger.news(glimpses):
                    found += 1
                    tx.ledger.sighted(glimpse.ref.connection, glimpse.ref.id, glimpse.ref.key)
                    if glimpse.at < began - SETTLED:
                        tx.ledger.record(glimpse)
                    ask_to_read(tx, glimpse.ref, "found by polling")
        with self._store.write() as tx:
            tx.jobs.fence(job)
            tx.ledger.set_since(job.subject, place, began)
        if found:
            log.info("polled", place=place, news=found)

    def _poll_documents(self, lease: Lease) -> None:
        """Look at each document that may still change; those that did are read by their
        incident's own turn."""
        began = self._clock()
        with self._store.read() as tx:
            incidents = [record.incident for record in tx.incidents.with_document()]
            mark = tx.ledger.since(DOCUMENTS, _PUBLISHED)
        read_published = mark is None or mark <= began - PUBLISHED_EVERY
        all_seen = True
        for incident in incidents:
            known = incident.postmortem
            if known is None or known.status not in _LIVING:
                continue
            lease.outlast(self._timing.call)
            try:
                changed = self._document_changed(known, read_published)
            except TrackerError as error:
                log.warning("document not looked at", url=known.ref.url, words=error.words)
                all_seen = all_seen and not isinstance(error, RateLimited | Unavailable)
                continue
            if changed:
                with self._store.write() as tx:
                    lease.extend(tx)
                    tx.incidents.set_document_changed(incident.id, True)
                    subject = incident_subject(incident.ticket.connection, incident.ticket.id)
                    tx.jobs.touch(INCIDENT_JOB, subject, reason="its document was edited")
        if read_published and all_seen:  # else the round is made again: a day is long
            with self._store.write() as tx:
                lease.extend(tx)
                tx.ledger.set_since(DOCUMENTS, _PUBLISHED, began)

    def _document_changed(self, known: Postmortem, read_published: bool) -> bool:
        """By its version where the store tells one cheaply, otherwise by reading it; a published
        one only when `read_published`, and until then it counts as unchanged."""
        store = self._documents(known.ref.kind, known.connection)
        try:
            version = store.version(known.ref)
            if version is not None:
                return version != known.ref.version
            if known.status is DocumentStatus.PUBLISHED and not read_published:
                return False
            now = store.read(known.ref, known.headings)
        except NotThere:
            return True
        return (now.status, dict(now.regions)) != (known.status, dict(known.seen)) or (
            now.text != known.text
        )


def ask_to_read(tx: Transaction, ref: TicketRef, why: str) -> None:
    """Ask for the turn of the incident that this ticket is, or whose document it is."""
    ours = tx.refs.find(ref.connection, ref.id)
    if ours is None:
        subject = incident_subject(ref.connection, ref.id)
        tx.jobs.touch(INCIDENT_JOB, subject, priority=AWAITED, reason=why)
    elif ours.role is Role.DOCUMENT and (record := tx.incidents.get(ours.incident_id)):
        ticket = record.incident.ticket
        tx.incidents.set_document_changed(ours.incident_id, True)
        subject = incident_subject(ticket.connection, ticket.id)
        tx.jobs.touch(INCIDENT_JOB, subject, reason=f"its document: {why}")


def _chunks(glimpses: Iterator[Glimpse]) -> Iterator[list[Glimpse]]:
    while chunk := list(islice(glimpses, _CHUNK)):
        yield chunk
