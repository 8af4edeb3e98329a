"""Changes that are proposed for repositories, as webhooks told of them: what shows a release check.

Nobody asks a tracker for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Integer,
    Table,
    Text,
    delete,
    select,
    update,
)

from integrations.tracker import Proposed
from service.store.schema import metadata
from service.store.statements import insert
from service.store.types import UtcDateTime

#: How long one is looked after that nothing is told of.
KEPT = timedelta(days=30)

#: So many of a repository are looked after, the latest told of.
MOST = 200

candidates = Table(  # what is proposed for repositories whose release check is shown
    "candidates",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("place", Text, primary_key=True),  # in small letters
    Column("number", Integer, primary_key=True),
    Column("commit", Text, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("at", UtcDateTime, nullable=False),  # of that state, by the tracker's clock
    Column("told_at", UtcDateTime, nullable=False),
    Column("shows", Text, nullable=False),  # which wish, on which commit; "" for none
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One that is open, with its newest `commit`; `shows` names what stands on which commit."""

    number: int
    commit: str
    shows: str


class Candidates:
    """Writing and reading them."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def tell(self, connection: str, place: str, told: Proposed) -> None:
        """Write down how one stands, unless a later state of it is known: deliveries overtake each
        other. Those that nothing was told of for as long as they are kept go."""
        old = candidates.c.told_at <= self._now - KEPT
        self._connection.execute(delete(candidates).where(old))
        values = {"commit": told.commit, "open": told.open, "at": told.at, "told_at": self._now}
        here = {"connection": connection, "place": place.casefold(), "number": told.number}
        self._connection.execute(
            insert(self._connection, candidates)
            .values(**here, **values, shows="")
            .on_conflict_do_update(
                index_elements=["connection", "place", "number"],
                set_=values,
                where=candidates.c.at <= told.at,
            )
        )

    def open_at(self, connection: str, place: str) -> Sequence[Candidate]:
        """Those of a repository that are open, the one that was told of last first."""
        query = (
            select(candidates.c.number, candidates.c.commit, candidates.c.shows)
            .where(*_at(connection, place), candidates.c.open.is_(True))
            .where(candidates.c.told_at > self._now - KEPT)
            .order_by(candidates.c.told_at.desc(), candidates.c.number.desc())
            .limit(MOST)
        )
        return [Candidate(*row) for row in self._connection.execute(query)]

    def show(self, connection: str, place: str, number: int, shows: str) -> None:
        """Remember what stands on one."""
        this = (*_at(connection, place), candidates.c.number == number)
        self._connection.execute(update(candidates).where(*this).values(shows=shows))


def _at(connection: str, place: str) -> tuple[ColumnElement[bool], ...]:
    return (candidates.c.connection == connection, candidates.c.place == place.casefold())
