"""Deliveries as they came in, byte for byte, and what became of each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    bindparam,
    exists,
    false,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, InternalError, OperationalError
from sqlalchemy.sql.dml import ReturningInsert

from integrations.tracker import Envelope
from service.store.bodies import Kept, unpacked
from service.store.jobs import AWAITED, PROMPT, Jobs
from service.store.schema import deliveries, incidents, jobs, redeliveries
from service.store.statements import insert, once
from workflows.rights import Teams

JOB = "delivery"  # the kind of job that works on one; its subject is the delivery's id


@dataclass(frozen=True, slots=True)
class Arrival:
    """A verified delivery, the connection whose door it came through, when (UTC), and the trace
    that begins with it."""

    connection: str
    envelope: Envelope
    at: datetime
    trace: str | None = None


class Unrecordable(Exception):
    """The database does not take a value of this delivery."""


#: What is raised when it does not: by the driver before it asks the database, or by the database.
_ABOUT_VALUES = (DBAPIError, ValueError, OverflowError)
_ABOUT_THE_DATABASE = (OperationalError, InternalError)


class DeliveryState(StrEnum):
    RECEIVED = "received"  # recorded, not yet looked at
    DONE = "done"  # led to an incident job
    IGNORED = "ignored"  # understood, and nothing to do
    UNKNOWN = "unknown"  # an event nobody has heard of
    UNREADABLE = "unreadable"  # signed, but not in the vendor's form: a dead letter
    STRANDED = "stranded"  # of a connection that the rules do not have: a dead letter
    DROPPED = "dropped"  # given up by a person


#: Those that nobody works on until a person does something, to them or to the rules.
DEAD = (DeliveryState.UNREADABLE, DeliveryState.STRANDED)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery. `id` is ours, `delivery_id` the sender's; `subject` names the incident job
    that it led to; `repeated`: it was the sender's second try or later; `repeats` counts how
    often it came once more after it was recorded; `asked_for`: it had failed, and came because
    we asked for it again; times are aware UTC."""

    id: int
    connection: str
    delivery_id: str
    event: str
    received_at: datetime
    repeated: bool
    state: DeliveryState
    why: str
    subject: str | None
    incident_id: str | None
    handled_at: datetime | None
    repeats: int
    asked_for: bool


_COLUMNS = (
    deliveries.c.id,
    deliveries.c.connection,
    deliveries.c.delivery_id,
    deliveries.c.event,
    deliveries.c.received_at,
    deliveries.c.repeated,
    deliveries.c.state,
    deliveries.c.why,
    deliveries.c.subject,
    deliveries.c.incident_id,
    deliveries.c.handled_at,
    deliveries.c.repeats,
    exists()
    .where(
        redeliveries.c.connection == deliveries.c.connection,
        redeliveries.c.delivery_id == deliveries.c.delivery_id,
        redeliveries.c.asked_at <= deliveries.c.received_at,
    )
    .label("asked_for"),
)


@once
def _recording(connection: Connection) -> ReturningInsert[int, str, str]:
    """A new row; nothing where the sender's id is there already."""
    return (
        insert(connection, deliveries)
        .on_conflict_do_nothing(index_elements=["connection", "delivery_id"])
        .returning(deliveries.c.id, deliveries.c.connection, deliveries.c.delivery_id)
    )


_GET = select(*_COLUMNS).where(deliveries.c.id == bindparam("wanted"))
_ENVELOPE = select(
    deliveries.c.delivery_id,
    deliveries.c.event,
    deliveries.c.body,
    deliveries.c.repeated,
    deliveries.c.kept,
).where(deliveries.c.id == bindparam("wanted"))
_TO_ROUTE = _ENVELOPE.add_columns(deliveries.c.connection).where(
    deliveries.c.state == DeliveryState.RECEIVED
)
_MARK = update(deliveries).where(deliveries.c.id == bindparam("marked"))
_OF_NO_INCIDENT = update(deliveries).where(
    deliveries.c.subject == bindparam("led_to"), deliveries.c.incident_id.is_(None)
)


def _known_by(arrival: Arrival) -> tuple[str, str]:
    return arrival.connection, arrival.envelope.id


class Deliveries:
    """The record of what was delivered."""

    def __init__(self, connection: Connection, now: datetime, jobs: Jobs) -> None:
        self._connection = connection
        self._now = now
        self._jobs = jobs

    def dead_letters(self, teams: Teams = None, most: int | None = None) -> list[Delivery]:
        """Those of these teams that wait for a person, all or the first; the earliest first."""
        query = select(*_COLUMNS).where(*_dead(teams))
        query = query.order_by(deliveries.c.id).limit(most)
        return [_delivery(row) for row in self._connection.execute(query)]

    def count_dead_letters(self, teams: Teams = None) -> int:
        """How many of these teams wait for a person."""
        query = select(func.count()).where(*_dead(teams))
        return int(self._connection.execute(query).scalar_one())

    def record(self, arrivals: Sequence[Arrival]) -> list[int | Unrecordable | None]:
        """Record them, each with the job that works on it, or say of one that it cannot be.
        Returns the id of each; None for one that is there already or came twice among these."""
        try:
            with self._connection.begin_nested():
                return [*self._record(arrivals)]
        except _ABOUT_VALUES as error:
            if isinstance(error, _ABOUT_THE_DATABASE):
                raise
            if len(arrivals) == 1:
                return [Unrecordable(str(error))]
        return [end for each in arrivals for end in self.record([each])]

    def _record(self, arrivals: Sequence[Arrival]) -> list[int | None]:
        values = [
            {
                "connection": each.connection,
                "delivery_id": each.envelope.id,
                "event": each.envelope.event,
                "body": each.envelope.body,
                "received_at": each.at,
                "repeated": each.envelope.repeated,
                "state": DeliveryState.RECEIVED,
                "why": "",
                "trace": each.trace,
            }
            # In one order: two processes that record the same at once would wait in a circle.
            for each in sorted(arrivals, key=_known_by)
        ]
        rows = self._connection.execute(_recording(self._connection), values)
        new = {(connection, delivery_id): id for id, connection, delivery_id in rows}
        # Nobody knows yet what it tells of: it may be an incident that was closed just now.
        traces = {(each.connection, each.envelope.id): each.trace for each in arrivals}
        begun = {str(id): traces[each] for each, id in new.items()}
        self._jobs.touch_each(JOB, list(begun), PROMPT, begun)
        ids = [new.pop((each.connection, each.envelope.id), None) for each in arrivals]
        repeats = [each for each, id in zip(arrivals, ids, strict=True) if id is None]
        for each in sorted(repeats, key=_known_by):  # in that order, too
            self._count_repeat(each)
        return ids

    def _count_repeat(self, arrival: Arrival) -> None:
        self._connection.execute(
            update(deliveries)
            .where(
                deliveries.c.connection == arrival.connection,
                deliveries.c.delivery_id == arrival.envelope.id,
            )
            .values(repeats=deliveries.c.repeats + 1)
        )

    def get(self, delivery: int) -> Delivery | None:
        row = self._connection.execute(_GET, {"wanted": delivery}).first()
        return _delivery(row) if row else None

    def envelope(self, delivery: int) -> Envelope | None:
        """What was delivered, byte for byte; None where that was dropped after its time."""
        row = self._connection.execute(_ENVELOPE, {"wanted": delivery}).first()
        return _envelope(row) if row else None

    def to_route(self, delivery: int) -> tuple[str, Envelope] | None:
        """The connection and what was delivered; None when there is no such delivery that nobody
        has looked at yet."""
        row = self._connection.execute(_TO_ROUTE, {"wanted": delivery}).first()
        envelope = _envelope(row) if row else None
        return (row.connection, envelope) if row and envelope else None

    def page(
        self,
        *,
        connection: str | None = None,
        state: DeliveryState | None = None,
        incident_id: str | None = None,
        teams: Teams = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[Delivery]:
        """The latest deliveries first: those with an id below `before` that fit what is given."""
        latest_first = deliveries.c.id.desc()
        query = select(deliveries.c.id).order_by(latest_first).limit(limit)
        query = query.where(*_of_teams(teams))
        if connection is not None:
            query = query.where(deliveries.c.connection == connection)
        if state is not None:
            query = query.where(deliveries.c.state == state)
        if incident_id is not None:
            query = query.where(deliveries.c.incident_id == incident_id)
        if before is not None:
            query = query.where(deliveries.c.id < before)
        shown = select(*_COLUMNS).where(deliveries.c.id.in_(query)).order_by(latest_first)
        return [_delivery(row) for row in self._connection.execute(shown)]

    def counts(self, teams: Teams = None) -> dict[DeliveryState, int]:
        """How many deliveries of these teams are in each state."""
        query = select(deliveries.c.state, func.count()).group_by(deliveries.c.state)
        if teams is not None:
            theirs = incidents.c.team.in_(teams)
            query = query.join(incidents, incidents.c.id == deliveries.c.incident_id).where(theirs)
        return {DeliveryState(state): n for state, n in self._connection.execute(query)}

    def mark(
        self,
        delivery: int,
        state: DeliveryState,
        why: str,
        *,
        subject: str | None = None,
        incident_id: str | None = None,
    ) -> None:
        """Say what became of it. None leaves the subject or incident as it was."""
        values = {"subject": subject, "incident_id": incident_id}
        known = {name: value for name, value in values.items() if value is not None}
        marked = {"marked": delivery, "state": state, "why": why, "handled_at": self._now}
        self._connection.execute(_MARK, {**marked, **known})

    def belong_to(self, subject: str, incident_id: str) -> None:
        """The deliveries that led to this incident job turned out to be about this incident."""
        self._connection.execute(_OF_NO_INCIDENT, {"led_to": subject, "incident_id": incident_id})

    def explain(self, subject: str, why: str, state: DeliveryState = DeliveryState.IGNORED) -> None:
        """The ticket that these deliveries led to turned out to be nobody's incident, or out of
        reach."""
        self._connection.execute(_OF_NO_INCIDENT, {"led_to": subject, "state": state, "why": why})

    def replay(self, delivery: int, states: Sequence[DeliveryState] = tuple(DeliveryState)) -> bool:
        """Have it worked on again from its recorded bytes. False when there is no such one in
        one of `states`: of two who ask at once, the second; or its bytes were dropped."""
        found = self._connection.execute(
            update(deliveries)
            .where(
                deliveries.c.id == delivery,
                deliveries.c.state.in_(states),
                deliveries.c.kept != Kept.DROPPED,
            )
            .values(state=DeliveryState.RECEIVED, why="", handled_at=None)
        ).rowcount
        if found:
            self._jobs.touch(JOB, str(delivery), priority=PROMPT)
        return found > 0

    def take_up(self, connections: Collection[str], most: int) -> int:
        """Have those worked on again that stranded for want of one of these connections, the
        earliest first and after what comes in now. Returns how many those are."""
        wanted = (
            select(deliveries.c.id)
            .where(
                deliveries.c.state == DeliveryState.STRANDED,
                deliveries.c.connection.in_(connections),
                deliveries.c.kept != Kept.DROPPED,
            )
            .order_by(deliveries.c.id)
            .limit(most)
        )
        ids = self._connection.scalars(wanted).all()
        again = update(deliveries).where(deliveries.c.id.in_(ids))
        self._connection.execute(
            again.values(state=DeliveryState.RECEIVED, why="", handled_at=None)
        )
        self._jobs.touch_each(JOB, [*map(str, ids)], AWAITED)
        return len(ids)

    def hurry(self, reasons: Collection[str], most: int) -> int:
        """Have those looked at now, after what comes in now, that wait for a reason that begins
        with one of these. Returns how many those are."""
        waits = (
            select(jobs.c.subject)
            .where(
                jobs.c.kind == JOB,
                jobs.c.due_at > self._now,
                or_(false(), *(jobs.c.reason.startswith(why, autoescape=True) for why in reasons)),
            )
            .order_by(jobs.c.id)
            .limit(most)
        )
        subjects = self._connection.scalars(waits).all()
        self._jobs.touch_each(JOB, subjects, AWAITED)
        return len(subjects)

    def drop(
        self, delivery: int, why: str, states: Sequence[DeliveryState] = tuple(DeliveryState)
    ) -> bool:
        """Give it up, and its job with it. False when there is no such one in one of `states`."""
        found = self._connection.execute(
            update(deliveries)
            .where(deliveries.c.id == delivery, deliveries.c.state.in_(states))
            .values(state=DeliveryState.DROPPED, why=why, handled_at=self._now)
        ).rowcount
        if found:
            self._jobs.forget(JOB, str(delivery))
        return found > 0


def _dead(teams: Teams) -> list[ColumnElement[bool]]:
    """That a delivery is a dead letter of these teams: asked of the few that are dead."""
    dead: list[ColumnElement[bool]] = [deliveries.c.state.in_(DEAD)]
    if teams is None:
        return dead
    same = incidents.c.id == deliveries.c.incident_id
    return [*dead, exists().where(same, incidents.c.team.in_(teams))]


def _of_teams(teams: Teams) -> list[ColumnElement[bool]]:
    """That a delivery is about an incident of these teams; nothing, for all of them."""
    if teams is None:
        return []
    return [deliveries.c.incident_id.in_(select(incidents.c.id).where(incidents.c.team.in_(teams)))]


def _envelope(row: Row[*tuple[Any, ...]]) -> Envelope | None:
    body = unpacked(row.kept, row.body)
    return None if body is None else Envelope(row.delivery_id, row.event, body, row.repeated)


def _delivery(row: Row[*tuple[Any, ...]]) -> Delivery:
    return Delivery(**{**row._mapping, "state": DeliveryState(row.state)})
