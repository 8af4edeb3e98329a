"""Makes wishes true: begin, call, record, item by item.

The intent is on disk before a call is made. How a call ended is data: done, again later,
unknown until settled, or refused and waiting for a person. Nothing is sent when the lease that
protects the incident might be over before the call is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from integrations.tracker import (
    DocumentStore,
    DocumentStores,
    NotThere,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    SignInFailed,
    StaleVersion,
    TaskResult,
    Tracker,
    TrackerError,
    Unavailable,
)
from service.audience import Audiences
from service.clock import Clock
from service.jobs import LEASE, ClaimedJob
from service.lease import Lease
from service.outcomes import new_conflicts, retry_at, sentence, told
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


class Executor:
    """Executes the effects of one incident, whose job (and so its lease) the caller holds."""

    def __init__(
        self,
        store: Store,
        trackers: Mapping[str, Tracker],
        documents: DocumentStores,
        audiences: Audiences,
        clock: Clock,
        policy_hash: str,
    ) -> None:
        self._store = store
        self._trackers = trackers
        self._documents = documents
        self._audiences = audiences
        self._clock = clock
        self._policy_hash = policy_hash

    def execute(
        self, job: ClaimedJob, records: Sequence[EffectRecord], incident: Incident
    ) -> Incident:
        """Run these effects of one kind (see `batch`), recording each outcome as it comes.

        Returns the incident with what became known. Raises LostLease, after which nothing more
        was sent and nothing is saved.
        """
        left, lease = list(records), Lease(self._store, job)
        for record, ended in self._settle(records, incident):
            incident = self._record(lease, record, ended, incident, looked_up=True)
            left.remove(record)
        for record, why in self._audiences.of_effects(left, incident):
            looked_up = _may_have_happened(record)  # then it may not be done blindly later
            incident = self._record(lease, record, why, incident, looked_up=looked_up)
            left.remove(record)
        if left:
            with self._store.write() as tx:
                lease.extend(tx)
                tx.effects.begin([record.key for record in left])
            for record, ended in self._perform(lease, left, incident):
                incident = self._record(lease, record, ended, incident)
        return incident

    # --- doing --------------------------------------------------------------------------------

    def _perform(
        self, lease: Lease, records: Sequence[EffectRecord], incident: Incident
    ) -> Iterator[tuple[EffectRecord, News | TrackerError]]:
        if any(isinstance(record.wish, CreateTask) for record in records):
            yield from self._create_tasks(lease, records)
            return
        for record in records:
            lease.outlast_step()
            try:
                yield record, self._one(record.wish, incident)
            except StaleVersion:
                yield record, self._read_again(incident)
            except TrackerError as error:
                yield record, error

    def _create_tasks(
        self, lease: Lease, records: Sequence[EffectRecord]
    ) -> Iterator[tuple[EffectRecord, News | TrackerError]]:
        """Each task is a step of its own, so the lease is looked at before each."""
        by_key = {record.key: record for record in records}
        tasks = [r.wish for r in records if isinstance(r.wish, CreateTask)]
        try:
            tracker = self._tracker(tasks[0].target.connection)
        except TrackerError as error:
            yield from ((record, error) for record in records)
            return
        results = iter(tracker.create_tasks(tasks))
        lease.outlast_step()
        while (result := next(results, None)) is not None:
            yield by_key[result.key], _task_news(result)
            lease.outlast_step()

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
                tracker = self._tracker(wish.incident.connection)
                tracker.link(wish.incident, wish.task, wish.title, wish.key)
                return TaskLinked(wish.key)
            case WriteComment():
                tracker = self._tracker(wish.ticket.connection)
                comment = tracker.write_comment(
                    wish.ticket, wish.text, wish.key, incident.comment_id
                )
                return CommentWritten(wish.key, comment)
            case CreateTask():
                raise TypeError("tasks are created in batches")

    def _tracker(self, connection: str) -> Tracker:
        """Raises Rejected when the rules have the connection no more."""
        tracker = self._trackers.get(connection)
        if tracker is None:
            raise Rejected(
                f"the rules have no connection {connection!r}",
                mend=f"Give the rules the connection {connection!r} again, under this name.",
            )
        return tracker

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
        those that must wait longer before their absence counts for anything, and those whose
        look-up failed."""
        uncertain = [
            record
            for record in records
            if _may_have_happened(record) and _creates(record.wish, incident)
        ]
        if not uncertain:
            return []
        try:
            found = self._found_tasks(uncertain, incident) | self._found_others(uncertain)
        except TrackerError as error:
            return [(record, error) for record in uncertain]
        settled: list[tuple[EffectRecord, News | TrackerError]] = []
        for record in uncertain:
            if record.key in found:
                settled.append((record, found[record.key]))
            elif record.state is EffectState.WANTED:
                continue
            elif self._clock() < (record.begun_at or record.asked_at) + SETTLE:
                settled.append((record, OutcomeUnknown("the answer never came")))
        return settled

    def _found_tasks(self, records: Sequence[EffectRecord], incident: Incident) -> dict[str, News]:
        wishes = {r.key: r.wish for r in records if isinstance(r.wish, CreateTask)}
        if not wishes:
            return {}
        target = next(iter(wishes.values())).target
        since = min(record.asked_at for record in records)
        tracker = self._tracker(target.connection)
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
                    tracker = self._tracker(wish.ticket.connection)
                    comment = tracker.find_comment(wish.ticket, wish.key)
                    if comment is not None:
                        found[wish.key] = CommentWritten(wish.key, comment)
        return found

    # --- recording --------------------------------------------------------------------------------

    def _record(
        self,
        lease: Lease,
        record: EffectRecord,
        ended: News | TrackerError,
        incident: Incident,
        *,
        looked_up: bool = False,
    ) -> Incident:
        """One outcome, committed together with the state that it leads to. `looked_up`: of a
        look at what may have happened, and not of the call itself."""
        with self._store.write() as tx:
            lease.extend(tx)
            if isinstance(ended, NotThere) and _rewrites_comment(record.wish, incident):
                incident, news = replace(incident, comment_id=None), True
                tx.incidents.save(incident, self._policy_hash)
                text = "somebody deleted the comment: another one is written"
                tx.effects.retry(record.key, self._clock(), text)
            elif isinstance(ended, TrackerError):
                state = _state_after(ended, looked_up)
                text = self._ended_badly(tx, record, ended, state)
                news = (state, ended.words) != (record.state, record.words)
            else:
                before, incident = incident, fold(ended, incident)
                tx.incidents.save(incident, self._policy_hash)
                for conflict in new_conflicts(before, incident):
                    tx.journal.add(incident.id, EntryKind.CONFLICT, conflict)
                text, news = self._ended_well(tx, record, ended, incident), True
            if news:  # the same answer again and again is one line
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

    def _ended_badly(
        self, tx: Transaction, record: EffectRecord, error: TrackerError, state: EffectState
    ) -> str:
        """Why it is not done, in words; and when, or after what, it is tried again."""
        now, key = self._clock(), record.key
        match state:
            case EffectState.RETRY:
                at = retry_at(error, now)
                tx.effects.retry(key, at, error.words, error.mend)
                return f"tried again at {at:%H:%M:%S} UTC: {sentence(error)}"
            case EffectState.UNKNOWN:
                at = self._look_again(record, error, now)
                tx.effects.unknown(key, at, error.words, error.mend)
                why = sentence(error)
                return f"may or may not have happened, looked up before it is repeated: {why}"
            case _:
                tx.effects.reject(key, error.words, error.mend)
                return f"refused: {sentence(error)}"

    def _look_again(self, record: EffectRecord, error: TrackerError, now: datetime) -> datetime:
        """Soon the first time; then when absence begins to mean something. When the look itself
        failed, as soon as the tracker lets us look."""
        if not isinstance(error, OutcomeUnknown):
            return retry_at(error, now)
        if record.state is not EffectState.UNKNOWN:
            return now + FIRST_LOOK
        return max(now + FIRST_LOOK, (record.begun_at or now) + SETTLE)


def _task_news(result: TaskResult) -> News | TrackerError:
    if result.error is not None:
        return result.error
    if result.ref is None:
        raise ValueError(f"{result.key}: neither a ticket nor an error")
    return TaskCreated(result.key, result.ref, result.linked, result.unset)


def _state_after(error: TrackerError, looked_up: bool) -> EffectState:
    """What becomes of an effect by an error of its call, or of the look whether it happened."""
    match error:
        case OutcomeUnknown():
            return EffectState.UNKNOWN
        case RateLimited() | Unavailable() | SignInFailed():
            return EffectState.UNKNOWN if looked_up else EffectState.RETRY
        case _:
            return EffectState.REJECTED


def _may_have_happened(record: EffectRecord) -> bool:
    """Whether it was begun and nobody knows how that ended. What is wanted again after a dead
    letter counts too: it may be the look-up that was refused, and not the call."""
    again = record.state is EffectState.WANTED and record.attempts > 0
    return again or record.state in (EffectState.BEGUN, EffectState.UNKNOWN)


def _creates(wish: Effect, incident: Incident) -> bool:
    """Whether doing it twice would leave two of it."""
    if isinstance(wish, WriteComment):
        return incident.comment_id is None
    return isinstance(wish, CreateDocument | CreateTask)


def _rewrites_comment(wish: Effect, incident: Incident) -> bool:
    return isinstance(wish, WriteComment) and incident.comment_id is not None


def _known(incident: Incident) -> Postmortem:
    if incident.postmortem is None:
        raise ValueError(f"incident {incident.id} has no document")
    return incident.postmortem


def _state(known: Postmortem) -> DocumentState:
    return DocumentState(known.ref, known.seen, known.headings, known.status, known.text)
