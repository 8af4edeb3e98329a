"""What may have happened is not done a second time, and what was asked for since is not lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from stage import JIRA_TASKS, Stage

from integrations.gate import Cost
from integrations.github.budgets import CONTENT
from integrations.sandbox.faults import Faults
from service.dead_letters import dead_letters, replay
from service.jobs import PROMPT, TIMING
from service.store.effects import EffectState
from workflows.model import Outlook

OPS = "acme/ops"
LOST: dict[str, Any] = {"after_effect": True, "drop_connection": True}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path, limits="github.com", webhooks=False) as stage:
        yield stage


def opened(stage: Stage) -> str:
    number = stage.sandbox.github.open_issue(OPS, "Slow", by="kim", labels=["incident", "sev2"])
    stage.sandbox.github.comment(OPS, number, "ACTION: one", by="noor")
    stage.poll()
    return f"{OPS}#{number}"


def close(stage: Stage, key: str) -> None:
    """Closed, and the service hears of it though lists lag."""
    stage.sandbox.github.close(OPS, int(key.partition("#")[2]), by="kim")
    ticket = stage.incident(key).ticket
    with stage.store.write() as tx:
        tx.jobs.touch("incident", f"github/{ticket.id}", priority=PROMPT)
    stage.settle()


def tasks(stage: Stage) -> list[str]:
    issues = stage.sandbox.github.repos[OPS].issues.values()
    return [issue.title for issue in issues if "remediation" in issue.labels]


def lists_lag(stage: Stage, seconds: float) -> None:
    stage.sandbox.set_faults(Faults(list_lag=seconds, reference_lag=seconds))
    stage.clock.wait(timedelta(seconds=seconds))


def test_a_look_up_that_was_refused_is_no_proof_of_absence_when_it_is_replayed(
    stage: Stage,
) -> None:
    key = opened(stage)
    stage.sandbox.github.graphql = False  # its parent would tell of it at once
    lists_lag(stage, 100)
    stage.sandbox.fail_next("POST", "/ops/issues$", **LOST)
    stage.sandbox.fail_next("GET", "/ops/issues.creator", status=404)
    close(stage, key)
    stage.wait(timedelta(seconds=11))
    with stage.store.write() as tx:
        (letter,) = dead_letters(tx)
        assert replay(tx, letter.id, "kim")
    stage.settle()
    for _ in range(3):
        stage.wait(TIMING.settle)
    assert tasks(stage) == ["one"]
    assert stage.incident(key).outlook is Outlook.DONE


def test_what_waits_for_a_budget_after_it_was_nowhere_is_looked_for_once_more(
    stage: Stage,
) -> None:
    key = opened(stage)
    stage.sandbox.github.graphql = False  # its parent would tell of it at once
    lists_lag(stage, 1000)
    stage.sandbox.fail_next("POST", "/ops/issues$", **LOST)
    close(stage, key)
    stage.clock.wait(timedelta(minutes=1))
    with stage.store.write() as tx:
        tx.traffic.begin("spent", "github", [Cost(CONTENT, 500)], timedelta())
    stage.wait(TIMING.settle)  # nowhere, so it would be created again; but there is no room
    with stage.store.read() as tx:
        states = {r.key: r.state for r in tx.effects.of_incident(stage.incident(key).id)}
    assert states[f"task:{stage.incident(key).id}:1"] is EffectState.UNKNOWN
    stage.wait(timedelta(hours=1))  # by now it is listed
    assert tasks(stage) == ["one"]
    assert stage.incident(key).outlook is Outlook.DONE


def test_a_comment_whose_answer_was_lost_says_what_came_while_it_was_looked_for(
    stage: Stage,
) -> None:
    key = opened(stage)
    stage.sandbox.fail_next("POST", "/comments$", **LOST)
    close(stage, key)
    number = int(key.partition("#")[2])
    stage.sandbox.github.comment(OPS, number, "ACTION: two", by="noor")
    stage.poll()
    for _ in range(2):
        stage.wait(TIMING.settle)
    notes = stage.sandbox.github.repos[OPS].issues[number].notes
    (ours,) = [note.body for note in notes if "Followthrough" in note.body]
    assert "two" in ours


@pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "lost"])
def test_a_task_whose_answer_was_lost_is_one_though_the_rules_moved_tasks_meanwhile(
    stage: Stage, *, arrived: bool
) -> None:
    key = opened(stage)
    stage.sandbox.github.comment(OPS, int(key.partition("#")[2]), "ACTION: two", by="noor")
    stage.poll()
    stage.sandbox.fail_next("POST", "/ops/issues$|createIssue", **{**LOST, "after_effect": arrived})
    close(stage, key)
    stage.restart(tasks=JIRA_TASKS)
    stage.container.start()
    stage.settle()
    for _ in range(3):
        stage.wait(TIMING.settle)
    in_jira = [str(i.values["summary"]) for i in stage.sandbox.jira.issues.values()]
    assert stage.incident(key).outlook is Outlook.DONE, stage.told(key)
    assert sorted(tasks(stage) + in_jira) == ["one", "two"]
    assert ("one" in tasks(stage)) is arrived
