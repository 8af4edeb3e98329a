"""The vendors' payloads, signed with openssl and posted with curl to the running service."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest
import requests
from conftest import needs
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

PAYLOADS = Path(__file__).parents[1] / "payloads"
ADMIN = "admin-token-5d6e"


class Running:
    """`followthrough up` in a process of its own, and the sandbox that it works against."""

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
        (directory / "rules.yaml").write_text(rules)
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
            "FOLLOWTHROUGH_RULES": str(directory / "rules.yaml"),
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

    def wait_for(self, done: Any, what: str) -> None:
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


def signed(body: bytes, secret: str) -> str:
    """sha256=… as `openssl dgst` computes it."""
    answer = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", secret, "-hex"],
        input=body,
        capture_output=True,
        check=True,
    )
    return "sha256=" + answer.stdout.decode().rsplit(" ", 1)[-1].strip()


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    needs("curl", "openssl", "git")
    with Running(tmp_path_factory.mktemp("github"), github=True) as running:
        yield running


@pytest.fixture(scope="module")
def jira(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    needs("curl", "openssl")
    with Running(tmp_path_factory.mktemp("jira"), github=False) as running:
        yield running


def test_github_issues_closed_ends_in_a_document_and_tasks(github: Running) -> None:
    acme = github.sandbox.github
    number = acme.open_issue("acme/ops", "Checkout down", by="kim", labels=["incident", "sev1"])
    acme.comment("acme/ops", number, "ACTION: Alert sooner @kim [detective]", by="noor")
    acme.close("acme/ops", number, by="kim")
    payload = json.loads((PAYLOADS / "github" / "issues.closed.json").read_text())
    issue = acme.repos["acme/ops"].issues[number]
    payload["issue"] |= {"node_id": issue.node_id, "number": number, "id": issue.id}
    payload["repository"]["full_name"] = "acme/ops"
    body = json.dumps(payload).encode()
    headers = ("X-GitHub-Event: issues", "X-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958")
    right = f"X-Hub-Signature-256: {signed(body, HOOKS['GITHUB_HOOK'])}"
    assert github.post("github", body + b" ", right, *headers) == 401
    assert github.post("github", body, right, *headers) == 202
    assert github.post("github", body, right, *headers) == 200
    github.wait_for(lambda: len(issue.notes) == 2, "the comment on the incident")
    assert [child.title for child in issue.children] == [
        "Alert sooner",
        f"Detect acme/ops#{number} sooner",
    ]
    assert "Checkout down" in github.page("/incidents")


def test_jira_issue_updated_ends_in_a_document_and_tasks(jira: Running) -> None:
    acme = jira.sandbox.jira
    fields: dict[str, Any] = {"customfield_10050": {"value": "SEV-1"}}
    key = acme.create_issue("INC", "Checkout down", by="5b10-kim", **fields)
    acme.comment(key, "ACTION: Alert sooner @kim@acme.example [detective]", by="5b10-noor")
    acme.transition(key, "Resolved", by="5b10-kim")
    payload = json.loads((PAYLOADS / "jira" / "issue_closed.json").read_text())
    issue = acme.issue(key)
    payload["issue"] |= {"id": issue.id, "key": key}
    payload["issue"]["fields"]["project"]["key"] = "INC"
    body = json.dumps(payload).encode()
    right = f"X-Hub-Signature: {signed(body, HOOKS['JIRA_HOOK'])}"
    identifier = "X-Atlassian-Webhook-Identifier: b2b1b2c3-0001"
    assert jira.post("jira", body.replace(b"jira:", b"Jira:"), right, identifier) == 401
    assert jira.post("jira", body, right, identifier) == 202
    jira.wait_for(lambda: len(issue.comments) == 2, "the comment on the incident")
    kinds = sorted(each.type for each in acme.issues.values())
    assert kinds == ["Incident", "Postmortem", "Task", "Task"]
    explained = subprocess.run(
        [sys.executable, "-m", "service", "explain", key],
        env=jira.environ,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert "the postmortem is set up" in explained


def test_no_secret_stands_in_any_log_or_row(github: Running, jira: Running) -> None:
    for running in (github, jira):
        kept = (running.directory / "log").read_bytes()
        for file in (running.directory / "data").iterdir():
            kept += file.read_bytes()
        for secret in (*TOKENS.values(), *HOOKS.values(), ADMIN):
            assert secret.encode() not in kept
