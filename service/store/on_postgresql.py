"""PostgreSQL: how its server is reached, how transactions begin, and how they keep out of each
other's way.

What may be relied on is in docs/adr/0011-one-writer-at-a-time-on-postgresql-too.md.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection as Driver
from psycopg.errors import DeadlockDetected, LockNotAvailable
from psycopg.types.string import StrDumperUnknown
from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from service.store.codec import compact
from service.store.unreachable import Unreachable

#: After so many seconds a lock is not waited for any more, and a transaction whose process does
#: nothing in it is ended, so that one who stopped in the middle does not keep all others waiting.
BUSY_SECONDS, IDLE_SECONDS = 15.0, 30

#: What the driver is told, where the address does not say it otherwise. A server that vanished, as
#: when a cable is pulled, is given up 25 seconds later: within a lease, and by far earlier than the
#: system would, which keeps on for a quarter of an hour and begins to ask after two hours.
#: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-KEEPALIVES
UNLESS_SAID = {
    "application_name": "followthrough",
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # milliseconds; of what was sent and not acknowledged
}

#: Any other keeps not all letters, or does not tell them apart from bytes.
ENCODING = "UTF8"

#: So long, in seconds, a migration keeps others waiting for a table before it lets them through
#: for a pause, and how often it tries.
DDL_SECONDS, DDL_TRIES, DDL_PAUSE = 4, 15, 1.0

#: Some write beside others: see `service.store.database.Store.write`.
SIDE_BY_SIDE = True

# Advisory locks have numbers, and each database its own. These two are ours; those of names are 64
# bits of a hash (`service.store.statements.locked`), which are these by no chance that counts.
# https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
WRITER, _MIGRATION = 727_001, 727_002
_LOCK = text("SELECT pg_advisory_xact_lock(:number)")


class _WithoutNul(StrDumperUnknown):
    """Text as PostgreSQL takes it: the character NUL, which it keeps in no text, is kept as the
    one that stands for what cannot be shown."""

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\N{REPLACEMENT CHARACTER}"))


def opened(url: str) -> Engine:
    """The database that the address names. Connections that the server closed meanwhile, because
    it was restarted, are replaced before they are used."""
    limits = (
        f"-c timezone=UTC -c lock_timeout={BUSY_SECONDS * 1000:.0f}ms"
        f" -c idle_in_transaction_session_timeout={IDLE_SECONDS}s"
    )
    said = make_url(url).query
    engine = create_engine(
        url,
        json_serializer=_compact,
        hide_parameters=True,  # an error goes to the log, a ticket's words must not
        isolation_level="READ COMMITTED",
        connect_args={
            **{name: value for name, value in UNLESS_SAID.items() if name not in said},
            "options": f"{limits} {said.get('options', '')}".strip(),
        },
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=-1,
    )
    # First of all: with another encoding, SQLAlchemy's own first look at a server ends in a fault.
    event.listen(engine, "connect", _prepare, insert=True)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, all of it from one snapshot."""
    with engine.connect() as connection:
        snapshot = connection.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        with snapshot.begin():
            yield snapshot


@contextmanager
def writing(engine: Engine, *, alone: bool) -> Iterator[Connection]:
    """A transaction that may write: `alone`, as soon as no other of these does, or beside them.
    Each of its statements sees what was committed before it began."""
    with engine.connect() as connection, connection.begin():
        if alone:
            connection.execute(_LOCK, {"number": WRITER})
        yield connection


def is_set_up(engine: Engine) -> bool:
    """Whether the database has a schema. Raises Unreachable."""
    try:
        return inspect(engine).has_table("alembic_version")
    except DBAPIError as error:
        raise Unreachable(_words(error)) from error


def migrate(engine: Engine, upgrade: Callable[[Connection], None]) -> None:
    """Change the schema: one process at a time, and none that writes alone meanwhile. Raises
    Unreachable.

    Who reads, or writes beside others, may be in the way of a table, or in a circle with us: then
    all of it is rolled back, lets them through, and is tried again.
    """
    for left in reversed(range(DDL_TRIES)):
        try:
            with engine.connect() as connection, connection.begin():
                connection.execute(text("SET LOCAL lock_timeout = 0"))
                connection.execute(_LOCK, {"number": _MIGRATION})
                connection.execute(_LOCK, {"number": WRITER})
                connection.execute(text(f"SET LOCAL lock_timeout = '{DDL_SECONDS}s'"))
                upgrade(connection)
                return
        except DBAPIError as error:
            if left and isinstance(error.orig, LockNotAvailable | DeadlockDetected):
                time.sleep(DDL_PAUSE)
                continue
            raise Unreachable(_words(error)) from error


def _prepare(driver: Any, _entry: ConnectionPoolEntry) -> None:
    """Raises Unreachable where the database keeps text in another encoding."""
    assert isinstance(driver, Driver)  # noqa: S101 - tells mypy the driver
    encoding = driver.info.parameter_status("server_encoding")
    if encoding != ENCODING:
        driver.close()
        raise Unreachable(
            f"it keeps text in {encoding}, not in {ENCODING}; name one that was made with"
            f" ENCODING '{ENCODING}'"
        )
    driver.adapters.register_dumper(str, _WithoutNul)


def _words(error: DBAPIError) -> str:
    """Those of the driver or the server, in one line."""
    return " ".join(str(error.orig).split())


def _compact(value: object) -> str:
    """JSON without NUL: PostgreSQL keeps that, and then cannot look into it."""
    said = compact(value)
    return _NUL.sub("\\1\N{REPLACEMENT CHARACTER}", said) if "\\u0000" in said else said


_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")  # after no or whole pairs of backslashes
