"""What a backfill would do, found out by reading alone: lists of all tickets, and a few of the
incidents among them whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

from integrations.gate import Call, Gate, Report
from integrations.tracker import Tracker, TrackerError
from service.backfilling import IN_FLIGHT, LOOK_AGAIN
from service.outcomes import sentence
from service.store import Store
from workflows.audit_keys import is_audit
from workflows.backfilling import Load, Place, Wish, candidate, is_done, longest, places
from workflows.budgets import Budget, Window
from workflows.effects import CreateDocument, CreateTask
from workflows.events import TicketRead
from workflows.lifecycle import decide
from workflows.model import Incident, Ticket, TicketRef
from workflows.policy import Policy
from workflows.rehearsal import rehearse

#: So many incidents are read whole, evenly among all, to tell what the others cost.
SAMPLE = 20


class Counting:
    """A gate that counts what passes: calls by the books that they are kept under (`Call.books`),
    and what they cost."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.calls: Counter[str] = Counter()
        self.units: Counter[tuple[str, Budget]] = Counter()

    @contextmanager
    def passing(self, call: Call) -> Iterator[Report]:
        """See `Gate`."""
        with self._gate.passing(call) as report:
            self.calls[call.books] += 1
            for cost in call.costs:
                if not cost.subject:
                    self.units[call.books, cost.budget] += cost.units
            yield report


@dataclass(frozen=True, slots=True)
class PlannedPlace:
    """One place: how many tickets its list showed, `incidents` of them of the period, and how many
    of those are `known` as was asked for; or why it could not be listed."""

    connection: str
    place: str
    tickets: int
    incidents: int
    known: int
    failed: str = ""


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """What would be recorded, and what created if that is asked for. `calls` have been made to find
    out, `reads` would be. `read_whole` incidents were, and what they asked for tells how many
    `tasks` there would be of all; `seconds` is how long it takes at least, by what is named in
    `bound`, and `seconds_creating` the same where documents and tasks are created."""

    places: tuple[PlannedPlace, ...]
    incidents: int
    severities: Mapping[str, int]
    documents: int
    tasks: int
    read_whole: int
    calls: int
    reads: int
    seconds: int
    bound: str
    seconds_creating: int
    bound_creating: str


@dataclass(frozen=True, slots=True)
class CreatedUnder:
    """The `budgets` of a connection that each creation there counts in; where it acts for several
    `owners`, those of the owner of its place (``acme`` of ``acme/ops``)."""

    budgets: tuple[Budget, ...]
    owners: bool

    def books(self, connection: str, place: str) -> str:
        """What a creation there is kept under, as `Call.books` says it."""
        return f"{connection}@{place.partition('/')[0].lower()}" if self.owners else connection


#: Where something is to be created: a connection, and the place there.
_Where = tuple[str, str]


@dataclass(slots=True)
class _Spent:
    """Calls by their books, and units by books and budget."""

    calls: Counter[str] = field(default_factory=Counter)
    units: Counter[tuple[str, Budget]] = field(default_factory=Counter)


@dataclass(slots=True)
class _New:
    """What is to be recorded: by severity, and by where their documents would be. Of each ticket no
    more is remembered than what it is read by: there may be many."""

    found: list[TicketRef] = field(default_factory=list)
    severities: Counter[str] = field(default_factory=Counter)
    documents: Counter[_Where] = field(default_factory=Counter)

    def add(self, incident: Incident, documents: Sequence[_Where]) -> None:
        self.found.append(incident.ticket)
        self.severities[incident.severity or "severity unknown"] += 1
        self.documents.update(documents)


class Rehearsing:
    """Plans backfills. `created_under` says by connection what each creation counts in."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        trackers: Mapping[str, Tracker],
        gate: Counting,
        created_under: Mapping[str, CreatedUnder],
    ) -> None:
        self._store = store
        self._policy = policy
        self._trackers = trackers
        self._gate = gate
        self._created_under = created_under

    def plan(self, wish: Wish, connection: str = "") -> BackfillPlan:
        """What would become of this wish, of one connection only if one is named. Raises
        TrackerError where an incident cannot be read; a place that cannot be listed says so."""
        everything = replace(wish, documents=True, tasks=True)
        new = _New()
        looked = places(wish, self._policy, connection)
        listed = [self._listed(place, wish, new) for place in looked]
        found, documents = new.found, new.documents
        calls = self._gate.calls.total()
        sample = _evenly(found, SAMPLE)
        times = len(found) / len(sample) if sample else 0.0
        with self._measured() as spent:
            tasks, each = self._read(sample, everything)
        reading = list(self._loads(spent, times))
        created = documents + Counter({where: round(n * times) for where, n in tasks.items()})
        turns = len(found) * max(each, LOOK_AGAIN) / IN_FLIGHT
        takes, bound = longest(reading, turns)
        with_creating, bound_creating = longest([*reading, *self._writes(created)], turns)
        return BackfillPlan(
            places=tuple(listed),
            incidents=len(found),
            severities=dict(sorted(new.severities.items())),
            documents=documents.total(),
            tasks=round(tasks.total() * times),
            read_whole=len(sample),
            calls=self._gate.calls.total(),
            reads=calls + round(spent.calls.total() * times),
            seconds=round(takes.total_seconds()),
            bound=bound,
            seconds_creating=round(with_creating.total_seconds()),
            bound_creating=bound_creating,
        )

    @contextmanager
    def _measured(self) -> Iterator[_Spent]:
        """What is spent in between."""
        calls, units, spent = Counter(self._gate.calls), Counter(self._gate.units), _Spent()
        yield spent
        spent.calls, spent.units = self._gate.calls - calls, self._gate.units - units

    def _loads(self, spent: _Spent, times: float) -> Iterator[Load]:
        """What so many times as much as was spent is of each budget, and of what the trackers allow
        in an hour."""
        for (books, budget), units in spent.units.items():
            yield Load(books, budget, round(units * times))
        for books, calls in spent.calls.items():
            with self._store.read() as tx:
                quota = tx.traffic.circuit(books).quota
            if quota is not None:
                hourly = Budget("requests", (Window(quota.limit, timedelta(hours=1)),))
                yield Load(books, hourly, round(calls * times))

    def _writes(self, created: Mapping[_Where, int]) -> Iterator[Load]:
        """One write at least for each that is created."""
        counts: Counter[tuple[str, Budget]] = Counter()
        for (connection, place), count in created.items():
            if (under := self._created_under.get(connection)) is not None:
                books = under.books(connection, place)
                counts.update({(books, budget): count for budget in under.budgets})
        for (books, budget), units in counts.items():
            yield Load(books, budget, units)

    def _listed(self, place: Place, wish: Wish, new: _New) -> PlannedPlace:
        """How many there are; those of which something is to be recorded are counted among the
        `new`."""
        everything = replace(wish, documents=True, tasks=True)
        tickets = incidents = known = 0
        failed = ""
        try:
            listing = self._trackers[place.connection].history(place.place, wish.since, wish.until)
            for ticket in listing:
                tickets += 1
                if not candidate(ticket, wish, self._policy):
                    continue
                incidents += 1
                if self._is_known(ticket, wish):
                    known += 1
                else:
                    incident, to = self._document(ticket, everything)
                    new.add(incident, to)
        except TrackerError as error:
            failed = sentence(error)
        return PlannedPlace(place.connection, place.place, tickets, incidents, known, failed)

    def _is_known(self, ticket: Ticket, wish: Wish) -> bool:
        with self._store.read() as tx:
            known = tx.incidents.by_ticket(ticket.ref.connection, ticket.ref.id)
        return known is not None and is_done(known.incident, wish)

    def _document(self, ticket: Ticket, wish: Wish) -> tuple[Incident, list[_Where]]:
        """The incident as the list tells of it, and where its document would be, if it would get
        one."""
        reading, now = TicketRead(ticket), self._store.clock()
        decision = decide(reading, None, self._policy, new_id="planned", now=now, backfills=[wish])
        if decision.incident is None:
            raise ValueError(f"{ticket.ref.key} was an incident a moment ago")
        targets = [e.target for e in decision.effects if isinstance(e, CreateDocument)]
        return decision.incident, [(to.connection, to.place) for to in targets]

    def _read(self, sample: Sequence[TicketRef], wish: Wish) -> tuple[Counter[_Where], timedelta]:
        """The tasks that these would get, by where, and how long it took to read one."""
        tasks: Counter[_Where] = Counter()
        began = self._store.clock()
        for listed in sample:
            ticket = self._trackers[listed.connection].fetch(listed)
            told = rehearse(
                TicketRead(ticket),
                None,
                self._policy,
                new_id="planned",
                now=self._store.clock(),
                backfills=[wish],
            )
            tasks.update(
                (effect.target.connection, effect.target.place)
                for effect in told.effects
                if isinstance(effect, CreateTask) and not is_audit(effect.key)
            )
        each = (self._store.clock() - began) / len(sample) if sample else timedelta()
        return tasks, each


def _evenly(found: Sequence[TicketRef], most: int) -> list[TicketRef]:
    """At most so many of them, from the first to the last."""
    if len(found) <= most:
        return list(found)
    return [found[number * len(found) // most] for number in range(most)]
