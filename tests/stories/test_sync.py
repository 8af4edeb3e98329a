"""Owner, milestone, status and due date, equal on every side of an action item."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from stage import Stage

from workflows.action_table import read_rows
from workflows.documents import regions
from workflows.model import ActionItem
from workflows.snapshots import Field

OPS, DOCUMENTS = "acme/ops", "acme/postmortems"
MINUTE = timedelta(minutes=1)
BOTH = (
    "{connection: jira, project: OPS, issue_type: Task,"
    " twin: {connection: github, repository: acme/ops, labels: [remediation]}}"
)


class Remedy:
    """One action item, in all the places where people see it."""

    def __init__(self, stage: Stage, line: str = "ACTION: alert on depth @kim") -> None:
        self.stage = stage
        self.github, self.jira = stage.sandbox.github, stage.sandbox.jira
        number = self.github.open_issue(OPS, "Slow", by="kim", labels=["incident", "sev2"])
        self.github.comment(OPS, number, line, by="noor")
        self.github.close(OPS, number, by="kim")
        self.key = f"{OPS}#{number}"
        stage.settle()

    @property
    def item(self) -> ActionItem:
        return self.stage.incident(self.key).actions[0]

    @property
    def issue(self) -> Any:
        """The ticket on GitHub, task or twin."""
        refs = (self.item.task, self.item.twin)
        key = next(ref.key for ref in refs if ref and ref.connection == "github")
        return self.github.repos[OPS].issues[int(key.rpartition("#")[2])]

    @property
    def ticket(self) -> Any:
        """The ticket in Jira."""
        refs = (self.item.task, self.item.twin)
        return self.jira.issue(next(r.key for r in refs if r and r.connection == "jira"))

    @property
    def path(self) -> str:
        return f"postmortems/2026/{self.key.replace('/', '-').replace('#', '-')}.md"

    @property
    def text(self) -> str:
        place = self.github.repos[DOCUMENTS]
        branch = next(n for n in place.branches if n.startswith("followthrough/"))
        return str(place.commits[place.branches[branch]].tree[self.path].decode())

    @property
    def row(self) -> dict[Field, str | None]:
        return dict(read_rows(regions(self.text)["actions"])["AI-1"].values)

    def write(self, before: str, after: str) -> None:
        """Somebody edits the document."""
        place = self.github.repos[DOCUMENTS]
        branch = next(n for n in place.branches if n.startswith("followthrough/"))
        assert before in self.text
        text = self.text.replace(before, after, 1)
        self.github.push(DOCUMENTS, self.path, text, by="kim", branch=branch)


@pytest.fixture
def remedy(tmp_path: Path) -> Iterator[Remedy]:
    with Stage(tmp_path) as stage:
        yield Remedy(stage)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Remedy]:
    with Stage(tmp_path, tasks=BOTH) as stage:
        yield Remedy(stage)


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
