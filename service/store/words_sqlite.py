"""The index of words in SQLite, by its own means: FTS5.

It is the table ``found``, made of the view ``searchable``, with the marks in a column of their own.
Titles and labels have a second one, ``titled``: the first has to look through all texts for them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from sqlalchemy import Connection, TextClause, text

from service.store.words import Asked, mark
from workflows.queries import Term
from workflows.sight import Sight

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

_EVERY = "marks : ma"  # a mark that each incident has
#: Each mark, and what one begins with.
_LIKE_A_MARK = re.compile(r"m([aor]|[svngfkt][0-9a-f]*)?")


class SqliteWords:
    """See `service.store.words.Words`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def forget(self, place: int) -> None:
        for statement in _FORGET:
            self._connection.execute(statement, {"place": place})

    def add(self, place: int) -> None:
        for statement in _ADD:
            self._connection.execute(statement, {"place": place})

    def listed(self, asked: Asked, *, in_titles: bool = False) -> list[int]:
        if not in_titles:
            return [place for place, _ in self._look(_LISTED, _question(asked), asked)]
        # Where a word is unwanted, the texts tell for titles too.
        statement = _LISTED if asked.without else _TITLED
        question = f"{{title labels}} : ({_words(asked)}){_only(asked)}"
        return [place for place, _ in self._look(statement, question, asked)]

    def weighed(self, asked: Asked) -> list[tuple[int, float]]:
        return self._look(_RANKED, _question(asked), asked)

    def others(
        self, words: Sequence[str], sight: Sight, place: int | None, common: int
    ) -> list[tuple[int, int, int]]:
        asked = {f"w{n}": _one(word, sight) for n, word in enumerate(words)}
        given = {**asked, "place": place, "common": common}
        found = self._connection.execute(_looks(len(words)), given)
        return [(n, where, count) for n, where, count in found]

    def _look(self, statement: TextClause, question: str, asked: Asked) -> list[tuple[int, float]]:
        if asked.without:
            unwanted = " OR ".join(map(_quoted, asked.without))
            question = f"({question}) NOT ({_said(unwanted, asked.without)})"
        values = {"since": asked.since, "until": asked.until, "most": asked.most}
        rows = self._connection.execute(statement, {"asked": question, **values})
        return [(at, score) for at, score in rows]


def _question(asked: Asked) -> str:
    if not asked.choices:
        return _marks(asked) or _EVERY
    terms = [term for choice in asked.choices for term in choice]
    return f"({_said(_words(asked), terms)}){_only(asked)}"


def _words(asked: Asked) -> str:
    if len(asked.choices) == 1:
        return " AND ".join(map(_quoted, asked.choices[0]))
    return " OR ".join(f"({' AND '.join(map(_quoted, choice))})" for choice in asked.choices)


def _only(asked: Asked) -> str:
    """A mark that all have is looked through too: nothing is asked where none is wanted."""
    marks = _marks(asked)
    return f" AND ({marks})" if marks else ""


def _marks(asked: Asked) -> str:
    """What is asked of the column `marks`, "" for nothing."""
    wanted = " AND ".join(f"({' OR '.join(group)})" for group in asked.wanted)
    unwanted = " OR ".join(asked.unwanted)
    if unwanted:
        return f"{f'marks : ({wanted})' if wanted else _EVERY} NOT marks : ({unwanted})"
    return f"marks : ({wanted})" if wanted else ""


def _quoted(term: Term) -> str:
    """A term in the index's language. Each word is quoted, and so means nothing else in it:
    https://sqlite.org/fts5.html#fts5_strings"""
    return f'"{" ".join(term.words)}"' + (" *" if term.prefix else "")


def _said(words: str, terms: Sequence[Term]) -> str:
    """The question for words in all but the marks. To look at the column of each word takes half
    as long again, so that is asked only where a word could be a mark."""
    might_be = any(_LIKE_A_MARK.fullmatch(word) for term in terms for word in term.words)
    return f"{{title labels body}} : ({words})" if might_be else words


@cache
def _looks(count: int) -> TextClause:
    """One statement for all words: for each the other incidents that have it, and how many these
    are, where it is no common one; to tell that, no more are looked at than are needed."""
    return text(
        " UNION ALL ".join(
            f"SELECT {n} AS n, rowid, others FROM (SELECT rowid, count(*) OVER () AS others"  # noqa: S608
            f" FROM (SELECT rowid FROM found WHERE found MATCH :w{n} AND rowid IS NOT :place"
            " ORDER BY rowid DESC LIMIT :common)) WHERE others < :common"
            for n in range(count)
        )
    )


def _one(word: str, sight: Sight) -> str:
    """The question for one word, where the sight allows: see the view ``searchable``."""
    asked = f'{{title labels body}} : "{word}"'
    if sight.teams is not None:
        teams = " OR ".join(mark("t", team) for team in sorted(sight.teams))
        asked = f"({asked}) AND (marks : ({teams}))"
    return asked if sight.restricted else f"({asked}) NOT (marks : mr)"
