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
DAY = timedelta(days=1, hours=1)
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


# --- mishaps ------------------------------------------------------------------------------------


def writes_of_a_quiet_day(remedy: Remedy) -> list[str]:
    stage = remedy.stage
    stage.wait(2 * MINUTE)
    stage.sandbox.reset_calls()
    stage.wait(2 * MINUTE)
    stage.wait(DAY)
    stage.poll()
    stage.wait(2 * MINUTE)
    return [f"{call.method} {call.path}" for call in stage.sandbox.writes()]


def test_a_milestone_that_a_tracker_spells_otherwise_is_not_asked_for_again(pair: Remedy) -> None:
    pair.jira.add_version("OPS", "Q1")
    number = pair.github.add_milestone(OPS, "q1")
    pair.github.edit(OPS, pair.issue.number, "kim", milestone=number)
    pair.stage.settle()
    assert pair.ticket.values["fixVersions"]
    assert writes_of_a_quiet_day(pair) == []


def test_a_row_that_nobody_can_read_stays_when_it_was_written_back_and_read_again(
    pair: Remedy,
) -> None:
    pair.write("| — | 2027-01-06 | open |", "| Q1 | tomorrow | open |")
    pair.stage.settle()
    pair.github.close(OPS, pair.issue.number, by="kim")
    pair.stage.wait(2 * MINUTE)  # the table is written, with that row as it is
    pair.write("## ", "## More ")
    pair.stage.settle()
    pair.github.reopen(OPS, pair.issue.number, by="kim")
    pair.stage.wait(2 * MINUTE)
    assert "| Q1 | tomorrow | open |" in pair.text
    pair.write("| Q1 | tomorrow | open |", "| Q1 | 2027-03-01 | open |")
    pair.stage.settle()
    assert pair.ticket.values["duedate"] == "2027-03-01"


def test_a_tracker_that_lets_us_read_and_says_not_found_to_writes_is_not_asked_for_ever(
    remedy: Remedy,
) -> None:
    sandbox = remedy.stage.sandbox
    sandbox.fail_next("PATCH", "/github/", status=404, times=500)
    remedy.write("| — | 2027-01-06 | open |", "| — | 2027-01-07 | open |")
    sandbox.reset_calls()
    remedy.stage.settle()
    remedy.stage.wait(10 * MINUTE)
    assert len([c for c in sandbox.calls if c.method == "PATCH"]) < 20
    assert remedy.item.sides


def test_a_field_that_rested_is_heard_though_its_ticket_cannot_be_read_right_then(
    remedy: Remedy,
) -> None:
    issue = remedy.issue.number

    for _ in range(8):
        remedy.write("| Kim Ito |", "| Noor Aziz |") if "| Kim Ito |" in remedy.text else None
        remedy.stage.settle()
        remedy.github.assign(OPS, issue, ["kim"], by="kim")
        remedy.stage.settle()
        remedy.stage.wait(MINUTE)
    resting = {f for a in remedy.item.sides.values() for f in a.resting}
    assert resting == {Field.OWNER}
    remedy.github.edit(OPS, issue, "kim", assignees=["lee"])
    remedy.stage.settle()
    remedy.stage.sandbox.fail_next("GET", "/github/", status=502, times=4)
    remedy.stage.wait(timedelta(minutes=61))
    remedy.stage.sandbox.world.next_faults.clear()
    remedy.stage.wait(5 * MINUTE)
    assert remedy.item.owner == "Lee Park"
