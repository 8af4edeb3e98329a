"""The vendors' payloads, signed with openssl and posted with curl to the running service."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import needs
from running import ADMIN, Running
from stage import HOOKS, TOKENS

PAYLOADS = Path(__file__).parents[1] / "payloads"


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
