"""How many changes a second are kept in sync end to end, beside the same calls made bare.

    python -m bench.sync          (or: make bench-sync)

Tasks in Jira, their twins on GitHub and the rows of their documents. People change one field in
one place of every task at once, and wait until all three places show it: the owner in Jira, the
status on GitHub, the owner on GitHub, the status in Jira. Between lie the webhook that the sandbox
signs and sends, the real web process, the real worker with its usual number of threads, and its
calls. The sandbox and the people are another process, so that the service's own time of a
processor is known (read from /proc, so on Linux only). Documents are written with every change
here, and not once a minute, so that each change is in all of its places when it counts.

The floor are the calls which the same changes need, made bare by as many threads, with the worker
stopped; the webhooks which they cause are sent and acknowledged as before.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from bench import company, mirror
from bench.company import BOOKS, OPS
from bench.mirror import PEOPLE, Mirror, Task
from integrations.sandbox import Sandbox
from integrations.sandbox.acme import BOT_EMAIL
from integrations.sandbox.faults import Faults

THREADS = 4  # what FOLLOWTHROUGH_WORKERS is unless it is set
PATIENT = 600.0  # seconds until a round is given up
ALONE = 12  # changes that are made one after another
TICK = os.sysconf("SC_CLK_TCK")


class Service:
    """The web process and the worker, in a directory of their own."""

    def __init__(self, directory: Path, sandbox: Sandbox) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self._port}"
        self._directory = directory
        (directory / "rules.yaml").write_text(mirror.rules(sandbox))
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        kept = {name: value for name, value in os.environ.items() if "FOLLOWTHROUGH" not in name}
        environ = {
            **kept,
            **company.SECRETS,
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "FOLLOWTHROUGH_DATA": str(self._directory / "data"),
            "FOLLOWTHROUGH_RULES": str(self._directory / "rules.yaml"),
            "FOLLOWTHROUGH_PORT": str(self._port),
            "FOLLOWTHROUGH_WORKERS": str(THREADS),
            "FOLLOWTHROUGH_POLL_SECONDS": "3600",
        }
        with (self._directory / f"{name}.log").open("ab") as output:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", "service", name],
                cwd=self._directory,
                env=environ,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self, name: str) -> None:
        process = self._running.pop(name, None)
        if process is not None:
            process.terminate()
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def answers(self) -> bool:
        try:
            with urlopen(f"{self.url}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def spent(self, name: str) -> float:
        """Seconds of a processor that the process and its children took so far."""
        group, spent = self._running[name].pid, 0.0
        for file in Path("/proc").glob("[0-9]*/stat"):
            try:
                told = file.read_text().rpartition(")")[2].split()
            except OSError:  # ended meanwhile
                continue
            if int(told[2]) == group:
                spent += (int(told[11]) + int(told[12])) / TICK
        return spent


@dataclass(frozen=True, slots=True)
class Round:
    """Changes that were made at once: how long until tickets, and until all places, showed them;
    the seconds of a processor that the service took; and the calls that were made."""

    changes: int
    tickets: float
    everywhere: float
    worker: float
    web: float
    calls: int


class Bench:
    def __init__(self, sandbox: Sandbox, people: Mirror, service: Service) -> None:
        self.sandbox = sandbox
        self.people = people
        self.service = service

    def settle(self) -> None:
        """Set the incidents up; not measured."""
        self.service.start("web")
        wait_for(self.service.answers)
        company.register_hooks(self.sandbox, self.service.url)
        self.sandbox.hooks.drain()
        self.service.start("worker")
        self.people.close_incidents()
        wait_for(self.people.all_there, look_every=0.5)
        for turn in range(2):  # everybody is known, what is cached is cached
            self.round(turn)
        self.people.turn = 2

    def rounds(self, rounds: int) -> list[Round]:
        told = [self.round(self.people.turn + n) for n in range(rounds)]
        self.people.turn += rounds
        return told

    def round(self, turn: int) -> Round:
        """Every task is changed once."""
        tasks = self.people.tasks
        self._quiet()
        self.sandbox.reset_calls()
        worker, web = self.service.spent("worker"), self.service.spent("web")
        begun = time.monotonic()
        for task in tasks:
            self.people.change(task, turn)
        waiting = list(tasks)
        while waiting := mirror.left(waiting, self.people.tickets_show):
            _pause(begun)
        tickets = time.monotonic() - begun
        waiting = list(tasks)
        while waiting := mirror.left(waiting, self.people.row_shows):
            _pause(begun)
        everywhere = time.monotonic() - begun
        self._quiet()  # echoes cost time of a processor as well
        return Round(
            len(tasks),
            tickets,
            everywhere,
            self.service.spent("worker") - worker,
            self.service.spent("web") - web,
            len(self.sandbox.calls),
        )

    def alone(self) -> list[float]:
        """Seconds until a change showed everywhere, of changes that were made one by one."""
        found = []
        for n in range(ALONE):
            task = self.people.tasks[n % len(self.people.tasks)]
            self._quiet()
            begun = time.monotonic()
            self.people.change(task, n)
            while not self.people.shows(task):
                _pause(begun, 0.002)
            found.append(time.monotonic() - begun)
        return sorted(found)

    def floor(self, turn: int) -> tuple[float, float, int]:
        """A round's calls made bare: seconds, seconds of a processor, and how many calls."""
        changes = [self._bare(task, turn) for task in self.people.tasks]
        answer = subprocess.run(
            [sys.executable, "-m", "bench.bare", str(THREADS)],
            input=json.dumps(changes),
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[1],
        )
        took, spent, calls, failed = answer.stdout.split()
        if int(failed):
            raise RuntimeError(f"{failed} of the bare calls failed")
        self.sandbox.hooks.drain()
        return float(took), float(spent), int(calls)

    def _bare(self, task: Task, turn: int) -> list[Any]:
        """What carries one change: both tickets are read, one is written, and the document."""
        jira, github = f"/rest/api/3/issue/{task.id}", f"/repos/{OPS}/issues/{task.number}"
        handle, login, _ = PEOPLE[turn % 2]
        calls = [
            self._jira("GET", f"{jira}?fields=summary,status,assignee,duedate,updated", None),
            self._github("GET", github, None),
        ]
        if turn % 2:
            calls.append(self._github("PATCH", github, {"assignees": [login]}))
        else:
            calls.append(self._jira("PUT", jira, {"fields": {"assignee": {"accountId": handle}}}))
        books = self.sandbox.github.repos[BOOKS]
        data = books.commits[books.branches[task.branch]].tree[task.path]
        text = data + b"." if turn % 2 else data[:-1]
        body = {
            "message": "Keep the document up to date",
            "content": base64.b64encode(text).decode(),
            "sha": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest(),
            "branch": task.branch,
        }
        path = f"/repos/{BOOKS}/contents/{task.path}"
        return [*calls, self._github("PUT", path, body)]

    def _jira(self, method: str, path: str, body: object) -> list[object]:
        signed = base64.b64encode(f"{BOT_EMAIL}:{company.SECRETS['JIRA_TOKEN']}".encode())
        return _call(self.sandbox.jira_url, method, path, f"Basic {signed.decode()}", body)

    def _github(self, method: str, path: str, body: object) -> list[object]:
        token = f"token {company.SECRETS['GITHUB_TOKEN']}"
        return _call(self.sandbox.github_url, method, path, token, body)

    def _quiet(self) -> None:
        """Until no echo is heard any more, and nobody works."""
        while True:
            self.sandbox.hooks.drain()
            before = self.service.spent("worker"), len(self.sandbox.calls)
            time.sleep(0.4)
            idle = self.service.spent("worker") - before[0] <= 0.03
            if idle and len(self.sandbox.calls) == before[1]:
                return


def _call(base: str, method: str, path: str, auth: str, body: object) -> list[object]:
    address, slash, prefix = base.removeprefix("http://").partition("/")
    headers = {"Authorization": auth, "Content-Type": "application/json"}
    return [address, method, f"{slash}{prefix}{path}", headers, body]


def _pause(begun: float, seconds: float = 0.02) -> None:
    if time.monotonic() - begun > PATIENT:
        raise RuntimeError("it takes too long")
    time.sleep(seconds)


def wait_for(holds: Callable[[], bool], look_every: float = 0.1) -> None:
    begun = time.monotonic()
    while not holds():
        _pause(begun, look_every)


def run(incidents: int, each: int, rounds: int, directory: Path) -> None:
    say(f"load average before: {load()}; the worker has {THREADS} threads")
    with Sandbox() as sandbox:
        company.settle_in(sandbox)
        service = Service(directory, sandbox)
        bench = Bench(sandbox, Mirror(sandbox, incidents, each), service)
        try:
            bench.settle()
            say(f"{incidents} incidents, {each} tasks each; a round changes every task once")
            for seconds in (0.0, 0.1):
                sandbox.set_faults(Faults(slow=1.0, slow_seconds=seconds) if seconds else None)
                say(f"at {seconds * 1000:.0f} ms of tracker latency:")
                _tell(bench.rounds(rounds))
                alone = bench.alone()
                say(f"  one by one: p50 {_at(alone, 0.5)}, max {_at(alone, 1)} ms everywhere")
            service.stop("worker")
            for seconds in (0.0, 0.1):
                sandbox.set_faults(Faults(slow=1.0, slow_seconds=seconds) if seconds else None)
                took, spent, calls = bench.floor(0)
                again, more, _ = bench.floor(1)
                count = 2 * len(bench.people.tasks)
                say(
                    f"floor at {seconds * 1000:.0f} ms, {calls / (count / 2):.1f} bare calls a"
                    f" change: {count / (took + again):.1f}/s,"
                    f" {(spent + more) / count * 1000:.1f} ms of a processor"
                )
        finally:
            service.stop("worker")
            service.stop("web")
    say(f"load average after: {load()}")


def _tell(rounds: list[Round]) -> None:
    changes = sum(each.changes for each in rounds)
    tickets, everywhere = (
        changes / sum(each.tickets for each in rounds),
        changes / sum(each.everywhere for each in rounds),
    )
    slowest = min(each.changes / each.everywhere for each in rounds)
    worker = sum(each.worker for each in rounds) / changes * 1000
    web = sum(each.web for each in rounds) / changes * 1000
    calls = sum(each.calls for each in rounds) / changes
    say(
        f"  {everywhere:.1f} changes/s in all three places ({slowest:.1f} in the slowest round),"
        f" {tickets:.1f}/s in both tickets"
    )
    say(f"  {calls:.1f} calls a change; of a processor: worker {worker:.1f} ms, web {web:.1f} ms")


def _at(told: list[float], part: float) -> str:
    return f"{told[min(int(len(told) * part), len(told) - 1)] * 1000:.0f}"


def load() -> str:
    return " ".join(f"{part:.1f}" for part in os.getloadavg())


def say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--incidents", type=int, default=40)
    parser.add_argument("--tasks", type=int, default=1, help="of each incident")
    parser.add_argument("--rounds", type=int, default=4)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-sync-") as directory:
        run(given.incidents, given.tasks, given.rounds, Path(directory))


if __name__ == "__main__":
    main()
