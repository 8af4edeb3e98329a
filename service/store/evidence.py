"""Evidence that somebody attached to an incident through the API.

The web process writes rows and nothing else. The incident's job reads them all, each time, and
takes each in once: what it took in is part of the incident's state.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Connection, ForeignKey, Table, Text, bindparam, func, select
from sqlalchemy import insert as sql_insert

from service.store.schema import metadata
from service.store.types import MANY_IDS, UtcDateTime
from workflows.attached import Attached, EvidenceKind

evidence = Table(
    "evidence",
    metadata,
    Column("id", MANY_IDS, primary_key=True),
    Column("incident_id", Text, ForeignKey("incidents.id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),  # of what it shows
    Column("source", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

_OF_INCIDENT = (
    select(evidence)
    .where(evidence.c.incident_id == bindparam("of_incident"))
    .order_by(evidence.c.id)
)


class Evidence:
    """Writing and reading evidence; nothing in it is ever changed."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def add(
        self,
        incident_id: str,
        kind: EvidenceKind,
        url: str,
        title: str,
        at: datetime,
        source: str,
        by: str,
    ) -> Attached:
        """Somebody attached this now; see `workflows.attached.Attached`."""
        values = {"url": url, "title": title, "at": at, "source": source, "by": by}
        number = self._connection.execute(
            sql_insert(evidence)
            .values(incident_id=incident_id, kind=kind.value, added_at=self._now, **values)
            .returning(evidence.c.id)
        ).scalar_one()
        return Attached(number, kind, url, title, at, source, by)

    def count(self, incident_id: str) -> int:
        """How much one incident has."""
        query = select(func.count()).where(evidence.c.incident_id == incident_id)
        return int(self._connection.execute(query).scalar_one())

    def of_incident(self, incident_id: str) -> list[Attached]:
        """All of one incident, in the order in which it came."""
        rows = self._connection.execute(_OF_INCIDENT, {"of_incident": incident_id})
        return [
            Attached(row.id, EvidenceKind(row.kind), row.url, row.title, row.at, row.source, row.by)
            for row in rows
        ]
