"""What each team got on a schedule and is to get next: its whole book as JSON."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, Column, Connection, Table, Text, select

from service.store.codec import dump, load
from service.store.schema import metadata
from service.store.statements import insert
from service.store.types import UtcDateTime
from workflows.team_books import TeamBook

#: The kind of the jobs that give a team what is due; their subject is its name.
JOB = "team"


teams = Table(  # what each got on a schedule
    "teams",
    metadata,
    Column("name", Text, primary_key=True),
    Column("state", JSON, nullable=False),  # the whole workflows.team_books.TeamBook
    Column("updated_at", UtcDateTime, nullable=False),
)


class Teams:
    """Saving and finding the books of teams."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def save(self, book: TeamBook) -> None:
        """Store the book as it is now, new or known."""
        values = {"state": dump(TeamBook, book), "updated_at": self._now}
        self._connection.execute(
            insert(self._connection, teams)
            .values(name=book.team, **values)
            .on_conflict_do_update(index_elements=["name"], set_=values)
        )

    def get(self, name: str) -> TeamBook | None:
        state = self._connection.scalar(select(teams.c.state).where(teams.c.name == name))
        return None if state is None else load(TeamBook, state)

    def all(self) -> list[TeamBook]:
        """The books of all teams that ever had one."""
        rows = self._connection.scalars(select(teams.c.state).order_by(teams.c.name))
        return [load(TeamBook, state) for state in rows]
