"""Which faults say that the database is away."""

from __future__ import annotations

from psycopg.errors import InternalError_, ReadOnlySqlTransaction
from sqlalchemy.exc import InternalError

from service.store import why_away


def test_a_standby_that_takes_no_writes_is_a_database_that_is_away() -> None:
    said = "cannot execute UPDATE in a read-only transaction"
    assert why_away(InternalError("UPDATE", {}, ReadOnlySqlTransaction(said))) == said
    assert why_away(InternalError("UPDATE", {}, InternalError_("broken"))) is None
