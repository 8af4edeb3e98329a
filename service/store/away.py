"""Whether a fault is that the database cannot be used at the moment, and none of ours."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, OperationalError

#: What SQLite says while its file is locked, full, or out of reach: https://sqlite.org/rescode.html
_ELSEWHERE = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
)

#: What PostgreSQL says where it takes no writes, as a standby does until it is promoted. By its
#: driver's classes that is an internal error:
#: https://www.postgresql.org/docs/current/errcodes-appendix.html
_READ_ONLY = "25006"


def why_away(error: BaseException | None) -> str | None:
    """Why the database cannot be used, in one line and its own words, without any value; None
    where `error` says nothing of the kind.

    A server's driver tells by the class: what has to do with the connection, the resources, the
    locks and the operators of the server (https://peps.python.org/pep-0249/#operationalerror).
    SQLite's tells by the same class that a table is missing, so there the code tells.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", None)
        return str(cause) if code is not None and code & 0xFF in _ELSEWHERE else None
    if isinstance(error, DBAPIError) and (
        isinstance(error, OperationalError) or error.connection_invalidated
    ):
        return " ".join(str(cause).split())
    if getattr(cause, "sqlstate", None) == _READ_ONLY:
        return " ".join(str(cause).split())
    return None
