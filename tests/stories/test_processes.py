"""The service as it is really started: processes, signals, and nobody left behind."""

from __future__ import annotations

import hmac
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
from unanswered import HOOKED, RULES

PATIENT = 40.0  # seconds until a test gives up


@pytest.fixture(autouse=True)
def _control_c_counts() -> Iterator[None]:
    """Whoever runs the tests in the background of a shell has it ignored, and so have all processes
    that are started here (https://pubs.opengroup.org/onlinepubs/9699919799/utilities/V3_chap02.html,
    *Signals and Error Handling*)."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Service:
    """`followthrough up` in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.port = _free_port()
        self.directory = directory
        prepare(directory)
        self.output = directory / "output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "service", "up", "--rules", "rules.yaml"],
                cwd=directory,
                env=environment(self.port),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self) -> str:
        return self.output.read_text()

    def answers(self) -> bool:
        return _answers(self.port)

    def ready(self) -> bool:
        assert self.process.poll() is None, self.said()
        return self.answers() and "worker started" in self.said()

    def descendants(self) -> list[int]:
        table = subprocess.run(
            ["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True
        ).stdout
        parents = {int(pid): int(parent) for pid, parent in map(str.split, table.splitlines())}
        found = [self.process.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found[1:]

    def child(self, name: str) -> int:
        for pid in self.descendants():
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if name.encode() in command:
                return pid
        raise AssertionError(f"no {name} process among the children")


def prepare(directory: Path) -> None:
    (directory / "rules.yaml").write_text(RULES)
    # A file of somebody else with the name of one of our packages must not be ours.
    (directory / "celeryconfig.py").write_text("raise SystemExit('not ours')\n")


def environment(port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if "FOLLOWTHROUGH" not in name}
    return {
        **kept,
        "ACME_TOKEN": "a-token-of-acme",
        "FOLLOWTHROUGH_PORT": str(port),
        "FOLLOWTHROUGH_POLL_SECONDS": "3600",
    }


def refused(directory: Path, *words: str, port: int = 0, **settings: str) -> str:
    """What a command says that ends with 1 at once, and without a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "service", *words],
        cwd=directory,
        env=environment(port or _free_port()) | settings,
        capture_output=True,
        text=True,
        timeout=PATIENT,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    started = Service(tmp_path)
    try:
        until(started.ready)
        yield started
    finally:
        started.process.kill()  # its children end with it
        started.process.wait()


def until(holds: Callable[[], object]) -> None:
    give_up_at = time.monotonic() + PATIENT
    while not holds():
        assert time.monotonic() < give_up_at, "it never came true"
        time.sleep(0.05)


@contextmanager
def _listening() -> Iterator[int]:
    """A port that somebody listens on, willing to share it as Granian is."""
    with socket.socket() as somebody:
        somebody.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        yield int(somebody.getsockname()[1])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _alive(pid: int) -> bool:
    """Whether the process runs (one that ended and was not yet waited for does not)."""
    status = Path(f"/proc/{pid}/status")
    try:
        return not re.search(r"^State:\s+Z", status.read_text(), re.MULTILINE)
    except (FileNotFoundError, ProcessLookupError):
        return False


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="needs Linux's /proc to look at processes"
)


@needs_proc
def test_up_starts_everything_says_where_and_stops_cleanly_when_asked(service: Service) -> None:
    assert f"http://127.0.0.1:{service.port}" in service.said()
    assert "admin-token" in service.said()
    family = service.descendants()
    assert len(family) >= 2
    service.process.send_signal(signal.SIGINT)
    assert service.process.wait(PATIENT) == 0
    until(lambda: not any(map(_alive, family)))
    assert not service.answers()
    assert "a-token-of-acme" not in service.said()


@needs_proc
@pytest.mark.parametrize("name", ["web", "worker"])
def test_when_one_process_dies_the_other_is_stopped_and_up_fails(
    service: Service, name: str
) -> None:
    family = service.descendants()
    os.kill(service.child(name), signal.SIGKILL)
    assert service.process.wait(PATIENT) != 0
    until(lambda: not any(map(_alive, family)))
    assert f"The {name} process ended by itself" in service.said()


@needs_proc
def test_when_up_itself_is_killed_nobody_is_left_behind(service: Service) -> None:
    family = service.descendants()
    service.process.kill()
    service.process.wait()
    until(lambda: not any(map(_alive, family)))


@needs_proc
def test_a_second_up_on_the_same_data_is_told_who_holds_it(service: Service) -> None:
    told = refused(service.directory, "up")
    assert f"process {service.process.pid} on " in told
    assert "FOLLOWTHROUGH_DATA" in told
    assert service.answers()
    told = refused(service.directory, "web", port=service.port)
    assert f"Port {service.port} on 127.0.0.1 is in use" in told


@pytest.mark.parametrize("command", ["up", "web"])
def test_a_port_that_somebody_listens_on_is_told_before_anything_starts(
    tmp_path: Path, command: str
) -> None:
    prepare(tmp_path)
    with _listening() as port:
        told = refused(tmp_path, command, port=port)
    assert told == (
        f"Port {port} on 127.0.0.1 is in use; stop what listens there or set FOLLOWTHROUGH_PORT.\n"
    )


def test_an_address_that_is_not_of_this_machine_is_told(tmp_path: Path) -> None:
    prepare(tmp_path)
    told = refused(tmp_path, "web", FOLLOWTHROUGH_HOST="192.0.2.1")
    assert "cannot be listened on" in told


@pytest.mark.parametrize("command", ["up", "web", "worker"])
def test_a_data_directory_that_cannot_be_made_is_told(tmp_path: Path, command: str) -> None:
    prepare(tmp_path)
    told = refused(tmp_path, command, FOLLOWTHROUGH_DATA="rules.yaml/data")
    assert f"{tmp_path / 'rules.yaml' / 'data'} cannot be made" in told


@pytest.mark.parametrize("command", ["up", "worker"])
def test_a_clock_that_is_moved_starts_nothing_that_could_write_to_a_real_tracker(
    tmp_path: Path, command: str
) -> None:
    prepare(tmp_path)
    real = RULES.replace("http://127.0.0.1:9", "https://api.github.com")
    (tmp_path / "rules.yaml").write_text(real)
    said = refused(tmp_path, command, FOLLOWTHROUGH_CLOCK="clock")
    assert "moves time, and acme-github would be written to." in said
    assert "Nothing was started." in said


@pytest.mark.parametrize("command", ["up", "web", "worker"])
def test_without_rules_each_process_says_how_to_write_them(tmp_path: Path, command: str) -> None:
    told = refused(tmp_path, command)
    assert "There are no rules at rules.yaml." in told
    assert "followthrough init` writes one with you." in told


@pytest.mark.parametrize("words", [("explain", "INC-1"), ("deliveries", "list")])
def test_looking_where_no_service_ever_ran_makes_nothing(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    told = refused(tmp_path, *words)
    assert f"There is no database at {tmp_path / 'followthrough-data' / 'followthrough.db'}" in told
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    refused(tmp_path, *words, FOLLOWTHROUGH_DATA="file/data")


@pytest.mark.parametrize("imported", ["click.core", "requests.models"])
def test_control_c_in_the_first_second_ends_up_without_a_traceback(
    tmp_path: Path, imported: str
) -> None:
    prepare(tmp_path)
    output = tmp_path / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-X", "importtime", "-m", "service", "up"],
            cwd=tmp_path,
            env=environment(_free_port()),
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    until(lambda: imported in output.read_text())
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENT) in (0, -signal.SIGINT)
    assert "Traceback" not in output.read_text()


@needs_proc
def test_a_webhook_that_is_in_flight_when_the_service_is_told_to_stop_is_answered(
    tmp_path: Path,
) -> None:
    prepare(tmp_path)
    (tmp_path / "rules.yaml").write_text(HOOKED)
    port, answers = _free_port(), list[int]()
    body = b'{"zen": "Keep it logically awesome."}'
    signed = hmac.new(b"a-hook-of-acme", body, "sha256").hexdigest()
    headers = {
        "X-GitHub-Event": "ping",
        "X-GitHub-Delivery": "00000000-0000-4000-8000-000000000001",
        "X-Hub-Signature-256": f"sha256={signed}",
        "Content-Type": "application/json",
    }

    def deliver() -> None:
        request = Request(f"http://127.0.0.1:{port}/webhooks/acme-github", body, headers)
        with urlopen(request, timeout=PATIENT) as answer:
            answers.append(answer.status)

    process = subprocess.Popen(
        [sys.executable, "-m", "service", "web"],
        cwd=tmp_path,
        env=environment(port) | {"ACME_HOOK": "a-hook-of-acme"},
        start_new_session=True,
    )
    try:
        until(lambda: _answers(port))
        database = sqlite3.connect(tmp_path / "followthrough-data" / "followthrough.db")
        with closing(database):
            database.execute("BEGIN IMMEDIATE")  # so the webhook must wait to be on disk
            sender = threading.Thread(target=deliver)
            sender.start()
            time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            assert answers == []
            database.rollback()
        sender.join(PATIENT)
        assert answers == [202]
        assert process.wait(PATIENT) == 0
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False
