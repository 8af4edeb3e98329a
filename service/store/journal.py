"""What happened and why, in the order it happened: what `explain` prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, bindparam, select
from sqlalchemy import insert as sql_insert

from service.store.codec import Json
from service.store.schema import journal


class EntryKind(StrEnum):
    DELIVERY = "delivery"
    DUE = "due"
    DECISION = "decision"
    EFFECT = "effect"
    NOTE = "note"
    CONFLICT = "conflict"


#: What stands in the data of a line about the rules themselves: the hash of those that it names.
ABOUT_RULES = "rules"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal. `at` is aware UTC; `data` what a program may want to know."""

    at: datetime
    kind: EntryKind
    text: str
    data: Mapping[str, Json]
    incident_id: str | None


_ENTRY = (journal.c.at, journal.c.kind, journal.c.text, journal.c.data, journal.c.incident_id)


_LAST = (
    select(*_ENTRY)
    .where(
        journal.c.incident_id == bindparam("of_incident"),
        journal.c.kind == bindparam("of_kind"),
    )
    .order_by(journal.c.id.desc())
    .limit(1)
)
_ADD = sql_insert(journal)


class Journal:
    """Writing and reading the journal; nothing in it is ever changed."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def add(
        self,
        incident_id: str | None,
        kind: EntryKind,
        text: str,
        data: Mapping[str, Json] | None = None,
        at: datetime | None = None,
    ) -> None:
        """Write one line, in plain words; `at` is now when it is not given."""
        self._connection.execute(
            _ADD,
            {
                "incident_id": incident_id,
                "at": at or self._now,
                "kind": kind,
                "text": text,
                "data": dict(data or {}),
            },
        )

    def last(self, incident_id: str, kind: EntryKind) -> Entry | None:
        """The latest line of this kind about one incident."""
        last = {"of_incident": incident_id, "of_kind": kind}
        row = self._connection.execute(_LAST, last).first()
        return _entry(*row) if row else None

    def of_team(self, team: str, most: int) -> list[Entry]:
        """The latest lines about what a team got on a schedule, the earliest first."""
        rows = self._connection.execute(
            select(*_ENTRY)
            .where(journal.c.incident_id.is_(None), journal.c.data["team"].as_string() == team)
            .order_by(journal.c.id.desc())
            .limit(most)
        )
        return [_entry(*row) for row in rows][::-1]

    def of_rules(self, most: int) -> list[Entry]:
        """The latest lines about the rules themselves, the earliest first."""
        about = journal.c.data[ABOUT_RULES].as_string().is_not(None)
        rows = self._connection.execute(
            select(*_ENTRY)
            .where(journal.c.incident_id.is_(None), about)
            .order_by(journal.c.id.desc())
            .limit(most)
        )
        return [_entry(*row) for row in rows][::-1]

    def of_incident(self, incident_id: str) -> list[Entry]:
        """All lines about one incident, the earliest first."""
        rows = self._connection.execute(
            select(*_ENTRY)
            .where(journal.c.incident_id == incident_id)
            .order_by(journal.c.at, journal.c.id)
        )
        return [_entry(*row) for row in rows]


def _entry(
    at: datetime, kind: str, text: str, data: Mapping[str, Json], incident_id: str | None
) -> Entry:
    return Entry(at, EntryKind(kind), text, data, incident_id)
