"""Which index of words a database has."""

from __future__ import annotations

from sqlalchemy import Connection

from service.store.words import Words
from service.store.words_postgresql import PostgresqlWords
from service.store.words_sqlite import SqliteWords


def words_of(connection: Connection) -> Words:
    if connection.dialect.name == "postgresql":
        return PostgresqlWords(connection)
    return SqliteWords(connection)
