"""Who accepted which proposal by the page or the command line; those of comments are in the ticket.

The web process writes rows and nothing else. The incident's job reads them all, each time, and
answers each once: what it answered is part of the incident's state.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, select
from sqlalchemy import insert as sql_insert

from service.store.schema import acceptances
from workflows.model import Acceptance, Way

_OF_INCIDENT = (
    select(acceptances)
    .where(acceptances.c.incident_id == bindparam("of_incident"))
    .order_by(acceptances.c.id)
)


class Acceptances:
    """Writing and reading acceptances; nothing in them is ever changed."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def add(self, incident_id: str, number: int, by: str, way: Way) -> None:
        """Somebody accepted ``P-number`` now."""
        self._connection.execute(
            sql_insert(acceptances).values(
                incident_id=incident_id, number=number, by=by, at=self._now, way=way.value
            )
        )

    def of_incident(self, incident_id: str) -> list[Acceptance]:
        """All of one incident, in the order in which they came."""
        rows = self._connection.execute(_OF_INCIDENT, {"of_incident": incident_id})
        return [
            Acceptance(f"row/{row.id}", row.number, row.by, row.at, Way(row.way)) for row in rows
        ]
