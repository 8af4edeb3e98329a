"""The tables of checks; see `service.store.schema`."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from service.store.schema import metadata
from service.store.types import MANY_IDS, UtcDateTime

check_results = Table(  # as CI and monitoring posted them; the latest of each check
    "check_results",
    metadata,
    Column("id", MANY_IDS, primary_key=True),
    Column("name", Text, nullable=False),
    Column("run", Text),  # the sender's own name for it
    Column("passed", Boolean, nullable=False),
    Column("summary", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("since", UtcDateTime, nullable=False),  # the first one in a row that said the same
    Column("received_at", UtcDateTime, nullable=False),
    UniqueConstraint("name", "run"),
    Index(None, "name", "at"),
    sqlite_autoincrement=True,
)

watches = Table(  # what the measures of incidents name: checks, and repositories that keep files
    "watches",
    metadata,
    Column("incident_id", Text, ForeignKey("incidents.id"), primary_key=True),
    Column("source", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("told", Integer, nullable=False),  # how often it was said to have changed
    Column("heard", Integer, nullable=False),  # as many of them it was looked at for
    Index(None, "source", "name"),
)
