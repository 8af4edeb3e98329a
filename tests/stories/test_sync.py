"""Owner, milestone, status and due date, equal on every side of an action item."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from begun import begun
from remedies import BOTH, MINUTE, OPS, Remedy
from stage import Stage

from workflows.documents import regions
from workflows.snapshots import Field


@pytest.fixture
def remedy(tmp_path: Path) -> Iterator[Remedy]:
    with Stage(tmp_path) as stage:
        yield begun(stage, Remedy)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Remedy]:
    with Stage(tmp_path, tasks=BOTH) as stage:
        yield begun(stage, Remedy)


def test_who_takes_a_task_over_owns_its_row(remedy: Remedy) -> None:
    remedy.github.assign(OPS, remedy.issue.number, ["noor"], by="kim")
    remedy.stage.settle()
    remedy.stage.wait(MINUTE)
    assert remedy.row[Field.OWNER] == "Noor Aziz"


def test_what_is_written_into_a_row_is_set_in_the_task(remedy: Remedy) -> None:
    due = remedy.row[Field.DUE]
    remedy.write(f"| Kim Ito | — | {due} | open |", "| Noor Aziz | Q1 | 2027-01-15 | done |")
    remedy.stage.settle()
    assert remedy.issue.assignees == ["noor"]
    assert remedy.issue.state == "closed"
    assert "**Due:** 2027-01-15" in remedy.issue.body
    assert remedy.issue.milestone is not None


def test_a_task_in_jira_and_its_twin_on_github_agree(pair: Remedy) -> None:
    item = pair.item
    assert item.task is not None
    assert item.twin is not None
    assert (item.task.connection, item.twin.connection) == ("jira", "github")
    assert item.task.url in pair.issue.body
    pair.github.close(OPS, pair.issue.number, by="kim")
    pair.github.assign(OPS, pair.issue.number, ["noor"], by="kim")
    pair.stage.settle()
    assert pair.ticket.values["assignee"] == "5b10-noor"
    assert pair.ticket.status == "Done"
    pair.stage.wait(MINUTE)
    assert pair.row[Field.STATUS] == "done"
    assert pair.row[Field.OWNER] == "Noor Aziz"


def test_what_the_incident_says_of_itself_flows_into_the_document(remedy: Remedy) -> None:
    """Its owner, severity, status and moments: also while it is open again."""
    github = remedy.github
    assert "| **Incident status** | closed |" in remedy.text
    github.assign(OPS, remedy.number, ["noor"], by="kim")
    github.unlabel(OPS, remedy.number, "sev2", by="kim")
    github.label(OPS, remedy.number, "sev1", by="kim")
    remedy.rest()
    assert "| **Incident owner** | Noor Aziz |" in remedy.text
    assert "| **Severity** | sev1 |" in remedy.text
    before = regions(remedy.text)["figures"]
    remedy.stage.clock.wait(timedelta(hours=2))
    github.reopen(OPS, remedy.number, by="kim")
    github.assign(OPS, remedy.number, ["kim"], by="kim")
    remedy.rest()
    assert "| **Incident status** | open |" in remedy.text
    assert "| **Incident owner** | Kim Ito |" in remedy.text
    github.close(OPS, remedy.number, by="kim")
    remedy.rest()
    assert "| **Incident status** | closed |" in remedy.text
    assert regions(remedy.text)["figures"] != before


def test_an_edit_whose_webhook_was_lost_is_not_written_over(pair: Remedy) -> None:
    hooks = pair.stage.sandbox.hooks
    pair.jira.edit(pair.ticket.key, "5b10-kim", assignee="5b10-noor")
    hooks.enabled = False
    pair.stage.clock.wait(MINUTE)
    pair.github.assign(OPS, pair.issue.number, [], by="kim")
    hooks.enabled = True
    pair.stage.settle()
    assert pair.issue.assignees == []
    assert pair.ticket.values.get("assignee") is None
    told = pair.stage.told(pair.key)
    assert "AI-1 owner: both changed, “Noor Aziz” (the task) and nothing (the twin)" in told
