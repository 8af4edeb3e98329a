"""`followthrough up` in a process of its own, against a sandbox."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import requests
from stage import (
    GITHUB_INCIDENTS,
    GITHUB_TASKS,
    HOOKS,
    JIRA_INCIDENTS,
    JIRA_ISSUE,
    JIRA_TASKS,
    PULL_REQUEST,
    TOKENS,
    free_port,
    rules_text,
)

from integrations.sandbox import Sandbox
from integrations.sandbox.acme import populate

ADMIN = "admin-token-5d6e"


class Running:
    """`followthrough up` in a process of its own, and the sandbox that it works against. Its rules
    stand in the directory `rules`."""

    def __init__(self, directory: Path, *, github: bool) -> None:
        self.sandbox = Sandbox()
        populate(self.sandbox, TOKENS["JIRA_TOKEN"], TOKENS["GITHUB_TOKEN"])
        parts = (
            (GITHUB_INCIDENTS, PULL_REQUEST, GITHUB_TASKS)
            if github
            else (JIRA_INCIDENTS, JIRA_ISSUE, JIRA_TASKS)
        )
        incidents, document, tasks = parts
        rules = rules_text(
            self.sandbox,
            incidents=incidents,
            document=document,
            tasks=tasks,
            mode="act",
            limits="none",
        ).replace("2026-12-01", "2020-01-01")
        self.rules = directory / "rules"
        self.rules.mkdir()
        (self.rules / "payments.yaml").write_text(rules)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.environ = {
            **os.environ,
            **TOKENS,
            **HOOKS,
            "FOLLOWTHROUGH_PORT": str(port),
            "FOLLOWTHROUGH_DATA": str(directory / "data"),
            "FOLLOWTHROUGH_ADMIN_TOKEN": ADMIN,
            "FOLLOWTHROUGH_POLL_SECONDS": "3600",
            "FOLLOWTHROUGH_RULES": str(self.rules),
        }
        self.directory = directory

    def __enter__(self) -> Self:
        self.sandbox.__enter__()
        with (self.directory / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "service", "up"], env=self.environ, stderr=log, stdout=log
            )
        self.wait_for(lambda: self._answers(), "the service to start")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=60)
        self.sandbox.__exit__(None, None, None)

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/healthz", timeout=2).ok
        except requests.ConnectionError:
            return False

    def wait_for(self, done: Callable[[], object], what: str) -> None:
        for _ in range(600):
            if done():
                return
            assert self.process.poll() is None, (self.directory / "log").read_text()
            time.sleep(0.1)
        log = (self.directory / "log").read_text()
        raise AssertionError(f"waited in vain for {what}\n{log}")

    def post(self, connection: str, body: bytes, *headers: str) -> int:
        """Post with curl; returns the status."""
        command = ["curl", "-s", "-o", os.devnull, "-w", "%{http_code}", "--data-binary", "@-"]
        for header in headers:
            command += ["-H", header]
        answer = subprocess.run(
            [*command, f"{self.url}/webhooks/{connection}"],
            input=body,
            capture_output=True,
            check=True,
        )
        return int(answer.stdout)

    def page(self, path: str = "/") -> str:
        headers = {"Authorization": f"Bearer {ADMIN}"}
        return requests.get(self.url + path, headers=headers, timeout=5).text
