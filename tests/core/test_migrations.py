"""The way from each earlier schema to the present one, with rows in it and with somebody at work;
and what a migration may do, so that the version before goes on beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command, op
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import MigrateOperation, Operations
from alembic.operations.ops import (
    AddColumnOp,
    BulkInsertOp,
    CreateIndexOp,
    CreateTableOp,
    DropIndexOp,
)
from alembic.script import ScriptDirectory
from core.test_store import is_no_part_of_the_index, new_database
from psycopg.errors import DeadlockDetected
from sqlalchemy import MetaData, Table, create_engine, make_url, select, text
from sqlalchemy.exc import OperationalError

from service.store import Store, migrations, on_postgresql, on_sqlite
from service.store.migrations import earlier
from service.store.schema import metadata

#: From here on a version goes on beside the next one: see CONTRIBUTING.md.
FIRST_BESIDE = "0027"
EARLIER = sorted(earlier())

Rows = dict[str, list[dict[str, Any]]]


def alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    return config


def bring_to(revision: str, url: str) -> None:
    """As a version of that time left it."""
    engine = create_engine(url)
    with engine.begin() as connection:
        config = alembic()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def migrate(url: str) -> None:
    store = Store(url)
    store.migrate()
    store.close()


# --- rows ---------------------------------------------------------------------------------------


def tables_of(url: str) -> list[Table]:
    """Those that are there, each after those that it refers to."""
    engine, found = create_engine(url), MetaData()
    with engine.connect() as connection:
        found.reflect(connection, only=lambda name, _: is_no_part_of_the_index(name, "table", {}))
    engine.dispose()
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def fill(url: str) -> None:
    """Two rows in each table, in place of those that a migration wrote."""
    engine = create_engine(url)
    with engine.begin() as connection:
        there: dict[str, list[dict[str, Any]]] = {}
        for table in tables_of(url):
            connection.execute(table.delete())
            there[table.name] = [row(table, number, there) for number in (1, 2)]
            connection.execute(table.insert(), there[table.name])
    engine.dispose()


def row(table: Table, number: int, there: Rows) -> dict[str, Any]:
    values = {}
    for column in table.columns:
        if column.computed is not None:
            continue
        values[column.name] = value(column.type, f"{column.name} {number}", number)
        for key in column.foreign_keys:
            named, _, of = key.target_fullname.partition(".")
            values[column.name] = there[named][number - 1][of]
    return values


def value(kind: sa.types.TypeEngine[Any], words: str, number: int) -> Any:
    moment = datetime(2026, 12, number, 12, 0, tzinfo=UTC)
    if isinstance(kind, sa.JSON):
        return {"said": words}
    if isinstance(kind, sa.DateTime):
        return moment
    if isinstance(kind, sa.Date):
        return moment.date()
    if isinstance(kind, sa.Boolean):
        return number == 1
    if isinstance(kind, sa.Integer | sa.Float):
        return number
    if isinstance(kind, sa.LargeBinary):
        return words.encode()
    if isinstance(kind, sa.String):  # of 27 characters is a moment on SQLite
        return f"{moment:%Y-%m-%dT%H:%M:%S.000000Z}" if kind.length == 27 else words
    raise AssertionError(f"{kind!r} has no value")


def rows_of(url: str, tables: list[Table]) -> Rows:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = {
            table.name: [
                dict(each)
                for each in connection.execute(select(table).order_by(*table.primary_key))
                .mappings()
                .all()
            ]
            for table in tables
        }
    engine.dispose()
    return found


@pytest.mark.parametrize("revision", EARLIER)
def test_each_earlier_schema_becomes_the_present_one_and_keeps_its_rows(
    tmp_path: Path, revision: str
) -> None:
    url = new_database(tmp_path / "earlier.db")
    bring_to(revision, url)
    fill(url)
    tables = tables_of(url)
    before = rows_of(url, tables)
    migrate(url)
    assert rows_of(url, tables) == before
    assert all(len(rows) == 2 for rows in before.values())
    engine = create_engine(url)
    with engine.connect() as connection:
        opts = {"compare_type": True, "include_name": is_no_part_of_the_index}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, metadata) == []
    engine.dispose()


# --- somebody at work ---------------------------------------------------------------------------


class AtWork:
    """A process that reads and writes all the time, as each does: alone, and beside others."""

    def __init__(self, url: str) -> None:
        self._backend = on_sqlite if make_url(url).get_backend_name() == "sqlite" else on_postgresql
        self._engine = self._backend.opened(url)
        self._over = threading.Event()
        self._begun = threading.Barrier(4)
        self.wrote = [0, 0]
        self.failed: list[BaseException] = []
        works = (
            self._read,
            lambda: self._write(0, alone=True),
            lambda: self._write(1, alone=False),
        )
        self._threads = [threading.Thread(target=self._go_on, args=(work,)) for work in works]

    def start(self) -> None:
        for each in self._threads:
            each.start()
        self._begun.wait(10)

    def stop(self) -> None:
        self._over.set()
        for each in self._threads:
            each.join(30)
        self._engine.dispose()

    def _go_on(self, work: Callable[[], None]) -> None:
        try:
            work()
            self._begun.wait(10)
            while not self._over.is_set():
                self._again(work)
                self._over.wait(0.005)
        except BaseException as error:  # noqa: BLE001 - the test's own thread looks at it
            self.failed.append(error)

    def _again(self, work: Callable[[], None]) -> None:
        """Of two who wait for each other, PostgreSQL ends the one or the other: the migration goes
        at it again, and so does a job."""
        try:
            work()
        except OperationalError as error:
            if not isinstance(error.orig, DeadlockDetected):
                raise

    def _read(self) -> None:
        with self._backend.reading(self._engine) as connection:
            connection.execute(text("SELECT count(*) FROM incidents")).scalar_one()
            self._over.wait(0.02)
            connection.execute(text("SELECT count(*) FROM jobs")).scalar_one()

    def _write(self, which: int, alone: bool) -> None:
        with self._backend.writing(self._engine, alone=alone) as connection:
            asked = "UPDATE jobs SET failures = failures + 1 WHERE id = :id"
            connection.execute(text(asked), {"id": which + 1})
        self.wrote[which] += 1


@pytest.mark.parametrize("revision", [EARLIER[0], *(e for e in EARLIER if e >= "0026")])
def test_who_reads_and_writes_while_the_schema_changes_loses_nothing(
    tmp_path: Path, revision: str
) -> None:
    url = new_database(tmp_path / "busy.db")
    bring_to(revision, url)
    fill(url)
    at_work = AtWork(url)
    at_work.start()
    try:
        before = list(at_work.wrote)
        migrate(url)
        migrated = list(at_work.wrote)
        while at_work.wrote[0] <= migrated[0] and not at_work.failed:
            threading.Event().wait(0.01)  # it goes on with the new schema
    finally:
        at_work.stop()
    assert at_work.failed == []
    assert before < at_work.wrote
    [jobs] = [table for table in tables_of(url) if table.name == "jobs"]
    counted = [each["failures"] for each in rows_of(url, [jobs])["jobs"]]
    assert counted == [1 + at_work.wrote[0], 2 + at_work.wrote[1]]


# --- what a migration may do --------------------------------------------------------------------


def in_the_way(upgrade: Callable[[], object]) -> list[str]:
    """What of a migration the version before would stumble over."""
    new: set[str] = set()
    return [words for each in steps_of(upgrade) if (words := _in_the_way(each, new))]


def _in_the_way(step: MigrateOperation | Table, new: set[str]) -> str:
    match step:
        case Table():
            new.add(step.name)
            named = {key.target_fullname.partition(".")[0] for key in step.foreign_keys}
            old = ", ".join(sorted(named - new))
            return f"{step.name} refers to {old}, whose rows it may delete" if old else ""
        case AddColumnOp(table_name=table, column=column):
            known = table in new or column.nullable or column.server_default is not None
            return "" if known else f"{table}.{column.name} is needed in rows that it adds"
        case CreateIndexOp(unique=True, table_name=table) if table not in new:
            return f"rows of {table} that it adds may be the same"
        case BulkInsertOp(table=table) if table.name not in new:
            return f"rows are added to {table.name}"
        case CreateIndexOp() | DropIndexOp() | BulkInsertOp():
            return ""
        case _:
            return f"{type(step).__name__} changes what is there"


def steps_of(upgrade: Callable[[], object]) -> list[MigrateOperation | Table]:
    """What it asks Alembic for, of which nothing is done; tables that it asks for as such."""
    found: list[MigrateOperation | Table] = []

    def note(_: Operations, step: MigrateOperation) -> MigrateOperation | Table:
        found.append(step.to_table() if isinstance(step, CreateTableOp) else step)
        return found[-1]

    engine = create_engine("sqlite://")
    with engine.connect() as connection, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Operations, "invoke", note)
        with Operations.context(MigrationContext.configure(connection)):
            upgrade()
    engine.dispose()
    return found


def present() -> Iterator[tuple[str, Callable[[], object]]]:
    for script in ScriptDirectory.from_config(alembic()).walk_revisions():
        if script.revision >= FIRST_BESIDE:
            yield script.revision, script.module.upgrade


@pytest.mark.parametrize(("revision", "upgrade"), list(present()))
def test_the_version_before_goes_on_with_what_a_migration_makes(
    revision: str, upgrade: Callable[[], object]
) -> None:
    assert in_the_way(upgrade) == [], f"See “Migrations” in CONTRIBUTING.md about {revision}."


BAD: Mapping[str, Callable[[], object]] = {
    "a column is gone": lambda: op.drop_column("jobs", "reason"),
    "a table is gone": lambda: op.drop_table("jobs"),
    "a table has another name": lambda: op.rename_table("jobs", "work"),
    "a column has to be there": lambda: op.alter_column("jobs", "reason", nullable=False),
    "a new column has to be there": lambda: op.add_column(
        "jobs", sa.Column("trace", sa.Text(), nullable=False)
    ),
    "rows have to differ": lambda: op.create_unique_constraint(None, "jobs", ["reason"]),
    "rows have to differ by an index": lambda: op.create_index("x", "jobs", ["id"], unique=True),
    "a row is held": lambda: op.create_table(
        "notes", sa.Column("job", sa.Integer(), sa.ForeignKey("jobs.id"))
    ),
    "rows are others": lambda: op.execute("UPDATE jobs SET reason = 'x'"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_would_be_in_its_way_is_noticed(case: str) -> None:
    assert len(in_the_way(BAD[case])) == 1
