"""What incidents are compared by, and the pairs of them that have something in common.

A pair has one row, whichever of the two was looked at first, and keeps it when it is withdrawn: so
it is found once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, or_, select
from sqlalchemy import insert as sql_insert

from service.store.schema import recurrences, traits
from service.store.statements import insert
from workflows.recurrence import Traits


@dataclass(frozen=True, slots=True)
class Pair:
    """Two incidents, by our ids, and when (UTC) they were found first. What they have `shared`
    since is empty where that is nothing any more; `bare`: it may not be repeated, because only some
    may read the ticket of one of them."""

    earlier: str
    later: str
    found: datetime
    shared: tuple[str, ...]
    bare: bool

    def other_than(self, incident_id: str) -> str:
        return self.later if incident_id == self.earlier else self.earlier


_OF = bindparam("of_incident", type_=traits.c.incident_id.type)
_TRAITS = select(traits.c.service, traits.c.word).where(traits.c.incident_id == _OF)
_PAIRS = (
    select(recurrences)
    .where(or_(recurrences.c.earlier_id == _OF, recurrences.c.later_id == _OF))
    .order_by(recurrences.c.id)
)


class Recurrences:
    """Writing and reading both."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def traits(self, incident_id: str) -> Traits:
        """What the incident was compared by last."""
        rows = self._connection.execute(_TRAITS, {"of_incident": incident_id}).all()
        return Traits(rows[0].service, frozenset(r.word for r in rows)) if rows else Traits()

    def put_traits(self, incident_id: str, now: Traits) -> None:
        """Compare the incident by these from now on."""
        self._connection.execute(delete(traits).where(traits.c.incident_id == incident_id))
        rows = [
            {"incident_id": incident_id, "word": word, "service": now.service}
            for word in sorted(now.words)
        ]
        if rows:
            self._connection.execute(sql_insert(traits), rows)

    def like(self, incident_id: str, these: Traits) -> list[str]:
        """The ids of other incidents that have one of these factors or tags, and the service."""
        query = (
            select(traits.c.incident_id)
            .where(
                traits.c.service == these.service,
                traits.c.word.in_(sorted(these.words)),
                traits.c.incident_id != incident_id,
            )
            .distinct()
            .order_by(traits.c.incident_id)
        )
        return list(self._connection.scalars(query))

    def of_incident(self, incident_id: str) -> list[Pair]:
        """The pairs that the incident is in, in the order in which they were found."""
        rows = self._connection.execute(_PAIRS, {"of_incident": incident_id})
        return [Pair(r.earlier_id, r.later_id, r.found_at, tuple(r.shared), r.bare) for r in rows]

    def put(self, pair: Pair) -> None:
        """Write the pair down, new or known; when it was found first stays."""
        statement = insert(self._connection, recurrences).values(
            earlier_id=pair.earlier,
            later_id=pair.later,
            found_at=pair.found,
            shared=list(pair.shared),
            bare=pair.bare,
        )
        new = {name: statement.excluded[name] for name in ("shared", "bare")}
        self._connection.execute(
            statement.on_conflict_do_update(index_elements=["earlier_id", "later_id"], set_=new)
        )
