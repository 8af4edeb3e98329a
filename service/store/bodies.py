"""What trackers sent, as it is kept: whole at first, then packed, and in the end not at all. The
row stays, with the sender's id, so that a delivery that comes again is known for ever."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, bindparam, func, select, update

from service.store.schema import deliveries

#: States of deliveries that nobody waits for, by the names of `service.store.deliveries`: of any
#: other the bytes are needed, however old they are.
SETTLED = ("done", "ignored", "unknown", "dropped")


#: So many bytes are read at once: a hundred of the largest that there are would be 2.5 GB.
LARGEST = 8 * 1024 * 1024


class Kept(StrEnum):
    WHOLE = "whole"
    PACKED = "packed"
    DROPPED = "dropped"


def packed(body: bytes) -> bytes:
    """The bytes that were sent, as they take less room."""
    return zlib.compress(body)


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
        settled: `most` at most, and no more than have `LARGEST` bytes together, but for one that
        has more by itself."""
        query = (
            select(deliveries.c.id, func.length(deliveries.c.body))
            .where(*_settled(Kept.WHOLE, before))
            .order_by(deliveries.c.received_at)
            .limit(most)
        )
        ids: list[int] = []
        total = 0
        for id, size in self._connection.execute(query):
            total += size
            if ids and total > LARGEST:
                break
            ids.append(id)
        bodies = select(deliveries.c.id, deliveries.c.body).where(deliveries.c.id.in_(ids))
        return [(row.id, bytes(row.body)) for row in self._connection.execute(bodies)]

    def put(self, bodies: Sequence[tuple[int, bytes]]) -> None:
        """Keep these, which are `packed`, instead of the whole ones, as far as these are there."""
        if not bodies:
            return
        self._connection.execute(
            update(deliveries)
            .where(deliveries.c.id == bindparam("packed"), deliveries.c.kept == Kept.WHOLE)
            .values(body=bindparam("into"), kept=Kept.PACKED),
            [{"packed": id, "into": body} for id, body in bodies],
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
