"""The table of what the doors refused; see `service.store.schema`."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text

from service.store.schema import metadata
from service.store.types import UtcDateTime

refused = Table(  # the last delivery of each connection whose signature did not fit
    "refused",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("refused_at", UtcDateTime, nullable=False),
)
