"""The tables of what an installation is called by, and of its restorations; see
`service.store.schema`."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text

from service.store.schema import metadata
from service.store.types import MANY_IDS, UtcDateTime

installation = Table(  # one row, made with the table and never changed
    "installation",
    metadata,
    Column("id", MANY_IDS, primary_key=True),
    Column("salt", Text, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
)

restorations = Table(  # when the database was put back to an older state
    "restorations",
    metadata,
    Column("id", MANY_IDS, primary_key=True),
    Column("taken_at", UtcDateTime, nullable=False),  # what was done later, it does not know
    Column("restored_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)
