"""Whom the trackers named, kept, and given to every decision; and asking a tracker for somebody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta

import structlog

from integrations.tracker import Rejected, Tracker, TrackerError
from service.jobs import Later
from service.outcomes import retry_at, sentence
from service.store import Store
from service.store.people import SEEN_LATELY, SeenPerson
from workflows.events import Reading, TaskRead, TaskReading, TicketRead
from workflows.model import Incident, Person, TicketRef
from workflows.people import EMAIL, Missing, Seen, missing, with_seen
from workflows.policy import Policy, same_word
from workflows.standing import Decision

log = structlog.get_logger()

#: A tracker is asked for the same person once in this time, whatever it said.
ASK_AGAIN = timedelta(days=1)


class Directory:
    """The rules' people, completed by whom the trackers named. `policy` is that of the rules."""

    def __init__(self, store: Store, policy: Policy, trackers: Mapping[str, Tracker]) -> None:
        self._store = store
        self._rules = policy
        self._trackers = trackers
        # read and replaced as one: threads share it, and the worst is that two make the same
        self._made: tuple[int, Policy, Mapping[tuple[str, str], SeenPerson]] = (-1, policy, {})

    def policy(self) -> Policy:
        """The rules with everybody whom a tracker named so far; made anew when that changed."""
        with self._store.read() as tx:
            version = tx.people.version()
            if self._made[0] == version:
                return self._made[1]
            everybody = tx.people.all()
        policy = with_seen(self._rules, seen(everybody, self._rules))
        self._made = (version, policy, {(e.connection, e.person.handle): e for e in everybody})
        return policy

    def judge(
        self,
        judge: Callable[[Policy], Decision],
        reading: Reading,
        tasks: Sequence[TaskReading],
    ) -> tuple[Decision, list[Later]]:
        """The decision, once everybody whom these tickets name is known, and whoever it lacks a
        handle of was looked for; and when what could not be asked is tried again."""
        self.meet(reading, tasks)
        policy = self.policy()
        decision = judge(policy)
        found, later = self.ask(decision.incident, policy)
        return judge(self.policy()) if found else decision, later

    def meet(self, reading: Reading, tasks: Iterable[TaskReading]) -> None:
        """Remember whom these tickets name."""
        named = list(_named(reading, tasks))
        if not named:
            return
        known, now = self._made[2], self._store.clock()  # if it is old, more is put than must be
        news = [(ref, p) for ref, p in named if _is_news(known.get((ref.connection, p.handle)), p)]
        late = [
            (ref, p)
            for ref, p in named
            if (k := known.get((ref.connection, p.handle))) and k.seen_at < now - SEEN_LATELY
        ]
        if news or late:
            with self._store.write() as tx:
                for ref, person in dict.fromkeys([*news, *late]):
                    tx.people.put(ref.connection, person, ref.key)

    def ask(self, incident: Incident | None, policy: Policy) -> tuple[bool, list[Later]]:
        """Ask trackers for owners whom they are to be told and do not know by this policy, each
        once a day.
        Returns whether somebody was found, and when what could not be asked is tried again."""
        team = self._rules.teams.get(incident.team) if incident else None
        if incident is None or team is None:
            return False, []
        found, later = False, list[Later]()
        for each in dict.fromkeys(missing(incident, team, policy)):
            tracker = self._trackers.get(each.connection)
            if tracker is None or self._asked_lately(each):
                continue
            words, person = "", None
            try:
                person = _look_for(tracker, each)
            except Rejected as error:
                words = error.words
                log.warning("person not looked for", on=each.connection, words=words)
            except TrackerError as error:
                at = retry_at(error, self._store.clock())
                later.append(Later(at, f"an owner on {each.connection}: {sentence(error)}"))
                continue
            with self._store.write() as tx:
                word, known = same_word(each.word), person is not None
                tx.people.note_asked(each.connection, each.way, word, found=known, words=words)
                if person is not None:
                    tx.people.put(each.connection, person)
            found = found or person is not None
        return found, later

    def _asked_lately(self, each: Missing) -> bool:
        with self._store.read() as tx:
            at = tx.people.asked(each.connection, each.way, same_word(each.word))
        return at is not None and self._store.clock() < at + ASK_AGAIN


def seen(everybody: Iterable[SeenPerson], policy: Policy) -> list[Seen]:
    """Those of the connections that the rules (still) have."""
    return [
        Seen(policy.connections[each.connection], each.person)
        for each in everybody
        if each.connection in policy.connections
    ]


def _named(reading: Reading, tasks: Iterable[TaskReading]) -> Iterable[tuple[TicketRef, Person]]:
    if isinstance(reading, TicketRead) and reading.ticket.owner is not None:
        yield reading.ticket.ref, reading.ticket.owner
    for task in tasks:
        if isinstance(task, TaskRead):
            yield from ((task.state.ref, owner) for owner in task.state.owners)


def _is_news(known: SeenPerson | None, person: Person) -> bool:
    if known is None:
        return True
    before = known.person
    moved = person.email is not None and person.email != before.email
    return moved or (before.name, before.active) != (person.name, person.active)


def _look_for(tracker: Tracker, each: Missing) -> Person | None:
    """By address, or by the login that they have elsewhere. Raises TrackerError."""
    if each.way == EMAIL:
        return tracker.find_person(each.word)
    return Person(each.word, each.word) if tracker.can_assign(each.place, each.word) else None
