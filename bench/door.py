"""The real web process in a directory of its own, a sender beside it, and what is on disk then."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine

from bench.payloads import SECRETS

PATIENT = 30.0  # seconds until the process must answer

RULES = """
connections:
  acme-jira:
    kind: jira
    url: http://127.0.0.1:9
    auth: {type: basic, user: bot@acme.example, token: {env: ACME_TOKEN}}
    webhook_secrets: [{env: JIRA_HOOK}]
  acme-github:
    kind: github
    url: http://127.0.0.1:9
    auth: {type: token, token: {env: ACME_TOKEN}}
    webhook_secrets: [{env: GITHUB_HOOK}]
teams:
  payments:
    mode: plan
    start_from: 2026-12-01
    incidents:
      - {connection: acme-jira, project: INC, severity: {field: customfield_10050}}
      - {connection: acme-github, repository: acme/ops, severity: {label: "sev*"}}
    postmortem:
      when: {severity: [sev1]}
      document: {kind: github-issue, connection: acme-github, repository: acme/ops}
      tasks: {connection: acme-github, repository: acme/ops}
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """The final answer to one delivery."""

    connection: str
    id: str
    status: int
    milliseconds: float
    sent: int


class WebProcess:
    """`followthrough web`, which can be killed and started again over the same database: a file of
    its own, or that at `url`."""

    def __init__(self, directory: Path, url: str = "") -> None:
        self.directory = directory
        self._url = url
        self.port = _free_port()
        self.database = directory / "data" / "followthrough.db"
        (directory / "rules.yaml").write_text(RULES)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.directory / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "service", "web", "--rules", "rules.yaml"],
                cwd=self.directory,
                env=self.environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that it and its children are one group to kill
            )
        give_up_at = time.monotonic() + PATIENT
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                raise RuntimeError(f"web does not start: {self.said()}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it and its children in the middle of whatever they do, as a lost machine would."""
        if self._process is None:
            return
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        """Ask it to end."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(PATIENT)
            self._process = None
        except subprocess.TimeoutExpired:
            self.kill()

    def said(self) -> str:
        return (self.directory / "output").read_text()

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if "FOLLOWTHROUGH" not in name}
        return {
            **kept,
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "ACME_TOKEN": "a-token-of-acme",
            "JIRA_HOOK": SECRETS["acme-jira"],
            "GITHUB_HOOK": SECRETS["acme-github"],
            "FOLLOWTHROUGH_PORT": str(self.port),
            "FOLLOWTHROUGH_DATA": str(self.directory / "data"),
            **({"FOLLOWTHROUGH_DATABASE_URL": self._url} if self._url else {}),
        }

    @property
    def url(self) -> str:
        """Where its rows are."""
        return self._url or f"sqlite:///{self.database}"

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as line:
                line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                return line.recv(64).startswith(b"HTTP/1.1 200")
        except OSError:
            return False


class Load:
    """The sender in its own process; `answers` waits for its end."""

    def __init__(
        self, port: int, *, seconds: float, most: int, run: str, connections: int = 16
    ) -> None:
        words = [str(word) for word in (port, connections, seconds, most, run)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.load", *words],
            cwd=Path(__file__).parents[1],
            stdout=subprocess.PIPE,
            text=True,
        )

    def answers(self) -> list[Answer]:
        said, _ = self._process.communicate()
        if self._process.returncode != 0:
            raise RuntimeError("the sender failed")
        found = []
        for line in said.splitlines():
            connection, id, status, spent, sent = line.split()
            found.append(Answer(connection, id, int(status), float(spent), int(sent)))
        return found

    def end(self) -> list[Answer]:
        """Have it begin nothing new, and wait for the answers to what is on its way."""
        self._process.terminate()
        return self.answers()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def lost(url: str, answers: list[Answer]) -> list[str]:
    """What was acknowledged and is not on disk exactly once with its job, or worked on."""
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT d.connection, d.delivery_id, d.state, j.id IS NOT NULL FROM deliveries d"
            " LEFT JOIN jobs j ON j.kind = 'delivery' AND j.subject = CAST(d.id AS TEXT)"
        ).fetchall()
    engine.dispose()
    found: dict[tuple[str, str], list[bool]] = {}
    for door, delivery, state, has_job in rows:
        found.setdefault((door, delivery), []).append(state != "received" or bool(has_job))
    wrong = []
    for answer in answers:
        if answer.status not in (200, 202):
            wrong.append(f"{answer.id} was answered {answer.status}")
        elif (there := found.get((answer.connection, answer.id))) != [True]:
            wrong.append(f"{answer.id} was acknowledged ({answer.status}); on disk: {there}")
    return wrong


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
