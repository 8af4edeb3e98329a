"""Column types that mean the same on every database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    TIMESTAMP,
    BigInteger,
    Column,
    Dialect,
    Integer,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import TypeCompiler
from sqlalchemy.types import TypeEngine

#: An id of which far more are used than there are rows: on PostgreSQL one is gone with each job
#: that is asked for again, and there an Integer ends at 2,147,483,647. SQLite's has 64 bits. Ids
#: that people type are such, too, so that one that is too large is none, and no error.
MANY_IDS = BigInteger().with_variant(Integer(), "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, aware and in UTC on the way in and out; naive ones are refused.

    SQLite has no time type: there it is ISO 8601 text of fixed width, so that comparing text
    compares time. Elsewhere it is the database's timestamp with time zone.
    """

    impl = String(27)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime] | TypeEngine[str]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(27))
        return dialect.type_descriptor(TIMESTAMP(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; the store keeps aware UTC only")
        moment = value.astimezone(UTC)
        if dialect.name == "sqlite":
            return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
        return moment

    def process_result_value(
        self,
        value: datetime | str | None,
        dialect: Dialect,  # noqa: ARG002 - the signature is SQLAlchemy's
    ) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.fromisoformat(value).astimezone(UTC)
        return value.astimezone(UTC)


@compiles(Text, "postgresql")
def _by_code_points(_type: Text, _compiler: TypeCompiler, **given: Any) -> str:
    """Columns of text are sorted and compared by code points on PostgreSQL, too: pages go on where
    the last one ended, which SQLite and Python sort so, and no index breaks when the machine gets
    other locales (https://wiki.postgresql.org/wiki/Locale_data_changes)."""
    in_table = isinstance(given.get("type_expression"), Column)  # and not in a CAST
    return 'TEXT COLLATE "C"' if in_table else "TEXT"
