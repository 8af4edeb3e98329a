"""The rows of `workflows.projection`, kept beside each incident that is saved."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Insert, RowMapping, Table, bindparam, delete, func, or_, select
from sqlalchemy import insert as sql_insert

from service.store.index import words_of
from service.store.learning_tables import (
    A_SECOND,
    audits,
    facts,
    labels,
    measures,
    passages,
    synonyms,
)
from service.store.schema import incidents, versions
from service.store.statements import insert, once
from workflows.model import Incident
from workflows.patterns import Tally, tally
from workflows.projection import (
    SHAPE,
    Audited,
    Facts,
    Label,
    Measure,
    Part,
    Passage,
    Projection,
    What,
    project,
)

Made = TypeVar("Made", Facts, Label, Measure, Audited, Passage)

_ID = bindparam("wanted", type_=facts.c.id.type)
_KNOWN = select(
    facts.c.place, facts.c.opened, facts.c.shape, facts.c.rows_digest, facts.c.texts_digest
).where(facts.c.id == _ID)
_PUBLISHED = select(func.min(versions.c.at)).where(versions.c.incident_id == _ID)
_SINCE = select(measures.c.item, measures.c.known_since).where(measures.c.incident_id == _ID)
_LAST_PLACE = select(func.max(facts.c.place)).where(
    facts.c.place >= bindparam("least"), facts.c.place < bindparam("end")
)
_SYNONYMS = select(synonyms.c.said, synonyms.c.name)
_UNLEARNT = (
    select(incidents.c.id)
    .outerjoin(facts, facts.c.id == incidents.c.id)
    .where(or_(facts.c.id.is_(None), facts.c.shape != SHAPE))
    .order_by(incidents.c.id)
    .limit(bindparam("most"))
)
_CLEAR = {
    table: delete(table).where(table.c.incident_id == _ID)
    for table in (labels, measures, audits, passages)
}
_NEW = {table: sql_insert(table) for table in _CLEAR}


@once
def _saving(connection: Connection) -> Insert:
    saving = insert(connection, facts)
    written = [each.name for each in facts.c if each.computed is None and each.name != "id"]
    saved = {name: saving.excluded[name] for name in written}
    return saving.on_conflict_do_update(index_elements=["id"], set_=saved)


class Learning:
    """Keeping what an incident teaches."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._index = words_of(connection)

    def learn(self, incident: Incident) -> bool:
        """Keep what the incident teaches as it is now; whether anything of that is new."""
        published = self._connection.scalar(_PUBLISHED, {"wanted": incident.id})
        return self.put(project(incident, self.synonyms(), published))

    def put(self, made: Projection) -> bool:
        """Keep these rows in the place of those of the same id; whether they differ."""
        known = self._connection.execute(_KNOWN, {"wanted": made.facts.id}).first()
        rows, texts = _digest(made.facts, made.labels, made.measures, made.audits), _texts(made)
        if known and (known.shape, known.rows_digest, known.texts_digest) == (SHAPE, rows, texts):
            return False
        stays = known is not None and known.opened == made.facts.opened
        place = known.place if known and stays else self._place(made.facts.opened)
        searched = known is None or not stays or known.texts_digest != texts
        if known and searched:
            self._index.forget(known.place)
        digests = {"shape": SHAPE, "rows_digest": rows, "texts_digest": texts}
        row = {**_row(made.facts), **digests, "place": place}
        self._connection.execute(_saving(self._connection), row)
        self._put_rows(made, self._now if known else _long_known(made.facts) or self._now)
        if searched:
            said = [{**_row(each), "incident_id": made.facts.id} for each in made.passages]
            self._replace(passages, made.facts.id, said)
            self._index.add(place)
        return True

    def kept(self, id: str) -> Projection | None:
        """All that is kept of the incident with this id of ours, or of an imported file."""
        found = self._connection.execute(select(facts).where(facts.c.id == _ID), {"wanted": id})
        row = found.mappings().first()
        if row is None:
            return None
        return Projection(
            _as(Facts, row),
            tuple(_as(Label, each, what=What(each["what"])) for each in self._rows(labels, id)),
            tuple(_as(Measure, each) for each in self._rows(measures, id)),
            tuple(_as(Audited, each) for each in self._rows(audits, id)),
            tuple(_as(Passage, each, part=Part(each["part"])) for each in self._rows(passages, id)),
        )

    def forget(self, id: str) -> None:
        """Keep nothing of it any more."""
        known = self._connection.execute(_KNOWN, {"wanted": id}).first()
        if known is None:
            return
        self._index.forget(known.place)
        for table in _CLEAR:
            self._replace(table, id, [])
        self._connection.execute(delete(facts).where(facts.c.id == id))

    def unlearnt(self, most: int) -> Sequence[str]:
        """Incidents (our ids) whose rows are missing, or of an earlier shape; `most` at once."""
        return self._connection.scalars(_UNLEARNT, {"most": most}).all()

    def synonyms(self) -> dict[str, str]:
        """What words of tags and factors are counted under, both in normal words."""
        return {row.said: row.name for row in self._connection.execute(_SYNONYMS)}

    def set_synonyms(self, wanted: Mapping[str, str]) -> None:
        """Count words under these from now on. Whatever has a label that is counted under another
        name than before counts as unlearnt."""
        known = self.synonyms()
        if known == wanted:
            return
        moved = {said for said in {*known, *wanted} if known.get(said) != wanted.get(said)}
        names = moved | {known[said] for said in moved if said in known}
        having = select(labels.c.incident_id).where(labels.c.name.in_(sorted(names)))
        again = facts.update().where(facts.c.id.in_(having)).values(shape=0)
        self._connection.execute(again)
        self._connection.execute(delete(synonyms))
        if wanted:
            rows = [{"said": said, "name": name} for said, name in wanted.items()]
            self._connection.execute(sql_insert(synonyms), rows)

    def _place(self, opened: datetime | None) -> int:
        """The first free place of that second; of now, where it is not known when it was."""
        least = int((opened or self._now).timestamp()) * A_SECOND
        here = {"least": least, "end": least + A_SECOND}
        last = self._connection.scalar(_LAST_PLACE, here)
        return least if last is None else last + 1

    def _put_rows(self, made: Projection, first: datetime) -> None:
        """`first`: since when a measure counts as known that is new here."""
        known = made.facts
        here = {"incident_id": known.id, "restricted": known.restricted}
        about: dict[str, Any] = {"team": known.team, "service_words": known.service_words}
        found = self._connection.execute(_SINCE, {"wanted": known.id})
        since = {row.item: row.known_since for row in found}
        about |= {"quarter": known.quarter, "opened": known.opened, **_row(tally(made.measures))}
        self._replace(labels, known.id, [{**_row(e), **here, **about} for e in made.labels])
        self._replace(
            measures,
            known.id,
            [{**_row(e), **here, "known_since": since.get(e.item, first)} for e in made.measures],
        )
        kinds = {each.item: each.kind for each in made.measures}
        here |= {"service_words": known.service_words}
        self._replace(
            audits,
            known.id,
            [{**_row(e), **here, "kind": kinds.get(e.item, "")} for e in made.audits],
        )

    def _rows(self, table: Table, id: str) -> Sequence[RowMapping]:
        query = select(table).where(table.c.incident_id == id).order_by(*table.primary_key.columns)
        return self._connection.execute(query).mappings().all()

    def _replace(self, table: Table, id: str, rows: Iterable[dict[str, Any]]) -> None:
        self._connection.execute(_CLEAR[table], {"wanted": id})
        if new := list(rows):
            self._connection.execute(_NEW[table], new)


def _row(made: Facts | Label | Measure | Audited | Passage | Tally) -> dict[str, Any]:
    """Its fields as they are; `dataclasses.asdict` copies each value, which takes longer than to
    write it."""
    return {name: getattr(made, name) for name in made.__slots__}


def _as(of: Callable[..., Made], row: RowMapping, **instead: object) -> Made:
    """The row as what it was made of."""
    names = [each.name for each in fields(of)]  # type: ignore[arg-type]  # each is a dataclass
    return of(**{name: instead.get(name, row[name]) for name in names})


def _long_known(known: Facts) -> datetime | None:
    """Since when measures count as known of which nothing was kept here: since the incident was
    closed, or opened."""
    return known.closed or known.opened


def _texts(made: Projection) -> str:
    """What tells whether another text is to be searched in, or can be found by another filter."""
    known = made.facts
    about = (known.key, known.title, known.team, known.service, known.severity, known.restricted)
    return _digest(about, made.labels, made.kinds, made.passages)


def _digest(*values: object) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()
