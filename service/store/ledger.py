"""What the poller has seen: each ticket with its tracker's own `updated`, and how far it looked.

A watermark alone misses tickets (minute precision, index lag): one looks back with an overlap
and lets the ledger say which of the tickets found are news.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from integrations.tracker import Glimpse
from service.store.schema import ledger, poll_marks
from service.store.statements import insert

_KEY = select(ledger.c.key).where(
    ledger.c.connection == bindparam("of_connection"), ledger.c.ticket_id == bindparam("of_ticket")
)


class Ledger:
    """The tickets seen, and the marks of how far each place was looked through."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def news(self, glimpses: Sequence[Glimpse]) -> list[Glimpse]:
        """Those that were never seen or have changed since they were recorded."""
        ids = [glimpse.ref.id for glimpse in glimpses]
        rows = self._connection.execute(
            select(ledger.c.connection, ledger.c.ticket_id, ledger.c.updated).where(
                ledger.c.ticket_id.in_(ids)
            )
        )
        seen = {(connection, ticket): updated for connection, ticket, updated in rows}
        return [
            each
            for each in glimpses
            if seen.get((each.ref.connection, each.ref.id)) != each.updated
        ]

    def record(self, glimpse: Glimpse) -> None:
        """Remember this ticket as seen with this `updated`, and what people call it."""
        values = {"key": glimpse.ref.key, "updated": glimpse.updated}
        self._connection.execute(
            insert(self._connection, ledger)
            .values(connection=glimpse.ref.connection, ticket_id=glimpse.ref.id, **values)
            .on_conflict_do_update(index_elements=["connection", "ticket_id"], set_=values)
        )

    def sighted(self, connection: str, ticket_id: str, key: str) -> None:
        """Remember what people call a ticket that a delivery told of; a poll still counts it
        as news."""
        self._connection.execute(
            insert(self._connection, ledger)
            .values(connection=connection, ticket_id=ticket_id, key=key, updated="")
            .on_conflict_do_update(index_elements=["connection", "ticket_id"], set_={"key": key})
        )

    def key(self, connection: str, ticket_id: str) -> str | None:
        """What people called this ticket when it was last seen."""
        of = {"of_connection": connection, "of_ticket": ticket_id}
        return self._connection.execute(_KEY, of).scalar_one_or_none()

    def since(self, connection: str, place: str) -> datetime | None:
        """Up to when (UTC) the place was looked through; None when it never was."""
        return self._connection.execute(
            select(poll_marks.c.since).where(
                poll_marks.c.connection == connection, poll_marks.c.place == place
            )
        ).scalar_one_or_none()

    def whole_at(self, connection: str, place: str) -> datetime | None:
        """When (UTC) all of the place was last looked through, whatever had changed; None when it
        never was."""
        return self._connection.execute(
            select(poll_marks.c.whole_at).where(
                poll_marks.c.connection == connection, poll_marks.c.place == place
            )
        ).scalar_one_or_none()

    def set_since(
        self, connection: str, place: str, since: datetime, *, whole: bool = False
    ) -> None:
        """Remember up to when the place was looked through; `whole`: all of it."""
        values = {"since": since, **({"whole_at": since} if whole else {})}
        self._connection.execute(
            insert(self._connection, poll_marks)
            .values(connection=connection, place=place, **values)
            .on_conflict_do_update(index_elements=["connection", "place"], set_=values)
        )
