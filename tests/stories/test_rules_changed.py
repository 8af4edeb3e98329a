"""Rules are changed under `followthrough up`: both of its processes go on, by other rules."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import needs
from running import Running
from stage import HOOKS

WEB = """\
teams:
  web:
    mode: act
    start_from: 2020-01-01
    incidents:
      - connection: github
        repository: acme/website
        match: {labels: [incident]}
        severity: {label: "sev*"}
    postmortem:
      document: {kind: github-issue, connection: github, repository: acme/website}
      tasks: {connection: github, repository: acme/website}
"""

#: Issues of acme/ops, which few may read, would be copied to where everybody may.
TELLTALE = """\
teams:
  telltale:
    mode: act
    start_from: 2020-01-01
    incidents:
      - {connection: github, repository: acme/ops, match: {labels: [telltale]}}
    postmortem:
      document: {kind: github-issue, connection: github, repository: acme/website}
      tasks: {connection: github, repository: acme/website}
"""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    needs("git")
    with Running(tmp_path, github=True) as running:
        hook = f"{running.url}/webhooks/github"
        running.sandbox.github.hook("acme/website", hook, HOOKS["GITHUB_HOOK"])
        yield running


def closed(running: Running, title: str) -> int:
    """An incident of acme/website that was opened and closed."""
    acme = running.sandbox.github
    number = acme.open_issue("acme/website", title, by="kim", labels=["incident", "sev1"])
    acme.comment("acme/website", number, f"ACTION: Mend {title} @kim", by="noor")
    acme.close("acme/website", number, by="kim")
    return number


def done(running: Running, number: int) -> bool:
    return bool(running.sandbox.github.repos["acme/website"].issues[number].children)


@pytest.mark.timeout(300)
def test_a_team_that_comes_while_the_service_runs_is_served_and_bad_rules_change_nothing(
    running: Running,
) -> None:
    running.wait_for(lambda: "in force since" in running.page("/operation"), "rules in force")
    early = closed(running, "Login down")
    running.wait_for(lambda: "acme/website" in running.page("/deliveries"), "its delivery")
    assert not done(running, early)

    (running.rules / "web.yaml").write_text(WEB)
    running.wait_for(lambda: done(running, early), "what was closed before its team came")
    page = running.page("/operation")
    assert "they were changed" in page
    running.wait_for(
        lambda: "2 processes have read them" in running.page("/operation"), "both to have read them"
    )

    (running.rules / "zoo.yaml").write_text("teams: {zoo: {}}\n")
    wrong = "zoo.yaml:1: teams.zoo.start_from: is missing"
    running.wait_for(lambda: running.page("/operation").count(wrong) > 1, "both to say so")
    meanwhile = closed(running, "Cart down")
    running.wait_for(lambda: done(running, meanwhile), "the work to go on")

    (running.rules / "zoo.yaml").write_text(TELLTALE)
    refused = "Team telltale: everybody may read acme/website"
    running.wait_for(lambda: refused in running.page("/operation"), "the refusal")
    (running.rules / "zoo.yaml").unlink()
    running.wait_for(
        lambda: "The rules can be used again" in running.page("/operation"), "the mended rules"
    )
    log = (running.directory / "log").read_text()
    assert "the rules there cannot be used; those before stay" in log
    assert "Traceback" not in log


@contextmanager
def second_worker(running: Running, rules: Path) -> Iterator[Path]:
    """A worker of another machine: it has rules of its own, and the database in common. Yields its
    log."""
    log = running.directory / "second"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "worker", "--rules", str(rules)],
            env=running.environ,
            stdout=file,
            stderr=file,
        )
    try:
        yield log
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0, log.read_text()


@pytest.mark.timeout(300)
def test_a_worker_that_is_started_with_rules_that_were_replaced_waits_for_the_new_ones(
    running: Running,
) -> None:
    running.wait_for(lambda: "in force since" in running.page("/operation"), "rules in force")
    late = shutil.copytree(running.rules, running.directory / "late")
    (running.rules / "web.yaml").write_text(WEB)
    running.wait_for(lambda: "they were changed" in running.page("/operation"), "the new rules")
    with second_worker(running, late) as log:
        running.wait_for(lambda: "and waits:" in running.page("/operation"), "it to wait")
        running.wait_for(lambda: "waits: other rules are in force" in log.read_text(), "its word")
        number = closed(running, "Login down")
        running.wait_for(lambda: done(running, number), "the other one to work")
        (late / "web.yaml").write_text(WEB)
        running.wait_for(
            lambda: "3 processes have read them" in running.page("/operation"), "all to agree"
        )
        assert "waits no more: these rules are in force" in log.read_text()
    running.wait_for(
        lambda: "2 processes have read them" in running.page("/operation"), "it to be gone"
    )
