"""A task and its twin: made once each, and each leads to the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from remedies import BOTH, MINUTE, OPS, Remedy
from stage import DEPLOYMENTS, GITHUB_TASKS, JIRA_TASKS, Stage

from integrations.sandbox.acme import BOT_JIRA
from integrations.sandbox.faults import Faults
from service.jobs import TIMING
from workflows.model import Outlook
from workflows.snapshots import Field

REVERSED = GITHUB_TASKS[:-1] + ", twin: {connection: jira, project: OPS, issue_type: Task}}"


@pytest.fixture(params=DEPLOYMENTS)
def stage(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
    with Stage(tmp_path, tasks=BOTH, deployment=request.param) as stage:
        yield stage


def on_github(stage: Stage) -> list[Any]:
    issues = stage.sandbox.github.repos[OPS].issues.values()
    return [issue for issue in issues if issue.title == "alert on depth"]


def in_jira(stage: Stage) -> list[Any]:
    issues = stage.sandbox.jira.issues.values()
    return [issue for issue in issues if issue.values["summary"] == "alert on depth"]


def in_the_end(stage: Stage) -> None:
    for _ in range(4):
        stage.wait(TIMING.settle)


def test_each_leads_to_the_other(stage: Stage) -> None:
    remedy = Remedy(stage)
    item = remedy.item
    assert item.task is not None
    assert item.twin is not None
    assert item.task.url in remedy.issue.body
    assert links(remedy) == [item.twin.url]
    for ref in (item.task, item.twin):
        assert ref.key in remedy.comment
        assert ref.url in remedy.table
    assert remedy.incident.outlook is Outlook.DONE


def links(remedy: Remedy) -> list[str]:
    return [link["object"]["url"] for link in remedy.ticket.remote_links]


@pytest.mark.parametrize("after_effect", [True, False])
@pytest.mark.parametrize("tasks", [BOTH, REVERSED])
def test_a_twin_whose_creation_was_never_answered_is_made_once(
    tmp_path: Path, tasks: str, *, after_effect: bool
) -> None:
    """Our own webhook tells of it, or the account's own tickets do: nothing else in that tracker
    relates to it."""
    with Stage(tmp_path, tasks=tasks) as stage:
        path = "/ops/issues$|createIssue" if tasks is BOTH else "/issue(/bulk)?$"
        stage.sandbox.fail_next("POST", path, after_effect=after_effect, drop_connection=True)
        remedy = Remedy(stage)
        in_the_end(stage)
        assert (len(on_github(stage)), len(in_jira(stage))) == (1, 1)
        assert remedy.item.twin is not None
        assert remedy.incident.outlook is Outlook.DONE


def test_a_lost_twin_is_found_on_the_incident_where_lists_lag(tmp_path: Path) -> None:
    """Its text names the incident, which notes that at once."""
    with Stage(tmp_path, tasks=BOTH, webhooks=False) as stage:
        stage.sandbox.set_faults(Faults(list_lag=(2 * TIMING.settle).total_seconds()))
        stage.sandbox.fail_next(
            "POST", "/ops/issues$|createIssue", after_effect=True, drop_connection=True
        )
        github = stage.sandbox.github
        number = github.open_issue(OPS, "Slow", by="kim", labels=["incident", "sev2"])
        github.comment(OPS, number, "ACTION: alert on depth @kim", by="noor")
        github.close(OPS, number, by="kim")
        stage.clock.wait(3 * TIMING.settle)
        stage.poll()
        in_the_end(stage)
        (incident,) = stage.incidents()
        assert incident.actions[0].twin is not None
        assert len(on_github(stage)) == 1


def test_rules_that_gain_a_twin_give_one_to_tasks_that_are_there(tmp_path: Path) -> None:
    with Stage(tmp_path, tasks=JIRA_TASKS) as stage:
        remedy = Remedy(stage)
        remedy.write("| open |", "| won't do |")
        remedy.rest()
        stage.restart(tasks=BOTH)
        stage.poll()
        remedy.github.comment(OPS, remedy.number, "one more word", by="kim")
        remedy.rest()
        assert len(on_github(stage)) == 1
        assert links(remedy) == [remedy.item.twin.url if remedy.item.twin else None]
        assert remedy.issue.reason == "not_planned"
        assert remedy.ticket.status == "Done"


def test_rules_that_lose_their_twin_leave_it_as_it_is(stage: Stage) -> None:
    remedy = Remedy(stage)
    stage.restart(tasks=JIRA_TASKS)
    remedy.jira.transition(remedy.ticket.key, "Done", by=BOT_JIRA)
    remedy.rest()
    assert remedy.row[Field.STATUS] == "done"
    assert len(on_github(stage)) == 1
    stage.wait(MINUTE)
    assert remedy.incident.outlook is Outlook.DONE
