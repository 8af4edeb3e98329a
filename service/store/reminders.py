"""How many reminders somebody gets on a day, over all incidents and teams."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import Column, Connection, Index, Table, Text, bindparam, delete, func, select

from service.store.schema import metadata
from service.store.statements import insert

reminders = Table(  # whom reminders were written to, and when
    "reminders",
    metadata,
    Column("key", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("day", Text, nullable=False),  # of the team's calendar
    Index(None, "person", "day"),
)

#: So long counts are kept: what is today for one team may be yesterday for another, no more.
KEPT = timedelta(days=7)

_OTHERS = select(func.count()).where(
    reminders.c.person == bindparam("of_person"),
    reminders.c.day == bindparam("on_day"),
    reminders.c.key != bindparam("besides"),
)


class Reminders:
    """Counting reminders. Whoever counts writes in the same transaction, so that two who count at
    once do not both find room for the last one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def count(self, key: str, people: Sequence[str], day: date, limit: int) -> bool:
        """Count the reminder of this key for each of these people on that day, unless one of them
        has `limit` others on it: then nothing is counted, and False. One that was counted on an
        earlier day, and not written then, moves to this one."""
        for person in people:
            asked = {"of_person": person, "on_day": day.isoformat(), "besides": key}
            if int(self._connection.execute(_OTHERS, asked).scalar_one()) >= limit:
                return False
        rows = [{"key": key, "person": person, "day": day.isoformat()} for person in people]
        statement = insert(self._connection, reminders)
        moving = statement.on_conflict_do_update(
            index_elements=["key", "person"], set_={"day": statement.excluded.day}
        )
        self._connection.execute(moving, rows)
        over = reminders.c.day < (day - KEPT).isoformat()
        self._connection.execute(delete(reminders).where(over))
        return True
