"""Finding incidents by their words, and the index for that. All that is SQLite's own in it stands
in this file, and in the migration that makes the index.

One row of the index is one incident, so that words count together wherever in it they stand; its
number is the incident's place in time (`service.store.learning`). What somebody may see, and what
a filter asks for, are words of the index too, in the column ``marks``: so the index answers the
whole question, and nothing else is looked at on the way to the newest that match. Titles and labels
have a second index of their own, ``titled``: the first has to look through all texts for them.

Another database needs the two classes below: an index that hears of each change, and a search that
takes a query and a sight. Excerpts are made of the passages, by `workflows.excerpts`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import combinations
from math import comb

from sqlalchemy import Connection, TextClause, select, text

from service.store.learning_tables import A_SECOND, facts, labels, passages
from workflows.excerpts import Excerpt, Segments, excerpts, marked, pattern_of
from workflows.projection import Part, Passage, What
from workflows.queries import By, Filter, Query, Term, grouped
from workflows.sight import Sight

#: So many of the newest that match are ranked; older ones only where their title or factors match.
MOST_RANKED = 1000

#: Of so many ways to leave out words at once, not more.
MOST_CHOICES = 20

_INDEXED = {"found": "title, labels, body, marks", "titled": "title, labels, marks"}
_ADD = [
    text(
        f"INSERT INTO {index} (rowid, {columns})"  # noqa: S608
        f" SELECT place, {columns} FROM searchable WHERE place = :place"
    )
    for index, columns in _INDEXED.items()
]
# What is forgotten is read from the tables once more: https://sqlite.org/fts5.html (4.4.3)
_FORGET = [text(f"DELETE FROM {index} WHERE rowid = :place") for index in _INDEXED]  # noqa: S608


def _newest(index: str, score: str) -> TextClause:
    return text(
        f"SELECT rowid, {score} AS score FROM {index} WHERE {index} MATCH :asked"  # noqa: S608
        " AND rowid >= :since AND rowid < :until ORDER BY rowid DESC LIMIT :most"
    )


#: Lower is better. The weights are those of title, labels, body and marks.
#: https://sqlite.org/fts5.html#the_bm25_function
_RANKED = _newest("found", "bm25(found, 8, 6, 1, 0)")
_LISTED, _TITLED = _newest("found", "0.0"), _newest("titled", "0.0")

_EVER = (-(2**62), 2**62)
_EVERY = "marks : ma"  # a mark that each incident has
#: Each mark, and what one begins with.
_LIKE_A_MARK = re.compile(r"m([aor]|[svngfkt][0-9a-f]*)?")
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


class Index:
    """Keeping the index: what is kept of the incident at a place is told of before it changes, and
    once it has."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def forget(self, place: int) -> None:
        """Find it no more; its rows still are as they were indexed."""
        for statement in _FORGET:
            self._connection.execute(statement, {"place": place})

    def add(self, place: int) -> None:
        """Find it by its rows as they are now."""
        for statement in _ADD:
            self._connection.execute(statement, {"place": place})


class Search:
    """Looking things up in it. `synonyms` tells under which names tags and factors are counted."""

    def __init__(self, connection: Connection, synonyms: Callable[[], Mapping[str, str]]) -> None:
        self._connection = connection
        self._synonyms = synonyms

    def find(self, query: Query, sight: Sight, limit: int = 20, skip: int = 0) -> Found:
        """The incidents that the query asks for and the sight allows, `limit` of them after the
        first `skip`. Those whose title or labels match come first; within each of both the better
        match, by BM25, then the newer. Without words, the newest first. Where none has all words,
        those with the most of them are found."""
        if query.is_empty or (sight.teams is not None and not sight.teams):
            return Found()
        marks = self._marks(query.filters, sight)
        places, lacking = self._ranked(query, marks), False
        for words in _fewer(query.terms) if not places else ():
            places = self._look_for(words, query, marks)
            lacking = bool(places)
            if places:
                break
        hits = tuple(self._hits(places[skip : skip + limit], query))
        return Found(hits, len(places) > skip + limit, lacking)

    def _ranked(self, query: Query, marks: str) -> list[int]:
        """Places, the best first."""
        if not query.terms:
            return [place for place, _ in self._look(_LISTED, marks or _EVERY, query)]
        return self._look_for(" AND ".join(map(_quoted, query.terms)), query, marks)

    def _look_for(self, words: str, query: Query, marks: str) -> list[int]:
        """Where titles and labels have these words, and then where texts had to help. To weigh
        words is what takes time, so it is done once, and not for titles older than all that. Where
        a word is unwanted, the texts tell for titles too."""
        only = f" AND ({marks})" if marks else ""  # a mark that all have is looked through too
        listed = _LISTED if query.without else _TITLED
        titled = self._look(listed, f"({{title labels}} : ({words})){only}", query)
        ranked = self._look(_RANKED, f"({_said(words, query.terms)}){only}", query)
        first = {place for place, _ in titled}
        scores = {place: (place not in first, score, -place) for place, score in ranked}
        older = {place: (False, 0.0, -place) for place in first if place not in scores}
        every = {**older, **scores}
        return sorted(every, key=every.__getitem__)

    def _look(self, statement: TextClause, asked: str, query: Query) -> list[tuple[int, float]]:
        """The newest places that the index has for this, each with how it is weighed."""
        if query.without:
            unwanted = " OR ".join(map(_quoted, query.without))
            asked = f"({asked}) NOT ({_said(unwanted, query.without)})"
        since = _EVER[0] if query.since is None else _place(query.since)
        until = _EVER[1] if query.until is None else _place(query.until)
        values = {"asked": asked, "since": since, "until": until, "most": MOST_RANKED}
        return [(at, score) for at, score in self._connection.execute(statement, values).all()]

    def _marks(self, filters: Sequence[Filter], sight: Sight) -> str:
        """What the filters and the sight ask of the column `marks`, "" for nothing."""
        asked: list[list[str]] = []
        if sight.teams is not None:
            asked.append([f"mt{_hex(team)}" for team in sorted(sight.teams)])
        if not sight.restricted:
            asked.append(["mo"])
        asked += [[self._mark(each) for each in group] for group in grouped(filters)]
        wanted = " AND ".join(f"({' OR '.join(group)})" for group in asked)
        unwanted = " OR ".join(self._mark(each) for each in filters if each.unwanted)
        if unwanted:
            return f"{f'marks : ({wanted})' if wanted else _EVERY} NOT marks : ({unwanted})"
        return f"marks : ({wanted})" if wanted else ""

    def _mark(self, each: Filter) -> str:
        named = each.by in (By.TAG, By.FACTOR)
        value = self._synonyms().get(each.value, each.value) if named else each.value
        return f"m{_LETTER[each.by]}{_hex(value)}"

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


def _fewer(terms: Sequence[Term]) -> Iterator[str]:
    """Questions for ever fewer of the words: all but one, all but two. Of very many words, any."""
    for count in range(len(terms) - 1, 0, -1):
        if comb(len(terms), count) <= MOST_CHOICES:
            choices = combinations(map(_quoted, terms), count)
            yield " OR ".join(f"({' AND '.join(choice)})" for choice in choices)


def _quoted(term: Term) -> str:
    """A term in the index's language. Each word is quoted, and so means nothing else in it:
    https://sqlite.org/fts5.html#fts5_strings"""
    return f'"{" ".join(term.words)}"' + (" *" if term.prefix else "")


def _said(words: str, terms: Sequence[Term]) -> str:
    """The question for words in all but the marks. To look at the column of each word takes half
    as long again, so that is asked only where a word could be a mark."""
    might_be = any(_LIKE_A_MARK.fullmatch(word) for term in terms for word in term.words)
    return f"{{title labels body}} : ({words})" if might_be else words


def _hex(value: str) -> str:
    return value.encode().hex()


def _place(day: date) -> int:
    return int(datetime.combine(day, time(0), UTC).timestamp()) * A_SECOND
