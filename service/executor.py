"""Makes wishes true: begin, call, record, item by item.

The intent is on disk before a call is made. How a call ended is data: done, again later,
unknown until settled, or refused and waiting for a person. Nothing is sent when the lease that
protects the incident might be over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from integrations.tracker import (
    DocumentStore,
    NotThere,
    OutcomeUnknown,
    RateLimited,
    SignInFailed,
    StaleVersion,
    TaskResult,
    Tracker,
    TrackerError,
    Unavailable,
)
from service.clock import Clock
from service.jobs import LEASE, ClaimedJob
from service.outcomes import retry_at, sentence, told
from service.store import Store, Transaction
from service.store.effects import EffectRecord, EffectState
from service.store.journal import EntryKind
from service.store.refs import Ref, Role
from workflows.documents import regions
from workflows.effects import (
    CreateDocument,
    CreateTask,
    Effect,
    LinkTask,
    WriteComment,
    WriteRegions,
)
from workflows.events import (
    CommentWritten,
    DocumentCreated,
    DocumentRead,
    DocumentWritten,
    News,
    Outcome,
    TaskCreated,
    TaskLinked,
)
from workflows.lifecycle import fold
from workflows.model import DocumentState, DocumentStatus, Incident, Postmortem

log = structlog.get_logger()

#: How long to wait before something of unknown outcome is looked for the last time and, when it
#: is nowhere, done again: longer than a lease and a call together, because the caller may be a
#: worker that still sleeps.
SETTLE = LEASE + timedelta(seconds=60)

#: How soon something of unknown outcome is looked for the first time.
FIRST_LOOK = timedelta(seconds=10)

DocumentStores = Callable[[str, str], DocumentStore]


class Executor:
    """Executes the effects of one incident, whose job (and so its lease) the caller holds.

    `documents` gives the store for a document's kind and connection.
    """

    def __init__(
        self,
        store: Store,
        trackers: Mapping[str, Tracker],
        documents: DocumentStores,
        clock: Clock,
        policy_hash: str,
    ) -> None:
        self._store = store
        self._trackers = trackers
        self._documents = documents
        self._clock = clock
        self._policy_hash = policy_hash

    def execute(
        self, job: ClaimedJob, records: Sequence[EffectRecord], incident: Incident
    ) -> Incident:
        """Run these effects of one kind (see `batch`), recording each outcome as it comes.

        Returns the incident with what became known. Raises LostLease, after which nothing more
        was sent and nothing is saved.
        """
        left = list(records)
        for record, ended in self._settle(records, incident):
            incident = self._record(job, record, ended, incident)
            left.remove(record)
        if left:
            with self._store.write() as tx:
                tx.jobs.extend(job, LEASE)
                tx.effects.begin([record.key for record in left])
            for record, ended in self._perform(left, incident):
                incident = self._record(job, record, ended, incident)
        return incident

    # --- doing --------------------------------------------------------------------------------

    def _perform(
        self, records: Sequence[EffectRecord], incident: Incident
    ) -> Iterator[tuple[EffectRecord, News | TrackerError]]:
        tasks = [r.wish for r in records if isinstance(r.wish, CreateTask)]
        if tasks:
            by_key = {record.key: record for record in records}
            tracker = self._trackers[tasks[0].target.connection]
            for result in tracker.create_tasks(tasks):
                yield by_key[result.key], _task_news(result)
            return
        for record in records:
            try:
                yield record, self._one(record.wish, incident)
            except StaleVersion:
                yield record, self._read_again(incident)
            except TrackerError as error:
                yield record, error

    def _one(self, wish: Effect, incident: Incident) -> Outcome:
        match wish:
            case CreateDocument():
                target = wish.target
                state = self._documents(target.kind, target.connection).create(wish)
                return DocumentCreated(target.connection, state, regions(wish.text))
            case WriteRegions():
                known = _known(incident)
                state = self._store_of(known).write(_state(known), wish.regions)
                return DocumentWritten(state, wish.regions)
            case LinkTask():
                tracker = self._trackers[wish.incident.connection]
                tracker.link(wish.incident, wish.task, wish.title, wish.key)
                return TaskLinked(wish.key)
            case WriteComment():
                tracker = self._trackers[wish.ticket.connection]
                comment = tracker.write_comment(
                    wish.ticket, wish.text, wish.key, incident.comment_id
                )
                return CommentWritten(wish.key, comment)
            case CreateTask():
                raise TypeError("tasks are created in batches")

    def _store_of(self, known: Postmortem) -> DocumentStore:
        return self._documents(known.ref.kind, known.connection)

    def read_document(self, incident: Incident) -> News:
        """The incident's document as it is now, or that it is gone. Raises TrackerError."""
        known = _known(incident)
        try:
            return DocumentRead(self._store_of(known).read(known.ref, known.headings))
        except NotThere:
            gone = DocumentState(known.ref, {}, known.headings, DocumentStatus.GONE)
            return DocumentRead(gone)

    def _read_again(self, incident: Incident) -> News | TrackerError:
        try:
            return self.read_document(incident)
        except TrackerError as error:
            return error

    # --- settling what may have happened ---------------------------------------------------------

    def _settle(
        self, records: Sequence[EffectRecord], incident: Incident
    ) -> list[tuple[EffectRecord, News | TrackerError]]:
        """Of effects that were begun once and never heard of: those that turn out to be there,
        and those that must wait longer before their absence counts for anything."""
        uncertain = [
            record
            for record in records
            if record.state in (EffectState.BEGUN, EffectState.UNKNOWN)
            and _creates(record.wish, incident)
        ]
        if not uncertain:
            return []
        try:
            found = self._found_tasks(uncertain, incident) | self._found_others(uncertain)
        except TrackerError as error:
            refused = OutcomeUnknown(f"could not look it up: {error.words}", mend=error.mend)
            return [(record, refused) for record in uncertain]
        settled: list[tuple[EffectRecord, News | TrackerError]] = []
        for record in uncertain:
            if record.key in found:
                settled.append((record, found[record.key]))
            elif self._clock() < (record.begun_at or record.asked_at) + SETTLE:
                settled.append((record, OutcomeUnknown("the answer never came")))
        return settled

    def _found_tasks(self, records: Sequence[EffectRecord], incident: Incident) -> dict[str, News]:
        wishes = {r.key: r.wish for r in records if isinstance(r.wish, CreateTask)}
        if not wishes:
            return {}
        target = next(iter(wishes.values())).target
        since = min(record.asked_at for record in records)
        tracker = self._trackers[target.connection]
        found = tracker.find_created(list(wishes), incident.ticket, target, since)
        return {key: TaskCreated(key, ref, linked=False) for key, ref in found.items()}

    def _found_others(self, records: Sequence[EffectRecord]) -> dict[str, News]:
        found: dict[str, News] = {}
        for record in records:
            match record.wish:
                case CreateDocument() as wish:
                    target = wish.target
                    state = self._documents(target.kind, target.connection).find(
                        wish, record.asked_at
                    )
                    if state is not None:
                        bodies = regions(wish.text)
                        found[wish.key] = DocumentCreated(target.connection, state, bodies)
                case WriteComment() as wish:
                    tracker = self._trackers[wish.ticket.connection]
                    comment = tracker.find_comment(wish.ticket, wish.key)
                    if comment is not None:
                        found[wish.key] = CommentWritten(wish.key, comment)
        return found

    # --- recording --------------------------------------------------------------------------------

    def _record(
        self,
        job: ClaimedJob,
        record: EffectRecord,
        ended: News | TrackerError,
        incident: Incident,
    ) -> Incident:
        """One outcome, committed together with the state that it leads to."""
        with self._store.write() as tx:
            tx.jobs.extend(job, LEASE)
            if isinstance(ended, TrackerError):
                text = self._ended_badly(tx, record, ended)
            else:
                incident = fold(ended, incident)
                tx.incidents.save(incident, self._policy_hash)
                text = self._ended_well(tx, record, ended, incident)
            tx.journal.add(incident.id, EntryKind.EFFECT, text, {"key": record.key})
        log.info("effect", incident=incident.ticket.key, key=record.key, outcome=text)
        return incident

    def _ended_well(
        self, tx: Transaction, record: EffectRecord, news: News, incident: Incident
    ) -> str:
        match news:
            case DocumentRead():
                why = "a person edited the document meanwhile: it is read again and merged"
                tx.effects.retry(record.key, self._clock(), why)
                tx.incidents.set_document_changed(incident.id, False)
                return why
            case DocumentCreated(connection, document):
                self._remember_document(tx, record.wish, document, incident, connection)
            case TaskCreated(_, ref):
                tx.refs.put(Ref(ref.connection, ref.id, incident.id, Role.TASK, ref.key))
        tx.effects.done(record, news)
        return told(news, incident)

    def _remember_document(
        self,
        tx: Transaction,
        wish: Effect,
        document: DocumentState,
        incident: Incident,
        connection: str,
    ) -> None:
        """Note where news of the document will come from."""
        ticket = document.ref.ticket
        if ticket is not None:
            ref = Ref(ticket.connection, ticket.id, incident.id, Role.DOCUMENT, ticket.key)
            tx.refs.put(ref)
        elif isinstance(wish, CreateDocument):
            place, path = wish.target.place, wish.target.path
            tx.refs.put_document(connection, place, path, incident.id, document.ref.branch)

    def _ended_badly(self, tx: Transaction, record: EffectRecord, error: TrackerError) -> str:
        """Why it is not done, in words; and when, or after what, it is tried again."""
        now, key = self._clock(), record.key
        match error:
            case RateLimited() | Unavailable() | SignInFailed():
                at = retry_at(error, now)
                tx.effects.retry(key, at, error.words, error.mend)
                return f"tried again at {at:%H:%M:%S} UTC: {sentence(error)}"
            case OutcomeUnknown():
                tx.effects.unknown(key, self._look_again(record, now), error.words)
                return (
                    f"may or may not have happened, looked up before it is repeated: {error.words}"
                )
            case _:
                tx.effects.reject(key, error.words, error.mend)
                return f"refused: {sentence(error)}"

    def _look_again(self, record: EffectRecord, now: datetime) -> datetime:
        """Soon the first time; then when absence begins to mean something."""
        if record.state is not EffectState.UNKNOWN:
            return now + FIRST_LOOK
        return max(now + FIRST_LOOK, (record.begun_at or now) + SETTLE)


def _task_news(result: TaskResult) -> News | TrackerError:
    if result.error is not None:
        return result.error
    if result.ref is None:
        raise ValueError(f"{result.key}: neither a ticket nor an error")
    return TaskCreated(result.key, result.ref, result.linked, result.unset)


def _creates(wish: Effect, incident: Incident) -> bool:
    """Whether doing it twice would leave two of it."""
    if isinstance(wish, WriteComment):
        return incident.comment_id is None
    return isinstance(wish, CreateDocument | CreateTask)


def _known(incident: Incident) -> Postmortem:
    if incident.postmortem is None:
        raise ValueError(f"incident {incident.id} has no document")
    return incident.postmortem


def _state(known: Postmortem) -> DocumentState:
    return DocumentState(known.ref, known.seen, known.headings, known.status, known.text)
