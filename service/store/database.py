"""The database and its transactions.

A write transaction is short and never spans a call to a tracker. Within one process there is one
writer at a time, in the order of their coming: on SQLite, threads that meet in the busy handler
sleep in steps and starve each other, while a turn is handed over at once. What each database does
in its own way is in `service.store.on_sqlite` and `service.store.on_postgresql`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, Engine, make_url

from service.clock import Clock, utc_now
from service.store import on_sqlite
from service.store.acceptances import Acceptances
from service.store.answers import Answers
from service.store.backfills import Backfills
from service.store.boards import Boards
from service.store.bodies import Bodies
from service.store.calls import Calls
from service.store.candidates import Candidates
from service.store.changes import Changes
from service.store.checks import Checks
from service.store.choices import Choices
from service.store.closings import Closings
from service.store.conflicts import Conflicts
from service.store.deliveries import Deliveries
from service.store.dismissals import Dismissals
from service.store.doors import Doors
from service.store.drifts import Drifts
from service.store.effects import Effects
from service.store.evidence import Evidence
from service.store.exports import Exports
from service.store.figures import Figures
from service.store.gauges import Gauges
from service.store.imports import Imports
from service.store.incidents import Incidents
from service.store.jobs import Jobs
from service.store.journal import Journal
from service.store.judgements import Judgements
from service.store.learning import Learning
from service.store.ledger import Ledger
from service.store.occurrences import Occurrences
from service.store.patterns import Patterns
from service.store.people import People
from service.store.prereads import Prereads
from service.store.recurrences import Recurrences
from service.store.redeliveries import Redeliveries
from service.store.refs import Refs
from service.store.related import RelatedIncidents
from service.store.releases import Releases
from service.store.reminders import Reminders
from service.store.restorations import Restorations
from service.store.ruling import Ruling
from service.store.search import Search
from service.store.sightings import Sightings
from service.store.teams import Teams
from service.store.tokens import Tokens
from service.store.traffic import Traffic
from service.store.turns import Turns
from service.store.versions import Versions
from service.store.waits import Waiting
from service.store.workers import Workers


class Transaction:
    """One transaction: its repositories, and the moment (UTC) it counts as now."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self.now = now
        self.jobs = Jobs(connection, now)
        self.deliveries = Deliveries(connection, now, self.jobs)
        self.learning = Learning(connection, now)
        self.imports = Imports(connection, now, self.learning)
        self.search = Search(connection, self.learning.synonyms)
        self.boards = Boards(connection, now)
        self.bodies = Bodies(connection)
        self.figures = Figures(connection, now)
        self.conflicts = Conflicts(connection, now)
        self.incidents = Incidents(connection, now, self.learning, self.conflicts)
        self.acceptances = Acceptances(connection, now)
        self.backfills = Backfills(connection, now)
        self.candidates = Candidates(connection, now)
        self.checks = Checks(connection, now)
        self.choices = Choices(connection, now)
        self.judgements = Judgements(connection, now)
        self.evidence = Evidence(connection, now)
        self.versions = Versions(connection, now)
        self.effects = Effects(connection, now)
        self.exports = Exports(connection)
        self.doors = Doors(connection, now)
        self.occurrences = Occurrences(connection, now)
        self.prereads = Prereads(connection)
        self.recurrences = Recurrences(connection, now)
        self.refs = Refs(connection, now)
        self.related = RelatedIncidents(connection)
        self.dismissals = Dismissals(connection, now)
        self.releases = Releases(connection)
        self.reminders = Reminders(connection)
        self.restorations = Restorations(connection, now)
        self.ruling = Ruling(connection, now)
        self.teams = Teams(connection, now)
        self.drifts = Drifts(connection, now)
        self.closings = Closings(connection)
        self.journal = Journal(connection, now)
        self.ledger = Ledger(connection)
        self.sightings = Sightings(connection, now)
        self.traffic = Traffic(connection, now)
        self.waiting = Waiting(connection, now)
        self.patterns = Patterns(connection, now)
        self.people = People(connection, now)
        self.redeliveries = Redeliveries(connection, now)
        self.tokens = Tokens(connection, now)
        self.changes = Changes(connection, now)
        self.answers = Answers(connection, now)
        self.workers = Workers(connection, now)
        self.calls = Calls(connection)
        self.gauges = Gauges(connection, now)


class Backend(Protocol):
    """What each kind of database does in its own way: see the two modules."""

    SIDE_BY_SIDE: bool

    def opened(self, url: str) -> Engine: ...
    def reading(self, engine: Engine) -> AbstractContextManager[Connection]: ...
    def writing(self, engine: Engine, *, alone: bool) -> AbstractContextManager[Connection]: ...
    def is_set_up(self, engine: Engine) -> bool: ...
    def migrate(self, engine: Engine, upgrade: Callable[[Connection], None]) -> None: ...


class Store:
    """The database at `url` (SQLAlchemy's form, ``sqlite:////var/lib/…/followthrough.db`` or
    ``postgresql+psycopg://user:password@host/name``).

    `touched` is set after each commit that made a job of this process due, so that a relay need
    not wait for its next look.
    """

    def __init__(self, url: str, clock: Clock = utc_now) -> None:
        self.url = url
        self.clock = clock
        self.touched = threading.Event()
        self._backend = _backend(url)
        self._engine = self._backend.opened(url)
        self._writer = Turns()
        self._thread = threading.local()

    @contextmanager
    def write(self, *, beside: bool = False) -> Iterator[Transaction]:
        """A transaction that may write; committed at the end, rolled back on any exception.

        No other writes meanwhile, so what it read still holds when it writes. Where many
        processes write, that is what they wait for: a transaction that is frequent, and only
        writes what nobody else does (what it holds by a lease), or in one statement each, goes
        `beside` the others as far as the database can. See the ADR 0011.
        """
        if getattr(self._thread, "writes", False):
            raise RuntimeError("A write transaction was opened inside another one.")
        together = beside and self._backend.SIDE_BY_SIDE
        with nullcontext() if together else self._writer.mine():
            self._thread.writes = True
            try:
                with self._backend.writing(self._engine, alone=not together) as connection:
                    tx = Transaction(connection, self.clock())
                    yield tx
            finally:
                self._thread.writes = False
        if tx.jobs.touched:
            self.touched.set()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that only reads, all of it from one snapshot."""
        with self._backend.reading(self._engine) as connection:
            yield Transaction(connection, self.clock())

    def is_set_up(self) -> bool:
        """Whether there is a schema, of whatever version. Raises Unreachable."""
        return self._backend.is_set_up(self._engine)

    def migrate(self) -> None:
        """Bring the schema up to date. Safe when several processes start at once: the first
        does it in one transaction, the others wait for it and find nothing to do. Raises
        Unreachable."""
        from service.store.migrations import upgrade  # Alembic is slow to import

        self._backend.migrate(self._engine, upgrade)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._engine.dispose()


def _backend(url: str) -> Backend:
    if make_url(url).get_backend_name() == "sqlite":
        return on_sqlite
    from service.store import on_postgresql  # its driver is slow to import

    return on_postgresql
