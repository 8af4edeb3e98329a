"""The tickets of an incident's action items, read again when something was told of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from integrations.tracker import NotThere, Tracker, TrackerError
from service.jobs import Later
from service.outcomes import retry_at, sentence
from service.people import Directory
from service.store import Store, Transaction
from service.store.refs import Ref, Role
from workflows.audits import held_up, to_be_sure_of
from workflows.drift import became
from workflows.events import TaskGone, TaskRead, TaskReading
from workflows.hearing import is_believed, rested_tickets, ticket_of
from workflows.model import Incident, TicketRef
from workflows.outside import about_to_be_told
from workflows.policy import Policy
from workflows.proof_notes import about_to_be_asked
from workflows.reminders import about_to_be_reminded
from workflows.snapshots import Side

log = structlog.get_logger()

#: A ticket, as its connection and its stable id.
Ticket = tuple[str, str]


@dataclass(slots=True)
class Looked:
    """What was read of the incident `before`, from `began` (UTC) on, of which hints; and what could
    not be read (`unread`), why, and when it is tried again (`failed`). `asked`: what was to be read
    whether somebody told of it or not. `stuck`: which audits wait for a connection that the rules
    have lost, in sentences."""

    before: Incident | None
    began: datetime
    policy: Policy
    readings: list[TaskReading] = field(default_factory=list)
    heard: list[Ref] = field(default_factory=list)
    unread: list[Ref] = field(default_factory=list)
    failed: dict[Ticket, Later] = field(default_factory=dict)
    asked: set[Ticket] = field(default_factory=set)
    stuck: list[str] = field(default_factory=list)

    def remember(self, tx: Transaction, incident: Incident) -> None:
        """Note that these hints are dealt with, in the transaction that saves what they led to.
        A ticket that was transferred is known by its new id as well."""
        read = {r.state.ref.id: r.state for r in self.readings if isinstance(r, TaskRead)}
        for ref in self.unread:
            if not ref.waits:  # nothing else would bring the next turn to read it
                tx.refs.say_changed(ref.connection, ref.ticket_id)
        for ref in self.heard:
            tx.refs.heard(ref)
            if (state := read.get(ref.ticket_id)) is not None:
                tx.refs.read_as_of(ref, state.updated)
            self._end_drifts(tx, ref, incident)
        self._end_drifts_of_rows(tx, incident)
        for reading in self.readings:
            if isinstance(reading, TaskRead):
                now = reading.state.ref
                tx.refs.put(Ref(now.connection, now.id, incident.id, Role.TASK, now.key))

    def _end_drifts(self, tx: Transaction, ref: Ref, after: Incident) -> None:
        """What differed of this ticket had its turn."""
        before = self.before or after
        whose = ticket_of(before, ref.connection, ref.ticket_id)
        for each in tx.drifts.open_of(ref.connection, ref.ticket_id, self.began):
            done = became(before, after, whose, each.what, self.policy, self.began)
            tx.drifts.end(each.id, done)

    def _end_drifts_of_rows(self, tx: Transaction, after: Incident) -> None:
        """What differed in the document's rows had its turn, if that could be read."""
        document, before = after.postmortem, self.before or after
        if document is None:
            return
        waiting = tx.drifts.open_of(document.connection, document.ref.id, self.began)
        record = tx.incidents.get(after.id) if waiting else None
        if record is None or record.document_changed:
            return
        numbers = {item.name: item.number for item in before.actions}
        for each in waiting:
            number = numbers.get(each.item)
            whose = None if number is None else (number, Side.DOCUMENT)
            done = became(before, after, whose, each.what, self.policy, self.began)
            tx.drifts.end(each.id, done)


class Tasks:
    """Reads the tasks that changed."""

    def __init__(
        self, store: Store, trackers: Mapping[str, Tracker], policy: Policy, people: Directory
    ) -> None:
        self._store = store
        self._trackers = trackers
        self._policy = policy
        self._people = people

    def look(self, incident: Incident | None) -> Looked:
        """Each changed task of the incident, each that kept flipping and has rested, and each whose
        audit is about to be opened or that is about to be told something, in one read each; or
        none, where what its webhooks told may stand for that. What cannot be read now stays marked
        as changed; so does what the rules know no team or no tracker for: other rules may."""
        looked = Looked(incident, self._store.clock(), self._policy)
        if incident is None or not incident.actions or incident.team not in self._policy.teams:
            return looked
        now = self._store.clock()
        besides = [*rested_tickets(incident, now), *to_be_sure_of(incident, now)]
        besides += about_to_be_reminded(incident, self._policy, now)
        besides += about_to_be_asked(incident, self._policy, now)
        besides += about_to_be_told(incident, self._policy)
        looked.asked = {(ref.connection, ref.id) for ref in besides}
        looked.stuck = held_up(incident, self._trackers, now)
        with self._store.read() as tx:
            changed = tx.refs.to_read(incident.id, looked.asked)
        for ref in changed:
            found = ticket_of(incident, ref.connection, ref.ticket_id)
            tracker = self._trackers.get(ref.connection)
            if found is None:  # of an item that is no more
                looked.heard.append(ref)
            if found is None or tracker is None:
                continue
            number, side = found
            if (told := self._told(incident, number, side, ref)) is not None:
                looked.readings.append(told)
                looked.heard.append(ref)
                continue
            try:
                state = tracker.look(TicketRef(ref.connection, ref.ticket_id, ref.key, ""))
            except NotThere as error:
                looked.readings.append(TaskGone(number, side, error.words))
            except TrackerError as error:
                log.warning("task not read", task=ref.key, words=error.words)
                at = retry_at(error, self._store.clock())
                why = f"{ref.key}: {sentence(error)}"
                looked.failed[ref.connection, ref.ticket_id] = Later(at, why)
                looked.unread.append(ref)
                continue
            else:
                looked.readings.append(TaskRead(number, side, state))
            looked.heard.append(ref)
        return looked

    def waits(self, incident: Incident, looked: Looked) -> bool:
        """Whether an audit is to be opened by now whose measure this look did not ask for: it came
        due since, or was planned by what was read."""
        if incident.team not in self._policy.teams:
            return False
        opening = to_be_sure_of(incident, self._store.clock())
        return any((ref.connection, ref.id) not in looked.asked for ref in opening)

    def _told(self, incident: Incident, number: int, side: Side, ref: Ref) -> TaskRead | None:
        """What its webhooks told of a ticket, where that is believed."""
        if ref.state is None:
            return None
        policy, now = self._people.policy(), self._store.clock()
        if not is_believed(incident, number, side, ref.state, policy, now):
            return None
        item = next(each for each in incident.actions if each.number == number)
        known = item.task if side is Side.TASK else item.twin
        return TaskRead(number, side, replace(ref.state, ref=known or ref.state.ref))
