"""Work on tickets that waits for its time, with what people call each ticket."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, select

from service.store.schema import incidents, jobs, ledger


@dataclass(frozen=True, slots=True)
class Waits:
    """Work on the ticket that people call `ticket`, not before `until` (UTC)."""

    ticket: str
    until: datetime
    why: str


class Waiting:
    """Finding it."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def on(self, connection: str) -> list[tuple[str, Waits]]:
        """All that waits on the tickets of this connection, the soonest first, each with its
        ticket's key; one query, however many wait. A ticket that was never seen has the key "", and
        is called by the subject of its job."""
        prefix = f"{connection}/"
        ticket = func.substr(jobs.c.subject, len(prefix) + 1)
        incident = and_(incidents.c.connection == connection, incidents.c.ticket_id == ticket)
        seen = and_(ledger.c.connection == connection, ledger.c.ticket_id == ticket)
        rows = self._connection.execute(
            select(
                func.coalesce(incidents.c.key, ledger.c.key, ""),
                jobs.c.subject,
                jobs.c.due_at,
                func.coalesce(jobs.c.reason, ""),
            )
            .select_from(jobs.outerjoin(incidents, incident).outerjoin(ledger, seen))
            .where(
                jobs.c.subject.startswith(prefix, autoescape=True),
                jobs.c.due_at > self._now,
                jobs.c.lease_until.is_(None),
            )
            .order_by(jobs.c.due_at, jobs.c.id)
        )
        return [(key, Waits(key or subject, *rest)) for key, subject, *rest in rows]
