"""Backfills: what was asked for, where was looked for it, and how far each ticket is.

A ticket is a row from when it was found in a list until it ended, so whoever goes on after a stop
finds where that was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Row,
    Table,
    Text,
    and_,
    func,
    or_,
    select,
    update,
)
from sqlalchemy import insert as sql_insert

from service.store.schema import metadata
from service.store.statements import insert
from service.store.types import MANY_IDS, UtcDateTime
from workflows.backfilling import Place, Wish
from workflows.tickets import TicketRef

#: The kind of the jobs that take history up; their subject is the backfill's id.
JOB = "backfill"


class BackfillState(StrEnum):
    RUNNING = "running"
    STOPPED = "stopped"  # until somebody resumes it
    DONE = "done"


class TicketState(StrEnum):
    LISTED = "listed"  # found, and to be read
    ASKED = "asked"  # its incident's turn was asked for
    RECORDED = "recorded"  # and what was asked for is created
    KNOWN = "known"  # nothing was to be done: it was as asked for
    LEFT = "left"  # read whole, it is none of those that were asked for
    STUCK = "stuck"  # recorded or not, something waits for a person


#: A ticket in one of these is done with.
ENDED = (TicketState.RECORDED, TicketState.KNOWN, TicketState.LEFT, TicketState.STUCK)

backfills = Table(  # what somebody asked for
    "backfills",
    metadata,
    Column("id", MANY_IDS, primary_key=True),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("teams", JSON, nullable=False),
    Column("documents", Boolean, nullable=False),
    Column("tasks", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("why", Text, nullable=False),  # what it waits for, "" for nothing
    Column("resumed_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    sqlite_autoincrement=True,
)

backfill_places = Table(  # where its tickets are looked for
    "backfill_places",
    metadata,
    Column("backfill_id", Integer, ForeignKey("backfills.id"), primary_key=True),
    Column("connection", Text, primary_key=True),
    Column("place", Text, primary_key=True),
    Column("listed_at", UtcDateTime),
    Column("failures", Integer, nullable=False, server_default="0"),  # in a row
    Column("again_at", UtcDateTime),  # not before; null for at once
    Column("failed_at", UtcDateTime),  # it is not asked again
    Column("words", Text, nullable=False, server_default=""),  # why for any of these
)

backfill_tickets = Table(  # those that were found
    "backfill_tickets",
    metadata,
    Column("backfill_id", Integer, ForeignKey("backfills.id"), primary_key=True),
    Column("connection", Text, primary_key=True),
    Column("ticket_id", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("closed_at", UtcDateTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("ended_at", UtcDateTime),
    Index(None, "connection", "ticket_id"),
    Index(None, "backfill_id", "state", "closed_at"),
)


@dataclass(frozen=True, slots=True)
class Backfill:
    """One backfill. `why` says what it waits for, "" for nothing; `resumed_at` and `ended_at` are
    when it last began to run, and when it was done (UTC)."""

    id: int
    by: str
    wish: Wish
    state: BackfillState
    why: str
    resumed_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A place whose tickets are not all found: for `words` where its list failed so many times in a
    row. It is asked again at `again_at` (UTC, None for at once), or never where it is `lost`."""

    place: Place
    failures: int = 0
    again_at: datetime | None = None
    lost: bool = False
    words: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A ticket that was found, which was closed then (UTC)."""

    ref: TicketRef
    closed: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended for one ticket, in `words` where they are needed."""

    key: str
    state: TicketState
    words: str


class Backfills:
    """Writing and reading them."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    # --- the whole ------------------------------------------------------------------------

    def begin(self, wish: Wish, by: str, places: Sequence[Place]) -> int:
        """Write down what was asked for now, and where to look for it; returns its id."""
        values = {
            "asked_at": wish.at,
            "asked_by": by,
            "since": wish.since,
            "until": wish.until,
            "teams": list(wish.teams),
            "documents": wish.documents,
            "tasks": wish.tasks,
            "state": BackfillState.RUNNING,
            "why": "",
            "resumed_at": self._now,
        }
        made = sql_insert(backfills).values(**values).returning(backfills.c.id)
        number = int(self._connection.execute(made).scalar_one())
        rows = [
            {"backfill_id": number, "connection": each.connection, "place": each.place}
            for each in places
        ]
        self._connection.execute(sql_insert(backfill_places), rows)
        return number

    def get(self, number: int) -> Backfill | None:
        row = self._connection.execute(select(backfills).where(backfills.c.id == number)).first()
        return _backfill(row) if row else None

    def latest(self, state: BackfillState | None = None) -> Backfill | None:
        """The one that was asked for last, of those in this state."""
        query = select(backfills).order_by(backfills.c.id.desc()).limit(1)
        if state is not None:
            query = query.where(backfills.c.state == state)
        row = self._connection.execute(query).first()
        return _backfill(row) if row else None

    def stop(self, number: int) -> None:
        self._put(number, state=BackfillState.STOPPED, why="")

    def resumable(self) -> Backfill | None:
        """The one that was asked for last of those that were stopped, or ended without a place."""
        here = backfill_places.c
        lost = select(here.backfill_id).where(here.listed_at.is_(None), here.failed_at.is_not(None))
        left = and_(backfills.c.state == BackfillState.DONE, backfills.c.id.in_(lost))
        query = select(backfills).where(or_(backfills.c.state == BackfillState.STOPPED, left))
        row = self._connection.execute(query.order_by(backfills.c.id.desc()).limit(1)).first()
        return _backfill(row) if row else None

    def resume(self, number: int) -> None:
        """Have it run on; places whose lists failed are asked anew."""
        running = BackfillState.RUNNING
        self._put(number, state=running, why="", resumed_at=self._now, ended_at=None)
        here = backfill_places.c
        self._connection.execute(
            update(backfill_places)
            .where(here.backfill_id == number, here.listed_at.is_(None))
            .values(failures=0, again_at=None, failed_at=None, words="")
        )

    def done(self, number: int) -> None:
        self._put(number, state=BackfillState.DONE, why="", ended_at=self._now)

    def waits_for(self, number: int, why: str) -> None:
        self._put(number, why=why)

    def _put(self, number: int, **values: object) -> None:
        self._connection.execute(update(backfills).where(backfills.c.id == number).values(**values))

    # --- where it looks -------------------------------------------------------------------

    def unlisted(self, number: int) -> list[Unlisted]:
        """Where not all was found yet, lost places among them."""
        here = backfill_places.c
        query = select(backfill_places).where(here.backfill_id == number, here.listed_at.is_(None))
        rows = self._connection.execute(query.order_by(here.connection, here.place))
        return [_unlisted(row) for row in rows]

    def listed(self, number: int, place: Place) -> None:
        self._put_place(number, place, listed_at=self._now)

    def not_listed(self, number: int, what: Unlisted) -> None:
        """Its list failed, and what becomes of the place."""
        self._put_place(
            number,
            what.place,
            failures=what.failures,
            again_at=what.again_at,
            failed_at=self._now if what.lost else None,
            words=what.words,
        )

    def _put_place(self, number: int, place: Place, **values: object) -> None:
        here = backfill_places.c
        this = (here.backfill_id == number, here.connection == place.connection)
        self._connection.execute(
            update(backfill_places).where(*this, here.place == place.place).values(**values)
        )

    # --- the tickets ----------------------------------------------------------------------

    def add(self, number: int, found: Found, state: TicketState) -> None:
        """Remember a ticket that was found; one that was found before stays as it is."""
        values = {
            "backfill_id": number,
            "connection": found.ref.connection,
            "ticket_id": found.ref.id,
            "key": found.ref.key,
            "closed_at": found.closed,
            "state": state,
            "words": "",
            "ended_at": self._now if state in ENDED else None,
        }
        added = insert(self._connection, backfill_tickets).values(**values)
        self._connection.execute(added.on_conflict_do_nothing())

    def of(self, number: int, state: TicketState, limit: int) -> list[TicketRef]:
        """Tickets in this state, those that were closed last first."""
        here = backfill_tickets.c
        query = (
            select(here.connection, here.ticket_id, here.key)
            .where(here.backfill_id == number, here.state == state)
            .order_by(here.closed_at.desc(), here.ticket_id)
            .limit(limit)
        )
        return [TicketRef(*row, "") for row in self._connection.execute(query)]

    def put(self, number: int, ref: TicketRef, state: TicketState, words: str = "") -> None:
        """How far one of them is."""
        here = backfill_tickets.c
        this = (here.backfill_id == number, here.connection == ref.connection)
        ended = self._now if state in ENDED else None
        self._connection.execute(
            update(backfill_tickets)
            .where(*this, here.ticket_id == ref.id)
            .values(state=state, words=words, ended_at=ended)
        )

    def wishes(self, connection: str, ticket_id: str) -> list[Wish]:
        """What was asked of this ticket, the first first."""
        here = backfill_tickets.c
        rows = self._connection.execute(
            select(backfills)
            .join(backfill_tickets, here.backfill_id == backfills.c.id)
            .where(here.connection == connection, here.ticket_id == ticket_id)
            .where(here.state != TicketState.LISTED)
            .order_by(backfills.c.id)
        )
        return [_wish(row) for row in rows]

    # --- looking --------------------------------------------------------------------------

    def counts(self, number: int) -> dict[TicketState, int]:
        here = backfill_tickets.c
        query = select(here.state, func.count()).where(here.backfill_id == number)
        rows = self._connection.execute(query.group_by(here.state))
        return {TicketState(state): count for state, count in rows}

    def ended_since(self, number: int, since: datetime) -> int:
        """How many were read and done with since then."""
        here = backfill_tickets.c
        query = select(func.count()).where(here.backfill_id == number, here.ended_at >= since)
        read = (TicketState.RECORDED, TicketState.LEFT, TicketState.STUCK)
        return int(self._connection.scalar(query.where(here.state.in_(read))) or 0)

    def stuck(self, number: int, limit: int) -> list[Ended]:
        """Those that wait for a person, the first few."""
        here = backfill_tickets.c
        query = select(here.key, here.state, here.words).where(
            here.backfill_id == number, here.state == TicketState.STUCK
        )
        rows = self._connection.execute(query.order_by(here.ended_at, here.key).limit(limit))
        return [Ended(key, TicketState(state), words) for key, state, words in rows]


def _backfill(row: Row[tuple[Any, ...]]) -> Backfill:
    state = BackfillState(row.state)
    return Backfill(row.id, row.asked_by, _wish(row), state, row.why, row.resumed_at, row.ended_at)


def _unlisted(row: Row[tuple[Any, ...]]) -> Unlisted:
    place, lost = Place(row.connection, row.place), row.failed_at is not None
    return Unlisted(place, row.failures, row.again_at, lost, row.words)


def _wish(row: Row[tuple[Any, ...]]) -> Wish:
    return Wish(row.asked_at, row.since, row.until, tuple(row.teams), row.documents, row.tasks)
