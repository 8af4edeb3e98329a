"""Tasks held against what was last agreed on: what differs without anybody having told of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

from integrations.tracker import Tracker, TrackerError
from service.outcomes import sentence
from service.routing import ask_for_task, has_turn
from service.store import Store, Transaction
from service.store.refs import Ref
from workflows.drift import Drift, compare, item_of, missing
from workflows.model import Incident, TicketRef
from workflows.policy import Policy
from workflows.tasks import TaskState

#: A webhook that takes no longer than this is in time: what it would have told is no drift. (The
#: ticket is read all the same.)
IN_TIME = timedelta(seconds=10)

CHUNK = 100

Each = TypeVar("Each")

#: Tickets of ours in one place, by their stable ids.
Ours = Mapping[str, Ref]


@dataclass(frozen=True, slots=True)
class Found:
    """A ticket of ours that must be read: the action item `item` of the ticket `incident`. `drifts`
    is what differs, nothing where that is not known before it is read. `told`: somebody told of it
    and it waits for its turn. `fresh`: it has changed only now, and may yet be told of."""

    ref: Ref
    incident: str
    item: str
    drifts: tuple[Drift, ...]
    told: bool = False
    fresh: bool = False

    @property
    def news(self) -> bool:
        """Whether it is drift, and nobody knows of it yet."""
        return bool(self.drifts) and not self.told and not self.fresh


@dataclass(frozen=True, slots=True)
class Result:
    """What was found in one place; `failed` is why not all of it could be looked through."""

    connection: str
    place: str
    found: tuple[Found, ...]
    failed: str = ""


@dataclass(slots=True)
class Look:
    """One look through a place. Each incident is loaded once in it, however many tickets it has;
    but before a ticket is said to differ, that is looked at again as it is by then."""

    place: str
    ours: Ours
    began: datetime
    listed: set[str] = field(default_factory=set)
    known: dict[str, Incident | None] = field(default_factory=dict)


class Comparison:
    """Compares what trackers list with what was agreed."""

    def __init__(self, store: Store, policy: Policy, trackers: Mapping[str, Tracker]) -> None:
        self._store = store
        self._policy = policy
        self._trackers = trackers

    def places(self, connection: str) -> dict[str, dict[str, Ref]]:
        """Where the tasks of all incidents stand by now, whatever the rules say of new ones, and
        which these are."""
        tracker = self._trackers[connection]
        with self._store.read() as tx:
            tasks = tx.refs.tasks(connection)
        found: dict[str, dict[str, Ref]] = {}
        for ref in tasks:
            place = tracker.place_of(TicketRef(connection, ref.ticket_id, ref.key, ""))
            if place:
                found.setdefault(place, {})[ref.ticket_id] = ref
        return found

    def audits(self, connection: str) -> dict[str, set[str]]:
        """Where the tickets of audits stand, and their ids."""
        tracker = self._trackers[connection]
        with self._store.read() as tx:
            audits = tx.refs.audits(connection)
        found: dict[str, set[str]] = {}
        for ref in audits:
            place = tracker.place_of(TicketRef(connection, ref.ticket_id, ref.key, ""))
            found.setdefault(place, set()).add(ref.ticket_id)
        return found

    def look(self, place: str, ours: Ours) -> Look:
        """Begin to look through a place."""
        return Look(place, ours, self._store.clock())

    def compare(self, look: Look, states: Sequence[TaskState]) -> list[Found]:
        """Which of these tickets are ours and must be read."""
        found: list[Found] = []
        with self._store.read() as tx:
            for state in states:
                ref = look.ours.get(state.ref.id)
                if ref is None:
                    continue
                look.listed.add(ref.ticket_id)
                if self._differs(self._known(tx, look, ref), state, look):
                    found += self._as_of_now(tx, look, ref, state)
        return found

    def missing(self, look: Look, most: int) -> tuple[list[Found], bool]:
        """After all of a place was looked through: those of ours that it did not show, deleted or
        moved or transferred, `most` of them; and whether these are all."""
        found: list[Found] = []
        with self._store.read() as tx:
            for ref in look.ours.values():
                if ref.ticket_id in look.listed:
                    continue
                now, incident = tx.refs.find(ref.connection, ref.ticket_id), None
                if now is not None:
                    incident = self._known(tx, look, now)
                if now is None or incident is None:
                    continue
                ticket = TicketRef(now.connection, now.ticket_id, now.key, "")
                if now.waits or (drift := missing(incident, ticket)) is None:
                    continue
                if len(found) == most:
                    return found, False
                item = item_of(incident, now.connection, now.ticket_id)
                found.append(Found(now, incident.ticket.key, item, (drift,)))
        return found, True

    def everywhere(self) -> Iterator[Result]:
        """Look through all of every place with tasks, one after another."""
        for connection in self._trackers:
            for place, ours in sorted(self.places(connection).items()):
                found, failed = list[Found](), ""
                try:
                    for some in self._whole(connection, place, ours):
                        found += some
                except TrackerError as error:
                    failed = sentence(error)
                yield Result(connection, place, tuple(found), failed)

    def _whole(self, connection: str, place: str, ours: Ours) -> Iterator[list[Found]]:
        look = self.look(place, ours)
        for states in chunks(self._trackers[connection].look_through(place, None)):
            yield self.compare(look, states)
        yield self.missing(look, len(ours))[0]

    def _differs(self, incident: Incident | None, state: TaskState, look: Look) -> bool:
        return incident is not None and (compare(incident, state, self._policy, look.began).differs)

    def _known(self, tx: Transaction, look: Look, ref: Ref) -> Incident | None:
        if ref.incident_id not in look.known:
            record = tx.incidents.get(ref.incident_id)
            look.known[ref.incident_id] = record.incident if record else None
        return look.known[ref.incident_id]

    def _as_of_now(
        self, tx: Transaction, look: Look, ref: Ref, state: TaskState
    ) -> Iterator[Found]:
        """The incident may have had a turn since it was loaded."""
        look.known.pop(ref.incident_id, None)
        now = tx.refs.find(ref.connection, ref.ticket_id)
        incident = self._known(tx, look, ref)
        if incident is None or now is None:
            return
        compared = compare(incident, state, self._policy, look.began, now.updated)
        if compared.differs:
            item = item_of(incident, ref.connection, ref.ticket_id)
            fresh = state.updated > look.began - IN_TIME
            yield Found(now, incident.ticket.key, item, compared.drifts, now.waits, fresh)


def mark(tx: Transaction, found: Collection[Found], priority: int = 0) -> None:
    """Have these tickets read, each in a turn of its incident, and note what differed. What was
    told of waits for its turn, if there is one: there was none where the rules lacked something."""
    for each in found:
        if each.told:
            if not has_turn(tx, each.ref):
                why = f"the remediation task {each.ref.key} was not read yet"
                ask_for_task(tx, each.ref, priority, why)
            continue
        if each.news:
            tx.drifts.note(each.ref, each.item, each.drifts)
        tx.refs.say_changed(each.ref.connection, each.ref.ticket_id)
        why = f"nobody told that the remediation task {each.ref.key} changed"
        ask_for_task(tx, each.ref, priority, why)


def chunks(of: Iterator[Each], size: int = CHUNK) -> Iterator[list[Each]]:
    """What comes, in lots of `size`."""
    while chunk := list(islice(of, size)):
        yield chunk
