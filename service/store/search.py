"""The index that incidents are found in. All that is SQLite's own in it stands in this file, and in
the migration that makes the index.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

_ADD = text(
    "INSERT INTO found (rowid, title, labels, body, marks)"
    " SELECT place, title, labels, body, marks FROM searchable WHERE place = :place"
)
# What is forgotten is read from the tables once more: https://sqlite.org/fts5.html (4.4.3)
_FORGET = text("DELETE FROM found WHERE rowid = :place")


class Index:
    """Keeping the index: what is kept of the incident at a place is told of before it changes, and
    once it has."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def forget(self, place: int) -> None:
        """Find it no more; its rows still are as they were indexed."""
        self._connection.execute(_FORGET, {"place": place})

    def add(self, place: int) -> None:
        """Find it by its rows as they are now."""
        self._connection.execute(_ADD, {"place": place})
