"""Measures and their audits with the incident that they came of: what the lists over many
incidents read, and of it only what somebody may see.

Imported files have measures too, which nobody here follows: they are in none of these lists.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, and_, func, select

from service.store.learning_tables import audits, facts, measures
from workflows.measured import Factor, Judged, Measured, Some
from workflows.model import Phase
from workflows.sight import Sight

T = TypeVar("T")

_INCIDENT = {
    "incident": facts.c.id,
    "key": facts.c.key,
    "url": facts.c.url,
    "document_url": facts.c.document_url,
    "service": facts.c.service,
    "severity": facts.c.severity,
}
_MEASURE = tuple(
    (_INCIDENT[name] if name in _INCIDENT else measures.c[name]).label(f"m_{name}")
    for name in (each.name for each in fields(Measured))
)
_AUDIT = tuple(audits.c[e.name].label(f"a_{e.name}") for e in fields(Judged) if e.name != "of")
_OF_INCIDENT = facts.c.id == measures.c.incident_id
_OF_MEASURE = and_(measures.c.incident_id == audits.c.incident_id, measures.c.item == audits.c.item)

Query = Select[*tuple[Any, ...]]
AnyRow = Row[*tuple[Any, ...]]


#: What is followed: imported files are not, and what is gone may have been hidden.
FOLLOWED = and_(facts.c.imported.is_(False), facts.c.phase != Phase.GONE.value)


def measured(sight: Sight) -> Query:
    """Measures that somebody with this sight reads, to be narrowed."""
    query: Query = select(*_MEASURE).select_from(measures).join(facts, _OF_INCIDENT)
    return query.where(FOLLOWED, *seen(sight, measures))


def judged(sight: Sight) -> Query:
    """Audits that somebody with this sight reads, with their measures, to be narrowed."""
    query: Query = select(*_MEASURE, *_AUDIT).select_from(audits)
    query = query.join(measures, _OF_MEASURE).join(facts, _OF_INCIDENT)
    return query.where(FOLLOWED, *seen(sight, audits))


def first(connection: Connection, query: Query, most: int, read: Callable[[AnyRow], T]) -> Some[T]:
    """The first of what the query finds, and how many there are of all. One read."""
    counted = query.add_columns(func.count().over().label("how_many")).limit(most)
    rows: Sequence[AnyRow] = connection.execute(counted).all()
    return Some(tuple(map(read, rows)), rows[0].how_many) if rows else Some()


def factors(connection: Connection, query: Query, most: int) -> Some[Factor]:
    """The first of the factors that the query finds, by ``name``, ``count_`` and the place of the
    ``last`` incident that had each. Two reads."""
    found = first(connection, query, most, lambda row: (row.name, row.count_, row.last))
    columns = (facts.c.place, facts.c.id, facts.c.key, facts.c.url, facts.c.opened)
    places = [last for _, _, last in found.rows]
    at = {
        row.place: row
        for row in connection.execute(select(*columns).where(facts.c.place.in_(places)))
    }
    return Some(
        tuple(
            Factor(
                name,
                count,
                at[last].opened.date() if at[last].opened else None,
                at[last].key,
                at[last].url,
                at[last].id,
            )
            for name, count, last in found.rows
        ),
        found.count,
    )


def read_measured(row: AnyRow) -> Measured:
    return Measured(*(getattr(row, column.name) for column in _MEASURE))


def read_judged(row: AnyRow) -> Judged:
    return Judged(read_measured(row), *(getattr(row, column.name) for column in _AUDIT))


def seen(
    sight: Sight, of: FromClause, team: ColumnElement[str] | None = None
) -> list[ColumnElement[bool]]:
    """What is to hold of a row of `of`, that somebody with this sight reads it: asked of the table
    whose rows are looked for, because its indexes answer that; or of what is told to be its team.
    """
    wanted: list[ColumnElement[bool]] = []
    if sight.teams is not None:
        wanted.append((of.c.team if team is None else team).in_(sorted(sight.teams)))
    if not sight.restricted:
        wanted.append(of.c.restricted.is_(False))
    return wanted


def teams(connection: Connection, sight: Sight) -> Sequence[str]:
    """The teams of whose incidents somebody with this sight may read any, by name. Each is looked
    for behind the one before: to read all incidents for a few names takes a hundred times as long.
    """
    least = select(func.min(facts.c.team).label("team")).where(*seen(sight, facts))
    walk = least.cte("walk", recursive=True)
    behind = least.where(facts.c.team > walk.c.team).scalar_subquery()
    walk = walk.union_all(select(behind).where(walk.c.team.is_not(None)))
    query = select(walk.c.team).where(walk.c.team.is_not(None)).order_by(walk.c.team)
    return connection.scalars(query).all()
