"""The version before and the present one work on one database, through the migration and beyond it.

What runs as the version before is its own code, taken from git: its web process, its worker.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from alembic.migration import MigrationContext
from conftest import needs
from sqlalchemy import create_engine
from stage import free_port

from bench import company
from bench.servers import PostgreSQL
from bench.storm import Process
from integrations.sandbox import Sandbox
from integrations.sandbox.acme import KIM
from service.store import Store
from service.store.incidents import IncidentRecord
from service.store.migrations import earlier
from workflows.model import Outlook
from workflows.snapshots import Progress

pytestmark = pytest.mark.sqlite("each names its own database")

PATIENT = 90.0
ADMIN = "admin-token-of-the-village"
ROOT = Path(__file__).parents[2]

#: The last version with schema 0026, which knows SQLite only; and the first state that knew
#: PostgreSQL, of the same schema.
BEFORE, BEFORE_ON_POSTGRESQL = "b9833ef", "ff42c1f"


def code_of(commit: str, directory: Path) -> Path:
    """What that commit ships."""
    needs("git")
    packed = directory.with_suffix(".tar")
    packages = ("service", "integrations", "workflows", "config")
    wanted = ["git", "archive", "-o", str(packed), commit, *packages]
    archived = subprocess.run(wanted, cwd=ROOT, capture_output=True, timeout=60, check=False)
    if archived.returncode:
        words = (
            f"the version before, {commit}, is not in this clone (git fetch --unshallow):"
            f" {archived.stderr.decode().strip()}"
        )
        (pytest.fail if _is_whole() else pytest.skip)(words)
    with tarfile.open(packed) as tree:
        tree.extractall(directory, filter="data")
    return directory


def _is_whole() -> bool:
    """Whether this is a clone with all of its history: `.ci/run` is given one."""
    asked = ["git", "rev-parse", "--is-shallow-repository"]
    said = subprocess.run(asked, cwd=ROOT, capture_output=True, timeout=60, check=False)
    return said.stdout.strip() == b"false"


class Village:
    """A sandbox company, and a service of two versions that share `database`."""

    def __init__(self, directory: Path, sandbox: Sandbox, before: Path, database: str) -> None:
        self.sandbox = sandbox
        self.keys: list[str] = []
        self.database = database
        self._directory = directory
        self._web = ""
        self._code = {"old": before, "new": ROOT}
        self._processes: list[Process] = []
        (directory / "rules.yaml").write_text(company.rules(sandbox))

    def start(self, version: str, role: str) -> Process:
        here = self._directory / version
        here.mkdir(exist_ok=True)
        port = free_port()
        kept = {name: value for name, value in os.environ.items() if "FOLLOWTHROUGH" not in name}
        environ = {
            **kept,
            **company.SECRETS,
            "PYTHONPATH": str(self._code[version]),
            "FOLLOWTHROUGH_PORT": str(port),
            "FOLLOWTHROUGH_LOG": "json",
            "FOLLOWTHROUGH_DATA": str(self._directory / "data"),
            "FOLLOWTHROUGH_DATABASE_URL": self.database,
            "FOLLOWTHROUGH_RULES": str(self._directory / "rules.yaml"),
            "FOLLOWTHROUGH_POLL_SECONDS": "3",
            "FOLLOWTHROUGH_ADMIN_TOKEN": ADMIN,
        }
        process = Process(role, len(self._processes), here, environ)
        self._processes.append(process)
        if role == "web":
            url = f"http://127.0.0.1:{port}"
            until(lambda: answers(url) or process.ended())
            self._web = url
            company.register_hooks(self.sandbox, url)
        return process

    def close_incidents(self, many: int) -> list[str]:
        """So many more, by turns in Jira and GitHub."""
        first = len(self.keys)
        for number in range(first, first + many):
            kind = company.open_in_jira if number % 2 else company.open_in_github
            self.keys.append(kind(self.sandbox, number))
            company.close(self.sandbox, self.keys[-1])
        return self.keys[first:]

    def status_of(self, page: str) -> int:
        """What the web process that was started last answers."""
        token = {"Authorization": f"Bearer {ADMIN}"}
        return requests.get(self._web + page, headers=token, timeout=10).status_code

    def is_set_up(self) -> bool:
        """Whether the trackers hold what they should of each incident, once."""
        return company.judge(self.sandbox, self.keys).right()

    def log(self, version: str) -> list[dict[str, Any]]:
        """Every line of its processes, those of no JSON under `event`."""
        lines = [
            line
            for file in (self._directory / version).glob("*.log")
            for line in file.read_text().splitlines()
        ]
        return [
            json.loads(line) if line.startswith("{") else {"level": "error", "event": line}
            for line in lines
        ]

    def trouble(self, version: str) -> list[dict[str, Any]]:
        return [line for line in self.log(version) if line["level"] not in ("info", "debug")]

    def stop(self) -> None:
        for process in self._processes:
            process.stop()


def until(holds: Callable[[], object], what: Callable[[], object] = str) -> None:
    give_up_at = time.monotonic() + PATIENT
    while not holds():
        assert time.monotonic() < give_up_at, f"it never came true: {what()}"
        time.sleep(0.1)


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=2).ok
    except requests.ConnectionError:
        return False


@pytest.fixture
def village(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Village]:
    if request.param == "postgresql":
        before, server = BEFORE_ON_POSTGRESQL, PostgreSQL(tmp_path / "postgresql")
        database = server.url
    else:
        before, server = BEFORE, None
        database = f"sqlite:///{tmp_path / 'data' / 'followthrough.db'}"
    try:
        with Sandbox(seed=7) as sandbox:
            company.settle_in(sandbox)
            founded = Village(tmp_path, sandbox, code_of(before, tmp_path / "code"), database)
            try:
                yield founded
            finally:
                founded.stop()
    finally:
        if server is not None:
            server.stop()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("village", ["sqlite", "postgresql"], indirect=True)
def test_a_roll_out_that_is_taken_back_and_done_again(village: Village) -> None:
    """Incidents are closed all the time: while the old version is alone, while the new one starts
    beside it and migrates, while only the old one is there again, and at the end of it."""
    old = [village.start("old", "web"), village.start("old", "worker")]
    village.close_incidents(4)
    until(village.is_set_up, lambda: company.judge(village.sandbox, village.keys))

    village.close_incidents(6)  # in flight while the schema changes under the old version
    new = village.start("new", "worker")
    met_by_both = village.close_incidents(6)
    until(lambda: is_migrated(village.database))
    until(village.is_set_up, lambda: company.judge(village.sandbox, village.keys))

    assert new.end() == 0
    village.close_incidents(4)
    do_a_task_of_each(village, met_by_both)
    until(lambda: knows_it_done(village, met_by_both), lambda: village.trouble("old"))
    until(village.is_set_up, lambda: company.judge(village.sandbox, village.keys))
    village.sandbox.hooks.drain()
    assert {delivery.statuses[-1] for delivery in village.sandbox.hooks.log} == {202}
    pages = ["/", *(f"/incidents/{each.incident.id}" for each in known(village, met_by_both))]
    assert {village.status_of(page) for page in pages} == {200}

    village.start("new", "worker")
    village.close_incidents(4)
    village.start("new", "web")
    village.close_incidents(4)
    assert [process.end() for process in old] == [0, 0]
    village.close_incidents(4)
    until(lambda: is_at_rest(village), lambda: company.judge(village.sandbox, village.keys))
    village.sandbox.hooks.drain()
    time.sleep(2 * 3)  # two rounds of polling find nothing more to do
    assert village.is_set_up(), company.judge(village.sandbox, village.keys)
    assert village.trouble("old") == []
    assert village.trouble("new") == []


def is_migrated(database: str) -> bool:
    return revision_of(database) not in {None, *earlier()}


def do_a_task_of_each(village: Village, keys: list[str]) -> None:
    """Somebody closes the first task of each of these."""
    for key, record in zip(keys, known(village, keys), strict=True):
        task = record.incident.actions[0].task
        assert task is not None
        if "#" in key:
            village.sandbox.github.close(company.OPS, int(task.key.partition("#")[2]), by="kim")
        else:
            village.sandbox.jira.transition(task.key, "Done", by=KIM)


def knows_it_done(village: Village, keys: list[str]) -> bool:
    return all(
        record.incident.actions[0].status == Progress.DONE for record in known(village, keys)
    )


def is_at_rest(village: Village) -> bool:
    store = Store(village.database)
    try:
        with store.read() as tx:
            done = tx.incidents.counts() == {Outlook.DONE: len(village.keys)}
            return done and not tx.jobs.failing() and village.is_set_up()
    finally:
        store.close()


def known(village: Village, keys: list[str]) -> list[IncidentRecord]:
    """What the database says of each of these."""
    store = Store(village.database)
    try:
        with store.read() as tx:
            return [each for key in keys for each in tx.incidents.find(key)]
    finally:
        store.close()


def revision_of(database: str) -> str | None:
    engine = create_engine(database)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


@pytest.mark.parametrize("village", ["sqlite"], indirect=True)
def test_the_version_before_is_not_started_on_the_later_schema(village: Village) -> None:
    """That one cannot, and says by which schema; from 0027 on each can."""
    Store(village.database).migrate()
    for role in ("worker", "web"):
        until(village.start("old", role).ended)
    said = [line["event"] for line in village.log("old")]
    assert sum("Can't locate revision identified by" in line for line in said) >= 2
    with Store(village.database).read() as tx:
        assert tx.jobs.unfinished() == 0


#: Prints the fields of everything that is kept as data, as the code on the path has them.
FIELDS = """
import json
from dataclasses import fields, is_dataclass
from typing import get_args, get_type_hints
from workflows import effects, events, model, tasks, team_books

found = {}
def look(at):
    for part in get_args(at):
        look(part)
    if is_dataclass(at) and at.__name__ not in found:
        found[at.__name__] = [f.name for f in fields(at) if not f.metadata.get("added")]
        for each in get_type_hints(at).values():
            look(each)

for kept in (
    model.Incident, effects.Effect, events.Outcome, tasks.TaskState, team_books.TeamBook
):
    look(kept)
print(json.dumps(found))
"""


def fields_of(code: Path) -> dict[str, list[str]]:
    environ = {**os.environ, "PYTHONPATH": str(code)}
    said = subprocess.run(
        [sys.executable, "-c", FIELDS], env=environ, capture_output=True, timeout=60, check=True
    )
    found: dict[str, list[str]] = json.loads(said.stdout)
    return found


def test_what_is_kept_has_no_new_field_that_is_always_written(tmp_path: Path) -> None:
    """The version before refuses data with a field that it does not know."""
    before, now = fields_of(code_of(BEFORE, tmp_path / "code")), fields_of(ROOT)
    assert "backfilled" not in before["Incident"]
    both = before.keys() & now.keys()
    assert {name: new for name in both if (new := {*now[name]} - {*before[name]})} == {}
