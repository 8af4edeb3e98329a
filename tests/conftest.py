"""What all tests share: quiet logs, and no setting of the developer's own shell."""

from __future__ import annotations

import gc
import logging
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asked
import databases
import inprocess
import leaks
import pytest
import structlog
from hypothesis import settings
from sqlalchemy import Pool, event
from sqlalchemy.pool import ConnectionPoolEntry
from stage import Stage, Staging
from towns import Towns

logging.getLogger("werkzeug").setLevel(logging.ERROR)

# How long an example takes is the machine's business: speed is measured in `bench`.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

# A tenth of the suite's time went into looking through what stays anyhow: modules, and the tests.
gc.set_threshold(100_000, 50, 100)

WATCH = pytest.StashKey[leaks.Watch]()
#: What the listener counted in a test, among what the test itself says of it.
COUNTED = "asked: "


@pytest.fixture(scope="session", autouse=True)
def _listening() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        leaks.install(patch)
        inprocess.install(patch)
        asked.LISTENER.install(patch)
        if databases.ON_POSTGRESQL:
            databases.install(patch)
        yield


def pytest_configure(config: pytest.Config) -> None:
    if databases.ON_POSTGRESQL and not hasattr(config, "workerinput"):
        config.add_cleanup(databases.start_server())


@event.listens_for(Pool, "checkout")
def _leave_the_disk_alone(connection: Any, record: ConnectionPoolEntry, *_: object) -> None:
    """Nothing here survives a power failure, so no commit of this process waits for the disk: that
    was a millisecond each, of hundreds of thousands. Other processes are as they always are."""
    if isinstance(connection, sqlite3.Connection) and not record.info.get("left alone"):
        connection.execute("PRAGMA synchronous=OFF").close()
        record.info["left alone"] = True


@pytest.fixture(scope="session")
def towns() -> Iterator[Towns]:
    founded = Towns()
    yield founded
    founded.close()


@pytest.fixture
def staged(tmp_path: Path) -> Iterator[Staging]:
    """Opens a stage with the parts that it is given, which closes when the test ends."""
    with ExitStack() as stages:
        yield lambda **parts: stages.enter_context(Stage(tmp_path, **parts))


#: What is tried under faults, in a browser, as processes, and with every hostile or confidential
#: text: `make test-wide`, which CI runs after `make test`. At a desk a commit need not wait for it.
WIDE = (
    *("faults", "browser", "contract"),
    *("stories/test_processes.py", "stories/test_real_delivery.py", "stories/test_demo.py"),
    "stories/test_rules_changed.py",
    *("stories/test_confidential.py", "stories/test_hostile_tickets.py"),
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share what takes long to set up stay with one worker, in their order; any other
    goes to whichever worker is free (xdist's ``--dist loadgroup``)."""
    if databases.ON_POSTGRESQL:
        items[:] = [each for each in items if _uses_the_database(each)]
    wide = tuple(Path(__file__).parent / each for each in WIDE)
    for item in items:
        if any(item.path.is_relative_to(each) for each in wide):
            item.add_marker(pytest.mark.wide)
        if not isinstance(item, pytest.Function):
            continue
        fixtures = item._fixtureinfo.name2fixturedefs.values()
        if any(each[-1].scope == "module" for each in fixtures):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


#: What a test has to do with that keeps rows: of its own module, or among its fixtures.
KEEPS_ROWS = {"Store", "Stage", "Staging", "Towns", "store", "staged", "towns", "web"}


def _uses_the_database(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function) or item.get_closest_marker("sqlite"):
        return False
    return bool(KEEPS_ROWS & {*vars(item.module), *item.fixturenames})


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    item.stash[WATCH] = leaks.fresh()
    if not any(isinstance(each, leaks.Listener) for each in logging.root.handlers):
        logging.root.addHandler(leaks.Listener())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """At the end of each test, fail it if a secret of it became public, or if a request was sent
    that its vendor does not describe."""
    report = yield
    directory = getattr(item, "funcargs", {}).get("tmp_path")
    if call.when == "teardown" and directory and databases.ON_POSTGRESQL:
        databases.forget_below(directory)
    if call.when == "teardown" and report.passed and WATCH in item.stash:
        found = item.stash[WATCH].look(report.sections, directory)
        faults, counts = asked.LISTENER.taken()
        if not item.path.name.startswith(asked.OWN_WORDS):
            found += faults
            report.user_properties += [(COUNTED + name, count) for name, count in counts.items()]
        if found:
            report.outcome, report.longrepr = "failed", "\n".join(found)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the stateful test of the sync did, of all its lots together; and what all requests were
    checked by."""
    did: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        if report.when == "call":
            did.update({n: c for n, c in report.user_properties if isinstance(c, int)})
    if did:
        terminalreporter.write_line(", ".join(f"{c} {name}" for name, c in did.items()))
    counts: Counter[str] = Counter()
    for report in (*terminalreporter.getreports(""), *terminalreporter.getreports("error")):
        # A file that could not be read has a report, too, which counts nothing.
        for name, count in getattr(report, "user_properties", ()):
            if name.startswith(COUNTED) and report.when == "teardown":
                counts[name.removeprefix(COUNTED)] += count
    for line in asked.summary(counts):
        terminalreporter.write_line(line)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of whoever runs the tests, and no way of logging that an earlier one chose."""
    for name in os.environ:
        if name.startswith("FOLLOWTHROUGH_"):
            monkeypatch.delenv(name)
    structlog.reset_defaults()


def needs(*tools: str) -> None:
    """Skip a test, saying what is missing; where CI is set, that is a failure."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"not installed: {', '.join(missing)}")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
