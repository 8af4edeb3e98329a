"""SQLite: how its file is opened, and how its transactions begin.

There is one writer at a time, of all processes.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from service.store.codec import compact

BUSY_SECONDS = 15.0
LOOK_AGAIN = 0.002  # seconds between two looks whether another process still writes
BEGIN = "BEGIN IMMEDIATE"
TO_WAL = "PRAGMA journal_mode=WAL"

#: Nobody writes beside another: see `service.store.database.Store.write`.
SIDE_BY_SIDE = False


def opened(url: str) -> Engine:
    """The file that the address names, or will be once something is written."""
    engine = create_engine(
        url,
        json_serializer=compact,
        hide_parameters=True,  # an error goes to the log, a ticket's words must not
        connect_args={"timeout": BUSY_SECONDS},
        pool_size=8,
        max_overflow=-1,
    )
    event.listen(engine, "connect", _prepare)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, all of it from one snapshot."""
    with engine.connect() as connection, connection.begin():
        _driver(connection).execute("BEGIN").close()
        yield connection


@contextmanager
def writing(engine: Engine, *, alone: bool) -> Iterator[Connection]:  # noqa: ARG001 - it always is
    """A transaction that may write, as soon as no other process does."""
    with engine.connect() as connection, connection.begin():
        _begin_to_write(connection)
        yield connection


def is_set_up(engine: Engine) -> bool:
    """Whether the file has a schema."""
    return inspect(engine).has_table("alembic_version")


def migrate(engine: Engine, upgrade: Callable[[Connection], None]) -> None:
    """Change the schema of the file, whose directory need not be there."""
    if file := engine.url.database:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    with writing(engine, alone=True) as connection:
        upgrade(connection)


def _prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
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


def _begin_to_write(connection: Connection) -> None:
    """As soon as no other process writes; "database is locked" when one does for `BUSY_SECONDS`.

    SQLite's busy handler sleeps ever longer, up to 100 ms (sqliteDefaultBusyCallback in
    https://sqlite.org/src/file/src/main.c), and so missed the short gaps that a busy web process
    leaves: a worker's transaction took up to a second. Looking every other millisecond, neither
    starves the other.

    A transaction that reads first and writes later fails with "database is locked" at once if
    another one wrote in between, without the busy handler: https://sqlite.org/lang_transaction.html
    """
    driver = _driver(connection)
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


def _driver(connection: Connection) -> sqlite3.Connection:
    """The driver's connection, which is asked to begin a transaction (see `_prepare`)."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - tells mypy the driver
    return driver
