"""Who judged a measure by the page or the command line; what tickets say of it is in the tickets.

The web process writes rows and nothing else. The incident's job reads them all, each time, and
answers each once: what it answered is part of the incident's state.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Connection, ForeignKey, Integer, Table, Text, bindparam, select
from sqlalchemy import insert as sql_insert

from service.store.schema import metadata
from service.store.types import MANY_IDS, UtcDateTime
from workflows.rungs import Judgement, Verdict

judgements = Table(
    "judgements",
    metadata,
    Column("id", MANY_IDS, primary_key=True),
    Column("incident_id", Text, ForeignKey("incidents.id"), nullable=False, index=True),
    Column("item", Integer, nullable=False),  # n of AI-n; with the next two, the audit
    Column("round", Integer, nullable=False),
    Column("rung", Integer, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("by", Text, nullable=False),  # as the rules call them
    Column("through", Text, nullable=False),  # who wrote it down, and where
    Column("at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

_OF_INCIDENT = (
    select(judgements)
    .where(judgements.c.incident_id == bindparam("of_incident"))
    .order_by(judgements.c.id)
)


class Judgements:
    """Writing and reading judgements; nothing in them is ever changed."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def add(
        self,
        incident_id: str,
        audit: tuple[int, int, int],
        verdict: Verdict,
        evidence: str,
        *,
        by: str,
        through: str,
    ) -> None:
        """Somebody judged the audit of this item, round and rung now, see
        `workflows.rungs.Judgement`."""
        item, round, rung = audit
        self._connection.execute(
            sql_insert(judgements).values(
                incident_id=incident_id,
                item=item,
                round=round,
                rung=rung,
                verdict=verdict.value,
                evidence=evidence,
                by=by,
                through=through,
                at=self._now,
            )
        )

    def of_incident(self, incident_id: str) -> list[Judgement]:
        """All of one incident, in the order in which they came."""
        rows = self._connection.execute(_OF_INCIDENT, {"of_incident": incident_id})
        return [
            Judgement(
                id=row.id,
                item=row.item,
                round=row.round,
                rung=row.rung,
                verdict=Verdict(row.verdict),
                evidence=row.evidence,
                by=row.by,
                through=row.through,
                at=row.at,
            )
            for row in rows
        ]
