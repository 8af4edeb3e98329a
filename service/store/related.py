"""Looking for incidents that have something in common with one: labels, words, failing measures.

Each look is bounded, however many incidents there are. That for words asks the index of
`service.store.words`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import fields

from sqlalchemy import Connection, Select, and_, bindparam, func, or_, select

from service.store.index import words_of
from service.store.learning_tables import facts, labels, measures
from service.store.patterns import seen
from workflows.related import (
    COMMON,
    MOST,
    ONE_OF,
    RARE,
    Known,
    Related,
    Shared,
    Traces,
    common_from,
)
from workflows.related import rank as ranked
from workflows.rungs import Verdict
from workflows.sight import Sight

#: So many of the newest that have a label are looked at, and so many failing measures.
NEWEST, MOST_FAILING = 50, 1000

#: Of those that are found by their words alone, so many are looked at.
MOST_BY_WORDS = 50


class RelatedIncidents:
    """Finding them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(
        self, own: Traces, sight: Sight, without: Collection[str] = (), most: int = MOST
    ) -> list[Related]:
        """The incidents that the sight allows and that may have to do with this one, `without`
        those of these ids."""
        if sight.teams is not None and not sight.teams:
            return []
        shared: dict[str, Shared] = defaultdict(Shared)
        self._labels(own, sight, shared)
        self._failing(own, sight, shared)
        self._words(own, sight, shared)
        ids = [id for id in shared if id != own.id and id not in without]
        return ranked(own, shared, self.known(ids, sight), most)

    def may_see(self, id: str, sight: Sight) -> bool:
        """Whether there is such an incident, or imported file, and the sight allows it."""
        return bool(self.known([id], sight))

    def _labels(self, own: Traces, sight: Sight, shared: dict[str, Shared]) -> None:
        """Those that have the same tags and factors; each is asked for by the same statement."""
        newest, anywhere = _labelled(sight)
        for what, name in own.labels:
            asked = {"what": what.value, "name": name, "own": own.id, "service": own.service}
            for id in self._connection.scalars(newest, asked) if own.service else ():
                shared[id].labels.add((what, name))
            rows = self._connection.execute(anywhere, asked).all()
            for row in rows if len(rows) <= RARE else ():
                if row.service_words != own.service or not own.service:
                    shared[row.incident_id].elsewhere.add((what, name))

    def _failing(self, own: Traces, sight: Sight, shared: dict[str, Shared]) -> None:
        """Measures of the same service and title that did not work."""
        if not own.measures or not own.service:
            return
        verdict, pleased = measures.c.verdict, [Verdict.EFFECTIVE.value, Verdict.PARTLY.value]
        doubted = and_(verdict.in_(pleased), measures.c.suspect > "")
        query = (
            select(*(measures.c[name] for name in ("incident_id", "title", "team", "restricted")))
            .where(measures.c.service_words == own.service)
            .where(measures.c.title_words.in_(sorted(own.measures)))
            .where(or_(verdict == Verdict.NOT_EFFECTIVE.value, doubted))
            .where(measures.c.incident_id != own.id)
            .limit(MOST_FAILING)
        )
        for row in self._connection.execute(query):
            # Asked for in the statement, the team would be looked for by an index of its own.
            if sight.sees(row.team, row.restricted):
                shared[row.incident_id].failing.add(row.title)

    def _words(self, own: Traces, sight: Sight, shared: dict[str, Shared]) -> None:
        """Those that have the same rarer words. How rare a word is counts only what may be seen."""
        if not own.words:
            return
        visible = select(facts.c.id).where(seen(sight, facts.c.team, facts.c.restricted))
        some = visible.limit(COMMON * ONE_OF).subquery()
        incidents = self._connection.scalar(select(func.count()).select_from(some)) or 0
        place = self._connection.scalar(select(facts.c.place).where(facts.c.id == own.id))
        index, common = words_of(self._connection), common_from(incidents)
        words: dict[int, dict[str, int]] = defaultdict(dict)
        for n, where, count in index.others(own.words, sight, place, common):
            words[where][own.words[n]] = count
        best = sorted(words, key=lambda each: (-len(words[each]), -each))[:MOST_BY_WORDS]
        query = select(facts.c.place, facts.c.id).where(facts.c.place.in_(best))
        for row in self._connection.execute(query):
            shared[row.id].words.update(words[row.place])

    def known(self, ids: Sequence[str], sight: Sight) -> list[Known]:
        """Those of these incidents and imported files that the sight allows."""
        names = [each.name for each in fields(Known)]
        query = select(facts.c.restricted, *(facts.c[name] for name in names))
        rows = self._connection.execute(query.where(facts.c.id.in_(ids))).mappings()
        return [
            Known(**{name: row[name] for name in names})
            for row in rows
            if sight.sees(row["team"], row["restricted"])
        ]


def _labelled(sight: Sight) -> tuple[Select[str], Select[str, str]]:
    """Two statements for what has one label: the newest of a service, and some of any service, of
    which more than `RARE` tell nothing."""
    others = and_(
        labels.c.what == bindparam("what"),
        labels.c.name == bindparam("name"),
        labels.c.incident_id != bindparam("own"),
        seen(sight, labels.c.team, labels.c.restricted),
    )
    of_service = labels.c.service_words == bindparam("service")
    newest = (
        select(labels.c.incident_id)
        .where(others, of_service)
        .order_by(labels.c.opened.desc().nulls_last())
    )
    anywhere = select(labels.c.incident_id, labels.c.service_words).where(others)
    return newest.limit(NEWEST), anywhere.limit(RARE + 1)
