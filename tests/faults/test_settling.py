"""A creation whose answer never came is found wherever it shows, and only then done again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from stage import GITHUB_ISSUE, JIRA_INCIDENTS, JIRA_ISSUE, JIRA_TASKS, Stage

from integrations.sandbox.faults import Faults
from service.jobs import TIMING
from service.store.effects import EffectState
from workflows.model import Outlook

OPS = "acme/ops"
ALL_JIRA: dict[str, Any] = {
    "incidents": JIRA_INCIDENTS,
    "document": JIRA_ISSUE,
    "tasks": JIRA_TASKS,
}
#: Longer than anything waits before it is done again.
LAG = (2 * TIMING.settle).total_seconds()
LAGGING = Faults(list_lag=LAG, search_lag=LAG)


def close_in_github(stage: Stage, text: str) -> str:
    github = stage.sandbox.github
    number = github.open_issue(OPS, "Slow", by="kim", labels=["incident", "sev2"])
    github.comment(OPS, number, text, by="noor")
    github.close(OPS, number, by="kim")
    return f"{OPS}#{number}"


def close_in_jira(stage: Stage, text: str) -> str:
    severity: dict[str, Any] = {"customfield_10050": {"value": "SEV-2"}}
    key = stage.sandbox.jira.create_issue("INC", "Slow", by="5b10-kim", **severity)
    stage.sandbox.jira.comment(key, text, by="5b10-noor")
    stage.sandbox.jira.transition(key, "Resolved", by="5b10-kim")
    return key


def without_webhooks(stage: Stage) -> None:
    """From here on no webhook comes."""
    assert stage.sandbox.hooks.drain()
    stage.sandbox.hooks.enabled = False


def github_tasks(stage: Stage) -> list[str]:
    repo = stage.sandbox.github.repos[OPS]
    return sorted(i.title for i in repo.issues.values() if "remediation" in i.labels)


def jira_tasks(stage: Stage) -> list[str]:
    issues = stage.sandbox.jira.issues.values()
    return sorted(str(i.values["summary"]) for i in issues if i.type == "Task")


def settle_in_the_end(stage: Stage) -> None:
    for _ in range(4):
        stage.wait(TIMING.settle)


def test_what_our_own_webhook_tells_of_is_settled_at_once(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        stage.sandbox.set_faults(LAGGING)
        stage.sandbox.fail_next(
            "POST", "/ops/issues$|createIssue", after_effect=True, drop_connection=True
        )
        key = close_in_github(stage, "ACTION: one")
        stage.settle()
        assert stage.incident(key).outlook is Outlook.DONE
        assert github_tasks(stage) == ["one"]
        assert "may or may not have happened" in stage.told(key)


def test_without_a_webhook_and_with_lists_that_lag_a_github_task_is_found_on_its_incident(
    tmp_path: Path,
) -> None:
    with Stage(tmp_path) as stage:
        stage.sandbox.set_faults(LAGGING)
        stage.sandbox.fail_next(
            "POST", "/ops/issues$|createIssue", after_effect=True, drop_connection=True
        )
        key = close_in_github(stage, "ACTION: one")
        without_webhooks(stage)
        stage.settle()
        settle_in_the_end(stage)
        assert stage.incident(key).outlook is Outlook.DONE
        assert github_tasks(stage) == ["one"]


def test_a_document_that_is_an_issue_is_found_the_same_way(tmp_path: Path) -> None:
    with Stage(tmp_path, document=GITHUB_ISSUE) as stage:
        stage.sandbox.set_faults(LAGGING)
        stage.sandbox.fail_next(
            "POST", "/ops/issues$|createIssue", after_effect=True, drop_connection=True
        )
        key = close_in_github(stage, "no actions")
        without_webhooks(stage)
        stage.settle()
        settle_in_the_end(stage)
        assert stage.incident(key).outlook is Outlook.DONE
        labels = [i.labels for i in stage.sandbox.github.repos[OPS].issues.values()]
        assert sum("postmortem" in each for each in labels) == 1


@pytest.mark.parametrize("deployment", ["cloud", "datacenter"])
@pytest.mark.parametrize("path", ["/issue$", "/issue/bulk"])
def test_without_a_webhook_and_with_search_that_lags_jira_issues_are_found_by_their_links(
    tmp_path: Path, path: str, deployment: str
) -> None:
    with Stage(tmp_path, deployment=deployment, **ALL_JIRA) as stage:
        stage.sandbox.set_faults(LAGGING)
        stage.sandbox.fail_next("POST", path, after_effect=True, drop_connection=True)
        key = close_in_jira(stage, "ACTION: one\nACTION: two")
        without_webhooks(stage)
        stage.settle()
        settle_in_the_end(stage)
        assert stage.incident(key).outlook is Outlook.DONE
        assert jira_tasks(stage) == ["one", "two"]
        kinds = [issue.type for issue in stage.sandbox.jira.issues.values()]
        assert kinds.count("Postmortem") == 1


def test_a_jira_task_whose_links_could_not_be_set_is_found_by_its_webhook(tmp_path: Path) -> None:
    """Jira's webhooks carry no marker: what our account made is read to know."""
    with Stage(tmp_path, **ALL_JIRA) as stage:
        stage.sandbox.jira.projects["OPS"].screen = frozenset({"description"})
        stage.sandbox.set_faults(LAGGING)
        stage.sandbox.fail_next("POST", "/issue/bulk", after_effect=True, drop_connection=True)
        key = close_in_jira(stage, "ACTION: one")
        stage.settle()
        settle_in_the_end(stage)
        assert stage.incident(key).outlook is Outlook.DONE
        assert jira_tasks(stage) == ["one"]


def test_only_what_depends_on_the_unknown_one_waits(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        stage.sandbox.github.graphql = False  # one by one: of a lot, all would be unknown
        stage.sandbox.fail_next("POST", "/ops/issues$", drop_connection=True)  # never arrived
        key = close_in_github(stage, "ACTION: one\nACTION: two")
        without_webhooks(stage)
        stage.settle()
        assert github_tasks(stage) == ["two"]
        first, second = stage.incident(key).actions
        assert (first.task, second.linked) == (None, True)
        settle_in_the_end(stage)
        assert github_tasks(stage) == ["one", "two"]
        assert stage.incident(key).outlook is Outlook.DONE


def test_absence_counts_only_after_the_wait(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        stage.sandbox.fail_next("POST", "/ops/issues$|createIssue", drop_connection=True)
        key = close_in_github(stage, "ACTION: one")
        without_webhooks(stage)
        stage.settle()
        stage.wait(TIMING.settle - timedelta(seconds=5))
        assert github_tasks(stage) == []
        incident = stage.incident(key)
        assert incident.outlook is Outlook.WAITING
        assert incident.waiting_until is not None
        stage.wait(timedelta(seconds=15))
        assert github_tasks(stage) == ["one"]


def test_a_look_up_reads_nothing_that_is_accounted_for(tmp_path: Path) -> None:
    """Each read may fail, and with it the look-up: it must not grow with what others created."""
    with Stage(tmp_path, **ALL_JIRA) as stage:
        asked = "\n".join(f"ACTION: number {n}" for n in range(5))
        stage.sandbox.fail_next("POST", "/issue/bulk", after_effect=True, drop_connection=True)
        close_in_jira(stage, asked)
        others = [close_in_jira(stage, asked) for _ in range(4)]
        stage.settle()
        assert all(stage.incident(key).outlook is Outlook.DONE for key in others)
        stage.sandbox.reset_calls()
        stage.wait(timedelta(seconds=11))
        assert len(jira_tasks(stage)) == 25
        with stage.store.read() as tx:
            incidents = [record.incident for record in tx.incidents.page(limit=10)]
            effects = [e for i in incidents for e in tx.effects.of_incident(i.id)]
        assert {effect.state for effect in effects} == {EffectState.DONE}
        looked = [call for call in stage.sandbox.reads() if "properties=followthrough" in call.path]
        assert len(looked) <= 5
