"""INSERT … ON CONFLICT, which SQLite and PostgreSQL spell alike and SQLAlchemy per dialect."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Executable, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert(connection: Connection, table: Table) -> sqlite.Insert:
    """An insert into `table` that knows `on_conflict_do_update` and `…_do_nothing`."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)  # type: ignore[return-value]  # the same methods
    return sqlite.insert(table)


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
