"""The commands that copy the database and put it back, and what they refuse."""

from __future__ import annotations

import os
import resource
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from config.settings import Settings
from service import backups
from service.calls import Tally
from service.clock import Clock
from service.commands.all import followthrough
from service.container import open_store
from service.data import database_file
from service.heartbeat import Heartbeat
from service.store import Store
from service.store.backup import NotReadable, examine, put_in_place
from service.store.journal import EntryKind
from workflows.model import Incident, Phase, TicketRef

pytestmark = pytest.mark.sqlite("backups are files of SQLite")


class Place:
    """A data directory, and one who types commands there."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.settings = Settings.from_environment({"FOLLOWTHROUGH_DATA": str(data)})
        file = database_file(self.settings)
        assert file is not None
        self.file = file

    def store(self) -> Store:
        return open_store(self.settings)

    def type(self, *words: str | Path) -> Result:
        typed = [str(word) for word in words]
        environ = {"FOLLOWTHROUGH_DATA": str(self.data)}
        return CliRunner().invoke(followthrough, typed, env=environ)

    def titles(self) -> list[str]:
        store = self.store()
        try:
            with store.read() as tx:
                return sorted(each.incident.title for each in tx.incidents.page(limit=1000))
        finally:
            store.close()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path / "data")
    store = made.store()
    note(store, "first")
    store.close()
    return made


def note(store: Store, title: str) -> None:
    """One incident more, with a line in its journal."""
    with store.write() as tx:
        id = tx.restorations.name_of(title)
        ref = TicketRef("acme", title, title, f"https://acme.example/{title}")
        tx.incidents.save(Incident(id, "payments", ref, title, Phase.OPEN), "hash")
        tx.journal.add(id, EntryKind.NOTE, "noted")


def test_a_backup_is_one_file_that_only_its_owner_reads(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    done = place.type("backup", file)
    assert done.exit_code == 0, done.output
    assert "1 incident," in done.output
    assert "It is in order." in done.output
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == ["backup", "data"]


def test_a_backup_never_replaces_a_file(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    file.write_text("of yesterday")
    done = place.type("backup", file)
    assert done.exit_code == 1
    assert f"{file} is there already." in done.output
    assert file.read_text() == "of yesterday"


def test_a_backup_that_cannot_be_written_leaves_nothing(place: Place, tmp_path: Path) -> None:
    done = place.type("backup", tmp_path / "nowhere" / "backup")
    assert done.exit_code == 1
    assert "cannot be written: No such file or directory" in done.output
    assert [each.name for each in tmp_path.iterdir()] == ["data"]


def test_where_there_is_no_room_nobody_is_sent_to_an_older_backup(
    place: Place, tmp_path: Path
) -> None:
    place.type("backup", tmp_path / "backup")
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, most))
    try:
        taken = place.type("backup", tmp_path / "another")
        restored = place.type("restore", "--replace", tmp_path / "backup")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))
    assert (taken.exit_code, restored.exit_code) == (1, 1)
    assert "cannot be written: Input/output error." in taken.output
    assert f"{place.file} cannot be replaced: Input/output error." in restored.output
    assert sorted(each.name for each in tmp_path.iterdir()) == ["backup", "data"]
    assert place.titles() == ["first"]


@pytest.mark.timeout(60)
def test_a_database_that_somebody_keeps_to_themselves_is_not_waited_for_for_ever(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.store.backup.BUSY_SECONDS", 0.2)
    with closing(sqlite3.connect(place.file, isolation_level=None)) as alone:
        alone.execute("PRAGMA locking_mode=EXCLUSIVE")
        alone.execute("BEGIN EXCLUSIVE")
        told = place.type("backup", str(tmp_path / "b.db"))
    assert told.exit_code == 1
    assert "cannot be read: database is locked, by somebody who keeps it" in told.output
    assert "Try again" in told.output
    assert not (tmp_path / "b.db").exists()
    assert place.type("backup", str(tmp_path / "b.db")).exit_code == 0


def test_a_file_that_cannot_be_opened_need_not_be_damaged(tmp_path: Path) -> None:
    with pytest.raises(NotReadable, match="unable to open database file"):
        examine(tmp_path / "nothing")


def test_a_damaged_database_is_no_backup(place: Place, tmp_path: Path) -> None:
    with place.file.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    done = place.type("backup", tmp_path / "backup")
    assert done.exit_code == 1
    assert "cannot be copied" in done.output
    assert [each.name for each in tmp_path.iterdir()] == ["data"]


def test_a_backup_under_load_holds_each_transaction_whole_or_not(
    place: Place, tmp_path: Path
) -> None:
    store, over = place.store(), threading.Event()

    def write() -> None:
        for number in range(10_000):
            if over.is_set():
                return
            note(store, f"n{number:05}")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        taken = [place.type("backup", tmp_path / f"backup-{n}").exit_code for n in range(5)]
    finally:
        over.set()
        writer.join()
        store.close()
    assert taken == [0] * 5
    counts = []
    for number in range(5):
        with closing(sqlite3.connect(tmp_path / f"backup-{number}")) as copy:
            rows = [
                copy.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("incidents", "journal")
            ]
            assert rows[0] == rows[1]
            counts.append(rows[0])
    assert counts == sorted(set(counts))  # each later than the one before, so the load went on


def test_what_was_there_is_kept_beside_what_is_restored(place: Place, tmp_path: Path) -> None:
    place.type("backup", tmp_path / "backup")
    store = place.store()
    note(store, "second")
    store.close()
    refused = place.type("restore", tmp_path / "backup")
    assert refused.exit_code == 1
    assert "--replace" in refused.output
    assert place.titles() == ["first", "second"]
    done = place.type("restore", "--replace", tmp_path / "backup")
    assert done.exit_code == 0, done.output
    assert "Tokens that were revoked since then count again" in done.output
    assert place.titles() == ["first"]
    (aside,) = place.data.glob("followthrough.db.before-*")
    assert str(aside) in done.output
    with closing(sqlite3.connect(aside)) as kept:
        assert kept.execute("SELECT count(*) FROM incidents").fetchone() == (2,)


def test_a_backup_is_restored_where_nothing_is(place: Place, tmp_path: Path) -> None:
    place.type("backup", tmp_path / "backup")
    elsewhere = Place(tmp_path / "elsewhere")
    assert elsewhere.type("restore", tmp_path / "backup").exit_code == 0
    assert elsewhere.titles() == ["first"]
    with closing(sqlite3.connect(elsewhere.file)) as database:
        ((taken, restored),) = database.execute("SELECT taken_at, restored_at FROM restorations")
    assert taken < restored


def test_nothing_is_restored_while_anybody_has_the_database_open(
    place: Place, tmp_path: Path
) -> None:
    place.type("backup", tmp_path / "backup")
    store = place.store()
    note(store, "second")
    refused = place.type("restore", "--replace", tmp_path / "backup")
    assert refused.exit_code == 1
    assert f"Something works with {place.file}" in refused.output
    note(store, "third")
    store.close()
    assert place.titles() == ["first", "second", "third"]


def test_nor_where_somebody_starts_while_the_backup_is_copied(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.type("backup", tmp_path / "backup")
    bring_up_to_date, started = backups._marked, []

    def meanwhile(part: Path, clock: Clock) -> datetime:
        store = place.store()
        note(store, "second")
        started.append(store)
        return bring_up_to_date(part, clock)

    monkeypatch.setattr(backups, "_marked", meanwhile)
    refused = place.type("restore", "--replace", tmp_path / "backup")
    assert refused.exit_code == 1
    assert f"Something works with {place.file}" in refused.output
    note(started[0], "third")
    started[0].close()
    assert place.titles() == ["first", "second", "third"]


def test_what_cannot_be_kept_aside_keeps_its_log(tmp_path: Path) -> None:
    files = {"new": b"new", "at": b"old", "at-wal": b"of the old one", "aside": b"in the way"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(FileExistsError):
        put_in_place(tmp_path / "new", tmp_path / "at", tmp_path / "aside")
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == files


def test_a_damaged_database_can_be_replaced(place: Place, tmp_path: Path) -> None:
    place.type("backup", tmp_path / "backup")
    place.file.write_bytes(b"no database any more" * 1000)
    Path(f"{place.file}-wal").write_bytes(b"of the old one")
    done = place.type("restore", "--replace", tmp_path / "backup")
    assert done.exit_code == 0, done.output
    assert place.titles() == ["first"]


@pytest.mark.parametrize("content", [b"", b"words" * 2000])
def test_what_is_no_backup_is_not_restored(place: Place, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    done = place.type("restore", "--replace", tmp_path / "file")
    assert done.exit_code == 1
    assert "is no backup that is in order" in done.output
    assert place.titles() == ["first"]


def test_a_backup_of_a_newer_version_is_not_restored(place: Place, tmp_path: Path) -> None:
    place.type("backup", tmp_path / "backup")
    with closing(sqlite3.connect(tmp_path / "backup")) as backup:
        backup.execute("UPDATE alembic_version SET version_num = '9999'")
        backup.commit()
    done = place.type("restore", "--replace", tmp_path / "backup")
    assert done.exit_code == 1
    assert "written by a newer version (its schema is 9999)" in done.output
    assert place.titles() == ["first"]


def test_another_tool_put_it_back(place: Place) -> None:
    done = place.type("restore", "--done")
    assert done.exit_code == 0, done.output
    assert "Noted. What the service did after" in done.output
    store = place.store()
    with store.read() as tx:
        assert tx.restorations.since(datetime(2026, 1, 1, tzinfo=UTC)) is not None
    store.close()
    assert place.type("restore").exit_code == 1


def test_that_is_not_noted_while_a_worker_runs(place: Place) -> None:
    store = place.store()
    heart = Heartbeat(store, Tally(), threads=4)
    heart.beat()
    done = place.type("restore", "--done")
    assert done.exit_code == 1
    assert f"Workers were heard of in the last 30 seconds: process {os.getpid()} on" in done.output
    assert "Stop every web and worker process, and try again." in done.output
    with store.read() as tx:
        assert tx.restorations.since(None) is None
    with store.write() as tx:
        for worker in tx.workers.alive():
            tx.workers.gone(worker)
    store.close()
    assert place.type("restore", "--done").exit_code == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_root_leaves_the_database_to_the_user_of_the_service(place: Place, tmp_path: Path) -> None:
    place.type("backup", tmp_path / "backup")
    os.chown(place.file, 10001, 10001)
    place.type("restore", "--replace", tmp_path / "backup")
    assert place.file.stat().st_uid == 10001
