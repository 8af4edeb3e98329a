"""How many closed incidents a second are set up by 1, 2 and 4 workers on PostgreSQL and Redis.

    python -m bench.closings [--closings 60] [--threads 4]          (or: make bench-closings)

So many incidents, half of them in each dialect, are closed while no worker runs; then so many
worker processes start and set them up: document, five tasks, links, comment. Each answer of the
trackers comes 50 ms late, and they have no limits. Counted is from the first call to the last
write. Beside it stand two floors of the same run: how long the calls would take if the threads did
nothing but wait for them, and what was worked meanwhile: by the workers, by the stand-in for the
trackers, which is this process, and by the whole machine, PostgreSQL and Redis with it. And what
the workers wait for otherwise: for how much of the time one of them held the lock of the one that
writes alone, how many waited for it, and when nine of ten writes were made, after which fewer and
fewer incidents are left to work on at once.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench import company
from bench.storm import Process, Servers
from integrations.sandbox import Sandbox
from integrations.sandbox.faults import Faults
from service.store import Store
from service.store.on_postgresql import WRITER
from workflows.model import Outlook

LATENCY = 0.05  # seconds until a tracker answers
LONGEST = 900.0  # seconds until it is given up
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Seen:
    """On this machine's clock, when the first call came, nine of ten writes were made, and the
    last was; and of that time, the share in which somebody wrote alone, and how many waited to."""

    first: float
    most: float
    last: float
    writing: float
    waiting: float


@dataclass(frozen=True, slots=True)
class Took:
    """What was seen; how many calls were made; and in that time the seconds of work of the workers,
    of the stand-in, and of the machine."""

    seen: Seen
    calls: int
    workers: float
    stand_in: float
    machine: float

    @property
    def seconds(self) -> float:
        return self.seen.last - self.seen.first


class Queue(threading.Thread):
    """Looks again and again at who holds the lock of the one that writes alone, and who waits.
    https://www.postgresql.org/docs/current/view-pg-locks.html"""

    _LOOK = (
        "SELECT count(*) FILTER (WHERE granted), count(*) FILTER (WHERE NOT granted)"
        " FROM pg_locks WHERE locktype = 'advisory' AND objid = %s"
    )

    def __init__(self, database: str) -> None:
        super().__init__(daemon=True)
        self._database = database.replace("+psycopg", "")
        self._ended = threading.Event()
        self._looks = self._held = self._waited = 0
        self.start()

    def run(self) -> None:
        with psycopg.connect(self._database, autocommit=True) as connection:
            while not self._ended.wait(0.02):
                held, waited = connection.execute(self._LOOK, (WRITER,)).fetchone() or (0, 0)
                self._looks, self._held = self._looks + 1, self._held + held
                self._waited += waited

    def shares(self) -> tuple[float, float]:
        """The share of the time in which somebody held it, and how many waited on average."""
        looks = max(1, self._looks)
        return self._held / looks, self._waited / looks

    def close(self) -> None:
        self._ended.set()
        self.join()


def run(closings: int, workers: int, threads: int, directory: Path) -> Took:
    """Set so many incidents up by so many workers, and judge what the trackers hold then."""
    sandbox = Sandbox()
    servers = Servers(directory)
    processes: list[Process] = []
    try:
        with sandbox:
            company.settle_in(sandbox)
            keys = [
                (company.open_in_jira if number % 2 else company.open_in_github)(sandbox, number)
                for number in range(closings)
            ]
            for key in keys:
                company.close(sandbox, key)
            sandbox.reset_calls()
            sandbox.set_faults(Faults(slow=1.0, slow_seconds=LATENCY))
            environ = _environ(sandbox, servers, threads, directory)
            processes += [Process("worker", n, directory, environ) for n in range(workers)]
            begun, stand_in, machine = time.monotonic(), time.process_time(), _busy()
            seen = _watch(sandbox, servers.database, closings)
            share = (seen.last - seen.first) / (time.monotonic() - begun)
            worked = (
                sum(map(_worked, processes)),
                (time.process_time() - stand_in) * share,
                (_busy() - machine) * share,
            )
            verdict = company.judge(sandbox, keys)
            if not verdict.right():
                raise RuntimeError(f"lost: {verdict.lost[:3]}; double: {verdict.doubled[:3]}")
            return Took(seen, len(sandbox.calls), *worked)
    finally:
        for process in processes:
            process.stop()
        servers.stop()


def _environ(sandbox: Sandbox, servers: Servers, threads: int, directory: Path) -> dict[str, str]:
    (directory / "rules.yaml").write_text(company.rules(sandbox))
    kept = {name: value for name, value in os.environ.items() if "FOLLOWTHROUGH" not in name}
    return {
        **kept,
        **company.SECRETS,
        **servers.settings(),
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "FOLLOWTHROUGH_DATA": str(directory / "data"),
        "FOLLOWTHROUGH_RULES": str(directory / "rules.yaml"),
        "FOLLOWTHROUGH_WORKERS": str(threads),
    }


def _watch(sandbox: Sandbox, database: str, closings: int) -> Seen:
    """What is seen from the first call to the last write."""
    made: list[tuple[float, int]] = []  # (when, how many writes)
    give_up_at = time.monotonic() + LONGEST
    while not sandbox.calls and time.monotonic() < give_up_at:
        time.sleep(0.01)
    first = time.monotonic()
    with closing(Store(database)) as store, closing(Queue(database)) as queue:
        shares = queue.shares()
        while time.monotonic() < give_up_at:
            now, writes = time.monotonic(), len(sandbox.writes())
            if not made or writes != made[-1][1]:
                made.append((now, writes))
                shares = queue.shares()
            elif now - made[-1][0] > 2.0:
                with store.read() as tx:
                    done = tx.incidents.counts() == {Outlook.DONE: closings}
                if done:
                    last, all_of_them = made[-1]
                    most = next(when for when, so_far in made if so_far >= 0.9 * all_of_them)
                    return Seen(first, most, last, *shares)
            time.sleep(0.05)
    raise RuntimeError(f"not all were set up within {LONGEST:.0f} s")


def _worked(process: Process) -> float:
    """How many seconds it worked, in all its threads. https://man7.org/linux/man-pages/man5/proc.5.html"""
    fields = Path(f"/proc/{process.id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _busy() -> float:
    """How many seconds all cores worked since the machine started."""
    user, nice, system, *_ = map(int, Path("/proc/stat").read_text().split(maxsplit=8)[1:8])
    return (user + nice + system) / TICKS


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--closings", type=int, default=60)
    options.add_argument("--threads", type=int, default=4)
    given = options.parse_args()
    _say(f"load average before: {_load()}; {given.threads} threads in each worker")
    for workers in (1, 2, 4):
        with tempfile.TemporaryDirectory(prefix="bench-closings-") as name:
            there = Path(name)
            there.chmod(0o755)  # the server runs as another user where this one is root
            took = run(given.closings, workers, given.threads, there)
        waiting = took.calls * LATENCY / (workers * given.threads)
        _say(
            f"{workers} workers: {given.closings / took.seconds:.2f} closings/s"
            f" ({took.seconds:.1f} s, {took.calls / given.closings:.0f} calls each);"
            f" waiting for answers alone {waiting:.1f} s; of {os.cpu_count()} cores the workers"
            f" used {took.workers / took.seconds:.2f}, the stand-in"
            f" {took.stand_in / took.seconds:.2f},"
            f" the whole machine {took.machine / took.seconds:.2f};"
            f" one wrote alone {took.seen.writing:.0%} of the time, and"
            f" {took.seen.waiting:.1f} waited to; nine of ten writes after"
            f" {took.seen.most - took.seen.first:.1f} s"
        )
    _say(f"load average after: {_load()}")


def _load() -> str:
    return " ".join(f"{part:.1f}" for part in os.getloadavg())


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
