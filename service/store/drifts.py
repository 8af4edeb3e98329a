"""The drift report: what was found to differ and nobody had told of, and what was done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, delete, select, update

from service.store.refs import Ref
from service.store.schema import drifts, incidents
from workflows.drift import Became, Drift
from workflows.rights import Teams

#: How long it is kept.
KEPT = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class DriftRecord:
    """A drift of the ticket or document `key`, where it tells of the action item `item` of the
    ticket `incident`. It was found at `found_at`; at `ended_at` it was heard, and `became` is what
    was done: both None until then. Times are UTC."""

    id: int
    incident_id: str
    incident: str
    connection: str
    ticket_id: str
    key: str
    item: str
    drift: Drift
    found_at: datetime
    became: Became | None
    ended_at: datetime | None


class Open(NamedTuple):
    """A drift that waits: of which action item, and what differs."""

    id: int
    item: str
    what: str


_OPEN = select(drifts.c.id, drifts.c.item, drifts.c.what).where(
    drifts.c.connection == bindparam("of_connection"),
    drifts.c.ticket_id == bindparam("of_ticket"),
    drifts.c.became == "",
    drifts.c.found_at < bindparam("before"),
)


class Drifts:
    """Noting drifts, and what became of them."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def note(self, ref: Ref, item: str, found: Sequence[Drift]) -> None:
        """Remember what differs of this ticket or document; what is older than `KEPT` goes."""
        self._connection.execute(delete(drifts).where(drifts.c.found_at < self._now - KEPT))
        for each in found:
            self._connection.execute(
                drifts.insert().values(
                    incident_id=ref.incident_id,
                    connection=ref.connection,
                    ticket_id=ref.ticket_id,
                    key=ref.key,
                    item=item,
                    what=each.what,
                    agreed=each.agreed,
                    found=each.found,
                    since=each.since,
                    found_at=self._now,
                    became="",
                )
            )

    def open_of(self, connection: str, ticket_id: str, before: datetime) -> list[Open]:
        """What was found of this ticket or document before then and waits for its turn."""
        of = {"of_connection": connection, "of_ticket": ticket_id, "before": before}
        return [Open(*row) for row in self._connection.execute(_OPEN, of)]

    def end(self, number: int, became: Became | None) -> None:
        """Note what was done; None when it was no drift after all, and is forgotten."""
        if became is None:
            self._connection.execute(delete(drifts).where(drifts.c.id == number))
            return
        self._connection.execute(
            update(drifts)
            .where(drifts.c.id == number)
            .values(became=became.value, ended_at=self._now)
        )

    def page(self, limit: int, before: int | None = None, teams: Teams = None) -> list[DriftRecord]:
        """The latest of these teams first, those older than the one with the id `before`."""
        query = (
            select(drifts, incidents.c.key.label("incident"))
            .join(incidents, incidents.c.id == drifts.c.incident_id)
            .order_by(drifts.c.id.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(drifts.c.id < before)
        if teams is not None:
            query = query.where(incidents.c.team.in_(teams))
        return [_record(row) for row in self._connection.execute(query)]


def _record(row: Row[*tuple[Any, ...]]) -> DriftRecord:
    return DriftRecord(
        id=row.id,
        incident_id=row.incident_id,
        incident=row.incident,
        connection=row.connection,
        ticket_id=row.ticket_id,
        key=row.key,
        item=row.item,
        drift=Drift(row.what, row.agreed, row.found, row.since),
        found_at=row.found_at,
        became=Became(row.became) if row.became else None,
        ended_at=row.ended_at,
    )
