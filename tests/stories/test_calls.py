"""How many calls one closed incident costs, counted by the sandbox, caches warm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stage import JIRA_INCIDENTS, JIRA_ISSUE, JIRA_TASKS, Stage

LINES = "\n".join(f"ACTION: remedy {n} @kim due:2026-12-2{n}" for n in range(1, 6))


def on_jira(stage: Stage) -> str:
    severity: dict[str, Any] = {"customfield_10050": {"value": "SEV-2"}}
    key = stage.sandbox.jira.create_issue("INC", "Slow search", by="5b10-kim", **severity)
    stage.sandbox.jira.comment(key, LINES.replace("@kim", "@kim@acme.example"), by="5b10-noor")
    stage.settle()
    stage.sandbox.reset_calls()
    stage.sandbox.jira.transition(key, "Resolved", by="5b10-kim")
    stage.settle()
    return key


def on_github(stage: Stage) -> int:
    github = stage.sandbox.github
    number = github.open_issue("acme/ops", "Slow", by="kim", labels=["incident", "sev2"])
    github.comment("acme/ops", number, LINES, by="noor")
    stage.settle()
    stage.sandbox.reset_calls()
    github.close("acme/ops", number, by="kim")
    stage.settle()
    return number


def test_jira_only_with_five_tasks_costs_four_writes_and_three_reads(tmp_path: Path) -> None:
    with Stage(tmp_path, incidents=JIRA_INCIDENTS, document=JIRA_ISSUE, tasks=JIRA_TASKS) as stage:
        on_jira(stage)  # warms the caches
        key = on_jira(stage)
        told = [(call.method, call.path, call.status) for call in stage.sandbox.calls]
        assert len(stage.sandbox.writes()) <= 4, told
        assert len(stage.sandbox.reads()) <= 3, told

        jira, incident = stage.sandbox.jira, stage.incident(key)
        assert incident.postmortem is not None
        assert incident.postmortem.ref.ticket is not None
        document = incident.postmortem.ref.ticket.id
        for item in incident.actions:
            assert item.task is not None
            pairs = {frozenset((link.inward, link.outward)) for link in jira.links}
            assert frozenset((item.task.id, incident.ticket.id)) in pairs
            assert frozenset((item.task.id, document)) in pairs
            task = jira.issue(item.task.key)
            assert task.values["assignee"] == "5b10-kim"
            assert incident.ticket.url in str(task.values["description"])
            assert item.task.key in str(jira.issue(document).values["description"])
        assert len(incident.actions) == 5


@pytest.mark.parametrize("graphql", [True, False], ids=["GraphQL", "REST"])
def test_github_only_with_five_tasks_costs_three_writes_and_a_comment_or_fifteen_over_rest(
    tmp_path: Path, graphql: bool
) -> None:
    with Stage(tmp_path) as stage:
        stage.sandbox.github.graphql = graphql
        on_github(stage)  # warms the caches
        number = on_github(stage)
        writes = [call.path for call in stage.sandbox.writes()]
        comments = [path for path in writes if path.endswith("/comments")]
        assert len(comments) == 1
        assert len(writes) - len(comments) <= (3 if graphql else 3 + 2 * 5 + 1), writes
        assert len(stage.sandbox.reads()) <= 3, stage.sandbox.reads()

        incident = stage.incident(f"acme/ops#{number}")
        repo = stage.sandbox.github.repos["acme/ops"]
        parent = repo.issues[number]
        assert len(incident.actions) == 5
        assert incident.postmortem is not None
        for item in incident.actions:
            assert item.task is not None
            task = repo.issues[int(item.task.key.split("#")[1])]
            assert task.parent is parent
            assert task.assignees == ["kim"]
            assert incident.postmortem.ref.url in (task.body or "")
            assert item.task.key in (incident.postmortem.text or "")
