"""Which worker processes there are: each says every few seconds that it is alive."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, Integer, Table, Text, delete, select
from sqlalchemy.sql.dml import Insert

from service.store.schema import metadata
from service.store.statements import insert, once
from service.store.types import UtcDateTime

#: How often a worker says that it is alive, and how long that is believed: two may get lost.
BEAT_EVERY = timedelta(seconds=10)
ALIVE_FOR = 3 * BEAT_EVERY

#: For how long one that ended without saying so is remembered.
REMEMBERED = timedelta(days=1)

workers = Table(
    "workers",
    metadata,
    Column("id", Text, primary_key=True),  # made at its start: pids and hosts come again
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("threads", Integer, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("beat_at", UtcDateTime, nullable=False, index=True),
)


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """A worker process, by an `id` that no other ever has; `version` is that of the program,
    `threads` how many jobs it runs at once, `started_at` aware UTC."""

    id: str
    host: str
    pid: int
    version: str
    threads: int
    started_at: datetime


@once
def _beating(connection: Connection) -> Insert:
    statement = insert(connection, workers)
    return statement.on_conflict_do_update(
        index_elements=["id"], set_={"beat_at": statement.excluded.beat_at}
    )


class Workers:
    """Who is alive at `now` (UTC)."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def beat(self, worker: WorkerProcess) -> None:
        """It is alive. Those that have not been heard of for a day are forgotten."""
        row = {**asdict(worker), "beat_at": self._now}
        self._connection.execute(_beating(self._connection), row)
        long_ago = workers.c.beat_at < self._now - REMEMBERED
        self._connection.execute(delete(workers).where(long_ago))

    def gone(self, worker: WorkerProcess) -> None:
        """It has ended."""
        self._connection.execute(delete(workers).where(workers.c.id == worker.id))

    def alive(self) -> list[WorkerProcess]:
        """Those that were heard of lately, the oldest first."""
        return [worker for worker, _ in self.heard()]

    def heard(self) -> list[tuple[WorkerProcess, datetime]]:
        """The same, and when (UTC) each was last heard of."""
        columns = [workers.c[name] for name in WorkerProcess.__slots__]
        heard = workers.c.beat_at > self._now - ALIVE_FOR
        query = select(*columns, workers.c.beat_at).where(heard)
        query = query.order_by(workers.c.started_at, workers.c.id)
        return [(WorkerProcess(*row[:-1]), row[-1]) for row in self._connection.execute(query)]

    def heard_at(self) -> datetime | None:
        """When any worker was last heard of; None where none is remembered."""
        latest = select(workers.c.beat_at).order_by(workers.c.beat_at.desc()).limit(1)
        return self._connection.execute(latest).scalar_one_or_none()
