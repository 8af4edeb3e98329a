"""Days and months of moments and dates, as text: for figures to count and group by.

SQLite keeps both as text (`service.store.types`), of which the beginning is cut off. PostgreSQL
computes them, by UTC. A computed column takes only what depends on no setting there, which
``to_char`` is not: https://www.postgresql.org/docs/current/ddl-generated-columns.html
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Computed, Date, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import DDLCompiler, SQLCompiler
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement


class month_of(FunctionElement[str]):
    """The month of a moment or date, as ``2026-07``."""

    type = Text()
    inherit_cache = True


class day_of(FunctionElement[str]):
    """The day of a moment or date, as ``2026-07-24``."""

    type = Text()
    inherit_cache = True


class text_of(FunctionElement[str]):
    """A moment as ISO 8601 text with microseconds, as `service.store.types` keeps it on SQLite."""

    type = Text()
    inherit_cache = True


class PerDatabase(ColumnElement[Any]):
    """What each database is asked in words of its own."""

    inherit_cache = False

    def __init__(self, sqlite: str, postgresql: str) -> None:
        self.type = Text()
        self.words = {"sqlite": sqlite, "postgresql": postgresql}


@compiles(month_of, "sqlite")
def _first_seven(element: month_of, compiler: SQLCompiler, **given: Any) -> str:
    return f"substr({compiler.process(element.clauses, **given)}, 1, 7)"


@compiles(day_of, "sqlite")
def _first_ten(element: day_of, compiler: SQLCompiler, **given: Any) -> str:
    return f"substr({compiler.process(element.clauses, **given)}, 1, 10)"


@compiles(text_of, "sqlite")
def _as_it_is(element: text_of, compiler: SQLCompiler, **given: Any) -> str:
    return compiler.process(element.clauses, **given)


@compiles(month_of, "postgresql")
def _month(element: month_of, compiler: SQLCompiler, **given: Any) -> str:
    return _joined(_in_utc(element, compiler, **given), ("year", 4), ("month", 2))


@compiles(day_of, "postgresql")
def _day(element: day_of, compiler: SQLCompiler, **given: Any) -> str:
    return _joined(_in_utc(element, compiler, **given), ("year", 4), ("month", 2), ("day", 2))


@compiles(text_of, "postgresql")
def _text(element: text_of, compiler: SQLCompiler, **given: Any) -> str:
    moment = _in_utc(element, compiler, **given)
    return f'to_char({moment}, \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')'


def _in_utc(element: FunctionElement[str], compiler: SQLCompiler, **given: Any) -> str:
    (of,) = element.clauses
    said = compiler.process(of, **given)
    return said if isinstance(of.type, Date) else f"({said} AT TIME ZONE 'UTC')"


def _joined(of: str, *parts: tuple[str, int]) -> str:
    told = (f"lpad(extract({part} FROM {of})::int::text, {digits}, '0')" for part, digits in parts)
    return "(" + " || '-' || ".join(told) + ")"


@compiles(PerDatabase)
def _own_words(element: PerDatabase, compiler: SQLCompiler, **_: Any) -> str:
    return element.words[compiler.dialect.name]


@compiles(Computed, "postgresql")
def _stored(computed: Computed, compiler: DDLCompiler, **_: Any) -> str:
    """There an index takes no column that is computed at each look, which SQLite's does: where
    that one keeps nothing, PostgreSQL keeps it with the row."""
    options = {"include_table": False, "literal_binds": True}
    words = compiler.sql_compiler.process(computed.sqltext, **options)
    return f"GENERATED ALWAYS AS ({words}) STORED"
