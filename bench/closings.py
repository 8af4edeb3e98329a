"""How many closed incidents a second are set up by 1, 2 and 4 workers on PostgreSQL and Redis.

    python -m bench.closings [--closings 60] [--threads 4]          (or: make bench-closings)

So many incidents, half of them in each dialect, are closed while no worker runs; then so many
worker processes start and set them up: document, five tasks, links, comment. Each answer of the
trackers comes 50 ms late, and they have no limits. Counted is from the first call to the last
write. Beside it stand two floors of the same run: how long the calls would take if the threads did
nothing but wait for them, and what was worked meanwhile: by the workers, by the stand-in for the
trackers, which is this process, and by the whole machine, PostgreSQL and Redis with it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench import company
from bench.storm import Process, Servers
from integrations.sandbox import Sandbox
from integrations.sandbox.faults import Faults
from service.store import Store
from workflows.model import Outlook

LATENCY = 0.05  # seconds until a tracker answers
LONGEST = 900.0  # seconds until it is given up
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds from the first call to the last write; calls; and seconds of work: of the workers, of
    the stand-in, and of the machine."""

    seconds: float
    calls: int
    workers: float
    stand_in: float
    machine: float


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
            first, last = _watch(sandbox, servers.database, closings)
            share = (last - first) / (time.monotonic() - begun)
            worked = (
                sum(map(_worked, processes)),
                (time.process_time() - stand_in) * share,
                (_busy() - machine) * share,
            )
            verdict = company.judge(sandbox, keys)
            if not verdict.right():
                raise RuntimeError(f"lost: {verdict.lost[:3]}; double: {verdict.doubled[:3]}")
            return Took(last - first, len(sandbox.calls), *worked)
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


def _watch(sandbox: Sandbox, database: str, closings: int) -> tuple[float, float]:
    """When the first call came and the last write was made, on this machine's clock."""
    store: Store | None = None
    first = last = 0.0
    writes, give_up_at = 0, time.monotonic() + LONGEST
    try:
        while time.monotonic() < give_up_at:
            now, found = time.monotonic(), len(sandbox.writes())
            first = first or (now if sandbox.calls else 0.0)
            if found != writes:
                writes, last = found, now
            elif last and now - last > 2.0:
                store = store or Store(database)
                with store.read() as tx:
                    if tx.incidents.counts() == {Outlook.DONE: closings}:
                        return first, last
            time.sleep(0.05)
    finally:
        if store is not None:
            store.close()
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
            f" the whole machine {took.machine / took.seconds:.2f}"
        )
    _say(f"load average after: {_load()}")


def _load() -> str:
    return " ".join(f"{part:.1f}" for part in os.getloadavg())


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
