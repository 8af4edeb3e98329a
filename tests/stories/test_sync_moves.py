"""Tickets that move, go, and come back, and what becomes of their tasks, rows and twins."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from begun import begun
from remedies import BOTH, DOCUMENTS, MINUTE, OPS, Remedy
from stage import (
    DEPLOYMENTS,
    GITHUB_INCIDENTS,
    GITHUB_ISSUE,
    HOOKS,
    JIRA_INCIDENTS,
    JIRA_ISSUE,
    JIRA_TASKS,
    Stage,
)

from integrations.sandbox.acme import BOT_GITHUB, BOT_JIRA, KIM, NOOR
from workflows.model import DocumentStatus, Outlook, Phase
from workflows.snapshots import Field, Side

TOOLS = "acme/tools"  # private, as the other places are, and without webhooks
ALL_JIRA: dict[str, Any] = {
    "incidents": JIRA_INCIDENTS,
    "document": JIRA_ISSUE,
    "tasks": JIRA_TASKS,
}
DAY = timedelta(days=1, minutes=1)


@pytest.fixture
def remedy(tmp_path: Path) -> Iterator[Remedy]:
    with Stage(tmp_path) as stage:
        remedy = begun(stage, Remedy)
        add_tools(remedy)
        yield remedy


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Remedy]:
    with Stage(tmp_path, tasks=BOTH) as stage:
        remedy = begun(stage, Remedy)
        add_tools(remedy)
        yield remedy


@pytest.fixture(params=DEPLOYMENTS)
def either(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Remedy]:
    with Stage(tmp_path, tasks=BOTH, deployment=request.param) as stage:
        remedy = begun(stage, Remedy)
        add_tools(remedy)
        yield remedy


def add_tools(remedy: Remedy) -> None:
    writers = {"kim": "write", "noor": "write", BOT_GITHUB: "admin"}
    remedy.github.add_repo(TOOLS, private=True, collaborators=writers)


def tasks_on_github(remedy: Remedy) -> list[str]:
    return [
        f"{place}#{issue.number}"
        for place, repo in remedy.github.repos.items()
        for issue in repo.issues.values()
        if issue.title == "alert on depth" and issue.transferred is None and not issue.gone
    ]


def tasks_in_jira(remedy: Remedy) -> list[str]:
    issues = remedy.jira.issues.values()
    return [issue.key for issue in issues if issue.values["summary"] == "alert on depth"]


# --- transferred, moved, renamed ------------------------------------------------------------------


@pytest.mark.parametrize("to", [TOOLS, DOCUMENTS])
def test_a_transferred_task_is_followed_into_its_new_repository(remedy: Remedy, to: str) -> None:
    """Nothing is heard from the one repository, from the other our webhooks come."""
    old = remedy.issue
    number = remedy.github.transfer(OPS, old.number, to, by="kim")
    remedy.rest()
    assert remedy.item.task is not None
    assert remedy.item.task.key == f"{to}#{number}"
    assert remedy.item.task.id == remedy.github.repos[to].issues[number].node_id
    assert f"/{to}/issues/{number}" in remedy.table
    assert f"/{OPS}/issues/{old.number}" not in remedy.table
    assert f"{to}#{number}" in remedy.comment
    assert f"{OPS}#{old.number}" not in remedy.comment
    remedy.write("| open |", "| done |")
    remedy.rest()
    assert remedy.issue.state == "closed"
    assert remedy.issue.repo.full_name == to
    assert tasks_on_github(remedy) == [f"{to}#{number}"]


def test_what_is_done_to_a_transferred_task_is_heard_under_its_new_name(remedy: Remedy) -> None:
    number = remedy.github.transfer(OPS, remedy.issue.number, DOCUMENTS, by="kim")
    remedy.rest()
    remedy.github.assign(DOCUMENTS, number, ["noor"], by="kim")
    remedy.github.close(DOCUMENTS, number, by="noor")
    remedy.rest()
    assert remedy.row[Field.OWNER] == "Noor Aziz"
    assert remedy.row[Field.STATUS] == "done"


def test_a_transfer_that_nobody_told_of_is_found_when_the_place_is_looked_through(
    remedy: Remedy,
) -> None:
    remedy.stage.sandbox.hooks.enabled = False
    number = remedy.github.transfer(OPS, remedy.issue.number, TOOLS, by="kim")
    remedy.github.close(TOOLS, number, by="kim")
    remedy.stage.clock.wait(DAY)
    remedy.stage.poll()
    remedy.rest()
    assert remedy.item.task is not None
    assert remedy.item.task.key == f"{TOOLS}#{number}"
    assert remedy.row[Field.STATUS] == "done"


def test_a_transferred_task_is_looked_for_where_it_is_now_by_polling(remedy: Remedy) -> None:
    number = remedy.github.transfer(OPS, remedy.issue.number, TOOLS, by="kim")
    remedy.rest()
    remedy.stage.poll()
    remedy.github.close(TOOLS, number, by="kim")  # no webhook comes from there
    remedy.stage.clock.wait(20 * MINUTE)
    remedy.stage.poll()
    remedy.rest()
    assert remedy.row[Field.STATUS] == "done"


def test_a_task_that_goes_there_and_back_again_is_one_task(remedy: Remedy) -> None:
    number = remedy.github.transfer(OPS, remedy.issue.number, DOCUMENTS, by="kim")
    remedy.stage.settle()
    back = remedy.github.transfer(DOCUMENTS, number, OPS, by="kim")
    remedy.rest()
    assert remedy.item.task is not None
    assert remedy.item.task.key == f"{OPS}#{back}"
    assert len(remedy.incident.actions) == 1
    assert tasks_on_github(remedy) == [f"{OPS}#{back}"]


def test_a_transferred_twin_goes_on_mirroring(pair: Remedy) -> None:
    number = pair.github.transfer(OPS, pair.issue.number, TOOLS, by="kim")
    pair.rest()
    pair.jira.transition(pair.ticket.key, "Done", by=KIM)
    pair.rest()
    assert pair.issue.repo.full_name == TOOLS
    assert pair.issue.number == number
    assert pair.issue.state == "closed"


def test_a_task_that_moves_to_another_project_keeps_what_it_says(either: Remedy) -> None:
    old = either.ticket.key
    either.jira.add_version("OPS", "2027-Q1")
    either.jira.edit(old, by=KIM, fixVersions=["2027-Q1"])
    either.rest()
    assert either.issue.milestone is not None
    either.jira.add_project("SRE", types=("Task",), assignable=(KIM,))
    key = either.jira.move_issue(old, "SRE", by=KIM)
    either.rest()
    assert either.item.task is not None
    assert either.item.task.key == key
    assert f"/browse/{key}" in either.table
    assert f"/browse/{old}" not in either.table
    assert key in either.comment
    either.github.close(OPS, either.issue.number, by="kim")
    either.rest()
    assert either.jira.issue(key).status == "Done"
    assert tasks_in_jira(either) == [key]


def test_a_renamed_repository_is_no_other_place(remedy: Remedy) -> None:
    number = remedy.issue.number
    remedy.github.rename_repo(OPS, "acme/operations")
    remedy.github.assign("acme/operations", number, ["noor"], by="kim")
    remedy.rest()
    assert remedy.item.task is not None
    assert remedy.item.task.key == f"acme/operations#{number}"
    assert f"/acme/operations/issues/{number}" in remedy.table
    remedy.write("| open |", "| done |")
    remedy.rest()
    assert remedy.issue.state == "closed"
    assert tasks_on_github(remedy) == [f"acme/operations#{number}"]


# --- gone, and back -------------------------------------------------------------------------------


def test_a_deleted_task_is_told_and_not_made_again(pair: Remedy) -> None:
    """The twin lives on, and goes on being kept in sync with the row."""
    key = pair.ticket.key
    pair.jira.delete(key, by=KIM)
    pair.rest()
    assert pair.item.sides[Side.TASK].gone
    assert "the task is gone" in pair.comment
    assert key in pair.table
    assert "gone" in pair.table
    pair.github.close(OPS, pair.issue.number, by="kim")
    pair.rest()
    assert pair.row[Field.STATUS] == "done"
    pair.write("| done |", "| won't do |")
    pair.rest()
    assert pair.issue.reason == "not_planned"
    assert tasks_in_jira(pair) == []
    assert len(tasks_on_github(pair)) == 1


def test_a_deleted_twin_is_told_and_not_made_again(pair: Remedy) -> None:
    pair.github.delete(OPS, pair.issue.number, by="kim")
    pair.rest()
    assert "the twin is gone" in pair.comment
    pair.jira.transition(pair.ticket.key, "Done", by=KIM)
    pair.rest()
    assert pair.row[Field.STATUS] == "done"
    assert tasks_on_github(pair) == []
    assert pair.incident.outlook is Outlook.DONE


def test_a_task_that_was_hidden_and_is_seen_again_says_what_happened_meanwhile(
    pair: Remedy,
) -> None:
    """Trackers do not restore what was deleted; but what an account may not see is to it as if it
    were, until it may."""
    key = pair.ticket.key
    pair.jira.deny(BOT_JIRA, "BROWSE_PROJECTS", "OPS")
    pair.jira.edit(key, by=KIM, assignee=NOOR)
    pair.rest()
    assert pair.item.sides[Side.TASK].gone
    pair.github.close(OPS, pair.issue.number, by="kim")
    pair.rest()
    pair.jira.allow(BOT_JIRA, "BROWSE_PROJECTS", "OPS")
    pair.jira.edit(key, by=KIM, duedate="2027-02-03")
    pair.rest()
    assert not pair.item.sides[Side.TASK].gone
    assert pair.ticket.status == "Done"
    assert pair.issue.assignees == ["noor"]
    assert pair.row[Field.DUE] == "2027-02-03"
    assert "is gone" not in pair.comment
    assert tasks_in_jira(pair) == [key]


def test_a_task_that_was_converted_to_a_discussion_is_gone(remedy: Remedy) -> None:
    remedy.github.convert_to_discussion(OPS, remedy.issue.number, by="kim")
    remedy.rest()
    assert "the task is gone" in remedy.comment
    assert "discussion" in remedy.comment
    assert remedy.row[Field.STATUS] == "open"  # nobody closed it
    assert len(tasks_on_github(remedy)) == 1


# --- the incident's own ticket --------------------------------------------------------------------


@pytest.mark.parametrize("to", [TOOLS, DOCUMENTS])
def test_the_tasks_of_a_transferred_incident_go_on(remedy: Remedy, to: str) -> None:
    number = remedy.github.transfer(OPS, remedy.number, to, by="kim")
    remedy.rest()
    assert remedy.incident.ticket.key == f"{to}#{number}"
    remedy.github.assign(OPS, remedy.issue.number, ["noor"], by="kim")
    remedy.github.close(OPS, remedy.issue.number, by="kim")
    remedy.rest()
    assert remedy.row[Field.STATUS] == "done"
    assert remedy.row[Field.OWNER] == "Noor Aziz"
    assert f"{to}#{number}" in remedy.text


def test_a_transferred_incident_is_not_set_up_twice(tmp_path: Path) -> None:
    """Its new ticket stands in a place that is watched as well, and our webhooks tell of it."""
    second = GITHUB_INCIDENTS.replace(OPS, TOOLS)
    with Stage(tmp_path, incidents=GITHUB_INCIDENTS + second) as stage:
        remedy = Remedy(stage)
        add_tools(remedy)
        remedy.github.hook(TOOLS, f"{stage.url}/webhooks/github", HOOKS["GITHUB_HOOK"])
        stage.settle()
        number = remedy.github.transfer(OPS, remedy.number, TOOLS, by="kim")
        remedy.rest()
        stage.poll()
        assert [i.ticket.key for i in stage.incidents()] == [f"{TOOLS}#{number}"]
        remedy.github.comment(TOOLS, number, "ACTION: one more", by="noor")
        remedy.rest()
        assert len(remedy.incident.actions) == 2
        assert len(tasks_on_github(remedy)) == 1


def test_an_open_incident_that_is_transferred_is_one_incident(tmp_path: Path) -> None:
    """Nothing of ours went along by which it could be told."""
    second = GITHUB_INCIDENTS.replace(OPS, TOOLS)
    with Stage(tmp_path, incidents=GITHUB_INCIDENTS + second) as stage:
        github = stage.sandbox.github
        number = github.open_issue(OPS, "Slow", by="kim", labels=["incident", "sev2"])
        stage.settle()
        writers = {"kim": "write", "noor": "write", BOT_GITHUB: "admin"}
        labels = ("incident", "sev2")
        github.add_repo(TOOLS, private=True, collaborators=writers, labels=labels)
        github.hook(TOOLS, f"{stage.url}/webhooks/github", HOOKS["GITHUB_HOOK"])
        after = github.transfer(OPS, number, TOOLS, by="kim")
        stage.settle()
        github.comment(TOOLS, after, "ACTION: alert on depth", by="noor")
        github.close(TOOLS, after, by="kim")
        stage.settle()
        stage.wait(MINUTE)
        found = [i for i in stage.incidents() if i.phase is not Phase.GONE]
        assert [i.ticket.key for i in found] == [f"{TOOLS}#{after}"]
        assert len(found[0].actions) == 1
        assert sum("AI-1" in note.body for note in github.repos[TOOLS].issues[after].notes) == 1


def test_what_is_told_late_of_a_transferred_incident_is_told_of_the_same_one(
    remedy: Remedy,
) -> None:
    remedy.github.comment(OPS, remedy.number, "ACTION: one more", by="noor")
    late = remedy.stage.sandbox.hooks.log[-1]
    remedy.stage.settle()
    number = remedy.github.transfer(OPS, remedy.number, TOOLS, by="kim")
    remedy.rest()
    remedy.github.comment(TOOLS, number, "ACTION: a third", by="noor")
    remedy.stage.sandbox.hooks.fire("github", late.event, json.loads(late.body), OPS)
    remedy.rest()
    assert remedy.incident.ticket.key == f"{TOOLS}#{number}"
    assert [item.title for item in remedy.incident.actions][-1] == "a third"


def test_the_tasks_of_a_deleted_incident_go_on(pair: Remedy) -> None:
    pair.github.delete(OPS, pair.number, by="kim")
    pair.github.close(OPS, pair.issue.number, by="kim")
    pair.rest()
    assert pair.incident.phase is Phase.GONE
    assert pair.ticket.status == "Done"
    pair.jira.edit(pair.ticket.key, by=KIM, assignee=NOOR)
    pair.rest()
    assert pair.issue.assignees == ["noor"]
    assert pair.row[Field.OWNER] == "Noor Aziz"


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_the_tasks_of_a_moved_incident_go_on(tmp_path: Path, deployment: str) -> None:
    kinds: dict[str, Any] = {
        "incidents": JIRA_INCIDENTS,
        "document": JIRA_ISSUE,
        "tasks": JIRA_TASKS,
    }
    with Stage(tmp_path, deployment=deployment, **kinds) as stage:
        jira = stage.sandbox.jira
        key = closed_in_jira(stage)
        stage.settle()
        moved = jira.move_issue(key, "OPS", by=KIM)
        stage.settle()
        (incident,) = stage.incidents()
        assert incident.ticket.key == moved
        task = incident.actions[0].task
        assert task is not None
        jira.edit(task.key, by=KIM, duedate="2027-02-03")
        stage.wait(MINUTE)
        (incident,) = stage.incidents()
        assert incident.actions[0].due == date(2027, 2, 3)


# --- the document's own ticket --------------------------------------------------------------------


def test_a_document_that_is_a_transferred_issue_is_written_where_it_is(tmp_path: Path) -> None:
    with Stage(tmp_path, document=GITHUB_ISSUE) as stage:
        github = stage.sandbox.github
        number = github.open_issue(OPS, "Slow", by="kim", labels=["incident", "sev2"])
        github.comment(OPS, number, "ACTION: alert on depth @kim", by="noor")
        github.close(OPS, number, by="kim")
        stage.settle()
        (incident,) = stage.incidents()
        assert incident.postmortem is not None
        assert incident.postmortem.ref.ticket is not None
        before = int(incident.postmortem.ref.ticket.key.rpartition("#")[2])
        after = github.transfer(OPS, before, DOCUMENTS, by="kim")
        stage.settle()
        task = incident.actions[0].task
        assert task is not None
        github.assign(OPS, int(task.key.rpartition("#")[2]), ["noor"], by="kim")
        stage.settle()
        stage.wait(MINUTE)
        (incident,) = stage.incidents()
        assert incident.postmortem is not None
        assert incident.postmortem.status is not DocumentStatus.GONE
        moved = github.repos[DOCUMENTS].issues[after]
        assert "Noor Aziz" in str(moved.body)
        assert str(moved.body).count("AI-1") == 1
        github.edit(
            DOCUMENTS, after, by="kim", body=str(moved.body).replace("Noor Aziz", "Kim Ito")
        )
        stage.settle()
        assert github.repos[OPS].issues[int(task.key.rpartition("#")[2])].assignees == ["kim"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_a_document_that_is_a_moved_jira_issue_is_written_where_it_is(
    tmp_path: Path, deployment: str
) -> None:
    kinds: dict[str, Any] = {
        "incidents": JIRA_INCIDENTS,
        "document": JIRA_ISSUE,
        "tasks": JIRA_TASKS,
    }
    with Stage(tmp_path, deployment=deployment, **kinds) as stage:
        jira = stage.sandbox.jira
        closed_in_jira(stage)
        stage.settle()
        (incident,) = stage.incidents()
        assert incident.postmortem is not None
        assert incident.postmortem.ref.ticket is not None
        moved = jira.move_issue(incident.postmortem.ref.ticket.key, "OPS", by=KIM)
        stage.settle()
        task = incident.actions[0].task
        assert task is not None
        jira.edit(task.key, by=KIM, duedate="2027-02-03")
        stage.settle()
        stage.wait(MINUTE)
        (incident,) = stage.incidents()
        assert incident.postmortem is not None
        assert incident.postmortem.ref.ticket is not None
        assert incident.postmortem.ref.ticket.key == moved
        assert "2027-02-03" in str(jira.issue(moved).values["description"])


def closed_in_jira(stage: Stage) -> str:
    severity: dict[str, Any] = {"customfield_10050": {"value": "SEV-2"}}
    key = stage.sandbox.jira.create_issue("INC", "Slow", by=KIM, **severity)
    stage.sandbox.jira.comment(key, "ACTION: alert on depth @kim", by=NOOR)
    stage.sandbox.jira.transition(key, "Resolved", by=KIM)
    return key
