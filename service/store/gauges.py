"""What is counted for whoever watches the service: by indexes, or in tables that stay small."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Text, case, column, func, select, table

from service.store.deliveries import DeliveryState
from service.store.effects import EffectState
from service.store.schema import deliveries, effects, jobs

_REVISION = select(column("version_num", Text)).select_from(table("alembic_version"))


@dataclass(frozen=True, slots=True)
class JobsOfKind:
    """Of one kind of job: how many run, are due and not yet claimed, wait for a time, and failed
    when last run; how long the first that is due has been so."""

    kind: str
    running: int
    due: int
    waiting: int
    failing: int
    oldest: timedelta


class Gauges:
    """Counting at `now` (UTC)."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def revision(self) -> str | None:
        """The schema that the database has, by the number of its last migration."""
        return self._connection.execute(_REVISION).scalar_one_or_none()

    def deliveries(self) -> Mapping[tuple[str, DeliveryState], int]:
        """How many of each connection are in each state."""
        kind = (deliveries.c.state, deliveries.c.connection)
        rows = self._connection.execute(select(*kind, func.count()).group_by(*kind))
        return {(connection, DeliveryState(state)): n for state, connection, n in rows}

    def oldest_deliveries(self) -> Mapping[str, timedelta]:
        """How long the oldest one of each connection has been there that nobody looked at yet; a
        connection that has none is not named."""
        first = (
            select(func.min(deliveries.c.id))
            .where(deliveries.c.state == DeliveryState.RECEIVED)
            .group_by(deliveries.c.connection)
        )
        rows = self._connection.execute(
            select(deliveries.c.connection, deliveries.c.received_at).where(
                deliveries.c.id.in_(first)
            )
        )
        return {connection: self._since(at) for connection, at in rows}

    def effects(self) -> Mapping[EffectState, int]:
        """How many effects are in each state."""
        rows = self._connection.execute(
            select(effects.c.state, func.count()).group_by(effects.c.state)
        )
        return {EffectState(state): n for state, n in rows}

    def jobs(self) -> list[JobsOfKind]:
        """All jobs by their kind."""
        running = jobs.c.lease_until > self._now
        due = (~func.coalesce(running, False)) & (jobs.c.due_at <= self._now)
        rows = self._connection.execute(
            select(
                jobs.c.kind,
                func.count(),
                func.count(case((running, 1))),
                func.count(case((due, 1))),
                func.count(case((jobs.c.failures > 0, 1))),
                func.min(case((due, jobs.c.due_at))),
            )
            .group_by(jobs.c.kind)
            .order_by(jobs.c.kind)
        )
        return [
            JobsOfKind(kind, running, due, all_ - running - due, failing, self._since(first))
            for kind, all_, running, due, failing, first in rows
        ]

    def _since(self, at: datetime | None) -> timedelta:
        return max(self._now - at, timedelta()) if at else timedelta()
