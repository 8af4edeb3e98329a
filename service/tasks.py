"""The tickets of an incident's action items, read again when something was told of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from integrations.tracker import NotThere, Tracker, TrackerError
from service.jobs import Later
from service.outcomes import retry_at, sentence
from service.store import Store, Transaction
from service.store.refs import Ref, Role
from workflows.events import TaskGone, TaskRead, TaskReading
from workflows.hearing import rested, ticket_of
from workflows.model import Incident, TicketRef

log = structlog.get_logger()


@dataclass(slots=True)
class Looked:
    """What was read, of which hints, and when what could not be read is tried again."""

    readings: list[TaskReading] = field(default_factory=list)
    heard: list[Ref] = field(default_factory=list)
    later: list[Later] = field(default_factory=list)

    def remember(self, tx: Transaction, incident: Incident) -> None:
        """Note that these hints are dealt with, in the transaction that saves what they led to.
        A ticket that was transferred is known by its new id as well."""
        for ref in self.heard:
            tx.refs.heard(ref)
        for reading in self.readings:
            if isinstance(reading, TaskRead):
                now = reading.state.ref
                tx.refs.put(Ref(now.connection, now.id, incident.id, Role.TASK, now.key))


class Tasks:
    """Reads the tasks that changed."""

    def __init__(self, store: Store, trackers: Mapping[str, Tracker]) -> None:
        self._store = store
        self._trackers = trackers

    def look(self, incident: Incident | None) -> Looked:
        """Each changed task of the incident, in one read each, and each that was left alone for
        long enough. What cannot be read now stays marked as changed."""
        looked = Looked()
        if incident is None or not incident.actions:
            return looked
        with self._store.read() as tx:
            changed = tx.refs.changed(incident.id)
            known = {(ref.connection, ref.ticket_id) for ref in changed}
            for ticket in rested(incident, tx.now):
                ref = tx.refs.find(ticket.connection, ticket.id)
                if ref is not None and (ticket.connection, ticket.id) not in known:
                    changed.append(ref)
        for ref in changed:
            found = ticket_of(incident, ref.connection, ref.ticket_id)
            tracker = self._trackers.get(ref.connection)
            if found is None or tracker is None:  # of an item, or a connection, that is no more
                looked.heard.append(ref)
                continue
            number, side = found
            try:
                state = tracker.look(TicketRef(ref.connection, ref.ticket_id, ref.key, ""))
            except NotThere as error:
                looked.readings.append(TaskGone(number, side, error.words))
            except TrackerError as error:
                log.warning("task not read", task=ref.key, words=error.words)
                at = retry_at(error, self._store.clock())
                looked.later.append(Later(at, f"{ref.key}: {sentence(error)}"))
                continue
            else:
                looked.readings.append(TaskRead(number, side, state))
            looked.heard.append(ref)
        return looked
