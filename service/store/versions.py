"""The versions of postmortems. A row is written once; the database itself refuses to change or
delete it (see the migration ``0012_versions``)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Row, bindparam, select
from sqlalchemy import insert as sql_insert

from service.store.schema import publishings, versions
from workflows.versions import Publication, Publishing, Version

_OF_INCIDENT = (
    select(versions)
    .where(versions.c.incident_id == bindparam("of_incident"))
    .order_by(versions.c.number)
)
_LAST = (
    select(versions)
    .where(versions.c.incident_id == bindparam("of_incident"))
    .order_by(versions.c.number.desc())
    .limit(1)
)
_COMMITS = select(versions.c.commit).where(versions.c.incident_id == bindparam("of_incident"))
_ASKED = (
    select(publishings)
    .where(publishings.c.incident_id == bindparam("of_incident"))
    .order_by(publishings.c.id)
)


class Versions:
    """Writing and reading versions, and who asked to publish; nothing of either is changed."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def add(self, incident_id: str, version: Version) -> None:
        """Keep one; its number must be new."""
        publication = version.publication
        self._connection.execute(
            sql_insert(versions).values(
                incident_id=incident_id,
                number=version.number,
                commit=publication.commit,
                at=publication.at,
                by=publication.by,
                digest=version.digest,
                text=publication.text,
                kept_at=self._now,
            )
        )

    def of_incident(self, incident_id: str) -> list[Version]:
        """All of one incident, the first one first."""
        return [_version(r) for r in self._connection.execute(_OF_INCIDENT, _of(incident_id))]

    def last(self, incident_id: str) -> Version | None:
        row = self._connection.execute(_LAST, _of(incident_id)).first()
        return _version(row) if row else None

    def commits(self, incident_id: str) -> frozenset[str]:
        """The commits of the versions that are kept."""
        return frozenset(self._connection.execute(_COMMITS, _of(incident_id)).scalars())

    def ask(self, incident_id: str, by: str) -> None:
        """Somebody wants the document published now."""
        self._connection.execute(
            sql_insert(publishings).values(incident_id=incident_id, by=by, at=self._now)
        )

    def asked(self, incident_id: str) -> list[Publishing]:
        """Who asked to publish one incident's document, in the order in which they did."""
        rows = self._connection.execute(_ASKED, _of(incident_id))
        return [Publishing(row.id, row.by, row.at) for row in rows]


def _of(incident_id: str) -> dict[str, str]:
    return {"of_incident": incident_id}


def _version(row: Row[tuple[object, ...]]) -> Version:
    return Version(row.number, Publication(row.text, row.at, row.by, row.commit), row.digest)
