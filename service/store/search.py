"""Finding incidents by their words. What each database does in its own way is its index of words:
`service.store.words`.

Excerpts are made of the passages, by `workflows.excerpts`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from itertools import combinations
from math import comb

from sqlalchemy import Connection, select

from service.store.index import words_of
from service.store.learning_tables import A_SECOND, facts, labels, passages
from service.store.words import EVER, Asked, allowed, mark
from workflows.excerpts import Excerpt, Segments, excerpts, marked, pattern_of
from workflows.projection import Part, Passage, What
from workflows.queries import By, Filter, Query, Term, grouped
from workflows.sight import Sight

#: So many of the newest that match are ranked; older ones only where their title or factors match.
MOST_RANKED = 1000

#: Of so many ways to leave out words at once, not more.
MOST_CHOICES = 20

_LETTER = {
    By.SERVICE: "s",
    By.SEVERITY: "v",
    By.TEAM: "n",
    By.TAG: "g",
    By.FACTOR: "f",
    By.KIND: "k",
}


@dataclass(frozen=True, slots=True)
class Hit:
    """An incident that was found, with its title and those of its labels that were looked for in
    segments, and the best passage of each part. `url` is where its ticket is, "" for a file."""

    id: str
    key: str
    url: str
    team: str
    service: str
    severity: str
    restricted: bool
    imported: bool
    opened: datetime | None
    document_url: str
    title: Segments
    labels: tuple[tuple[What, Segments], ...]
    excerpts: tuple[Excerpt, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """The hits, the best first; `more` says that there are others below them, `lacking` that no
    incident has all the words, so that these have as many of them as any has."""

    hits: tuple[Hit, ...] = ()
    more: bool = False
    lacking: bool = False


class Search:
    """Looking things up in it. `synonyms` tells under which names tags and factors are counted."""

    def __init__(self, connection: Connection, synonyms: Callable[[], Mapping[str, str]]) -> None:
        self._connection = connection
        self._synonyms = synonyms
        self._words = words_of(connection)

    def find(self, query: Query, sight: Sight, limit: int = 20, skip: int = 0) -> Found:
        """The incidents that the query asks for and the sight allows, `limit` of them after the
        first `skip`. Those whose title or labels match come first; within each of both the better
        match, by BM25, then the newer. Without words, the newest first. Where none has all words,
        those with the most of them are found."""
        if query.is_empty or (sight.teams is not None and not sight.teams):
            return Found()
        asked = self._asked(query, sight)
        places, lacking = self._ranked(asked), False
        for choices in _fewer(query.terms) if not places else ():
            places = self._look_for(replace(asked, choices=choices))
            lacking = bool(places)
            if places:
                break
        hits = tuple(self._hits(places[skip : skip + limit], query))
        return Found(hits, len(places) > skip + limit, lacking)

    def _ranked(self, asked: Asked) -> list[int]:
        """Places, the best first."""
        return self._look_for(asked) if asked.choices else self._words.listed(asked)

    def _look_for(self, asked: Asked) -> list[int]:
        """Where titles and labels have these words, and then where texts had to help. To weigh
        words is what takes time, so it is done once, and not for titles older than all that."""
        first = set(self._words.listed(asked, in_titles=True))
        scores = {
            place: (place not in first, score, -place)
            for place, score in self._words.weighed(asked)
        }
        older = {place: (False, 0.0, -place) for place in first if place not in scores}
        every = {**older, **scores}
        return sorted(every, key=every.__getitem__)

    def _asked(self, query: Query, sight: Sight) -> Asked:
        groups = [tuple(map(self._mark, group)) for group in grouped(query.filters)]
        return Asked(
            choices=(query.terms,) if query.terms else (),
            without=query.without,
            wanted=(*allowed(sight), *groups),
            unwanted=tuple(self._mark(each) for each in query.filters if each.unwanted),
            since=EVER[0] if query.since is None else _place(query.since),
            until=EVER[1] if query.until is None else _place(query.until),
            most=MOST_RANKED,
        )

    def _mark(self, each: Filter) -> str:
        named = each.by in (By.TAG, By.FACTOR)
        value = self._synonyms().get(each.value, each.value) if named else each.value
        return mark(_LETTER[each.by], value)

    def _hits(self, places: Sequence[int], query: Query) -> Iterator[Hit]:
        wanted = self._connection.execute(select(facts).where(facts.c.place.in_(places)))
        known = {row.place: row for row in wanted}
        ids = [row.id for row in known.values()]
        texts, named = self._texts(ids), self._labels(ids)
        pattern = pattern_of(query.terms)
        for row in (known[place] for place in places if place in known):
            said = [(what, marked(words, pattern)) for what, words in named[row.id]]
            yield Hit(
                id=row.id,
                key=row.key,
                url=row.url,
                team=row.team,
                service=row.service,
                severity=row.severity,
                restricted=row.restricted,
                imported=row.imported,
                opened=row.opened,
                document_url=row.document_url,
                title=marked(row.title, pattern),
                labels=tuple(each for each in said if any(is_on for _, is_on in each[1])),
                excerpts=excerpts(texts[row.id], pattern),
            )

    def _texts(self, ids: Sequence[str]) -> Mapping[str, list[Passage]]:
        query = select(passages).where(passages.c.incident_id.in_(ids))
        found: dict[str, list[Passage]] = defaultdict(list)
        for row in self._connection.execute(query.order_by(passages.c.part, passages.c.ordinal)):
            passage = Passage(Part(row.part), row.ordinal, row.title, row.words)
            found[row.incident_id].append(passage)
        return found

    def _labels(self, ids: Sequence[str]) -> Mapping[str, list[tuple[What, str]]]:
        query = select(labels).where(labels.c.incident_id.in_(ids))
        found: dict[str, list[tuple[What, str]]] = defaultdict(list)
        for row in self._connection.execute(query.order_by(labels.c.what, labels.c.name)):
            found[row.incident_id].append((What(row.what), row.said))
        return found


def _fewer(terms: Sequence[Term]) -> Iterator[tuple[tuple[Term, ...], ...]]:
    """Choices of ever fewer of the words: all but one, all but two. Of very many words, any."""
    for count in range(len(terms) - 1, 0, -1):
        if comb(len(terms), count) <= MOST_CHOICES:
            yield tuple(combinations(terms, count))


def _place(day: date) -> int:
    return int(datetime.combine(day, time(0), UTC).timestamp()) * A_SECOND
