"""What the export of measures reads."""

from __future__ import annotations

from sqlalchemy import Connection

from service.store.learning_tables import measures
from service.store.measured import measured, read_measured
from workflows.measured import Measured
from workflows.sight import Sight


class Exports:
    """Reading measures for planning elsewhere."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def measures(self, sight: Sight, team: str | None, *, ended: bool = False) -> list[Measured]:
        """Those that are open, of one team or of all that may be seen; with those that `ended`
        too. In no order."""
        query = measured(sight)
        if team is not None:
            query = query.where(measures.c.team == team)
        if not ended:
            query = query.where(measures.c.open.is_(True))
        return [read_measured(row) for row in self._connection.execute(query)]
