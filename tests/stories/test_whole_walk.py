"""From a closed incident to its postmortem and linked, owned tasks, in every pairing."""

from __future__ import annotations

from pathlib import Path

import pytest
from stage import (
    CONFLUENCE_PAGE,
    GITHUB_ISSUE,
    GITHUB_TASKS,
    JIRA_INCIDENTS,
    JIRA_ISSUE,
    JIRA_TASKS,
    LOCAL_FILE,
    PULL_REQUEST,
    Stage,
)

from workflows.model import Outlook


def open_on_github(stage: Stage) -> int:
    number = stage.sandbox.github.open_issue(
        "acme/ops", "Checkout answers 500", by="kim", labels=["incident", "sev1"]
    )
    stage.sandbox.github.comment(
        "acme/ops",
        number,
        "Pool exhausted.\nACTION: Alert on pool use @kim due:2026-12-20 [preventive]",
        by="noor",
    )
    return number


def open_on_jira(stage: Stage) -> str:
    key = stage.sandbox.jira.create_issue(
        "INC",
        "Checkout answers 500",
        by="5b10-kim",
        components=["checkout"],
        customfield_10050={"value": "SEV-1"},
    )
    stage.sandbox.jira.comment(
        key,
        "Pool exhausted.\nACTION: Alert on pool use @kim@acme.example due:2026-12-20 [preventive]",
        by="5b10-noor",
    )
    return key


@pytest.mark.parametrize(
    "document", [PULL_REQUEST, GITHUB_ISSUE, CONFLUENCE_PAGE, LOCAL_FILE], ids=lambda d: d[7:20]
)
@pytest.mark.parametrize("tasks", [GITHUB_TASKS, JIRA_TASKS], ids=["github", "jira"])
def test_a_closed_github_incident(tmp_path: Path, document: str, tasks: str) -> None:
    with Stage(tmp_path, document=document, tasks=tasks, sockets=True) as stage:
        number = open_on_github(stage)
        stage.settle()
        assert stage.incident(f"acme/ops#{number}").outlook is Outlook.WATCHING
        stage.sandbox.github.close("acme/ops", number, by="kim")
        stage.settle()
        incident = stage.incident(f"acme/ops#{number}")
        assert incident.outlook is Outlook.DONE, stage.told(incident.ticket.key)
        assert [item.title for item in incident.actions] == [
            "Alert on pool use",
            f"Detect acme/ops#{number} sooner",
        ]
        assert all(item.task and item.linked for item in incident.actions)


@pytest.mark.parametrize(
    "document", [JIRA_ISSUE, PULL_REQUEST, CONFLUENCE_PAGE, LOCAL_FILE], ids=lambda d: d[7:20]
)
@pytest.mark.parametrize("tasks", [GITHUB_TASKS, JIRA_TASKS], ids=["github", "jira"])
@pytest.mark.parametrize("deployment", ["cloud", "datacenter"])
def test_a_closed_jira_incident(tmp_path: Path, document: str, tasks: str, deployment: str) -> None:
    with Stage(
        tmp_path,
        incidents=JIRA_INCIDENTS,
        document=document,
        tasks=tasks,
        deployment=deployment,
        sockets=True,
    ) as stage:
        key = open_on_jira(stage)
        stage.sandbox.jira.transition(key, "Mitigated", by="5b10-kim")
        stage.settle()
        stage.sandbox.jira.transition(key, "Resolved", by="5b10-kim", resolution="Done")
        stage.settle()
        incident = stage.incident(key)
        assert incident.outlook is Outlook.DONE, stage.told(key)
        assert incident.severity == "sev1"
        assert incident.service == "checkout"
        assert incident.moments.mitigated is not None
        assert [item.title for item in incident.actions] == [
            "Alert on pool use",
            f"Detect {key} sooner",
        ]
        assert all(item.task and item.linked for item in incident.actions)


def test_where_the_server_has_no_sub_issues_the_comment_is_the_task_list(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        stage.sandbox.github.sub_issues = False
        number = open_on_github(stage)
        stage.sandbox.github.close("acme/ops", number, by="kim")
        stage.settle()
        incident = stage.incident(f"acme/ops#{number}")
        assert incident.outlook is Outlook.DONE, stage.told(incident.ticket.key)
        words = stage.sandbox.github.repos["acme/ops"].issues[number].notes[-1].body
        for item in incident.actions:
            assert item.task is not None
            assert f"- [ ] {item.name} {item.task.key} " in words
