"""What the export of measures reads."""

from __future__ import annotations

from sqlalchemy import Connection, tuple_

from service.store.learning_tables import measures
from service.store.measured import Query, measured, read_measured
from workflows.measured import Measured
from workflows.sight import Sight


class Exports:
    """Reading measures for planning elsewhere."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def measures(self, sight: Sight, team: str | None, *, ended: bool = False) -> list[Measured]:
        """Those that are open, of one team or of all that may be seen; with those that `ended`
        too. In no order."""
        query = _wanted(sight, team, ended)
        return [read_measured(row) for row in self._connection.execute(query)]

    def page(
        self, sight: Sight, team: str | None, ended: bool, after: tuple[str, int] | None, limit: int
    ) -> list[Measured]:
        """The same in the order of incident (our id) and number: those that come `after` one,
        `limit` of them."""
        place = (measures.c.incident_id, measures.c.item)
        query = _wanted(sight, team, ended).order_by(*place).limit(limit)
        if after is not None:
            query = query.where(tuple_(*place) > after)
        return [read_measured(row) for row in self._connection.execute(query)]


def _wanted(sight: Sight, team: str | None, ended: bool) -> Query:
    query = measured(sight)
    if team is not None:
        query = query.where(measures.c.team == team)
    return query if ended else query.where(measures.c.open.is_(True))
