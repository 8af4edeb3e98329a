"""When each connection's door last took a delivery, and when it last refused one because of its
signature: by these two one can tell a wrong secret from a stranger who tries the door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from service.store.door_tables import refused
from service.store.schema import deliveries
from service.store.statements import insert


@dataclass(frozen=True, slots=True)
class Door:
    """When (UTC) a connection's door last took a delivery and last refused one; None for never."""

    taken_at: datetime | None = None
    refused_at: datetime | None = None


class Doors:
    """Noting refusals and telling of them."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def refuse(self, connection: str) -> None:
        """A delivery to this connection has a signature that does not fit."""
        row = {"connection": connection, "refused_at": self._now}
        self._connection.execute(
            insert(self._connection, refused)
            .values(row)
            .on_conflict_do_update(index_elements=["connection"], set_=row)
        )

    def get(self, connection: str) -> Door:
        """How the door of a connection stands. Two reads by an index."""
        last = select(func.max(deliveries.c.id)).where(deliveries.c.connection == connection)
        taken = select(deliveries.c.received_at).where(deliveries.c.id == last.scalar_subquery())
        no = select(refused.c.refused_at).where(refused.c.connection == connection)
        return Door(
            self._connection.execute(taken).scalar_one_or_none(),
            self._connection.execute(no).scalar_one_or_none(),
        )
