"""A backlog of closings against GitHub's budgets, with a clock that runs fast.

    python -m bench.backlog           (or: make bench-backlog)

Three hundred incidents are closed at once. The sandbox enforces what github.com enforces, by
sliding windows, and lists each request that is over a budget. Reported are those, and how long the
backlog took beside the shortest time in which the budgets allow so many writes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import company
from config.rules import load
from config.settings import Settings
from integrations.sandbox import Sandbox
from integrations.sandbox.limits import GitHubLimits
from service.container import build, open_store, timing_of
from service.routing import INCIDENT_JOB
from service.running import Runner
from service.store import Store
from service.worker import Worker
from workflows.model import Outlook

PER_MINUTE, PER_HOUR = 80, 500


class FastClock:
    """Time that passes `speed` times as fast as it does."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self._start = datetime(2026, 12, 7, 12, 0, tzinfo=UTC)
        self._began = time.monotonic()

    def __call__(self) -> datetime:
        return self._start + timedelta(seconds=(time.monotonic() - self._began) * self.speed)

    def wait(self, seconds: float) -> None:
        time.sleep(seconds / self.speed)


def shortest(writes: int) -> timedelta:
    """The least time in which the budgets allow so many writes: each hour's as fast as the
    minutes allow."""
    hours, rest = divmod(writes - 1, PER_HOUR)
    return timedelta(hours=hours, minutes=rest // PER_MINUTE)


def run(closings: int, speed: float, directory: Path) -> bool:
    clock = FastClock(speed)
    with Sandbox(clock=clock) as sandbox:
        company.settle_in(sandbox)
        (directory / "rules.yaml").write_text(company.rules(sandbox, limits="github.com"))
        settings = Settings.from_environment(_environ(directory))
        store = open_store(settings, clock)
        rules = load(settings.rules, company.SECRETS)
        container = build(settings, rules, store=store, clock=clock, wait=clock.wait)
        keys = [company.open_in_github(sandbox, number) for number in range(closings)]
        for key in keys:
            company.close(sandbox, key)
        sandbox.enforce(github=GitHubLimits())
        sandbox.reset_calls()
        began = clock()
        container.reconciler.start()
        lease = timing_of(settings).lease
        worker = Worker(Runner(store, container.handlers, settings.workers, lease=lease))
        worker.start()
        try:
            while not _done(store, closings):
                time.sleep(0.5)
                if clock() - began > 3 * shortest(closings * 15) + timedelta(hours=2):
                    break
        finally:
            took = clock() - began
            worker.stop()
        verdict = company.judge(sandbox, keys)
        writes, reads = len(sandbox.writes()), len(sandbox.reads())
        least = shortest(writes)
        print(f"{closings} closings, {company.TASKS} tasks each: {writes} writes, {reads} reads")
        print(f"over a budget: {len(sandbox.violations)} requests")
        print(f"took {took}; the budgets allow it in {least}: {took / least - 1:+.1%}")
        print(f"{len(verdict.lost)} lost, {len(verdict.doubled)} double")
        for violation in sandbox.violations[:10]:
            print(f"  {violation}")
        store.close()
        return verdict.right() and not sandbox.violations


def _done(store: Store, closings: int) -> bool:
    with store.read() as tx:
        everything = tx.incidents.counts() == {Outlook.DONE: closings}
        return everything and tx.jobs.unfinished(INCIDENT_JOB) == 0


def _environ(directory: Path) -> Mapping[str, str]:
    return {
        "FOLLOWTHROUGH_DATA": str(directory / "data"),
        "FOLLOWTHROUGH_RULES": str(directory / "rules.yaml"),
        "FOLLOWTHROUGH_POLL_SECONDS": "600",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--closings", type=int, default=300)
    parser.add_argument("--speed", type=float, default=60.0, help="how fast the clock runs")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="backlog-") as directory:
        right = run(given.closings, given.speed, Path(directory))
    raise SystemExit(0 if right else 1)


if __name__ == "__main__":
    main()
