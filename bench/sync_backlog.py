"""A backlog of changes against GitHub's budgets, with a clock that runs fast.

    python -m bench.sync_backlog      (or: make bench-sync-backlog)

A thousand tasks were changed in Jira while the service was down, and no webhook told of it. Their
twins on GitHub and the rows of their documents must follow. The sandbox enforces what github.com
enforces, by sliding windows, and lists each request that is over a budget. Reported are those, and
how long it took beside the shortest time in which the budgets allow the writes that are needed:
one for each twin, and one for each document.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from bench import company, mirror
from bench.backlog import FastClock, shortest
from bench.company import BOOKS
from bench.mirror import Mirror
from bench.sync import load, say, wait_for
from config.rules import load as load_rules
from config.settings import Settings
from integrations.sandbox import Sandbox
from integrations.sandbox.limits import GitHubLimits
from service.container import Container, build, open_store, timing_of
from service.running import Runner
from service.store import Store
from service.worker import Worker


class Office:
    """The service in this process, over one store: started, stopped, and started by other rules."""

    def __init__(self, directory: Path, clock: FastClock, sandbox: Sandbox) -> None:
        self._clock = clock
        self._sandbox = sandbox
        self._rules = directory / "rules.yaml"
        self._settings = Settings.from_environment(
            {
                "FOLLOWTHROUGH_DATA": str(directory / "data"),
                "FOLLOWTHROUGH_RULES": str(self._rules),
                "FOLLOWTHROUGH_POLL_SECONDS": "600",
            }
        )
        self.store: Store = open_store(self._settings, clock)

    def start(self, limits: str) -> Worker:
        self._rules.write_text(mirror.rules(self._sandbox, limits, "1 minute"))
        rules = load_rules(self._rules, company.SECRETS)
        container: Container = build(
            self._settings, rules, store=self.store, clock=self._clock, wait=self._clock.wait
        )
        container.reconciler.start()
        settings, lease = self._settings, timing_of(self._settings).lease
        worker = Worker(Runner(self.store, container.handlers, settings.workers, lease=lease))
        worker.start()
        return worker


def run(incidents: int, each: int, speed: float, directory: Path) -> bool:
    clock = FastClock(speed)
    say(f"load average before: {load()}")
    with Sandbox(clock=clock) as sandbox:
        company.settle_in(sandbox)
        people = Mirror(sandbox, incidents, each)
        office = Office(directory, clock, sandbox)
        people.close_incidents()
        worker = office.start(limits="none")
        wait_for(people.all_there, look_every=1)
        worker.stop()
        for task in people.tasks:
            people.change(task, 0)
        sandbox.enforce(github=GitHubLimits())
        sandbox.reset_calls()
        needed = len(people.tasks) + incidents
        least = shortest(needed)
        began = clock()
        worker = office.start(limits="github.com")
        twins: timedelta | None = None
        waiting = list(people.tasks)
        while waiting and clock() - began < 2 * least + timedelta(hours=2):
            time.sleep(0.3)
            twins = twins or _when(mirror.left(waiting, people.tickets_show), clock() - began)
            waiting = mirror.left(waiting, people.shows)
        took = clock() - began
        worker.stop()
        writes = sum(call.dialect == "github" for call in sandbox.writes())
        documents = sum(BOOKS in call.path for call in sandbox.writes())
        say(f"{len(people.tasks)} changes in {incidents} documents, {len(waiting)} not carried")
        say(f"{writes} writes on GitHub, {documents} of them documents; {needed} are needed")
        say(f"{len(sandbox.reads())} reads; over a budget: {len(sandbox.violations)} requests")
        say(f"every twin after {twins}, everything after {took};")
        say(f"the budgets allow what is needed in {least}: {took / least - 1:+.1%}")
        for violation in sandbox.violations[:10]:
            say(f"  {violation}")
        say(f"load average after: {load()}")
        office.store.close()
        return not waiting and not sandbox.violations


def _when(left: list[mirror.Task], now: timedelta) -> timedelta | None:
    return None if left else now


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--incidents", type=int, default=100)
    parser.add_argument("--tasks", type=int, default=10, help="of each incident")
    parser.add_argument("--speed", type=float, default=15.0, help="how fast the clock runs")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sync-backlog-") as directory:
        right = run(given.incidents, given.tasks, given.speed, Path(directory))
    raise SystemExit(0 if right else 1)


if __name__ == "__main__":
    main()
