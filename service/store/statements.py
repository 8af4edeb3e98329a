"""INSERT … ON CONFLICT, which SQLite and PostgreSQL spell alike and SQLAlchemy per dialect; locks
that have a name; and statements that are put together once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Executable, Table, text
from sqlalchemy.dialects import postgresql, sqlite


def insert(connection: Connection, table: Table) -> sqlite.Insert:
    """An insert into `table` that knows `on_conflict_do_update` and `…_do_nothing`."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)  # type: ignore[return-value]  # the same methods
    return sqlite.insert(table)


def locked(connection: Connection, name: str) -> None:
    """Wait until no other transaction holds what has this name, and hold it until this one ends.
    On SQLite nobody else writes in any case. On PostgreSQL the number of the lock is a hash of the
    name: https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS"""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK, {"name": name})


_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")

Statement = TypeVar("Statement", bound=Executable)


def once(build: Callable[[Connection], Statement]) -> Callable[[Connection], Statement]:
    """A statement that is put together at its first use, once for each dialect, and gets its
    values when it is executed: putting one together takes longer than executing it."""
    built: dict[str, Statement] = {}

    def statement(connection: Connection) -> Statement:
        name = connection.dialect.name
        if name not in built:
            built[name] = build(connection)
        return built[name]

    return statement
