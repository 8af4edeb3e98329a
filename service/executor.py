"""Makes wishes true: begin, call, record, item by item.

The intent is on disk before a call is made. How a call ended is data: done, again later,
unknown until settled, or refused and waiting for a person. Nothing is sent when the lease that
protects the incident might be over before the call is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from integrations.document_store import DocumentStore
from integrations.tracker import NotThere, OutcomeUnknown, StaleVersion, TrackerError
from service import owners
from service.audience import Audiences
from service.clock import Clock
from service.doing import doing
from service.jobs import TIMING, Timing
from service.lease import Lease
from service.outcomes import (
    closed,
    fields_written,
    is_read_first,
    lasting,
    outdated,
    retry_at,
    sentence,
    state_after,
    task_news,
    uncertain_since,
    written_to,
)
from service.owners import O
from service.settling import DocumentStores, Settling, TrackerOf, may_have_happened
from service.store import Store, Transaction
from service.store.effects import EffectRecord, EffectState
from service.store.journal import EntryKind
from service.transfers import remember_created
from service.versions import Versions, keep
from workflows.documents import regions
from workflows.effects import (
    CloseTicket,
    CreateDocument,
    CreateTask,
    Effect,
    KeepVersions,
    LinkTask,
    SetFields,
    SetReview,
    ShowRelease,
    WriteComment,
    WriteNote,
    WriteRegions,
    is_elsewhere,
)
from workflows.events import (
    CommentWritten,
    DocumentCreated,
    DocumentRead,
    DocumentWritten,
    News,
    NotCreated,
    NoteWritten,
    TaskCreated,
    TaskLinked,
    VersionsFound,
)
from workflows.hearing import overtaken
from workflows.model import DocumentState, DocumentStatus, Incident, Postmortem, TicketRef
from workflows.policy import Policy
from workflows.team_books import TeamBook

log = structlog.get_logger()

#: How soon something of unknown outcome is looked for the first time.
FIRST_LOOK = timedelta(seconds=10)


class Executor:
    """Executes the effects of one incident or team, whose job (and so its lease) the caller holds.

    `tracker` gives the tracker of a connection, `documents` the store for a document's kind and
    connection; both raise Rejected for what the rules have no more.
    """

    def __init__(
        self,
        store: Store,
        tracker: TrackerOf,
        documents: DocumentStores,
        audiences: Audiences,
        clock: Clock,
        policy: Policy,
        timing: Timing = TIMING,
    ) -> None:
        self._store = store
        self._tracker = tracker
        self._documents = documents
        self._audiences = audiences
        self._clock = clock
        self._policy = policy
        self._timing = timing
        self._versions = Versions(store)
        self._settling = Settling(store, tracker, documents, clock, timing.settle)

    def execute(
        self,
        lease: Lease,
        records: Sequence[EffectRecord],
        incident: O,
        wished: Sequence[Effect] = (),
    ) -> O:
        """Run these effects of one kind (see `batch`), recording each outcome as it comes. `wished`
        is what the incident, or the team, asks for now.

        Returns it with what became known. Raises LostLease, after which nothing more
        was sent and nothing is saved.
        """
        left = list(records)
        for record, ended in self._settling.settle(records, incident):
            incident = self._record(lease, record, ended, incident, looked_up=True)
            left.remove(record)
        left = self._in_newest_words(lease, left, wished)  # those are held against who reads them
        if isinstance(incident, Incident):  # a team has no document whose words it could repeat
            left = self._audiences.without_words(left, incident)
        for record, why in self._audiences.of_effects(left, incident):
            looked_up = may_have_happened(record)  # then it may not be done blindly later
            incident = self._record(lease, record, why, incident, looked_up=looked_up)
            left.remove(record)
        for record, ended in self._perform(lease, left, incident):
            incident = self._record(lease, record, ended, incident)
        return incident

    # --- doing --------------------------------------------------------------------------------

    def _in_newest_words(
        self, lease: Lease, records: Sequence[EffectRecord], wished: Sequence[Effect]
    ) -> list[EffectRecord]:
        """The records, and of creations that turned out never to have happened what is asked for
        today: the ticket may have been restricted since, and its words are told no more. What goes
        elsewhere by now is left for the next round, which brings together what goes there."""
        newest = {wish.key: wish for wish in wished}
        stale = {
            record.key
            for record in records
            if may_have_happened(record) and outdated(record.wish, newest.get(record.key))
        }
        if stale:
            with self._store.write() as tx:
                lease.extend(tx)
                for key in stale:
                    tx.effects.reword(newest[key])
        here = [r for r in records if r.key not in stale or not is_elsewhere(newest[r.key], r.wish)]
        return [replace(r, wish=newest[r.key]) if r.key in stale else r for r in here]

    def _perform(
        self, lease: Lease, records: Sequence[EffectRecord], incident: Incident | TeamBook
    ) -> Iterator[tuple[EffectRecord, News | TrackerError]]:
        moot = [r for r in records if isinstance(r.wish, CreateTask) and r.wish.moot]
        yield from ((record, NotCreated(record.key)) for record in moot)
        records = [record for record in records if record not in moot]
        if any(isinstance(record.wish, CreateTask) for record in records):
            yield from self._create_tasks(lease, records)
            return
        for record in records:
            self._begin(lease, [record])
            try:
                with doing([record]):
                    ended = self._one(record, incident)
                yield record, ended
            except StaleVersion as error:
                if isinstance(record.wish, SetFields):
                    yield record, error
                    continue
                yield record, self._read_again(owners.incident(incident))
            except TrackerError as error:
                yield record, error

    def _begin(self, lease: Lease, records: Sequence[EffectRecord]) -> None:
        """Write the intent down, and hold the lease for a whole length from here."""
        with self._store.write(beside=True) as tx:
            lease.extend(tx)
            tx.effects.begin([record.key for record in records])

    def _create_tasks(
        self, lease: Lease, records: Sequence[EffectRecord]
    ) -> Iterator[tuple[EffectRecord, News | TrackerError]]:
        """As many at a time as one call creates, each lot begun right before: so of a call whose
        answer never comes, only what it was to create is uncertain."""
        by_key = {record.key: record for record in records}
        tasks = [r.wish for r in records if isinstance(r.wish, CreateTask)]
        try:
            tracker = self._tracker(tasks[0].target.connection)
            at_once = tracker.at_once(tasks[0].target.place)
        except TrackerError as error:
            yield from ((record, error) for record in records)
            return
        stop: TrackerError | None = None
        for start in range(0, len(tasks), at_once):
            lot = tasks[start : start + at_once]
            if stop is not None:
                yield from ((by_key[task.key], stop) for task in lot)
                continue
            self._begin(lease, [by_key[task.key] for task in lot])
            with doing([by_key[task.key] for task in lot]):
                for result in tracker.create_tasks(lot):
                    yield by_key[result.key], task_news(result, by_key[result.key].wish)
                    stop = lasting(result.error) or stop

    def _one(self, record: EffectRecord, owner: Incident | TeamBook) -> News:
        if isinstance(record.wish, WriteNote):  # the one of these that a team has as well
            return self._note(record.wish)
        incident = owners.incident(owner)
        match wish := record.wish:
            case CreateDocument(target=target):
                documents = self._documents(target.kind, target.connection)
                state = documents.create(wish, again=record.attempts > 0)
                return DocumentCreated(target.connection, state, regions(wish.text))
            case WriteRegions():
                known = _known(incident)
                state = self._store_of(known).write(_state(known), wish.regions)
                return DocumentWritten(state, wish.regions, self._clock())
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
            case SetFields():
                tracker = self._tracker(wish.task.connection)
                may_be = partial(overtaken, incident, wish, policy=self._policy)
                return fields_written(wish, tracker.set_fields(wish, may_be), self._clock())
            case CloseTicket(ticket=ticket):
                fields = SetFields(wish.key, ticket, wish.place, {}, wish.status)
                tracker = self._tracker(ticket.connection)
                return closed(wish, tracker.set_fields(fields, lambda _: ""))
            case SetReview() | KeepVersions():
                documents = self._documents(wish.document.kind, _known(incident).connection)
                return self._versions.perform(wish, documents, incident.id)
            case CreateTask() | ShowRelease():
                raise TypeError(f"{wish.key} is not done one by one here")

    def _note(self, wish: WriteNote) -> News:
        tracker = self._tracker(wish.ticket.connection)
        to = [handle for handle in (wish.to, wish.also, *wish.others) if handle]
        comment = tracker.write_comment(wish.ticket, wish.text, wish.key, None, to)
        return NoteWritten(wish.key, comment, self._clock())

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

    # --- recording --------------------------------------------------------------------------------

    def _record(
        self,
        lease: Lease,
        record: EffectRecord,
        ended: News | TrackerError,
        incident: O,
        *,
        looked_up: bool = False,
    ) -> O:
        """One outcome, committed together with the state that it leads to. `looked_up`: of a
        look at what may have happened, and not of the call itself."""
        with self._store.write() as tx:
            lease.extend(tx)
            if isinstance(ended, NotThere) and owners.rewrites_comment(record.wish, incident):
                incident, news = owners.without_comment(incident), True
                owners.save(tx, incident, self._policy.hash)
                text = "somebody deleted the comment: another one is written"
                tx.effects.retry(record.key, self._clock(), text)
            elif (to := written_to(record.wish)) and is_read_first(ended, record):
                text, news = self._to_be_read(tx, record, to, ended), True
            elif isinstance(ended, TrackerError):
                since = uncertain_since(record, ended, looked_up, tx.now)
                state = state_after(ended, since)
                text = self._ended_badly(tx, record, ended, state, since)
                news = (state, ended.words) != (record.state, record.words)
            else:
                before, incident = incident, owners.learn(ended, incident)
                owners.save(tx, incident, self._policy.hash)
                for conflict in owners.new_edits(before, incident):
                    owners.note(tx, owners.row_of(incident), EntryKind.CONFLICT, conflict)
                text, news = self._ended_well(tx, record, ended, incident, looked_up), True
            if news:  # the same answer again and again is one line
                owners.note(
                    tx, owners.row_of(incident), EntryKind.EFFECT, text, {"key": record.key}
                )
        log.info("effect", of=owners.name_of(incident), key=record.key, outcome=text)
        return incident

    def _to_be_read(
        self, tx: Transaction, record: EffectRecord, to: TicketRef, error: TrackerError
    ) -> str:
        """What stands in the ticket is not what was believed, or nobody knows: it is read before
        anything is asked of it again; and not at once where that was said before."""
        now = self._clock()
        rests = isinstance(error, OutcomeUnknown) or error.words == record.words
        tx.refs.say_changed(to.connection, to.id)
        tx.effects.retry(record.key, now + FIRST_LOOK if rests else now, error.words, error.mend)
        return f"{to.key} is read again first: {error.words}"

    def _ended_well(
        self,
        tx: Transaction,
        record: EffectRecord,
        news: News,
        incident: Incident | TeamBook,
        looked_up: bool,
    ) -> str:
        match news:
            case CommentWritten() if looked_up:
                # What stands there was asked for then; by now it may have to say more.
                why = "the comment is there: it is brought up to date"
                tx.effects.retry(record.key, self._clock(), why)
                return why
            case DocumentRead():
                why = "the document is not as it was read last: it is read again and merged"
                tx.effects.retry(record.key, self._clock(), why)
                return why
            case DocumentCreated(connection, document):
                remember_created(tx, record.wish, document, incident.id, connection)
            case VersionsFound():
                news = keep(tx, incident.id, news)
            case TaskCreated(_, ref):
                tx.refs.put(owners.ref_of(news, incident))
                if looked_up:  # what it was created with, an earlier attempt knew
                    tx.refs.say_changed(ref.connection, ref.id)
        tx.effects.done(record, news)
        return owners.in_words(news, incident)

    def _ended_badly(
        self,
        tx: Transaction,
        record: EffectRecord,
        error: TrackerError,
        state: EffectState,
        since: datetime | None,
    ) -> str:
        """Why it is not done, in words; and when, or after what, it is tried again. `since` when
        (UTC) it may have happened, if it may."""
        now, key = self._clock(), record.key
        match state:
            case EffectState.RETRY:
                at = retry_at(error, now)
                tx.effects.retry(key, at, error.words, error.mend)
                return f"tried again at {at:%H:%M:%S} UTC: {sentence(error)}"
            case EffectState.UNKNOWN:
                at = self._look_again(record, error, now)
                tx.effects.unknown(key, at, error.words, error.mend, since=since or now)
                why = sentence(error)
                return f"may or may not have happened, looked up before it is repeated: {why}"
            case _:
                tx.effects.reject(key, error.words, error.mend, since)
                return f"refused: {sentence(error)}"

    def _look_again(self, record: EffectRecord, error: TrackerError, now: datetime) -> datetime:
        """Soon the first time; then when absence begins to mean something. When the look itself
        failed, as soon as the tracker lets us look."""
        if not isinstance(error, OutcomeUnknown):
            return retry_at(error, now)
        if record.state is not EffectState.UNKNOWN:
            return now + FIRST_LOOK
        return max(now + FIRST_LOOK, (record.uncertain_since or now) + self._timing.settle)


def _known(incident: Incident) -> Postmortem:
    if incident.postmortem is None:
        raise ValueError(f"incident {incident.id} has no document")
    return incident.postmortem


def _state(known: Postmortem) -> DocumentState:
    return DocumentState(known.ref, known.seen, known.headings, known.status, known.text)
