"""What writes with an ``Idempotency-Key`` were answered, so that one that is sent again is answered
the same and done once.

A key is claimed before the write begins; its answer is kept in the transaction of the write
itself. So a claim without an answer says that nothing was done (yet): once it is older than
`PATIENCE`, whoever made it is taken for dead, and the key can be claimed again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    delete,
    select,
    update,
)

from service.store.codec import Json
from service.store.schema import metadata
from service.store.statements import insert
from service.store.types import MANY_IDS, UtcDateTime

KEPT = timedelta(hours=24)
PATIENCE = timedelta(minutes=1)

answers = Table(  # of writes that can be sent again
    "answers",
    metadata,
    Column("id", MANY_IDS, primary_key=True),  # of the claim
    Column("whose", Text, nullable=False),  # the token's id, "" for the admin token
    Column("key", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),  # of the request
    Column("claimed_at", UtcDateTime, nullable=False),
    Column("status", Integer),  # NULL while nothing was done
    Column("body", JSON(none_as_null=True)),
    UniqueConstraint("whose", "key"),
    Index(None, "claimed_at"),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A key as it was claimed last: for which request, and what that was answered, if it was.
    `claim` is its id; `mine`: it was claimed now."""

    claim: int
    fingerprint: str
    status: int | None
    body: Json
    mine: bool


class Answers:
    """Claiming keys and keeping answers."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def claim(self, whose: str, key: str, fingerprint: str) -> Kept:
        """Claim the key, or find how it was claimed before. What is older than `KEPT`, and claims
        of the dead, are forgotten first."""
        self._connection.execute(delete(answers).where(answers.c.claimed_at < self._now - KEPT))
        self._connection.execute(
            delete(answers).where(
                answers.c.whose == whose,
                answers.c.key == key,
                answers.c.status.is_(None),
                answers.c.claimed_at < self._now - PATIENCE,
            )
        )
        new = self._connection.execute(
            insert(self._connection, answers)
            .values(whose=whose, key=key, fingerprint=fingerprint, claimed_at=self._now)
            .on_conflict_do_nothing(index_elements=["whose", "key"])
            .returning(answers.c.id)
        ).scalar()
        if new is not None:
            return Kept(new, fingerprint, None, None, mine=True)
        row = self._connection.execute(
            select(answers).where(answers.c.whose == whose, answers.c.key == key)
        ).one()
        return Kept(row.id, row.fingerprint, row.status, row.body, mine=False)

    def keep(self, claim: int, status: int, body: Json) -> bool:
        """Keep what the write was answered. False when the claim was taken for dead: then the
        write must not be done."""
        return (
            self._connection.execute(
                update(answers)
                .where(answers.c.id == claim, answers.c.status.is_(None))
                .values(status=status, body=body)
            ).rowcount
            > 0
        )

    def release(self, claim: int) -> None:
        """Nothing was done: the key may be used again."""
        self._connection.execute(
            delete(answers).where(answers.c.id == claim, answers.c.status.is_(None))
        )
