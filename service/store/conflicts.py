"""What waits for somebody to choose, a row for each field of an action item: so that it can be
counted and listed without the incidents that it stands in. It is written when one is saved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Integer,
    Table,
    Text,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy import insert as sql_insert

from service.store.schema import incidents, metadata
from service.store.types import UtcDateTime
from workflows.apart import Waits, waiting
from workflows.model import Incident
from workflows.rights import Teams
from workflows.snapshots import Field

apart = Table(  # of workflows.apart.Waits
    "apart",
    metadata,
    Column("incident_id", Text, ForeignKey("incidents.id"), primary_key=True),
    Column("item", Integer, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until", UtcDateTime),  # NULL: until somebody chooses
)

_ID = bindparam("wanted", type_=apart.c.incident_id.type)
_KNOWN = select(exists().where(apart.c.incident_id == _ID))
_FORGET = delete(apart).where(apart.c.incident_id == _ID)
_NEW = sql_insert(apart)


@dataclass(frozen=True, slots=True)
class Torn:
    """What waits, with our id, the key and the title of its incident."""

    id: str
    key: str
    title: str
    waits: Waits


class Conflicts:
    """Keeping and reading what waits at `now` (UTC)."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def put(self, incident: Incident) -> None:
        """Keep what waits in this incident, in the place of what did before."""
        rows = [
            {
                "incident_id": incident.id,
                "item": each.item,
                "field": each.field.value,
                "owner": each.owner,
                "until": each.until,
            }
            for each in waiting(incident)
        ]
        which = {"wanted": incident.id}
        if rows or self._connection.scalar(_KNOWN, which):
            self._connection.execute(_FORGET, which)
        if rows:
            self._connection.execute(_NEW, rows)

    def first(self, limit: int, teams: Teams = None, person: str = "") -> list[Torn]:
        """The first of what waits in incidents of these teams, of the oldest incident first; for
        one person, of the action items which are theirs, by that name in any case."""
        query = (
            select(apart, incidents.c.key, incidents.c.title)
            .join(incidents, incidents.c.id == apart.c.incident_id)
            .where(*self._wanted(teams, person))
            .order_by(incidents.c.created_at, incidents.c.id, apart.c.item, apart.c.field)
            .limit(limit)
        )
        return [
            Torn(
                row.incident_id,
                row.key,
                row.title,
                Waits(row.item, Field(row.field), row.owner, row.until),
            )
            for row in self._connection.execute(query)
        ]

    def count(self, teams: Teams = None, person: str = "") -> int:
        """How much of that there is."""
        query = (
            select(func.count())
            .select_from(apart)
            .join(incidents, incidents.c.id == apart.c.incident_id)
            .where(*self._wanted(teams, person))
        )
        return self._connection.scalar(query) or 0

    def _wanted(self, teams: Teams, person: str) -> list[ColumnElement[bool]]:
        wanted = [or_(apart.c.until.is_(None), apart.c.until > self._now)]
        wanted += [] if teams is None else [incidents.c.team.in_(sorted(teams))]
        return [*wanted, func.lower(apart.c.owner) == person.lower()] if person else wanted
