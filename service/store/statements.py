"""INSERT … ON CONFLICT, which SQLite and PostgreSQL spell alike and SQLAlchemy per dialect."""

from __future__ import annotations

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert(connection: Connection, table: Table) -> sqlite.Insert:
    """An insert into `table` that knows `on_conflict_do_update` and `…_do_nothing`."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)  # type: ignore[return-value]  # the same methods
    return sqlite.insert(table)
