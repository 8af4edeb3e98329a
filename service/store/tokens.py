"""API tokens. Only a digest of each is kept: whoever reads the database cannot use one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Row,
    Table,
    Text,
    bindparam,
    select,
    update,
)
from sqlalchemy import insert as sql_insert

from service.store.schema import metadata
from service.store.types import MANY_IDS, UtcDateTime
from workflows.rights import Role, Teams, lives

#: A use is written down when the last one that was is older than this: not each request writes.
USED_EVERY = timedelta(minutes=10)

tokens = Table(
    "tokens",
    metadata,
    Column("id", MANY_IDS, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),  # SHA-256 of the token, in hex
    Column("role", Text, nullable=False),
    Column("teams", JSON(none_as_null=True)),  # NULL: all
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is known, which is not what opens with it. Times are aware UTC; `used` is
    right to `USED_EVERY`."""

    id: int
    name: str
    role: Role
    teams: Teams
    created: datetime
    created_by: str
    expires: datetime
    used: datetime | None
    revoked: datetime | None

    def lives(self, now: datetime) -> bool:
        """Whether it opens anything at `now` (UTC)."""
        return lives(self.expires, self.revoked, now)


def digest(token: str) -> str:
    """What is kept of a token. It is 256 random bits, so that nothing slower is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


_COLUMNS = (
    tokens.c.id,
    tokens.c.name,
    tokens.c.role,
    tokens.c.teams,
    tokens.c.created_at,
    tokens.c.created_by,
    tokens.c.expires_at,
    tokens.c.used_at,
    tokens.c.revoked_at,
)
_BY_DIGEST = select(*_COLUMNS).where(tokens.c.digest == bindparam("wanted"))
_BY_ID = select(*_COLUMNS).where(tokens.c.id == bindparam("wanted"))


class Tokens:
    """Making, finding and revoking tokens."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def add(
        self, token: str, name: str, role: Role, teams: Teams, expires: datetime, by: str
    ) -> int:
        """Keep the digest of a new token. Returns its id."""
        new = self._connection.execute(
            sql_insert(tokens)
            .values(
                name=name,
                digest=digest(token),
                role=role.value,
                teams=None if teams is None else sorted(teams),
                created_at=self._now,
                created_by=by,
                expires_at=expires,
            )
            .returning(tokens.c.id)
        ).scalar_one()
        return int(new)

    def known(self, token: str) -> Token | None:
        """The token that was given, whether it still opens anything or not."""
        row = self._connection.execute(_BY_DIGEST, {"wanted": digest(token)}).first()
        return _token(row) if row else None

    def get(self, number: int) -> Token | None:
        row = self._connection.execute(_BY_ID, {"wanted": number}).first()
        return _token(row) if row else None

    def page(self, limit: int, before: int | None = None) -> list[Token]:
        """The latest first, those older than the one with the id `before`."""
        query = select(*_COLUMNS).order_by(tokens.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(tokens.c.id < before)
        return [_token(row) for row in self._connection.execute(query)]

    def living(self, name: str) -> Sequence[Token]:
        """Those of this name that still open something."""
        query = select(*_COLUMNS).where(tokens.c.name == name)
        found = [_token(row) for row in self._connection.execute(query)]
        return [each for each in found if each.lives(self._now)]

    def revoke(self, number: int) -> bool:
        """From now on it opens nothing. False when there is none, or it was revoked before."""
        return (
            self._connection.execute(
                update(tokens)
                .where(tokens.c.id == number, tokens.c.revoked_at.is_(None))
                .values(revoked_at=self._now)
            ).rowcount
            > 0
        )

    def use(self, number: int) -> None:
        """It was used now."""
        self._connection.execute(
            update(tokens).where(tokens.c.id == number).values(used_at=self._now)
        )


def _token(row: Row[*tuple[Any, ...]]) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        teams=None if row.teams is None else frozenset(row.teams),
        created=row.created_at,
        created_by=row.created_by,
        expires=row.expires_at,
        used=row.used_at,
        revoked=row.revoked_at,
    )
