"""Which incident, or team, a ticket or a document of ours belongs to, so that news of it finds the
way."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update
from sqlalchemy.dialects.sqlite import Insert

from service.store.codec import dump, load
from service.store.owners import OfTeam, owned_by
from service.store.schema import document_places, refs
from service.store.statements import insert, once
from workflows.tasks import TaskState, latest

#: How many values one query names; a push can name more files than SQLite takes:
#: https://sqlite.org/limits.html#max_variable_number
MOST_NAMED = 1000


class Role(StrEnum):
    TASK = "task"
    DOCUMENT = "document"
    AUDIT = "audit"  # asks whether a measure works
    INCIDENT = "incident"  # its own ticket, by an id that this had before
    TEAM = "team"  # a team's own, of no incident


@dataclass(frozen=True, slots=True)
class Ref:
    """A ticket that belongs to an incident, or to a `team`, "" otherwise. `key` is what people call
    it, as last seen; `told` counts how often it was said to have changed, and `waits` says that it
    was not read since. `updated` is when it had last changed as it was last read (UTC, the
    tracker's clock). `state` is what it was told to be since then, where that is known, and `shown`
    (by the same clock) when it had last changed by all that was ever told."""

    connection: str
    ticket_id: str
    incident_id: str
    role: Role
    key: str
    told: int = 0
    waits: bool = False
    updated: datetime | None = None
    state: TaskState | None = None
    shown: datetime | None = None
    team: str = ""


class Refs:
    """The ways from tickets and documents to incidents."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def put(self, ref: Ref) -> None:
        """Remember whose ticket this is; a known one is brought up to date."""
        owner = owned_by(OfTeam(ref.team) if ref.team else ref.incident_id)
        values = {**owner, "role": ref.role, "key": ref.key}
        here = {"connection": ref.connection, "ticket_id": ref.ticket_id}
        self._connection.execute(_put(self._connection), {**here, **values})

    def of_incident(self, connection: str, incident_id: str) -> set[str]:
        """Ids of the tickets of an incident on this connection."""
        return set(
            self._connection.scalars(
                select(refs.c.ticket_id).where(
                    refs.c.connection == connection, refs.c.incident_id == incident_id
                )
            )
        )

    def of_team(self, connection: str, team: str) -> set[str]:
        """Ids of the tickets of a team's own on this connection."""
        own = (refs.c.connection == connection, refs.c.team == team)
        return set(self._connection.scalars(select(refs.c.ticket_id).where(*own)))

    def find(self, connection: str, ticket_id: str) -> Ref | None:
        row = self._connection.execute(_FIND, _at(connection, ticket_id)).first()
        return _ref(row) if row else None

    def tasks(self, connection: str) -> list[Ref]:
        """All tasks of this connection."""
        query = select(*_REF).where(refs.c.connection == connection, refs.c.role == Role.TASK)
        return [_ref(row) for row in self._connection.execute(query)]

    def audits(self, connection: str) -> list[Ref]:
        """All tickets of audits on this connection."""
        query = select(*_REF).where(refs.c.connection == connection, refs.c.role == Role.AUDIT)
        return [_ref(row) for row in self._connection.execute(query)]

    def audits_to_read(self, incident_id: str) -> list[Ref]:
        """The tickets of audits of an incident that must be read again."""
        rows = self._connection.execute(
            select(*_REF)
            .where(refs.c.incident_id == incident_id, refs.c.role == Role.AUDIT)
            .where(refs.c.told != refs.c.heard)
            .order_by(refs.c.connection, refs.c.ticket_id)
        )
        return [_ref(row) for row in rows]

    def read_as_of(self, ref: Ref, updated: datetime) -> None:
        """The ticket was read as it is since `updated`."""
        here = _at(ref.connection, ref.ticket_id)
        self._connection.execute(_UPDATE, {**here, "updated": updated})

    def say_changed(
        self, connection: str, ticket_id: str, state: TaskState | None = None, *, whole: bool = True
    ) -> None:
        """Remember that the ticket changed, and is to be read again; or that it is in this `state`
        by now, as somebody tells who knows the `whole` of it. A state that may be older than what
        was told of the ticket before counts for nothing."""
        known = self.find(connection, ticket_id) if state is not None else None
        told = state if whole else None
        if state is not None and known is not None:
            if known.waits:
                told = latest(known.state, told) if known.state and told else None
            elif known.shown is not None and state.updated <= known.shown:
                told = None
            self.show(known, state.updated)
        values = {"state": told and dump(TaskState, told)}
        self._connection.execute(_TELL, {**_at(connection, ticket_id), **values})

    def show(self, ref: Ref, updated: datetime) -> None:
        """It was told that the ticket changed at that time (UTC, the tracker's clock)."""
        if ref.shown is None or updated > ref.shown:
            here = _at(ref.connection, ref.ticket_id)
            self._connection.execute(_UPDATE, {**here, "shown": updated})

    def to_read(self, incident_id: str, besides: Collection[tuple[str, str]] = ()) -> list[Ref]:
        """The tasks of an incident that must be read again, and those `besides`, each as
        connection and ticket id."""
        rows = self._connection.execute(_OF_INCIDENT, {"of": incident_id})
        found = [_ref(row) for row in rows]
        return [ref for ref in found if ref.waits or (ref.connection, ref.ticket_id) in besides]

    def is_changed(self, ref: Ref) -> bool:
        """Whether the ticket waits to be read."""
        here = _at(ref.connection, ref.ticket_id)
        return self._connection.execute(_CHANGED, here).first() is not None

    def heard(self, ref: Ref) -> None:
        """The ticket was read, for all that was told of it by then."""
        here = _at(ref.connection, ref.ticket_id)
        self._connection.execute(_UPDATE, {**here, "heard": ref.told})

    def put_document(
        self, connection: str, place: str, path: str, incident_id: str, branch: str = ""
    ) -> None:
        """Remember where an incident's document file is, and on which branch it is drafted."""
        values = {"incident_id": incident_id, "branch": branch}
        self._connection.execute(
            insert(self._connection, document_places)
            .values(connection=connection, place=place, path=path, **values)
            .on_conflict_do_update(index_elements=["connection", "place", "path"], set_=values)
        )

    def documents_at(
        self,
        connection: str,
        place: str,
        paths: Collection[str] = (),
        branch: str | None = None,
    ) -> set[str]:
        """Ids of incidents whose document in `place` is one of `paths` or drafted on `branch`."""
        here = select(document_places.c.incident_id).where(
            document_places.c.connection == connection, document_places.c.place == place
        )
        found: set[str] = set()
        named = list(paths)
        for start in range(0, len(named), MOST_NAMED):
            some = document_places.c.path.in_(named[start : start + MOST_NAMED])
            found.update(self._connection.scalars(here.where(some)))
        if branch:
            found.update(self._connection.scalars(here.where(document_places.c.branch == branch)))
        return found


_REF = (
    refs.c.connection,
    refs.c.ticket_id,
    refs.c.incident_id,
    refs.c.team,
    refs.c.role,
    refs.c.key,
    refs.c.told,
    refs.c.heard,
    refs.c.updated,
    refs.c.state,
    refs.c.shown,
)

_HERE = (refs.c.connection == bindparam("at"), refs.c.ticket_id == bindparam("id"))
_FIND = select(*_REF).where(*_HERE)
_CHANGED = select(refs.c.ticket_id).where(*_HERE, refs.c.told != refs.c.heard)
_UPDATE = update(refs).where(*_HERE)
_TELL = _UPDATE.values(told=refs.c.told + 1)
_OF_INCIDENT = (
    select(*_REF)
    .where(refs.c.incident_id == bindparam("of"), refs.c.role == Role.TASK)
    .order_by(refs.c.connection, refs.c.ticket_id)
)


def _at(connection: str, ticket_id: str) -> dict[str, object]:
    return {"at": connection, "id": ticket_id}


@once
def _put(connection: Connection) -> Insert:
    statement = insert(connection, refs)
    known = {name: statement.excluded[name] for name in ("incident_id", "team", "role", "key")}
    return statement.on_conflict_do_update(index_elements=["connection", "ticket_id"], set_=known)


def _ref(row: Row[*tuple[Any, ...]]) -> Ref:
    waits = row.told != row.heard
    return Ref(
        row.connection,
        row.ticket_id,
        row.incident_id or "",
        Role(row.role),
        row.key,
        row.told,
        waits,
        row.updated,
        load(TaskState, row.state) if waits and row.state is not None else None,
        row.shown,
        row.team or "",
    )
