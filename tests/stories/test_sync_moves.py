"""Tickets that move, go, and come back, and what becomes of their tasks, rows and twins."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from remedies import BOTH, DOCUMENTS, MINUTE, OPS, Remedy
from stage import Stage

from integrations.sandbox.acme import BOT_GITHUB, KIM
from workflows.snapshots import Field

TOOLS = "acme/tools"  # private, as the other places are, and without webhooks
DAY = timedelta(days=1, minutes=1)


@pytest.fixture
def remedy(tmp_path: Path) -> Iterator[Remedy]:
    with Stage(tmp_path) as stage:
        remedy = Remedy(stage)
        add_tools(remedy)
        yield remedy


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Remedy]:
    with Stage(tmp_path, tasks=BOTH) as stage:
        remedy = Remedy(stage)
        add_tools(remedy)
        yield remedy


@pytest.fixture(params=["cloud", "datacenter"])
def either(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Remedy]:
    with Stage(tmp_path, tasks=BOTH, deployment=request.param) as stage:
        remedy = Remedy(stage)
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
