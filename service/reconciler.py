"""Finds what no webhook told: polls the places of incidents and tasks, and documents that tell
nothing.

Looking back overlaps with what was seen before, because the trackers' indexes lag and their
times are coarse. Of incidents, the ledger of (ticket, its own `updated`) says what is news; of
tasks, what was last agreed on with them. Once a day all of a place with tasks is looked through:
so what went from it is found, and whatever was missed in another way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from integrations.document_store import LooksAtMany
from integrations.tracker import (
    Glimpse,
    NotThere,
    RateLimited,
    Rejected,
    SignInFailed,
    Tracker,
    TrackerError,
    Unavailable,
)
from service.clock import Clock
from service.comparing import Comparison, Look, chunks, mark
from service.jobs import AWAITED, TIMING, ClaimedJob, JobEnd, Later, Timing
from service.lease import Lease
from service.outcomes import retry_at, sentence
from service.routing import INCIDENT_JOB, ask_for_audit, incident_subject
from service.settling import DocumentStores
from service.store import Store, Transaction
from service.store.incidents import IncidentRecord
from service.store.refs import Ref, Role
from workflows.drift import compare_rows
from workflows.model import DocumentRef, DocumentStatus, Postmortem, TicketRef
from workflows.policy import Policy
from workflows.tasks import TaskState

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

#: How often all of a place with tasks is looked through.
WHOLE_EVERY = timedelta(days=1)

#: How many tickets that such a look does not show are read in one round, each by itself; where
#: there are more, the next round looks through all of the place again.
MOST_MISSING = 50


@dataclass(slots=True)
class _Place:
    """What to look for in a place: incidents from `start` on (UTC), where the rules have any there,
    and the tasks of incidents, and `audits` by their ids, that stand in it."""

    start: datetime | None = None
    tasks: dict[str, Ref] = field(default_factory=dict)
    audits: set[str] = field(default_factory=set)


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
        self._comparison = Comparison(store, policy, trackers)
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
            for subject in (*self._trackers, DOCUMENTS):
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
        if job.subject not in self._trackers:
            return Later(self._clock() + timedelta(days=1), "the rules no longer poll this")
        return self._poll_places(job, lease, self._places(job.subject))

    def _poll_places(self, job: ClaimedJob, lease: Lease, places: Mapping[str, _Place]) -> Later:
        """Look through each place, whatever becomes of the others. But a tracker that asks to
        wait means all of the connection: nothing more is asked before it allows."""
        failed: dict[str, TrackerError] = {}
        for place, there in places.items():
            try:
                self._poll(job, lease, place, there)
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

    def _places(self, connection: str) -> dict[str, _Place]:
        """Where incidents are, and where tasks are. GitHub's names have no case:
        https://docs.github.com/en/rest/repos/repos#get-a-repository"""
        found: dict[str, _Place] = {}
        for team in self._policy.teams.values():
            for source in team.incidents:
                if source.connection == connection:
                    place = found.setdefault(source.place, _Place())
                    place.start = min(place.start or team.start_from, team.start_from)
        names = {name.casefold(): name for name in found}
        for name, tasks in self._comparison.places(connection).items():
            known = names.setdefault(name.casefold(), name)
            found.setdefault(known, _Place()).tasks.update(tasks)
        for name, audits in self._comparison.audits(connection).items():
            known = names.setdefault(name.casefold(), name)
            found.setdefault(known, _Place()).audits.update(audits)
        return found

    def _poll(self, job: ClaimedJob, lease: Lease, place: str, there: _Place) -> None:
        """Look through one place, in one list of what is in it. The mark moves to when the look
        began, and only at its end: a look that failed half-way is done again."""
        began = self._clock()
        with self._store.read() as tx:
            last = tx.ledger.since(job.subject, place)
            whole_at = tx.ledger.whole_at(job.subject, place)
        since = None if last is None else last - OVERLAP
        whole = bool(there.tasks) and (whole_at is None or whole_at <= began - WHOLE_EVERY)
        if there.tasks:
            whole = self._look_through(job, lease, place, there, None if whole else since)
        elif start := there.start or since or (began - OVERLAP if there.audits else None):
            start = start if since is None else max(start, since)
            for glimpses in chunks(self._trackers[job.subject].changed(place, start)):
                with self._store.write() as tx:
                    lease.extend(tx)
                    self._news(tx, [g for g in glimpses if _counts(g, there)], began)
        with self._store.write() as tx:
            tx.jobs.fence(job)
            tx.ledger.set_since(job.subject, place, began, whole=whole)

    def _look_through(
        self, job: ClaimedJob, lease: Lease, place: str, there: _Place, since: datetime | None
    ) -> bool:
        """Look through a place with tasks, and whatever incidents are there. Returns whether that
        was all of it, with nothing left over."""
        look = self._comparison.look(place, there.tasks)
        states = self._trackers[job.subject].look_through(place, since)
        try:
            for some in chunks(states):
                differing = self._comparison.compare(look, some)
                with self._store.write() as tx:
                    lease.extend(tx)
                    mark(tx, differing, 0 if since is None else AWAITED)
                    self._news(tx, _incidents(some, there), look.began)
        except (NotThere, Rejected) as error:
            # No rule names it that somebody could mend. What became of its tickets, each tells.
            if there.start is not None or isinstance(error, SignInFailed):
                raise
            log.warning("place of tasks not looked through", place=place, words=error.words)
        return since is None and self._look_for_missing(lease, look)

    def _look_for_missing(self, lease: Lease, look: Look) -> bool:
        gone, all_of_them = self._comparison.missing(look, MOST_MISSING)
        with self._store.write() as tx:
            lease.extend(tx)
            mark(tx, gone)
        return all_of_them

    def _news(self, tx: Transaction, glimpses: Sequence[Glimpse], began: datetime) -> None:
        """Have those that are news read."""
        news = tx.ledger.news(glimpses)
        for glimpse in news:
            tx.ledger.sighted(glimpse.ref.connection, glimpse.ref.id, glimpse.ref.key)
            if glimpse.at < began - SETTLED:
                tx.ledger.record(glimpse)
            ask_to_read(tx, glimpse.ref, "found by polling")
        if news:
            log.info("polled", news=len(news))

    def _poll_documents(self, lease: Lease) -> None:
        """Look at each document that may still change; those that did are read by their
        incident's own turn."""
        began = self._clock()
        with self._store.read() as tx:
            records = tx.incidents.with_document()
            last = tx.ledger.since(DOCUMENTS, _PUBLISHED)
        read_published = last is None or last <= began - PUBLISHED_EVERY
        all_seen = True
        seen = self._seen_together(lease, records)
        for record in records:
            known = record.incident.postmortem
            if known is None or known.status not in _LIVING:
                continue
            lease.outlast(self._timing.call)
            try:
                changed = self._document_changed(known, read_published, seen)
            except TrackerError as error:
                log.warning("document not looked at", url=known.ref.url, words=error.words)
                all_seen = all_seen and not isinstance(error, RateLimited | Unavailable)
                continue
            if changed is not None:
                with self._store.write() as tx:
                    lease.extend(tx)
                    self._note_rows(tx, record, known, changed)
                    tx.incidents.set_document_changed(record.incident.id, True)
                    ticket = record.incident.ticket
                    subject = incident_subject(ticket.connection, ticket.id)
                    tx.jobs.touch(INCIDENT_JOB, subject, reason="its document was edited")
        if read_published and all_seen:  # else the round is made again: a day is long
            with self._store.write() as tx:
                lease.extend(tx)
                tx.ledger.set_since(DOCUMENTS, _PUBLISHED, began)

    def _note_rows(
        self, tx: Transaction, record: IncidentRecord, known: Postmortem, now: Mapping[str, str]
    ) -> None:
        """What differs in the table of action items, where a webhook should have told of it: no
        one tells of a file on this machine, and what was told waits for its turn."""
        if not known.connection or record.document_changed:
            return
        key = known.ref.ticket.key if known.ref.ticket else known.ref.url
        ref = Ref(known.connection, known.ref.id, record.incident.id, Role.DOCUMENT, key)
        for item, drifts in compare_rows(record.incident, now).items():
            tx.drifts.note(ref, item, drifts)

    def _seen_together(
        self, lease: Lease, records: Sequence[IncidentRecord]
    ) -> Mapping[tuple[str, str], str]:
        """The versions that stores tell many at once, by connection and id; of the others, nothing,
        and neither where the look fails: then each is looked at."""
        asked: dict[tuple[str, str], list[DocumentRef]] = {}
        for record in records:
            known = record.incident.postmortem
            if known is not None and known.status in _LIVING:
                asked.setdefault((known.ref.kind, known.connection), []).append(known.ref)
        found: dict[tuple[str, str], str] = {}
        for (kind, connection), refs in asked.items():
            try:
                store = self._documents(kind, connection)
                if not isinstance(store, LooksAtMany):
                    continue
                for start in range(0, len(refs), store.at_once):
                    lease.outlast(self._timing.call)
                    versions = store.versions(refs[start : start + store.at_once])
                    found |= {(connection, id): version for id, version in versions.items()}
            except TrackerError as error:
                log.warning("documents not looked at", connection=connection, words=error.words)
        return found

    def _document_changed(
        self, known: Postmortem, read_published: bool, seen: Mapping[tuple[str, str], str]
    ) -> Mapping[str, str] | None:
        """The regions of a document that is not as known, nothing where it is gone; None where it
        is. By its version where the store tells one cheaply, otherwise by reading it; a published
        one only when `read_published`, and until then it counts as unchanged."""
        store = self._documents(known.ref.kind, known.connection)
        try:
            version = seen.get((known.connection, known.ref.id)) or store.version(known.ref)
            if version is not None and version == known.ref.version:
                return None
            published = known.status is DocumentStatus.PUBLISHED
            if version is None and published and not read_published:
                return None
            now = store.read(known.ref, known.headings)
        except NotThere:
            return {}
        same = (now.status, dict(now.regions)) == (known.status, dict(known.seen))
        same &= (now.ref.head, now.ref.published) == (known.ref.head, known.ref.published)
        if version is None and same and now.text == known.text:
            return None
        return now.regions


def ask_to_read(tx: Transaction, ref: TicketRef, why: str) -> None:
    """Ask for the turn of the incident that this ticket is, or whose document it is."""
    ours = tx.refs.find(ref.connection, ref.id)
    if ours is None:
        subject = incident_subject(ref.connection, ref.id)
        tx.jobs.touch(INCIDENT_JOB, subject, priority=AWAITED, reason=why)
    elif ours.role is Role.AUDIT:
        ask_for_audit(tx, ours, AWAITED, f"the audit {ours.key}: {why}")
    elif ours.role is Role.DOCUMENT and (record := tx.incidents.get(ours.incident_id)):
        ticket = record.incident.ticket
        tx.incidents.set_document_changed(ours.incident_id, True)
        subject = incident_subject(ticket.connection, ticket.id)
        tx.jobs.touch(INCIDENT_JOB, subject, reason=f"its document: {why}")


def _incidents(states: Sequence[TaskState], there: _Place) -> list[Glimpse]:
    """What may be incidents, or their documents, or is an audit, among what was listed."""
    seen = [Glimpse(state.ref, state.updated.isoformat(), state.updated) for state in states]
    return [each for each in seen if _counts(each, there)]


def _counts(glimpse: Glimpse, there: _Place) -> bool:
    """Whether it may be an incident, or its document, or is an audit."""
    if glimpse.ref.id in there.audits:
        return True
    start = there.start
    return start is not None and glimpse.at >= start and glimpse.ref.id not in there.tasks
