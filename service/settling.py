"""What became of creations whose answer never came: looked for wherever they would show, surest
place first, and given up only after a wait that whoever sent them cannot outsleep.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from integrations.document_store import DocumentStore
from integrations.tracker import Lost, OutcomeUnknown, Tracker, TrackerError
from service.clock import Clock
from service.outcomes import asked_of
from service.store import Store
from service.store.effects import EffectRecord, EffectState
from workflows.audit_keys import is_audit
from workflows.documents import regions
from workflows.effects import CreateDocument, CreateTask, Effect, WriteComment, WriteNote
from workflows.events import (
    CommentWritten,
    DocumentCreated,
    News,
    NoteWritten,
    Sent,
    TaskCreated,
)
from workflows.model import Incident
from workflows.team_books import TeamBook

TrackerOf = Callable[[str], Tracker]
DocumentStores = Callable[[str, str], DocumentStore]


class Settling:
    """Settles the uncertain effects of one incident or team. `wait` is how long something is looked
    for before its absence counts."""

    def __init__(
        self,
        store: Store,
        tracker: TrackerOf,
        documents: DocumentStores,
        clock: Clock,
        wait: timedelta,
    ) -> None:
        self._store = store
        self._tracker = tracker
        self._documents = documents
        self._clock = clock
        self._wait = wait

    def settle(
        self, records: Sequence[EffectRecord], incident: Incident | TeamBook
    ) -> list[tuple[EffectRecord, News | TrackerError]]:
        """Of effects that were begun once and never heard of: those that turn out to be there,
        those that must wait longer before their absence counts for anything, and those whose
        look-up failed."""
        uncertain = [
            record
            for record in records
            if may_have_happened(record) and _creates(record.wish, incident)
        ]
        if not uncertain:
            return []
        try:
            found = self._found_tasks(uncertain, incident)
            found |= self._found_others(uncertain, incident)
        except TrackerError as error:
            return [(record, error) for record in uncertain]
        settled: list[tuple[EffectRecord, News | TrackerError]] = []
        for record in uncertain:
            if record.key in found:
                settled.append((record, found[record.key]))
            elif record.state is EffectState.WANTED and record.uncertain_since is None:
                continue  # refused when it was asked for: nothing of it can be on its way
            elif self._too_early(record):
                settled.append((record, OutcomeUnknown("the answer never came")))
        return settled

    def _too_early(self, record: EffectRecord) -> bool:
        """Whether its absence means nothing yet: counted from when it became uncertain, which is
        after its sender's lease was over or its call had ended."""
        since = record.uncertain_since
        return since is None or self._clock() < since + self._wait

    def _since(self, records: Sequence[EffectRecord]) -> datetime:
        """Before when (UTC) none of them can have been made: one that was uncertain before it was
        asked for, by who had the database in a later state than it was put back to."""
        moments = [record.asked_at for record in records]
        restored = [
            record.uncertain_since
            for record in records
            if record.uncertain_since is not None and record.uncertain_since < record.asked_at
        ]
        if restored:
            with self._store.read() as tx:
                taken_at = tx.restorations.taken_before(max(restored))
            moments += [taken_at] if taken_at else []
        return min(moments)

    def _lost(
        self,
        keys: Sequence[str],
        connection: str,
        place: str,
        since: datetime,
        incident: Incident | TeamBook,
    ) -> Lost:
        with self._store.read() as tx:
            seen = tx.sightings.find(connection, place, keys, since)
            known = tx.sightings.claimed(connection, since)
            if isinstance(incident, TeamBook):
                known |= tx.refs.of_team(connection, incident.team)
            else:
                known |= tx.refs.of_incident(connection, incident.id)
        sighted, known_ids = tuple((each.ticket_id, each.key) for each in seen), frozenset(known)
        if isinstance(incident, TeamBook):
            return Lost(tuple(keys), place, None, since, sighted=sighted, known=known_ids)
        document = incident.postmortem
        return Lost(
            keys=tuple(keys),
            place=place,
            incident=incident.ticket,
            since=since,
            document=document.ref if document else None,
            document_connection=document.connection if document else "",
            sighted=sighted,
            known=known_ids,
        )

    def _found_tasks(
        self, records: Sequence[EffectRecord], incident: Incident | TeamBook
    ) -> dict[str, News]:
        wishes = {r.key: r.wish for r in records if isinstance(r.wish, CreateTask)}
        attempts = {record.key: record.attempts for record in records}
        if not wishes:
            return {}
        target = next(iter(wishes.values())).target
        since = self._since(records)
        tracker = self._tracker(target.connection)
        lost = self._lost(list(wishes), target.connection, target.place, since, incident)
        found = tracker.find_created(lost)
        news: dict[str, News] = {}
        for key, ref in found.items():
            # What is known of only since the database was put back was made before: by now it says
            # more than what is asked for, so that whatever differs counts as said there.
            values = None if attempts[key] else asked_of(wishes[key])
            sent = _sent(wishes[key])
            news[key] = TaskCreated(
                key, ref, linked=False, values=values, place=target.place, sent=sent
            )
        return news

    def _found_others(
        self, records: Sequence[EffectRecord], incident: Incident | TeamBook
    ) -> dict[str, News]:
        found: dict[str, News] = {}
        for record in records:
            match record.wish:
                case CreateDocument() as wish:
                    target = wish.target
                    lost = self._lost(
                        [wish.key],
                        target.connection,
                        target.place,
                        self._since([record]),
                        incident,
                    )
                    state = self._documents(target.kind, target.connection).find(wish, lost)
                    if state is not None:
                        bodies = regions(wish.text)
                        found[wish.key] = DocumentCreated(
                            target.connection, state, bodies, before=not record.attempts
                        )
                case WriteComment() as wish:
                    tracker = self._tracker(wish.ticket.connection)
                    comment = tracker.find_comment(wish.ticket, wish.key)
                    if comment is not None:
                        found[wish.key] = CommentWritten(wish.key, comment)
                case WriteNote() as wish:
                    tracker = self._tracker(wish.ticket.connection)
                    comment = tracker.find_comment(wish.ticket, wish.key)
                    if comment is not None:
                        found[wish.key] = NoteWritten(wish.key, comment, self._clock())
        return found


def may_have_happened(record: EffectRecord) -> bool:
    """Whether it was begun and nobody knows how that ended. What is wanted again after a dead
    letter counts too: it may be the look-up that was refused, and not the call. So does what the
    service may have done before its database was put back to an older state."""
    before = record.attempts > 0 or record.uncertain_since is not None
    return (record.state is EffectState.WANTED and before) or record.state in (
        EffectState.BEGUN,
        EffectState.UNKNOWN,
    )


def _sent(wish: CreateTask) -> Sent | None:
    if not is_audit(wish.key):
        return None
    return Sent(wish.due, wish.owner_name or "", wish.measure_owner)


def _creates(wish: Effect, incident: Incident | TeamBook) -> bool:
    """Whether doing it twice would leave two of it."""
    if isinstance(wish, WriteComment):
        return isinstance(incident, TeamBook) or incident.comment_id is None
    return isinstance(wish, CreateDocument | CreateTask | WriteNote)
