"""The audit log: who changed what, with before and after. A row is written once, with the change
itself; the database refuses to change or delete it (see the migration ``0019_rights``)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import JSON, Column, Connection, Integer, Row, Table, Text, select
from sqlalchemy import insert as sql_insert

from service.store.codec import Json
from service.store.schema import metadata
from service.store.types import MANY_IDS, UtcDateTime
from workflows.rights import Actor, Role

changes = Table(  # what people did; triggers refuse any change
    "changes",
    metadata,
    Column("id", MANY_IDS, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("who", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("token_id", Integer),  # NULL for the admin token, and for a shell
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("before", JSON, nullable=False),
    Column("after", JSON, nullable=False),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True)
class Changed:
    """One thing that somebody did, `at` a time (UTC): `action` in two or three words, on what
    `subject`, and how that was before and after. `token` is the id of the API token it came by,
    None for none."""

    id: int
    at: datetime
    who: str
    role: Role
    token: int | None
    action: str
    subject: str
    before: Json
    after: Json


class Changes:
    """Writing and reading the audit log."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def add(self, actor: Actor, action: str, subject: str, before: Json, after: Json) -> None:
        """`actor` did this now. Neither side may hold a secret."""
        self._connection.execute(
            sql_insert(changes).values(
                at=self._now,
                who=actor.signed,
                role=actor.role.value,
                token_id=actor.token,
                action=action,
                subject=subject,
                before=before,
                after=after,
            )
        )

    def page(
        self, limit: int, before: int | None = None, *, who: str | None = None
    ) -> list[Changed]:
        """The latest first: those older than the one with the id `before`, of whom it names."""
        query = select(changes).order_by(changes.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(changes.c.id < before)
        if who is not None:
            query = query.where(changes.c.who.startswith(who, autoescape=True))
        return [_changed(row) for row in self._connection.execute(query)]


def _changed(row: Row[tuple[object, ...]]) -> Changed:
    return Changed(
        id=row.id,
        at=row.at,
        who=row.who,
        role=Role(row.role),
        token=row.token_id,
        action=row.action,
        subject=row.subject,
        before=row.before,
        after=row.after,
    )
