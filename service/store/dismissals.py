"""Which incidents somebody said have nothing to do with each other. It holds in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, or_, select

from service.store.learning_tables import dismissed
from service.store.statements import insert


@dataclass(frozen=True, slots=True)
class Dismissal:
    """That `by` said so at that moment (UTC), and `why`."""

    by: str
    at: datetime
    why: str


class Dismissals:
    """Writing and reading them."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def add(self, one: str, other: str, by: str, why: str) -> bool:
        """Write it down of two incidents (our ids); False where that was said before, which
        stays."""
        first, second = sorted((one, other))
        statement = (
            insert(self._connection, dismissed)
            .values(incident_id=first, other_id=second, by=by, at=self._now, why=why)
            .on_conflict_do_nothing()
            .returning(dismissed.c.incident_id)
        )
        return self._connection.execute(statement).first() is not None

    def take_back(self, one: str, other: str) -> None:
        """Forget what was said of the two."""
        first, second = sorted((one, other))
        self._connection.execute(
            delete(dismissed).where(
                dismissed.c.incident_id == first, dismissed.c.other_id == second
            )
        )

    def of_incident(self, id: str) -> dict[str, Dismissal]:
        """What was said of the incident, by the id of the other."""
        query = select(dismissed).where(
            or_(dismissed.c.incident_id == id, dismissed.c.other_id == id)
        )
        return {
            row.other_id if row.incident_id == id else row.incident_id: Dismissal(
                row.by, row.at, row.why
            )
            for row in self._connection.execute(query)
        }

    def of_pair(self, one: str, other: str) -> Dismissal | None:
        """What was said of the two, None for nothing."""
        first, second = sorted((one, other))
        query = select(dismissed).where(
            dismissed.c.incident_id == first, dismissed.c.other_id == second
        )
        row = self._connection.execute(query).first()
        return None if row is None else Dismissal(row.by, row.at, row.why)
