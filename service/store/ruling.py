"""Which rules are in force, and which ones each process has read."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    exists,
    select,
    update,
)
from sqlalchemy import insert as sql_insert

from service.store.schema import metadata
from service.store.statements import insert
from service.store.types import MANY_IDS, UtcDateTime
from workflows.agreement import Known

#: How long a process counts as alive that said nothing; it says so several times within that.
ALIVE_FOR = timedelta(seconds=60)

#: How long rules in force are kept for processes that have read them, ended, and may only be
#: starting again.
KEPT_FOR = timedelta(minutes=2)

#: For how long one that ended without a word is remembered.
REMEMBERED = timedelta(days=1)

#: Ends the name of the second row of a process that is taking rules: its own says what it holds.
_TAKES = " takes"

rules_in_force = Table(  # one after another: the last one holds
    "rules_in_force",
    metadata,
    Column("id", MANY_IDS, primary_key=True),
    Column("hash", Text, nullable=False, index=True),
    Column("since", UtcDateTime, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    sqlite_autoincrement=True,
)

rules_read = Table(  # by each process
    "rules_read",
    metadata,
    Column("process", Text, primary_key=True),
    Column("decides", Boolean, nullable=False),  # as workers do, others only show
    Column("hash", Text, nullable=False),
    Column("read_at", UtcDateTime, nullable=False),
    Column("problems", JSON, nullable=False),  # of what stands there now, where it cannot be used
    Column("wrong_since", UtcDateTime),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("ended", Boolean, nullable=False),
)


@dataclass(frozen=True, slots=True)
class InForce:
    """Rules that are in force `since` (UTC), put there `by` a process, and `why`."""

    hash: str
    since: datetime
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a process has read: rules with this hash, at `read_at` (UTC); and the `problems` of
    those that stand there `wrong_since`, where these cannot be used. Whether it `decides`, or only
    shows."""

    process: str
    decides: bool
    hash: str
    read_at: datetime
    problems: tuple[str, ...] = ()
    wrong_since: datetime | None = None


_READING = tuple(rules_read.c[name] for name in Reading.__slots__)
_LAST = select(rules_in_force).order_by(rules_in_force.c.id.desc()).limit(1)
_HASH = select(rules_in_force.c.hash).order_by(rules_in_force.c.id.desc()).limit(1)
_EVER = select(exists().where(rules_in_force.c.hash == bindparam("own")))


class Ruling:
    """Saying and finding both."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def hash_in_force(self) -> str | None:
        """The hash of the rules in force; None before any were."""
        found: str | None = self._connection.scalar(_HASH)
        return found

    def in_force(self) -> InForce | None:
        row = self._connection.execute(_LAST).first()
        return None if row is None else InForce(row.hash, row.since, row.by, row.why)

    def known(self, own: str, process: str) -> Known:
        """What `process`, which has read rules with the hash `own`, is to know."""
        in_force = self.hash_in_force()
        ever = bool(self._connection.scalar(_EVER, {"own": own}))
        held = select(rules_read.c.process).where(
            rules_read.c.hash == in_force, rules_read.c.decides, rules_read.c.process != process
        )
        lately = held.where(rules_read.c.seen_at > self._now - KEPT_FOR)
        return Known(
            in_force,
            ever,
            held=self._connection.scalar(held.where(self._alive()).limit(1)) is not None,
            held_lately=self._connection.scalar(lately.limit(1)) is not None,
        )

    def other(self, own: str) -> str | None:
        """A process that is alive and has read other rules than those with the hash `own`."""
        others = select(rules_read.c.process).where(rules_read.c.hash != own, self._alive())
        found: str | None = self._connection.scalar(others.limit(1))
        return found and found.removesuffix(_TAKES)

    def put(self, hash: str, by: str, why: str) -> None:
        """These are in force from now on."""
        values = {"hash": hash, "since": self._now, "by": by, "why": why}
        self._connection.execute(sql_insert(rules_in_force), values)

    def say(self, reading: Reading) -> None:
        """What a process has read, which is alive now, and takes no others."""
        self._write(reading)
        self._taken(reading.process)
        long_ago = rules_read.c.seen_at < self._now - REMEMBERED
        self._connection.execute(delete(rules_read).where(long_ago))

    def takes(self, before: Reading, hash: str) -> None:
        """A process that has read `before` is about to take the rules with this hash. Until it says
        that it has read them it holds those before: else nobody might, and others put theirs in
        force meanwhile."""
        self._write(before)
        ahead = replace(before, process=before.process + _TAKES, decides=False, hash=hash)
        self._write(replace(ahead, read_at=self._now))

    def _write(self, reading: Reading) -> None:
        told = {"problems": list(reading.problems), "seen_at": self._now, "ended": False}
        values = {**asdict(reading), **told}
        self._connection.execute(
            insert(self._connection, rules_read)
            .values(values)
            .on_conflict_do_update(index_elements=["process"], set_=values)
        )

    def _taken(self, process: str) -> None:
        self._connection.execute(delete(rules_read).where(rules_read.c.process == process + _TAKES))

    def gone(self, process: str) -> None:
        """It has ended."""
        ended = update(rules_read).where(rules_read.c.process == process)
        self._connection.execute(ended.values(ended=True, seen_at=self._now))
        self._taken(process)

    def alive(self) -> list[Reading]:
        """What the processes have read that are alive, workers first."""
        rows = self._connection.execute(
            select(*_READING)
            .where(self._alive(), ~rules_read.c.process.endswith(_TAKES))
            .order_by(rules_read.c.decides.desc(), rules_read.c.process)
        )
        return [Reading(**{**row._mapping, "problems": tuple(row.problems)}) for row in rows]

    def _alive(self) -> ColumnElement[bool]:
        return and_(~rules_read.c.ended, rules_read.c.seen_at > self._now - ALIVE_FOR)
