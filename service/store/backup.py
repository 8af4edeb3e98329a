"""SQLite's files as a whole: copied while they are written, examined, and put in place."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

#: What SQLite keeps beside a database: https://sqlite.org/tempfiles.html
BESIDE = ("-wal", "-shm", "-journal")


class NotADatabase(Exception):
    """The file is no database of ours, or is damaged; the message says what SQLite found."""


class NotReadable(Exception):
    """Nobody knows what is in the file: this user, or anybody at this moment, cannot read it."""


class Locked(NotReadable):
    """Somebody keeps it to themselves."""


#: What SQLite says of a file that it cannot look into: https://sqlite.org/rescode.html
_SHUT = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM)

#: How many seconds one that somebody keeps to themselves is waited for.
BUSY_SECONDS = 15.0

#: And of one that it cannot write on: there is no room left, or no more than a quota allows.
_UNWRITTEN = {sqlite3.SQLITE_FULL: errno.ENOSPC, sqlite3.SQLITE_IOERR_WRITE: errno.EIO}


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database holds: the `revision` of its schema, and how many `incidents`."""

    revision: str
    incidents: int


def copy(source: Path, target: Path) -> Contents:
    """Copy the database as it stands at one moment, whoever writes it meanwhile, into `target`,
    which must not be there: one file, with nothing beside it. Raises NotADatabase, NotReadable,
    Locked, OSError."""
    # The whole in one step: it reads one snapshot, and a writer need not wait for it
    # (https://sqlite.org/wal.html). In several steps it begins anew after each write.
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with _read(source) as from_, closing(sqlite3.connect(target)) as to:
        from_.backup(to, pages=-1, progress=_unless_locked)
        to.execute("PRAGMA journal_mode=DELETE").close()
    return examine(target)


def examine(file: Path) -> Contents:
    """Look through all of a database. Raises NotADatabase, NotReadable."""
    with _read(file) as database:
        found = [str(row[0]) for row in database.execute("PRAGMA integrity_check(3)")]
        if found != ["ok"]:
            raise NotADatabase("; ".join(found))
        return Contents(
            str(_one(database, "SELECT version_num FROM alembic_version")),
            int(_one(database, "SELECT count(*) FROM incidents")),
        )


def is_open(file: Path) -> bool:
    """Whether any process has it open. In WAL mode each holds a lock as long as it does, so that
    only one who is alone can leave that mode: https://sqlite.org/wal.html#persistence_of_wal_mode
    One that is too damaged to tell is not open, as far as anybody knows."""
    with closing(sqlite3.connect(file, timeout=0.5)) as database:
        try:
            mode = database.execute("PRAGMA journal_mode=DELETE").fetchone()
        except sqlite3.OperationalError as error:
            return error.sqlite_errorcode == sqlite3.SQLITE_BUSY
        except sqlite3.DatabaseError:
            return False
    return bool(mode[0] != "delete")


def put_in_place(file: Path, at: Path, aside: Path) -> None:
    """Let `file`, which has nothing beside it, be the database `at`; what was there is kept as
    `aside`. At no moment is there none. Raises OSError."""
    with file.open("rb") as written:
        os.fsync(written.fileno())
    if at.exists():
        os.link(at, aside)  # first, for it may fail, and without its log a database has less in it
    for end in BESIDE:  # of another database, they would be taken for this one's
        if (left := Path(f"{at}{end}")).exists():
            left.replace(f"{aside}{end}")
    file.replace(at)
    directory = os.open(at.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@contextmanager
def _read(file: Path) -> Iterator[sqlite3.Connection]:
    """Raises NotADatabase, NotReadable; OSError where a copy of it cannot be written."""
    try:
        address = f"{file.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS)) as database:
            yield database
    except sqlite3.DatabaseError as error:
        if (unwritten := _UNWRITTEN.get(error.sqlite_errorcode)) is not None:
            raise OSError(unwritten, os.strerror(unwritten)) from None
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise Locked(str(error)) from None
        if error.sqlite_errorcode & 0xFF in _SHUT:
            raise NotReadable(str(error)) from None
        raise NotADatabase(str(error)) from None


def _unless_locked(code: int, _remaining: int, _total: int) -> None:
    """After a step: Python's `backup` takes one for ever that finds the file locked, after all the
    time that it waited. https://github.com/python/cpython/blob/3.11/Modules/_sqlite/connection.c
    Raises Locked."""
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        raise Locked("database is locked")


def _one(database: sqlite3.Connection, query: str) -> str | int:
    row = database.execute(query).fetchone()
    if row is None:
        raise NotADatabase(f"{query} finds nothing")
    value: str | int = row[0]
    return value
