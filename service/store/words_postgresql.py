"""The index of words in PostgreSQL, by its own means: a ``tsvector`` for each incident, under a GIN
index. https://www.postgresql.org/docs/current/textsearch.html

Its letters say where a word stands: A in the title, B in labels, D in texts; C are the marks. Words
are told apart as `workflows.folded` does and not by PostgreSQL's parser, to which an address or a
number with a dot is one word: so what is looked for and what is indexed fit on every database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from sqlalchemy import Connection, TextClause, select, text

from service.store.learning_tables import facts, labels, measures, passages
from service.store.words import Asked, allowed, mark
from workflows.folded import folded, words_in
from workflows.projection import Part, What
from workflows.queries import Term
from workflows.sight import Sight

# https://www.postgresql.org/docs/current/textsearch-limitations.html
#: Words are numbered up to here: what comes later is found as words, and not as phrases.
_LAST_POSITION = 16_383
#: So often the place of one word is kept.
_MOST_POSITIONS = 255
#: A longer word is none that anybody looks for; and so many bytes of words are kept of one
#: incident, well below what PostgreSQL takes.
_LONGEST_WORD, _MOST_BYTES = 500, 900_000

_TITLE, _LABELS, _MARKS, _BODY = "A", "B", "C", "D"
_IN_TITLES, _ANYWHERE = _TITLE + _LABELS, _TITLE + _LABELS + _BODY

_ADD = text("INSERT INTO found (place, words) VALUES (:place, CAST(:words AS tsvector))")
_FORGET = text("DELETE FROM found WHERE place = :place")
_NEWEST = (
    " FROM found WHERE words @@ CAST(:asked AS tsquery)"
    " AND place >= :since AND place < :until ORDER BY place DESC LIMIT :most"
)
_LISTED = text(f"SELECT place{_NEWEST}")
#: The weights are those of body, marks, labels and title, as on SQLite; 1 takes long texts for what
#: they are. https://www.postgresql.org/docs/current/textsearch-controls.html#TEXTSEARCH-RANKING
_RANKED = text(
    "SELECT place, -ts_rank('{0.125, 0, 0.75, 1}', words, CAST(:terms AS tsquery), 1) AS score"
    + _NEWEST
)


class PostgresqlWords:
    """See `service.store.words.Words`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def forget(self, place: int) -> None:
        self._connection.execute(_FORGET, {"place": place})

    def add(self, place: int) -> None:
        self._connection.execute(_ADD, {"place": place, "words": vector(self._connection, place)})

    def listed(self, asked: Asked, *, in_titles: bool = False) -> list[int]:
        given = _given(asked, _IN_TITLES if in_titles else _ANYWHERE)
        return list(self._connection.scalars(_LISTED, given))

    def weighed(self, asked: Asked) -> list[tuple[int, float]]:
        terms = dict.fromkeys(term for choice in asked.choices for term in choice)
        any_of = " | ".join(f"({_term(each, _ANYWHERE)})" for each in terms)
        rows = self._connection.execute(_RANKED, {**_given(asked, _ANYWHERE), "terms": any_of})
        return [(place, score) for place, score in rows]

    def others(
        self, words: Sequence[str], sight: Sight, place: int | None, common: int
    ) -> list[tuple[int, int, int]]:
        marks = _marks(allowed(sight))
        asked = {
            f"w{n}": " & ".join([_lexeme(word, _ANYWHERE), *marks]) for n, word in enumerate(words)
        }
        given = {**asked, "place": -1 if place is None else place, "common": common}
        found = self._connection.execute(_looks(len(words)), given)
        return [(n, where, count) for n, where, count in found]


def vector(connection: Connection, place: int) -> str:
    """What is indexed of the incident at this place, as its rows are now."""
    known = connection.execute(select(facts).where(facts.c.place == place)).one()
    said = connection.execute(
        select(labels.c.what, labels.c.said, labels.c.name)
        .where(labels.c.incident_id == known.id)
        .order_by(labels.c.what, labels.c.name)
    ).all()
    texts = connection.execute(
        select(passages.c.title, passages.c.words)
        .where(passages.c.incident_id == known.id, passages.c.part != Part.INCIDENT.value)
        .order_by(passages.c.part, passages.c.ordinal)
    ).all()
    kinds = connection.scalars(
        select(measures.c.kind).where(measures.c.incident_id == known.id).distinct()
    ).all()
    made = _Vector()
    made.mark(["ma", "mr" if known.restricted else "mo", mark("t", known.team)])
    about = {"n": known.team_words, "s": known.service_words, "v": known.severity_words}
    made.mark(mark(letter, value) for letter, value in about.items())
    made.mark(mark("g" if row.what == What.TAG else "f", row.name) for row in said)
    made.mark(mark("k", kind) for kind in kinds)
    made.add(_TITLE, [known.key, known.title, known.service])
    made.add(_LABELS, [each for row in said for each in (row.said, row.name)])
    made.add(_BODY, [each for row in texts for each in (row.title, row.words)])
    return str(made)


class _Vector:
    """A ``tsvector`` as it is written: https://www.postgresql.org/docs/current/datatype-textsearch.html"""

    def __init__(self) -> None:
        self._at: dict[str, list[str]] = {}
        self._next = 1
        self._bytes = 0

    def __str__(self) -> str:
        return " ".join(f"'{word}':{','.join(at)}" for word, at in self._at.items())

    def mark(self, marks: Iterable[str]) -> None:
        for each in marks:
            self._put(each, f"1{_MARKS}")

    def add(self, letter: str, texts: Iterable[str]) -> None:
        """The words of one text and of the next do not stand side by side: no phrase goes from one
        into the other."""
        for each in texts:
            for word in words_in(folded(each)):
                self._put(word, f"{min(self._next, _LAST_POSITION)}{letter}")
                self._next += 1
            self._next += 1

    def _put(self, word: str, at: str) -> None:
        if len(word) > _LONGEST_WORD or self._bytes > _MOST_BYTES:
            return
        if word not in self._at:
            self._at[word] = []
            self._bytes += len(word.encode()) + 8
        if len(self._at[word]) < _MOST_POSITIONS:
            self._at[word].append(at)
            self._bytes += 2


def _given(asked: Asked, where: str) -> dict[str, object]:
    return {
        "asked": " & ".join(_conditions(asked, where)),
        "since": asked.since,
        "until": asked.until,
        "most": asked.most,
    }


def _conditions(asked: Asked, where: str) -> Iterator[str]:
    if asked.choices:
        choices = (" & ".join(f"({_term(e, where)})" for e in choice) for choice in asked.choices)
        yield f"({' | '.join(f'({choice})' for choice in choices)})"
    yield from (f"!({_term(each, _ANYWHERE)})" for each in asked.without)
    yield from _marks(asked.wanted)
    yield from (f"!{_lexeme(each, _MARKS)}" for each in asked.unwanted)
    if not asked.choices and not asked.wanted:
        yield _lexeme("ma", _MARKS)


def _marks(groups: Iterable[Iterable[str]]) -> list[str]:
    return [f"({' | '.join(_lexeme(mark, _MARKS) for mark in group)})" for group in groups]


def _term(term: Term, where: str) -> str:
    """A term in the index's language; its words have to stand side by side."""
    *before, last = term.words
    said = [*(_lexeme(word, where) for word in before), _lexeme(last, where, prefix=term.prefix)]
    return " <-> ".join(said)


def _lexeme(word: str, where: str, *, prefix: bool = False) -> str:
    """Words are letters and digits only (`workflows.folded`), which mean nothing else in quotes."""
    return f"'{word}':{'*' * prefix}{where}"


@cache
def _looks(count: int) -> TextClause:
    """See `service.store.words_sqlite._looks`: the same for this database."""
    return text(
        " UNION ALL ".join(
            f"SELECT {n} AS n, place, others FROM (SELECT place, count(*) OVER () AS others"  # noqa: S608
            f" FROM (SELECT place FROM found WHERE words @@ CAST(:w{n} AS tsquery)"
            " AND place <> :place ORDER BY place DESC LIMIT :common) AS newest) AS counted"
            " WHERE others < :common"
            for n in range(count)
        )
    )
