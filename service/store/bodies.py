"""What trackers sent, as it is kept: whole at first, then packed, and in the end not at all. The
row stays, with the sender's id, so that a delivery that comes again is known for ever."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, bindparam, select, update

from service.store.schema import deliveries

#: States of deliveries that nobody waits for, by the names of `service.store.deliveries`: of any
#: other the bytes are needed, however old they are.
SETTLED = ("done", "ignored", "unknown", "dropped")


class Kept(StrEnum):
    WHOLE = "whole"
    PACKED = "packed"
    DROPPED = "dropped"


def unpacked(kept: str, body: bytes) -> bytes | None:
    """The bytes that were sent; None where they were dropped."""
    match Kept(kept):
        case Kept.WHOLE:
            return body
        case Kept.PACKED:
            return zlib.decompress(body)
        case Kept.DROPPED:
            return None


class Bodies:
    """Packing and dropping them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def whole(self, before: datetime, most: int) -> list[tuple[int, bytes]]:
        """The ids and bytes of the oldest that are whole, were received before then (UTC) and are
        settled."""
        query = (
            select(deliveries.c.id, deliveries.c.body)
            .where(*_settled(Kept.WHOLE, before))
            .order_by(deliveries.c.received_at)
            .limit(most)
        )
        return [(row.id, bytes(row.body)) for row in self._connection.execute(query)]

    def pack(self, bodies: Sequence[tuple[int, bytes]]) -> None:
        """Keep these packed from now on, as far as they are whole."""
        if not bodies:
            return
        self._connection.execute(
            update(deliveries)
            .where(deliveries.c.id == bindparam("packed"), deliveries.c.kept == Kept.WHOLE)
            .values(body=bindparam("into"), kept=Kept.PACKED),
            [{"packed": id, "into": zlib.compress(body)} for id, body in bodies],
        )

    def drop(self, before: datetime, most: int) -> int:
        """Drop those that were received before then (UTC) and are settled; returns how many, `most`
        at most."""
        found = 0
        for kept in (Kept.PACKED, Kept.WHOLE):
            oldest = select(deliveries.c.id).where(*_settled(kept, before))
            oldest = oldest.order_by(deliveries.c.received_at).limit(most - found)
            found += self._connection.execute(
                update(deliveries)
                .where(deliveries.c.id.in_(oldest))
                .values(body=b"", kept=Kept.DROPPED)
            ).rowcount
        return found


def _settled(kept: Kept, before: datetime) -> list[ColumnElement[bool]]:
    return [
        deliveries.c.kept == kept,
        deliveries.c.received_at < before,
        deliveries.c.state.in_(SETTLED),
    ]
