"""What was last agreed on of milestones that are closed in two trackers at once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from service.store.schema import closings
from service.store.statements import insert
from workflows.closings import Closing, Pair

_KEY = ("connection", "place", "other_connection", "other_place", "name")


class Closings:
    """One row for each pair of milestones; their names differ in case at most."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, pair: Pair) -> Closing:
        query = select(closings).where(*(closings.c[name] == at for name, at in _key(pair).items()))
        row = self._connection.execute(query).first()
        if row is None:
            return Closing()
        written = tuple(datetime.fromisoformat(at) for at in row.written)
        return Closing(row.closed, written, row.words)

    def put(self, pair: Pair, closing: Closing) -> None:
        values = {
            "closed": closing.closed,
            "written": [at.isoformat() for at in closing.written],
            "words": closing.words,
        }
        self._connection.execute(
            insert(self._connection, closings)
            .values(**_key(pair), **values)
            .on_conflict_do_update(index_elements=list(_KEY), set_=values)
        )


def _key(pair: Pair) -> dict[str, str]:
    one, other = pair.one, pair.other
    told = (one.connection, one.place, other.connection, other.place, one.name.strip().casefold())
    return dict(zip(_KEY, told, strict=True))
