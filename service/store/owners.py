"""Whose a row is: an incident's, or a team's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, Table, bindparam


@dataclass(frozen=True, slots=True)
class OfTeam:
    """A team, by its name in the rules."""

    name: str


#: An incident, by our id, or a team.
Owner = str | OfTeam


def owned_by(owner: Owner) -> dict[str, str | None]:
    """The columns that say whose a row is."""
    if isinstance(owner, OfTeam):
        return {"incident_id": None, "team": owner.name}
    return {"incident_id": owner, "team": None}


def whose(row: Row[Any]) -> Owner:
    """Whose a row is, by these columns."""
    return OfTeam(row.team) if row.incident_id is None else str(row.incident_id)


def of_each(query: Select[Any], table: Table) -> dict[type[Any], Select[Any]]:
    """The query for the rows of one incident, and of one team: by the owner's type, with its id or
    name to be bound to `owner`."""
    return {
        str: query.where(table.c.incident_id == bindparam("owner")),
        OfTeam: query.where(table.c.team == bindparam("owner")),
    }


def bound(owner: Owner) -> dict[str, object]:
    """What to bind in such a query."""
    return {"owner": owner.name if isinstance(owner, OfTeam) else owner}
