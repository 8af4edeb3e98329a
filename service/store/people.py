"""People whom the trackers named, and whom the trackers were asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Boolean, Column, Connection, Integer, Table, Text, func, select

from service.store.schema import metadata
from service.store.statements import insert
from service.store.types import UtcDateTime
from workflows.model import Person

people = Table(  # whom tickets of ours named, and who was found when a tracker was asked
    "people",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("handle", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("email", Text),
    Column("active", Boolean, nullable=False),
    Column("ticket", Text, nullable=False),  # the key of that which named them last, "" for none
    Column("seen_at", UtcDateTime, nullable=False),
    Column("changes", Integer, nullable=False),  # how often what is known of them changed
)

people_asked = Table(  # whom a tracker was asked for, so that it is not asked all the time
    "people_asked",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("way", Text, primary_key=True),
    Column("word", Text, primary_key=True),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("found", Boolean, nullable=False),
    Column("words", Text, nullable=False),  # the tracker's, where it would not tell
)

#: How long it is enough to know that somebody was seen.
SEEN_LATELY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SeenPerson:
    """Somebody as a connection's tracker tells them. `ticket` is the key of the last ticket of
    ours that named them, "" where none did; `seen_at` is UTC, and a day behind at most."""

    connection: str
    person: Person
    ticket: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """A tracker was asked (at `asked_at`, UTC) for somebody by this `word`, in the way of
    `Policy.people_by`. `words` are what it said where it would not tell, else ""."""

    connection: str
    way: str
    word: str
    asked_at: datetime
    found: bool
    words: str = ""


_VERSION = select(func.sum(people.c.changes))


class People:
    """The record of people."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def version(self) -> int:
        """A number that grows whenever what is known of anybody changes."""
        return self._connection.scalar(_VERSION) or 0

    def all(self) -> list[SeenPerson]:
        """Everybody, by connection and handle."""
        rows = self._connection.execute(
            select(
                people.c.connection,
                people.c.handle,
                people.c.name,
                people.c.email,
                people.c.active,
                people.c.ticket,
                people.c.seen_at,
            ).order_by(people.c.connection, people.c.handle)
        )
        return [
            SeenPerson(connection, Person(handle, name, email, active), ticket, seen_at)
            for connection, handle, name, email, active, ticket, seen_at in rows
        ]

    def put(self, connection: str, person: Person, ticket: str = "") -> None:
        """Remember how a tracker tells somebody. An address that it told before and hides now is
        kept: it is still theirs. So is the ticket, where none is given."""
        told = insert(self._connection, people).values(
            connection=connection,
            handle=person.handle,
            name=person.name,
            email=person.email,
            active=person.active,
            ticket=ticket,
            seen_at=self._now,
            changes=1,
        )
        new = told.excluded
        self._connection.execute(
            told.on_conflict_do_update(
                index_elements=["connection", "handle"],
                set_={
                    "name": new.name,
                    "email": func.coalesce(new.email, people.c.email),
                    "active": new.active,
                    "ticket": func.coalesce(func.nullif(new.ticket, ""), people.c.ticket),
                    "seen_at": new.seen_at,
                    "changes": people.c.changes + 1,
                },
            )
        )

    def asked(self, connection: str, way: str, word: str) -> datetime | None:
        """When (UTC) this tracker was last asked for somebody by this word."""
        at: datetime | None = self._connection.scalar(
            select(people_asked.c.asked_at).where(
                people_asked.c.connection == connection,
                people_asked.c.way == way,
                people_asked.c.word == word,
            )
        )
        return at

    def in_vain(self) -> list[Asked]:
        """Whom the trackers did not know, or would not tell, when they were last asked."""
        rows = self._connection.execute(
            select(
                people_asked.c.connection,
                people_asked.c.way,
                people_asked.c.word,
                people_asked.c.asked_at,
                people_asked.c.found,
                people_asked.c.words,
            )
            .where(people_asked.c.found.is_(False))
            .order_by(people_asked.c.connection, people_asked.c.way, people_asked.c.word)
        )
        return [Asked(*row) for row in rows]

    def note_asked(
        self, connection: str, way: str, word: str, *, found: bool, words: str = ""
    ) -> None:
        """Remember that it was asked just now, and how that ended; see `Asked`."""
        values = {"asked_at": self._now, "found": found, "words": words}
        self._connection.execute(
            insert(self._connection, people_asked)
            .values(connection=connection, way=way, word=word, **values)
            .on_conflict_do_update(index_elements=["connection", "way", "word"], set_=values)
        )
