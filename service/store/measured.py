"""Measures and their audits with the incident that they came of: what the lists over many
incidents read, and of it only what somebody may see.

Imported files have measures too, which nobody here follows: they are in none of these lists.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, select

from service.store.learning_tables import audits, facts, measures
from workflows.measured import Judged, Measured
from workflows.sight import Sight

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

#: How many there are, whatever the limit.
HOW_MANY = "how_many"

Query = Select[tuple[Any, ...]]


def measured() -> Query:
    """Measures, to be narrowed."""
    query: Query = select(*_MEASURE).select_from(measures).join(facts, _OF_INCIDENT)
    return query.where(facts.c.imported.is_(False))


def judged() -> Query:
    """Audits with their measures, to be narrowed."""
    query: Query = select(*_MEASURE, *_AUDIT).select_from(audits)
    query = query.join(measures, _OF_MEASURE).join(facts, _OF_INCIDENT)
    return query.where(facts.c.imported.is_(False))


def first(query: Query, most: int) -> Query:
    """The first of what the query finds; each row says how many there are of all."""
    return query.add_columns(func.count().over().label(HOW_MANY)).limit(most)


def read_measured(row: Row[tuple[Any, ...]]) -> Measured:
    return Measured(*(getattr(row, column.name) for column in _MEASURE))


def read_judged(row: Row[tuple[Any, ...]]) -> Judged:
    return Judged(read_measured(row), *(getattr(row, column.name) for column in _AUDIT))


def seen(sight: Sight) -> list[ColumnElement[bool]]:
    """What is to hold of an incident's row, that somebody with this sight reads it."""
    wanted: list[ColumnElement[bool]] = []
    if sight.teams is not None:
        wanted.append(facts.c.team.in_(sorted(sight.teams)))
    if not sight.restricted:
        wanted.append(facts.c.restricted.is_(False))
    return wanted
