"""How often each tracker was called, and how it answered: sums, one row for each kind of answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import BigInteger, Column, Connection, Double, Integer, Table, Text, select
from sqlalchemy.sql.dml import Insert

from service.store.schema import metadata
from service.store.statements import insert, once

calls = Table(
    "calls",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("verb", Text, primary_key=True),
    Column("status", Integer, primary_key=True, autoincrement=False),  # 0: nobody answered
    Column("calls", BigInteger, nullable=False),
    Column("seconds", Double, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Called:
    """So many calls of `connection` with this HTTP `verb` and `status` (0: nobody answered), and
    how many seconds they took together."""

    connection: str
    verb: str
    status: int
    calls: int
    seconds: float


@once
def _adding(connection: Connection) -> Insert:
    statement = insert(connection, calls)
    return statement.on_conflict_do_update(
        index_elements=["connection", "verb", "status"],
        set_={
            "calls": calls.c.calls + statement.excluded.calls,
            "seconds": calls.c.seconds + statement.excluded.seconds,
        },
    )


class Calls:
    """Adding up, and reading the sums."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, counted: Iterable[Called]) -> None:
        """Add these to the sums, in an order in which two who do so at once never wait for one
        another."""
        kinds = sorted(counted, key=lambda each: (each.connection, each.verb, each.status))
        if rows := [asdict(each) for each in kinds]:
            self._connection.execute(_adding(self._connection), rows)

    def all(self) -> list[Called]:
        """Everything that was ever added."""
        order = (calls.c.connection, calls.c.verb, calls.c.status)
        return [Called(*row) for row in self._connection.execute(select(calls).order_by(*order))]
