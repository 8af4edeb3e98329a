"""The storm: closings by the hundred, while processes are killed and the trackers misbehave.

    python -m bench.storm --seed 7        (or: make storm SEED=7)
    python -m bench.storm --seed 7 --distributed        (or: make storm-distributed SEED=7)

Half of the incidents are in Jira, half in GitHub, with five action items each. Web and worker are
the real processes, killed with -9 again and again; one answer in ten is lost, webhooks come twice
or never or in another order, and search and lists lag by more than what the service waits before
it does something again. In the end an oracle that looks at nothing but what the trackers hold says
what is missing and what is double.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from bench import company
from bench.servers import Broker, PostgreSQL
from integrations.sandbox import Sandbox
from integrations.sandbox.faults import Faults
from service.explain import explain
from service.store import Store
from service.store.effects import EffectState
from workflows.model import Outlook

#: Short, so that a storm passes in minutes; in the proportions that the settings demand.
ANSWER, LEASE, SETTLE = 2, 12, 24

#: Longer than what is waited before something is done again.
LAG = SETTLE + 16

FAULTS = Faults(
    lost_answers=0.11,
    resets=0.03,
    server_errors=0.03,
    throttled=0.001,
    throttled_seconds=2,
    slow=0.02,
    slow_seconds=0.5,
    search_lag=LAG,
    list_lag=LAG,
    reference_lag=3,
    hooks_dropped=0.12,
    hooks_duplicated=0.22,
    hooks_delayed=0.10,
    hooks_delay_seconds=3,
    hooks_reordered=0.10,
)
LONGEST = 1500.0  # seconds until the storm is given up


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    closings: int
    kills: int
    webs: int = 1
    workers: int = 1


class Process:
    """One process of the service, which can be killed and is started again at once."""

    def __init__(self, role: str, number: int, directory: Path, environ: dict[str, str]) -> None:
        self.role = role
        self._directory = directory
        self._environ = environ
        self._output = (directory / f"{role}{number}.log").open("ab")
        self.start()

    def start(self) -> None:
        self._running = subprocess.Popen(
            [sys.executable, "-m", "service", self.role],
            cwd=self._directory,
            env=self._environ,
            stdout=self._output,
            stderr=self._output,
            start_new_session=True,
        )

    @property
    def id(self) -> int:
        return self._running.pid

    def ended(self) -> bool:
        """Whether it ended by itself."""
        return self._running.poll() is not None

    def kill_child(self) -> bool:
        """With -9, one process that it forked, if there is any."""
        file = Path(f"/proc/{self._running.pid}/task/{self._running.pid}/children")
        forked = file.read_text().split() if file.exists() else []
        with suppress(ProcessLookupError):
            if forked:
                os.kill(int(forked[0]), signal.SIGKILL)
        return bool(forked)

    def kill(self) -> None:
        """With -9, and its children with it, all by their group's id."""
        with suppress(ProcessLookupError):
            os.killpg(self._running.pid, signal.SIGKILL)
        self._running.wait()

    def end(self, within: float = 60.0) -> int:
        """With SIGTERM, as it is ended in a roll-out; returns its exit status."""
        self._running.terminate()
        return self._running.wait(within)

    def stop(self) -> None:
        self.kill()
        self._output.close()


class Storm:
    """One storm in a directory of its own."""

    def __init__(self, plan: Plan, directory: Path) -> None:
        self.plan = plan
        self.directory = directory
        self.sandbox = Sandbox(seed=plan.seed)
        self.keys: list[str] = []
        self.kills: Counter[str] = Counter()
        self._dice = random.Random(plan.seed)
        self._over = threading.Event()
        self._servers = Servers(directory) if plan.webs > 1 else None

    def run(self) -> bool:
        """Whether everything came out right; says how it went."""
        begun = time.monotonic()
        with self.sandbox:
            company.settle_in(self.sandbox)
            environ = self._environ()
            self._ports = [_free_port() for _ in range(self.plan.webs)]
            processes = list(self._processes(environ))
            try:
                webs = [f"http://127.0.0.1:{port}" for port in self._ports]
                _until(lambda: all(_answers(f"{web}/healthz") for web in webs), 60)
                company.register_hooks(self.sandbox, *webs)
                self.sandbox.hooks.drain()
                self.sandbox.set_faults(FAULTS, self.plan.seed)
                killer = threading.Thread(target=self._harm, args=(processes,), daemon=True)
                killer.start()
                self._close_everything()
                killer.join()
                calm = self._until_calm()
            finally:
                self._over.set()
                for process in processes:
                    process.stop()
            try:
                return self._report(calm, time.monotonic() - begun)
            finally:
                if self._servers is not None:
                    self._servers.stop()

    def _processes(self, environ: dict[str, str]) -> Iterator[Process]:
        for number, port in enumerate(self._ports):
            given = {"FOLLOWTHROUGH_PORT": str(port)}
            yield Process("web", number, self.directory, environ | given)
        for number in range(self.plan.workers):
            prefork = {"FOLLOWTHROUGH_POOL": "prefork"} if number == 2 else {}
            yield Process("worker", number, self.directory, environ | prefork)

    def _environ(self) -> dict[str, str]:
        (self.directory / "rules.yaml").write_text(company.rules(self.sandbox))
        kept = {name: value for name, value in os.environ.items() if "FOLLOWTHROUGH" not in name}
        return {
            **kept,
            **company.SECRETS,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(Path.cwd()), kept.get("PYTHONPATH")))),
            "FOLLOWTHROUGH_DATA": str(self.directory / "data"),
            "FOLLOWTHROUGH_RULES": str(self.directory / "rules.yaml"),
            "FOLLOWTHROUGH_POLL_SECONDS": "10",
            "FOLLOWTHROUGH_ANSWER_SECONDS": str(ANSWER),
            "FOLLOWTHROUGH_LEASE_SECONDS": str(LEASE),
            "FOLLOWTHROUGH_SETTLE_SECONDS": str(SETTLE),
            **(self._servers.settings() if self._servers is not None else {}),
        }

    # --- the storm ------------------------------------------------------------------------------

    def _close_everything(self) -> None:
        """People open incidents and close them, in the order that the seed says."""
        for number in range(self.plan.closings):
            kind = company.open_in_jira if number % 2 else company.open_in_github
            self.keys.append(kind(self.sandbox, number))
        waiting = list(self.keys)
        self._dice.shuffle(waiting)
        for key in waiting:
            company.close(self.sandbox, key)
            time.sleep(self._dice.uniform(0, 0.4))

    def _harm(self, processes: Sequence[Process]) -> None:
        """Kill now the one and now the other, whatever they are doing, and start it again; and do
        to the servers what servers go through. What ended by itself is started again, too."""
        dice = random.Random(f"{self.plan.seed}/kills")
        harm = ["kill"] * self.plan.kills
        if self._servers is not None:
            for each in ("wipe", "restart", "wipe"):
                harm.insert(dice.randrange(len(harm) // 4, len(harm)), each)
        for each in harm:
            if self._over.wait(dice.uniform(3, 9)):
                return
            if each == "kill":
                role = dice.choices(("worker", "web"), (3, 1))[0]
                self._kill(dice.choice([one for one in processes if one.role == role]), dice)
            elif self._servers is not None:
                self._servers.harm(each)
                self.kills[each] += 1
            for process in processes:
                if process.ended():
                    process.start()
                    self.kills["ended by itself"] += 1

    def _kill(self, process: Process, dice: random.Random) -> None:
        if dice.random() < 0.5 and process.kill_child():
            self.kills["child"] += 1
            return
        process.kill()
        process.start()
        self.kills[process.role] += 1

    def _until_calm(self) -> bool:
        """Whether the service came to rest; then as long again as something that was sent late
        could take to show."""
        calm = _until(self._at_rest, LONGEST)
        time.sleep(SETTLE + LAG)
        return calm

    def _at_rest(self) -> bool:
        time.sleep(2)
        with self._store() as store, store.read() as tx:
            return tx.incidents.counts() == {Outlook.DONE: len(self.keys)}

    def _store(self) -> _Opened:
        if self._servers is not None:
            return _Opened(self._servers.database)
        return _Opened(f"sqlite:///{self.directory / 'data' / 'followthrough.db'}")

    # --- the end --------------------------------------------------------------------------------

    def _report(self, calm: bool, seconds: float) -> bool:
        verdict = company.judge(self.sandbox, self.keys)
        log = self.sandbox.hooks.log
        calls = self.sandbox.calls
        lost = sum(call.status == 0 and call.method != "GET" for call in calls)
        writes = sum(call.method != "GET" for call in calls)
        print(f"seed {self.plan.seed}: {len(self.keys)} closings in {seconds:.0f} s")
        killed = f"{self.kills['worker']} workers, {self.kills['web']} webs"
        if self._servers is not None:
            killed += f", {self.kills['child']} of their children"
        print(f"killed with -9: {killed}; ended by themselves: {self.kills['ended by itself']}")
        if self._servers is not None:
            print(
                f"Redis wiped: {self.kills['wipe']}, PostgreSQL restarted: {self.kills['restart']}"
            )
        print(f"calls: {len(calls)}, of them {writes} writes, {lost} without an answer")
        never = sum(1 for delivery in log if not any(delivery.statuses))
        doubled = f"{FAULTS.hooks_duplicated:.0%} doubled"
        print(f"webhooks: {len(log)}, {never} of them never arrived, {doubled}")
        print(f"search and lists lag {LAG} s, it waits {SETTLE} s")
        wrong = self._unexplained()
        for held in [h for h in verdict.held if not h.right()][:20]:
            print(f"  wrong: {held}")
        for stray in verdict.strays[:20]:
            print(f"  belongs to nothing: {stray}")
        for words in wrong[:20]:
            print(f"  not explained: {words}")
        print(
            f"{len(verdict.lost)} lost, {len(verdict.doubled)} double,"
            f" {len(verdict.strays)} strays, {len(wrong)} unexplained"
        )
        return calm and verdict.right() and not wrong

    def _unexplained(self) -> list[str]:
        """Incidents of which `explain` does not say how each thing came to be: every effect done,
        and whatever went wrong on the way in its own words."""
        wrong: list[str] = []
        unsure: Counter[str] = Counter()
        with self._store() as store, store.read() as tx:
            for key in self.keys:
                found = [explain(tx, record.incident.id) for record in tx.incidents.find(key)]
                if len(found) != 1 or found[0] is None:
                    wrong.append(f"{key}: known {len(found)} times")
                    continue
                told = "\n".join(f"{e.title} {e.detail}" for e in found[0].entries)
                unsure["looked up"] += told.count("may or may not have happened")
                for effect in found[0].effects:
                    if effect.state not in (EffectState.DONE, EffectState.LAPSED):
                        wrong.append(f"{key}: {effect.key} is {effect.state}: {effect.words}")
                for item in found[0].incident.actions:
                    if item.task is None or item.task.key not in told:
                        wrong.append(f"{key}: {item.name} is not accounted for")
        print(f"creations of unknown outcome, looked up: {unsure['looked up']}")
        return wrong


class Servers:
    """What the processes of a distributed service share. `database` is its address."""

    def __init__(self, directory: Path) -> None:
        self._redis = Broker()
        self._postgresql = PostgreSQL(directory / "postgresql")
        self.database = self._postgresql.url

    def settings(self) -> dict[str, str]:
        return {
            "FOLLOWTHROUGH_DATABASE_URL": self.database,
            "FOLLOWTHROUGH_BROKER_URL": self._redis.url,
            "FOLLOWTHROUGH_ADMIN_TOKEN": "admin-token-of-the-storm",
            "FOLLOWTHROUGH_WORKERS": "2",
        }

    def harm(self, how: str) -> None:
        if how == "wipe":
            self._redis.wipe()
        else:
            self._postgresql.restart()

    def stop(self) -> None:
        self._redis.stop()
        self._postgresql.stop()


class _Opened(Store):
    """A store for the time of a block."""

    def __enter__(self) -> _Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _until(holds: Callable[[], bool], seconds: float) -> bool:
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        if holds():
            return True
        time.sleep(0.1)
    return False


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--closings", type=int, default=200)
    parser.add_argument("--kills", type=int, default=32)
    parser.add_argument("--distributed", action="store_true", help="on PostgreSQL and Redis")
    parser.add_argument("--keep", type=Path, help="keep the database and the logs here")
    given = parser.parse_args()
    plan = Plan(given.seed, given.closings, given.kills)
    if given.distributed:
        plan = replace(plan, webs=2, workers=3)
    with tempfile.TemporaryDirectory(prefix="storm-") as directory:
        where = given.keep or Path(directory)
        where.mkdir(parents=True, exist_ok=True)
        right = Storm(plan, where).run()
    print("Everything came out right." if right else "Something is wrong.")
    raise SystemExit(0 if right else 1)


if __name__ == "__main__":
    main()
