"""Tickets that our account made, as its own webhooks told: the first place to look when the answer
to a creation never came."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, or_, select

from service.store.schema import refs, sightings
from service.store.statements import insert

#: Nothing is uncertain for so long.
KEPT = timedelta(days=30)

#: A search for one lost creation looks at no more than these.
MOST = 100


@dataclass(frozen=True, slots=True)
class Sighting:
    """A ticket that our account made in `place`. `marker` is the effect key that it carries, ""
    where the tracker's webhooks do not show it: then the ticket must be read to know."""

    connection: str
    ticket_id: str
    key: str
    place: str
    marker: str


class Sightings:
    """Noting and finding them."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def put(self, sighting: Sighting) -> None:
        """Remember it; one that is known already stays as it is."""
        self._connection.execute(delete(sightings).where(sightings.c.seen_at < self._now - KEPT))
        self._connection.execute(
            insert(self._connection, sightings)
            .values(
                connection=sighting.connection,
                ticket_id=sighting.ticket_id,
                key=sighting.key,
                place=sighting.place,
                marker=sighting.marker,
                seen_at=self._now,
            )
            .on_conflict_do_nothing(index_elements=["connection", "ticket_id"])
        )

    def find(
        self, connection: str, place: str, markers: Collection[str], since: datetime
    ) -> list[Sighting]:
        """Those that carry one of the markers, and those of the place since then that may; none
        that is known to be somebody's."""
        sighted = select(sightings).where(
            sightings.c.connection == connection,
            ~_claimed(),
            or_(
                sightings.c.marker.in_(markers),
                and_(
                    sightings.c.marker == "",
                    sightings.c.place == place,
                    sightings.c.seen_at >= since,
                ),
            ),
        )
        rows = self._connection.execute(sighted.order_by(sightings.c.seen_at).limit(MOST))
        return [Sighting(r.connection, r.ticket_id, r.key, r.place, r.marker) for r in rows]

    def claimed(self, connection: str, since: datetime) -> set[str]:
        """Ids of those since then that are known to be somebody's."""
        return set(
            self._connection.scalars(
                select(sightings.c.ticket_id).where(
                    sightings.c.connection == connection, sightings.c.seen_at >= since, _claimed()
                )
            )
        )


def _claimed() -> ColumnElement[bool]:
    """Whether the ticket is on record as a task or document of an incident."""
    return exists().where(
        refs.c.connection == sightings.c.connection, refs.c.ticket_id == sightings.c.ticket_id
    )
