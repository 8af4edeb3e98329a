"""The database and its transactions.

A write transaction is short and never spans a call to a tracker. Within one process there is one
writer at a time, in the order of their coming: on SQLite, threads that meet in the busy handler
sleep in steps and starve each other, while a turn is handed over at once.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from service.clock import Clock, utc_now
from service.store.acceptances import Acceptances
from service.store.answers import Answers
from service.store.boards import Boards
from service.store.bodies import Bodies
from service.store.candidates import Candidates
from service.store.changes import Changes
from service.store.checks import Checks
from service.store.choices import Choices
from service.store.closings import Closings
from service.store.conflicts import Conflicts
from service.store.deliveries import Deliveries
from service.store.dismissals import Dismissals
from service.store.drifts import Drifts
from service.store.effects import Effects
from service.store.evidence import Evidence
from service.store.exports import Exports
from service.store.figures import Figures
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
from service.store.search import Search
from service.store.sightings import Sightings
from service.store.teams import Teams
from service.store.tokens import Tokens
from service.store.traffic import Traffic
from service.store.turns import Turns
from service.store.versions import Versions

BUSY_SECONDS = 15.0
LOOK_AGAIN = 0.002  # seconds between two looks whether another process still writes
BEGIN = "BEGIN IMMEDIATE"
TO_WAL = "PRAGMA journal_mode=WAL"


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
        self.candidates = Candidates(connection, now)
        self.checks = Checks(connection, now)
        self.choices = Choices(connection, now)
        self.judgements = Judgements(connection, now)
        self.evidence = Evidence(connection, now)
        self.versions = Versions(connection, now)
        self.effects = Effects(connection, now)
        self.exports = Exports(connection)
        self.occurrences = Occurrences(connection, now)
        self.prereads = Prereads(connection)
        self.recurrences = Recurrences(connection, now)
        self.refs = Refs(connection, now)
        self.related = RelatedIncidents(connection)
        self.dismissals = Dismissals(connection, now)
        self.releases = Releases(connection)
        self.reminders = Reminders(connection)
        self.restorations = Restorations(connection, now)
        self.teams = Teams(connection, now)
        self.drifts = Drifts(connection, now)
        self.closings = Closings(connection)
        self.journal = Journal(connection, now)
        self.ledger = Ledger(connection)
        self.sightings = Sightings(connection, now)
        self.traffic = Traffic(connection, now)
        self.patterns = Patterns(connection, now)
        self.people = People(connection, now)
        self.redeliveries = Redeliveries(connection, now)
        self.tokens = Tokens(connection, now)
        self.changes = Changes(connection, now)
        self.answers = Answers(connection, now)


class Store:
    """The database at `url` (SQLAlchemy's form, ``sqlite:////var/lib/…/followthrough.db``).

    `touched` is set after each commit that made a job of this process due, so that a relay need
    not wait for its next look.
    """

    def __init__(self, url: str, clock: Clock = utc_now) -> None:
        self.url = url
        self.clock = clock
        self.touched = threading.Event()
        self._engine = _engine(url)
        self._writer = Turns()
        self._writing_thread: int | None = None

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """A transaction that may write; committed at the end, rolled back on any exception."""
        me = threading.get_ident()
        if self._writing_thread == me:
            raise RuntimeError("A write transaction was opened inside another one.")
        with self._writer.mine():
            self._writing_thread = me
            try:
                with self._writing() as connection:
                    tx = Transaction(connection, self.clock())
                    yield tx
            finally:
                self._writing_thread = None
        if tx.jobs.touched:
            self.touched.set()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that only reads, all of it from one snapshot."""
        with self._engine.connect() as connection, connection.begin():
            _begin_to_read(connection)
            yield Transaction(connection, self.clock())

    def migrate(self) -> None:
        """Bring the schema up to date. Safe when several processes start at once: the first
        does it in one transaction, the others wait for it and find nothing to do."""
        from service.store.migrations import upgrade  # Alembic is slow to import

        self._make_directory()
        with self._writing() as connection:
            upgrade(connection)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._engine.connect() as connection, connection.begin():
            _begin_to_write(connection)
            yield connection

    def _make_directory(self) -> None:
        file = make_url(self.url).database
        if self._engine.dialect.name == "sqlite" and file:
            Path(file).parent.mkdir(parents=True, exist_ok=True)


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, json_serializer=_json, hide_parameters=True)
    engine = create_engine(
        url,
        json_serializer=_json,
        hide_parameters=True,  # an error goes to the log, a ticket's words must not
        connect_args={"timeout": BUSY_SECONDS},
        pool_size=8,
        max_overflow=-1,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # The driver must not begin transactions by itself: see "Serializable isolation / Savepoints"
    # in https://docs.sqlalchemy.org/en/20/dialects/sqlite.html
    assert isinstance(connection, sqlite3.Connection)  # noqa: S101 - tells mypy the driver
    connection.isolation_level = None
    _turn_to_wal(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _turn_to_wal(driver: sqlite3.Connection) -> None:
    """A new database is turned by the first process that opens it. Of two that read the old mode
    both and then write the new one, the second is told "database is locked" at once, without the
    busy handler (https://sqlite.org/c3ref/busy_handler.html on deadlocks): it looks again."""
    give_up_at = time.monotonic() + BUSY_SECONDS
    while not _done(driver, TO_WAL) and time.monotonic() < give_up_at:
        time.sleep(LOOK_AGAIN)
    driver.execute(TO_WAL).close()  # where it is done, nothing; else once more, for its error


def _begin_to_read(connection: Connection) -> None:
    if (driver := _sqlite(connection)) is not None:
        driver.execute("BEGIN").close()


def _begin_to_write(connection: Connection) -> None:
    """As soon as no other process writes; "database is locked" when one does for `BUSY_SECONDS`.

    SQLite's busy handler sleeps ever longer, up to 100 ms (sqliteDefaultBusyCallback in
    https://sqlite.org/src/file/src/main.c), and so missed the short gaps that a busy web process
    leaves: a worker's transaction took up to a second. Looking every other millisecond, neither
    starves the other.

    A transaction that reads first and writes later fails with "database is locked" at once if
    another one wrote in between, without the busy handler: https://sqlite.org/lang_transaction.html
    """
    if (driver := _sqlite(connection)) is None:
        return
    give_up_at = time.monotonic() + BUSY_SECONDS
    driver.execute("PRAGMA busy_timeout=0").close()
    try:
        while not _done(driver, BEGIN) and time.monotonic() < give_up_at:
            time.sleep(LOOK_AGAIN)
        if not driver.in_transaction:
            connection.exec_driver_sql(BEGIN)  # the last time, and for its error
    finally:
        driver.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000:.0f}").close()


def _done(driver: sqlite3.Connection, statement: str) -> bool:
    """Whether no other process was in the way of `statement`."""
    try:
        driver.execute(statement).close()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


def _sqlite(connection: Connection) -> sqlite3.Connection | None:
    """The driver's connection, which is asked to begin a transaction (see `_prepare_sqlite`); that
    of any other database begins by itself."""
    driver = connection.connection.driver_connection
    return driver if isinstance(driver, sqlite3.Connection) else None


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
