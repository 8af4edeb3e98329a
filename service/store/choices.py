"""Who settled what is apart, by the page or the command line.

The web process writes rows and nothing else. The incident's job reads them all, each time, and
answers each once: what it answered is part of the incident's state.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, select
from sqlalchemy import insert as sql_insert

from service.store.schema import choices
from workflows.snapshots import Choice, Field, Value

_OF_INCIDENT = (
    select(choices).where(choices.c.incident_id == bindparam("of_incident")).order_by(choices.c.id)
)


class Choices:
    """Writing and reading choices; nothing in them is ever changed."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def add(
        self, incident_id: str, item: int, field: Field, value: Value, by: str, *, resumes: bool
    ) -> None:
        """Somebody settled a field of ``AI-item`` now, see `workflows.snapshots.Choice`."""
        self._connection.execute(
            sql_insert(choices).values(
                incident_id=incident_id,
                item=item,
                field=field.value,
                value=value,
                by=by,
                at=self._now,
                resumes=resumes,
            )
        )

    def of_incident(self, incident_id: str) -> list[Choice]:
        """All of one incident, in the order in which they came."""
        rows = self._connection.execute(_OF_INCIDENT, {"of_incident": incident_id})
        return [
            Choice(row.id, row.item, Field(row.field), row.value, row.by, row.at, row.resumes)
            for row in rows
        ]
