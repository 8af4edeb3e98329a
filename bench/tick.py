"""What a tick costs when nothing is due: with a thousand planned occurrences, and with a million.

    python -m bench.tick [--most 1000000]

Both databases are ticked by turns, so that what else the machine does falls on both alike. Told is
the median of the tick itself (is anything due, and when is the next), and of the whole job with
its claim and its end, which are two commits.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from service.jobs import TIMING, record_end
from service.store import Store
from service.tick import DUE, TICK_JOB, Tick
from workflows.model import Incident, Phase, TicketRef
from workflows.policy import Policy

NOW = datetime(2026, 12, 7, 12, tzinfo=UTC)
NO_RULES = Policy({}, {}, (), {}, "")
FEW, MANY = 1_000, 1_000_000
INCIDENTS, TIMES = 100, 200
ALLOWED_RATIO, ALLOWED_MS = 1.5, 5.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--most", type=int, default=MANY)
    most = options.parse_args().most
    with TemporaryDirectory() as directory:
        sizes = (FEW, most)
        stores = [_store(Path(directory) / f"{size}.db", size) for size in sizes]
        looks = _by_turns([_look(store) for store in stores])
        jobs = _by_turns([_job(store) for store in stores])
        for size, look, job in zip(sizes, looks, jobs, strict=True):
            words = f"{size:>9,} planned, none due: a tick {look:.2f} ms, with its job {job:.2f} ms"
            sys.stdout.write(words + "\n")
        ratio = looks[1] / looks[0]
        sys.stdout.write(f"{ratio:.2f} times as long (allowed: {ALLOWED_RATIO})\n")
        for store in stores:
            store.close()
    if ratio > ALLOWED_RATIO or max(looks) > ALLOWED_MS:
        sys.exit(f"Too slow: {ALLOWED_MS} ms and {ALLOWED_RATIO} times are allowed.")


def _store(file: Path, size: int) -> Store:
    """A store in which so many occurrences are planned for the next ten years."""
    store = Store(f"sqlite:///{file}", lambda: NOW)
    store.migrate()
    with store.write() as tx:
        for n in range(INCIDENTS):
            ref = TicketRef("jira", str(n), f"INC-{n}", f"https://acme.example/browse/INC-{n}")
            tx.incidents.save(Incident(f"i{n}", "payments", ref, "Down", Phase.CLOSED), "")
    soon = NOW + timedelta(days=1)
    rows = (
        (f"o{n}", f"i{n % INCIDENTS}", "due", _stamp(soon + timedelta(minutes=n * 5)))
        for n in range(size)
    )
    connection = sqlite3.connect(file)
    with connection:
        connection.executemany(
            "INSERT INTO occurrences (key, incident_id, what, due_at) VALUES (?, ?, ?, ?)", rows
        )
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    connection.close()
    return store


def _stamp(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _look(store: Store) -> Iterator[float]:
    tick = Tick(store, NO_RULES, lambda: NOW)
    while True:
        begun = time.perf_counter()
        if tick.tick():
            sys.exit("Something was due.")
        with store.read() as tx:
            tx.occurrences.next_due()
        yield (time.perf_counter() - begun) * 1000


def _job(store: Store) -> Iterator[float]:
    tick = Tick(store, NO_RULES, lambda: NOW)
    while True:
        with store.write() as tx:
            number = tx.jobs.touch(TICK_JOB, DUE)
        begun = time.perf_counter()
        with store.write() as tx:
            job = tx.jobs.claim(number, TIMING.lease)
        if job is None:
            sys.exit("Nothing to run.")
        end = tick.run(job)
        with store.write() as tx:
            record_end(tx, job, end)
        yield (time.perf_counter() - begun) * 1000
        with store.write() as tx:
            tx.jobs.forget(TICK_JOB, DUE)


def _by_turns(measured: list[Iterator[float]]) -> list[float]:
    """The median of each in milliseconds, after a few that warm up."""
    rounds = list(islice(zip(*measured, strict=True), TIMES))[TIMES // 10 :]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


if __name__ == "__main__":
    main()
