"""What incidents and teams wait for in days: a row for each occurrence, planned until it is taken.

What is due now is one range of an index, however much is planned for later or was taken before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, select, update

from service.store.owners import OfTeam, Owner, bound, of_each, owned_by, whose
from service.store.schema import incidents, occurrences
from service.store.statements import insert
from workflows.schedule import Occurrence


@dataclass(frozen=True, slots=True)
class Taken:
    """An occurrence that came due, and whose it is; of an incident also its ticket."""

    occurrence: Occurrence
    owner: Owner
    connection: str
    ticket_id: str


@dataclass(frozen=True, slots=True)
class Planned:
    """An occurrence on record; `taken_at` (UTC) is None while it is planned."""

    occurrence: Occurrence
    taken_at: datetime | None


_NOW = bindparam("now", type_=occurrences.c.due_at.type)
_IS_DUE = (occurrences.c.taken_at.is_(None), occurrences.c.due_at <= _NOW)
_ANYTHING_DUE = select(occurrences.c.id).where(*_IS_DUE).limit(1)
_DUE = (
    select(occurrences.c.id)
    .where(*_IS_DUE)
    .order_by(occurrences.c.due_at, occurrences.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_TAKE = (
    update(occurrences)
    .where(occurrences.c.id.in_(_DUE), occurrences.c.taken_at.is_(None))
    .values(taken_at=_NOW)
    .returning(occurrences.c.id)
)
_NEXT = select(func.min(occurrences.c.due_at)).where(occurrences.c.taken_at.is_(None))
_OF = of_each(select(occurrences).order_by(occurrences.c.due_at, occurrences.c.id), occurrences)


class Occurrences:
    """Planning and taking occurrences."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def put(self, owner: Owner, wanted: Sequence[Occurrence]) -> datetime | None:
        """Make this the plan of the incident or team: what is new is planned, what has another time
        is moved, what is not wanted any more is withdrawn. What was taken stays so. Returns when
        (UTC) the first of the new and moved ones is due, None where there is none."""
        known = {each.occurrence.key: each for each in self._of(owner)}
        changed = [each for each in wanted if _differs(each, known.get(each.key))]
        keys = {each.key for each in wanted}
        withdrawn = [k for k, each in known.items() if each.taken_at is None and k not in keys]
        if withdrawn:
            gone = occurrences.c.key.in_(withdrawn) & occurrences.c.taken_at.is_(None)
            self._connection.execute(delete(occurrences).where(gone))
        if changed:
            rows = [_row(owner, each) for each in changed]
            statement = insert(self._connection, occurrences)
            new = {name: statement.excluded[name] for name in ("what", "due_at")}
            moving = statement.on_conflict_do_update(
                index_elements=["key"], set_=new, where=occurrences.c.taken_at.is_(None)
            )
            self._connection.execute(moving, rows)
        return min((each.due for each in changed), default=None)

    def anything_due(self) -> bool:
        """Whether `take` would find something. Reads only."""
        return self._connection.execute(_ANYTHING_DUE, {"now": self._now}).first() is not None

    def take(self, most: int) -> list[Taken]:
        """What is due, the earliest first, `most` at a time; it never comes again."""
        ids = self._connection.scalars(_TAKE, {"now": self._now, "most": most}).all()
        rows = self._connection.execute(
            select(occurrences, incidents.c.connection, incidents.c.ticket_id)
            .outerjoin(incidents, incidents.c.id == occurrences.c.incident_id)
            .where(occurrences.c.id.in_(ids))
            .order_by(occurrences.c.due_at, occurrences.c.id)
        )
        return [
            Taken(
                Occurrence(r.key, r.what, r.due_at),
                whose(r),
                r.connection or "",
                r.ticket_id or "",
            )
            for r in rows
        ]

    def next_due(self) -> datetime | None:
        """When (UTC) the next one is due, or was; None when nothing is planned."""
        found: datetime | None = self._connection.execute(_NEXT).scalar_one()
        return found

    def of_incident(self, incident_id: str) -> list[Planned]:
        """All of one incident, taken or not, the earliest first."""
        return self._of(incident_id)

    def of_team(self, team: str) -> list[Planned]:
        """All of one team, taken or not, the earliest first."""
        return self._of(OfTeam(team))

    def _of(self, owner: Owner) -> list[Planned]:
        rows = self._connection.execute(_OF[type(owner)], bound(owner))
        return [Planned(Occurrence(r.key, r.what, r.due_at), r.taken_at) for r in rows]


def _differs(wanted: Occurrence, known: Planned | None) -> bool:
    """Whether it is to be written down: unless it stands there, or came due already."""
    return known is None or (known.taken_at is None and known.occurrence != wanted)


def _row(owner: Owner, occurrence: Occurrence) -> dict[str, object]:
    return {
        **owned_by(owner),
        "key": occurrence.key,
        "what": occurrence.what,
        "due_at": occurrence.due,
    }
