"""What trackers could not deliver to us, and how often it was asked for again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, select, update

from integrations.tracker import MissedDelivery
from service.store.schema import deliveries, redeliveries
from service.store.statements import insert


@dataclass(frozen=True, slots=True)
class Missed:
    """A delivery that is on no record here. `delivery_id` is the sender's; `attempts` counts how
    often it was asked for, the last time at `asked_at`; `words` say why asking failed, "" when it
    did not; times are aware UTC."""

    connection: str
    delivery_id: str
    event: str
    handle: str
    failed_at: datetime
    attempts: int
    asked_at: datetime | None
    words: str


_RECORDED = exists().where(
    deliveries.c.connection == redeliveries.c.connection,
    deliveries.c.delivery_id == redeliveries.c.delivery_id,
)


class Redeliveries:
    """The record of what was missed."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def note(self, connection: str, missed: Sequence[MissedDelivery]) -> None:
        """Remember these, unless they are known."""
        for each in missed:
            self._connection.execute(
                insert(self._connection, redeliveries)
                .values(
                    connection=connection,
                    delivery_id=each.id,
                    event=each.event,
                    handle=each.handle,
                    failed_at=each.at,
                    attempts=0,
                    words="",
                )
                .on_conflict_do_nothing(index_elements=["connection", "delivery_id"])
            )

    def missing(self, connection: str, since: datetime) -> list[Missed]:
        """Those that failed since then and are on no record yet, the earliest first."""
        which = redeliveries.c.connection == connection, redeliveries.c.failed_at >= since
        return self._list(select(redeliveries).where(*which, ~_RECORDED))

    def lately_missing(self, since: datetime) -> list[Missed]:
        """The same of all connections."""
        return self._list(select(redeliveries).where(redeliveries.c.failed_at >= since, ~_RECORDED))

    def asked(self, missed: Missed) -> None:
        """It is about to be asked for."""
        self._set(missed, attempts=redeliveries.c.attempts + 1, asked_at=self._now, words="")

    def refused(self, missed: Missed, words: str, *, counts: bool) -> None:
        """Asking for it failed. Where that says nothing about it, it does not count."""
        before = {} if counts else {"attempts": missed.attempts, "asked_at": missed.asked_at}
        self._set(missed, words=words, **before)

    def _set(self, missed: Missed, **values: object) -> None:
        self._connection.execute(
            update(redeliveries)
            .where(
                redeliveries.c.connection == missed.connection,
                redeliveries.c.delivery_id == missed.delivery_id,
            )
            .values(**values)
        )

    def _list(self, query: Select[Any]) -> list[Missed]:
        rows = self._connection.execute(query.order_by(redeliveries.c.failed_at))
        return [_missed(row) for row in rows]


def _missed(row: Row[Any]) -> Missed:
    return Missed(**row._mapping)
