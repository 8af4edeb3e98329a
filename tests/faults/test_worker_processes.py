"""`followthrough worker` as it is really started, over a real Redis: signals, children that are
killed, and a folder that holds somebody else's modules."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import needs

from bench.servers import Broker, redis_running
from service.store import Store
from service.store.claims import Job
from service.tick import DUE, TICK_JOB

PATIENT = 60.0
COMMAND = Path(sys.executable).parent / "followthrough"

RULES = """
connections:
  acme-github:
    kind: github
    url: http://127.0.0.1:{port}
    auth: {{type: token, token: {{env: ACME_TOKEN}}}}
teams:
  payments:
    mode: plan
    start_from: 2026-12-01
    incidents:
      - connection: acme-github
        repository: acme/ops
        match: {{labels: [incident]}}
        severity: {{label: "sev*"}}
    postmortem:
      when: {{severity: [sev1]}}
      document: {{kind: github-issue, connection: acme-github, repository: acme/ops}}
      tasks: {{connection: acme-github, repository: acme/ops}}
"""

#: An answer is waited for 2 seconds, or so long that a worker is asked to end before.
IMPATIENT = {"ANSWER_SECONDS": "2", "LEASE_SECONDS": "10", "SETTLE_SECONDS": "20"}
PATIENTLY = {"ANSWER_SECONDS": "90", "LEASE_SECONDS": "190", "SETTLE_SECONDS": "400"}


class SilentTracker:
    """Takes requests and never answers."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.asked: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                self.asked.append(self._server.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        self._server.close()
        for each in self.asked:
            each.close()


class Started:
    """A worker in a directory of its own, which asks a tracker that never answers."""

    def __init__(self, directory: Path, broker: Broker) -> None:
        self.directory = directory
        self.broker = broker
        self.tracker = SilentTracker()
        (directory / "rules.yaml").write_text(RULES.format(port=self.tracker.port))
        self.output = directory / "output"
        self.processes: list[subprocess.Popen[bytes]] = []
        self._store: Store | None = None

    def start(self, pool: str, timing: dict[str, str]) -> subprocess.Popen[bytes]:
        with self.output.open("ab") as output:
            process = subprocess.Popen(
                [COMMAND, "worker"],
                cwd=self.directory,
                env=environment(POOL=pool, BROKER_URL=self.broker.url, WORKERS="2", **timing),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.processes.append(process)
        until(lambda: self.tracker.asked or process.poll() is not None)
        assert process.poll() is None, self.output.read_text()
        return process

    def all_children(self) -> bool:
        return self.output.read_text().count("process of the worker started") == 2

    def store(self) -> Store:
        if self._store is None:
            self._store = Store(f"sqlite:///{self.directory}/followthrough-data/followthrough.db")
        return self._store

    def asked_again_until(self, words: str) -> Callable[[], bool]:
        """Asks for a job that is done at once, until it said this."""

        def said() -> bool:
            with self.store().write() as tx:
                tx.jobs.touch(TICK_JOB, DUE)
            return words in self.output.read_text()

        return said

    def poll(self) -> Job:
        """The job that asks the tracker."""
        with self.store().read() as tx:
            found = tx.jobs.get("poll", "acme-github")
        assert found is not None
        return found

    def end(self) -> None:
        self.tracker.close()
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if self._store is not None:
            self._store.close()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    needs("redis-server")
    with redis_running() as broker:
        made = Started(tmp_path, broker)
        yield made
        made.end()


def environment(**settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if "FOLLOWTHROUGH" not in name}
    ours = {f"FOLLOWTHROUGH_{name}": value for name, value in settings.items()}
    return {**kept, "ACME_TOKEN": "a-token-of-acme", **ours}


def until(holds: Callable[[], object]) -> None:
    give_up_at = time.monotonic() + PATIENT
    while not holds():
        assert time.monotonic() < give_up_at, "it never came true"
        time.sleep(0.05)


def children(process: subprocess.Popen[bytes]) -> set[int]:
    table = subprocess.run(["ps", "-eo", "pid=,ppid=,stat="], capture_output=True, text=True)
    rows = [line.split() for line in table.stdout.splitlines()]
    return {int(pid) for pid, of, how in rows if int(of) == process.pid and how[0] != "Z"}


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="needs Linux's /proc to look at processes"
)


@needs_proc
@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_who_is_asked_to_end_finishes_what_is_in_flight(started: Started, pool: str) -> None:
    worker = started.start(pool, IMPATIENT)
    until(lambda: pool == "threads" or started.all_children())
    family = children(worker)
    worker.terminate()
    assert worker.wait(PATIENT) == 0
    until(lambda: not any(map(alive, family)))
    assert started.poll().lease_until is None
    assert "handed back" not in started.output.read_text()


@needs_proc
@pytest.mark.parametrize("pool", ["threads", pytest.param("prefork", marks=pytest.mark.long)])
def test_what_does_not_end_in_time_is_handed_back_and_another_worker_takes_it(
    started: Started, pool: str
) -> None:
    worker = started.start(pool, PATIENTLY)
    family = children(worker)
    worker.terminate()
    assert worker.wait(PATIENT) == 0
    until(lambda: not any(map(alive, family)))
    assert "handed back" in started.output.read_text()
    asked = len(started.tracker.asked)
    assert started.poll().lease_until is None
    started.start(pool, PATIENTLY)
    until(lambda: len(started.tracker.asked) > asked)


@needs_proc
def test_a_child_that_is_killed_is_replaced_and_its_job_goes_on(started: Started) -> None:
    worker = started.start("prefork", IMPATIENT)
    until(started.all_children)
    family, asked, attempt = children(worker), len(started.tracker.asked), started.poll().attempt
    for child in family:
        os.kill(child, signal.SIGKILL)
    until(lambda: len(children(worker) - family) == 2)
    until(lambda: len(started.tracker.asked) > asked)
    assert started.poll().attempt > attempt
    assert worker.poll() is None


@needs_proc
def test_a_child_that_is_asked_to_end_by_somebody_else_ends_and_is_replaced(
    started: Started,
) -> None:
    worker = started.start("prefork", IMPATIENT)
    until(started.all_children)
    family = children(worker)
    for child in family:
        os.kill(child, signal.SIGTERM)
    until(lambda: len(children(worker) - family) == 2)
    until(lambda: not any(map(alive, family)))


@needs_proc
def test_children_end_with_a_parent_that_is_killed(started: Started) -> None:
    worker = started.start("prefork", IMPATIENT)
    until(started.all_children)
    family = children(worker)
    worker.kill()
    worker.wait()
    until(lambda: not any(map(alive, family)))


@needs_proc
def test_children_work_without_redis_and_are_woken_once_it_is_back(started: Started) -> None:
    started.broker.stop()
    worker = started.start("prefork", IMPATIENT)
    until(lambda: "jobs are run without it" in started.output.read_text())
    started.broker.start()
    until(started.asked_again_until("broker answers again"))
    until(started.all_children)
    family = children(worker)
    os.kill(min(family), signal.SIGKILL)
    until(lambda: len(children(worker) - {min(family)}) == 2)


CANNOT_START_AT_FIRST = """
import os, sys, threading
from pathlib import Path
from config.secrets import Secret
from service.running import Runner
from service.store import Store
from service.worker import Prefork

broker, began, stop = sys.argv[1], Path(sys.argv[2]), threading.Event()

def begin(kept):
    with began.open("a") as file:
        print(os.getpid(), file=file)
    if len(began.read_text().split()) == 1:
        raise OSError("the database is away")
    return Runner(Store(f"sqlite:///{began}.db"), {}, 1)

Prefork(begin, 1, Secret(broker)).run(stop)
"""


@needs_proc
def test_a_child_that_cannot_start_is_replaced(started: Started) -> None:
    began = started.directory / "began"
    words = [sys.executable, "-c", CANNOT_START_AT_FIRST, started.broker.url, str(began)]
    with started.output.open("ab") as output:
        worker = subprocess.Popen(words, stdout=output, stderr=output, start_new_session=True)
    started.processes.append(worker)
    until(lambda: "process of the worker started" in started.output.read_text())
    first, second = began.read_text().split()
    until(lambda: not alive(int(first)))
    assert alive(int(second))
    assert worker.poll() is None


ALIEN = ("celeryconfig", "config", "service", "workflows", "integrations", "celeryapp")


@pytest.mark.parametrize("command", ["worker", pytest.param("up", marks=pytest.mark.long)])
def test_a_folder_of_somebody_elses_modules_has_no_say(started: Started, command: str) -> None:
    for name in ALIEN:
        (started.directory / f"{name}.py").write_text("raise SystemExit('this was imported')\n")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    with started.output.open("wb") as output:
        process = subprocess.Popen(
            [COMMAND, command],
            cwd=started.directory,
            env=environment(BROKER_URL=started.broker.url, PORT=port, **IMPATIENT),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    started.processes.append(process)
    until(lambda: "worker started" in started.output.read_text() or process.poll() is not None)
    process.terminate()
    assert process.wait(PATIENT) == 0, started.output.read_text()
    assert "this was imported" not in started.output.read_text()


@pytest.mark.parametrize("named", ["service.worker", "service", "service.running", "followthrough"])
def test_celery_starts_through_our_command_only(tmp_path: Path, named: str) -> None:
    found = subprocess.run(
        [sys.executable, "-P", "-m", "celery", "-A", named, "worker"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENT,
        check=False,
    )
    assert found.returncode != 0
    assert "Unable to load celery application" in found.stdout + found.stderr
