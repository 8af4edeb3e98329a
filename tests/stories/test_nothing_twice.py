"""Closed, reopened and closed again; told twice, late, or not at all: the end is the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from stage import JIRA_INCIDENTS, JIRA_ISSUE, JIRA_TASKS, Stage

from integrations.sandbox.hooks import Delivery
from workflows.model import Outlook, Phase

REPO = "acme/ops"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as stage:
        yield stage


def opened(stage: Stage, *lines: str) -> int:
    number = stage.sandbox.github.open_issue(
        REPO, "Checkout answers 500", by="kim", labels=["incident", "sev2"]
    )
    for line in lines:
        stage.sandbox.github.comment(REPO, number, line, by="noor")
    return number


def closed(stage: Stage, *lines: str) -> int:
    number = opened(stage, *lines)
    stage.sandbox.github.close(REPO, number, by="kim")
    stage.settle()
    return number


def made(stage: Stage) -> tuple[int, int, int]:
    """Pull requests, tasks and comments of the service that there are in the sandbox."""
    github = stage.sandbox.github
    pulls = [i for i in github.repos["acme/postmortems"].issues.values() if i.pull]
    issues = list(github.repos[REPO].issues.values())
    tasks = [issue for issue in issues if "remediation" in issue.labels]
    notes = [note for issue in issues for note in issue.notes if "Followthrough" in note.body]
    return len(pulls), len(tasks), len(notes)


def test_closed_reopened_and_closed_again(stage: Stage) -> None:
    number = closed(stage, "ACTION: one")
    stage.sandbox.github.reopen(REPO, number, by="kim")
    stage.settle()
    assert stage.incident(f"{REPO}#{number}").outlook is Outlook.WATCHING
    stage.sandbox.github.comment(REPO, number, "ACTION: two", by="noor")
    stage.sandbox.github.close(REPO, number, by="kim")
    stage.settle()
    assert made(stage) == (1, 2, 1)
    assert stage.incident(f"{REPO}#{number}").outlook is Outlook.DONE


def test_the_same_deliveries_twice_are_answered_and_change_nothing(stage: Stage) -> None:
    closed(stage, "ACTION: one")
    before = len(stage.sandbox.writes())
    log: list[Delivery] = list(stage.sandbox.hooks.log)
    answers = {
        requests.post(d.hook.url, data=d.body, headers=d.headers(), timeout=10).status_code
        for d in log
    }
    stage.settle()
    assert answers == {200}
    assert len(stage.sandbox.writes()) == before
    assert made(stage) == (1, 1, 1)


def test_a_delivery_under_a_new_id_changes_nothing_either(stage: Stage) -> None:
    closed(stage, "ACTION: one")
    before = len(stage.sandbox.writes())
    for delivery in list(stage.sandbox.hooks.log):
        headers = delivery.headers() | {"X-GitHub-Delivery": f"again-{delivery.id}"}
        requests.post(delivery.hook.url, data=delivery.body, headers=headers, timeout=10)
    stage.settle()
    assert len(stage.sandbox.writes()) == before


def test_the_poller_and_the_webhook_at_once(stage: Stage) -> None:
    number = opened(stage, "ACTION: one")
    stage.sandbox.github.close(REPO, number, by="kim")
    stage.poll()
    stage.poll()
    assert made(stage) == (1, 1, 1)


def test_without_any_webhook_the_poller_gets_there_alone(tmp_path: Path) -> None:
    with Stage(tmp_path, webhooks=False) as stage:
        number = closed(stage, "ACTION: one")
        assert made(stage) == (0, 0, 0)
        stage.poll()
        assert made(stage) == (1, 1, 1)
        assert stage.incident(f"{REPO}#{number}").outlook is Outlook.DONE


def test_what_is_told_while_it_is_being_worked_on_is_not_lost(tmp_path: Path) -> None:
    with Stage(tmp_path, webhooks=False) as stage:
        closed(stage, "ACTION: one")
        stage.poll()
        stage.sandbox.github.comment(REPO, 1, "ACTION: two", by="noor")
        stage.wait(timedelta(minutes=2))
        stage.poll()
        assert made(stage) == (1, 2, 1)


def test_a_comment_on_an_incident_closed_before_the_start_starts_nothing(stage: Stage) -> None:
    stage.sandbox.hooks.enabled = False
    stage.clock.wait(timedelta(days=-30))
    number = opened(stage)
    stage.sandbox.github.close(REPO, number, by="kim")
    stage.clock.wait(timedelta(days=30))
    stage.sandbox.hooks.enabled = True
    stage.sandbox.github.comment(REPO, number, "ACTION: what if we had …", by="noor")
    stage.settle()
    stage.poll()
    assert made(stage) == (0, 0, 0)
    assert "left alone" in stage.told(f"{REPO}#{number}")


def test_a_duplicate_is_left_without_a_postmortem(stage: Stage) -> None:
    number = opened(stage, "ACTION: one")
    stage.sandbox.github.close(REPO, number, by="kim", state_reason="not_planned")
    stage.settle()
    assert made(stage) == (0, 0, 0)
    assert stage.incident(f"{REPO}#{number}").phase is Phase.SET_ASIDE


def test_a_deleted_incident_is_a_tombstone(stage: Stage) -> None:
    number = closed(stage, "ACTION: one")
    stage.sandbox.github.delete(REPO, number, by="kim")
    stage.settle()
    assert stage.incident(f"{REPO}#{number}").phase is Phase.GONE
    assert made(stage)[:2] == (1, 1)


def test_a_team_in_plan_mode_writes_nothing_and_shows_what_it_would_do(tmp_path: Path) -> None:
    with Stage(tmp_path, mode="plan") as stage:
        number = closed(stage, "ACTION: one")
        stage.poll()
        assert stage.sandbox.writes() == []
        assert "the postmortem is set up" in stage.told(f"{REPO}#{number}")
        stage.restart(mode="act")
        stage.container.reconciler.start()
        stage.settle()
        assert made(stage) == (1, 1, 1)


def test_a_team_that_planned_for_a_while_catches_up_when_it_acts_again(stage: Stage) -> None:
    number = closed(stage, "ACTION: one")
    stage.restart(mode="plan")
    stage.sandbox.github.comment(REPO, number, "ACTION: two", by="noor")
    stage.settle()
    assert made(stage) == (1, 1, 1)
    assert stage.incident(f"{REPO}#{number}").outlook is Outlook.WAITING
    stage.restart(mode="act")
    stage.container.reconciler.start()
    stage.settle()
    assert made(stage) == (1, 2, 1)
    assert stage.incident(f"{REPO}#{number}").outlook is Outlook.DONE


def test_an_unknown_severity_waits_and_goes_on_when_it_is_mended(stage: Stage) -> None:
    number = stage.sandbox.github.open_issue(REPO, "Slow", by="kim", labels=["incident"])
    stage.sandbox.github.close(REPO, number, by="kim")
    stage.settle()
    incident = stage.incident(f"{REPO}#{number}")
    assert incident.outlook is Outlook.WAITING
    assert incident.waiting_for == "a known severity (label sev* is empty)"
    assert made(stage) == (0, 0, 1)
    stage.sandbox.github.label(REPO, number, "sev2", by="kim")
    stage.settle()
    assert made(stage) == (1, 0, 1)
    assert stage.incident(f"{REPO}#{number}").outlook is Outlook.DONE


def test_a_row_added_in_a_pull_request_becomes_one_task_once_it_is_merged(stage: Stage) -> None:
    number = closed(stage, "ACTION: one")
    github, path = stage.sandbox.github, f"postmortems/2026/acme-ops-{number}.md"
    place = github.repos["acme/postmortems"]
    branch = next(name for name in place.branches if name.startswith("followthrough/"))
    text = place.commits[place.branches[branch]].tree[path].decode()
    row = "| | Drill the failover | preventive | @kim | | 2026-12-24 | |\n"
    mark = "<!-- followthrough:end actions -->"
    text = text.replace(mark, row + mark).replace("## Impact\n", "## Impact\n\nAll of Europe.\n")
    github.push("acme/postmortems", path, text, by="kim", branch=branch)
    github.comment(REPO, number, "one more thing", by="kim")
    stage.settle()
    assert made(stage) == (1, 1, 1)
    assert row in place.commits[place.branches[branch]].tree[path].decode()
    github.ready_for_review("acme/postmortems", 1, by="kim")
    github.merge("acme/postmortems", 1, by="noor")
    stage.settle()
    assert made(stage) == (2, 2, 1)  # the second pull request proposes the row's new ID
    update = place.commits[place.branches[f"{branch}-updates"]].tree[path].decode()
    assert "All of Europe." in update
    assert update.count("Drill the failover") == 1
    assert "| AI-2 · [acme/ops#" in update


def test_a_declined_document_is_not_made_again(stage: Stage) -> None:
    number = closed(stage, "ACTION: one")
    stage.sandbox.github.close_pull("acme/postmortems", 1, by="kim")
    stage.settle()
    stage.sandbox.github.comment(REPO, number, "ACTION: two", by="noor")
    stage.settle()
    assert made(stage) == (1, 1, 1)


def test_a_jira_incident_closed_twice(tmp_path: Path) -> None:
    with Stage(tmp_path, incidents=JIRA_INCIDENTS, document=JIRA_ISSUE, tasks=JIRA_TASKS) as stage:
        jira = stage.sandbox.jira
        severity: dict[str, Any] = {"customfield_10050": {"value": "SEV-1"}}
        key = jira.create_issue("INC", "Checkout answers 500", by="5b10-kim", **severity)
        jira.comment(key, "ACTION: one", by="5b10-noor")
        for status in ("Resolved", "Open", "Resolved"):
            jira.transition(key, status, by="5b10-kim")
            stage.settle()
        types = sorted(issue.type for issue in jira.issues.values())
        assert types == ["Incident", "Postmortem", "Task", "Task"]
        assert len(jira.issue(key).comments) == 2
