"""What it costs to carry one change, echoes included, counted by the sandbox, caches warm.

Of the ticket that changed its webhook tells all that a read would, as long as it is later than what
is known. Each ticket that is to be written is read right before: no tracker compares before it
sets, and the webhook of an edit there may have been lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from remedies import BOTH, DOCUMENTS, MINUTE, OPS, Remedy
from stage import Stage

KIM, NOOR = "5b10-kim", "5b10-noor"


@dataclass(frozen=True)
class Cost:
    """Calls about the two tickets of an item. What the document costs is counted apart: it is
    written once a minute at most, however much changes. `other_reads` are of its pull request;
    where the document itself was edited, of that and of the incident's ticket too."""

    jira_writes: int = 0
    github_writes: int = 0
    reads: int = 0
    document_writes: int = 0
    other_reads: int = 0


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Remedy]:
    """A task in Jira with a twin on GitHub; each of the two people was assigned on both before, and
    it was closed and opened again."""
    with Stage(tmp_path, tasks=BOTH) as stage:
        pair = Remedy(stage)
        for who in (NOOR, KIM):
            pair.jira.edit(pair.ticket.key, by=KIM, assignee=who)
            stage.wait(MINUTE)
        for who in ("noor", "kim"):
            pair.github.assign(OPS, pair.issue.number, [who], by="kim")
            stage.wait(MINUTE)
        pair.github.close(OPS, pair.issue.number, by="kim")
        stage.wait(MINUTE)
        pair.github.reopen(OPS, pair.issue.number, by="kim")
        stage.wait(MINUTE)
        yield pair


def cost(pair: Remedy, change: Callable[[], object]) -> Cost:
    """Of this change, until every place shows it and every echo was heard. It is certainly made
    later than our last write."""
    pair.stage.wait(timedelta(seconds=3))
    pair.stage.sandbox.reset_calls()
    change()
    pair.stage.wait(MINUTE)
    tickets = (f"/issues/{pair.issue.number}", f"/issue/{pair.ticket.id}")
    calls = pair.stage.sandbox.calls
    ours = [c for c in calls if any(f"{t}{end}" in f"{c.path}?" for t in tickets for end in "?/")]
    return Cost(
        jira_writes=sum(c.dialect == "jira" and c.is_write for c in ours),
        github_writes=sum(c.dialect == "github" and c.is_write for c in ours),
        reads=sum(not c.is_write for c in ours),
        document_writes=sum(c.is_write and DOCUMENTS in c.path for c in calls),
        other_reads=sum(not c.is_write and c not in ours for c in calls),
    )


def test_an_owner_in_jira_costs_one_write_on_github_and_one_read(pair: Remedy) -> None:
    told = cost(pair, lambda: pair.jira.edit(pair.ticket.key, by=KIM, assignee=NOOR))
    assert pair.issue.assignees == ["noor"]
    assert told == Cost(github_writes=1, reads=1, document_writes=1, other_reads=1)


def test_a_status_in_jira_costs_one_write_on_github_and_one_read(pair: Remedy) -> None:
    told = cost(pair, lambda: pair.jira.transition(pair.ticket.key, "Done", by=KIM))
    assert pair.issue.state == "closed"
    assert told == Cost(github_writes=1, reads=1, document_writes=1, other_reads=1)


def test_a_due_date_in_jira_costs_one_write_on_github_and_one_read(pair: Remedy) -> None:
    told = cost(pair, lambda: pair.jira.edit(pair.ticket.key, by=KIM, duedate="2027-02-01"))
    assert "2027-02-01" in pair.issue.body
    assert told == Cost(github_writes=1, reads=1, document_writes=1, other_reads=1)


def test_an_owner_on_github_costs_one_write_on_jira_and_one_read(pair: Remedy) -> None:
    told = cost(pair, lambda: pair.github.assign(OPS, pair.issue.number, ["noor"], by="kim"))
    assert pair.ticket.values["assignee"] == NOOR
    assert told == Cost(jira_writes=1, reads=1, document_writes=1, other_reads=1)


def test_a_status_on_github_costs_one_transition_on_jira_and_one_read(pair: Remedy) -> None:
    told = cost(pair, lambda: pair.github.close(OPS, pair.issue.number, by="kim"))
    assert pair.ticket.status == "Done"
    assert told == Cost(jira_writes=1, reads=1, document_writes=1, other_reads=1)


def test_two_changes_on_github_in_one_second_cost_two_writes_on_jira_and_two_reads(
    pair: Remedy,
) -> None:
    """Which of the two webhooks is the later one cannot be told, so the issue is read."""

    def change() -> None:
        pair.github.close(OPS, pair.issue.number, by="kim")
        pair.github.assign(OPS, pair.issue.number, ["noor"], by="kim")

    told = cost(pair, change)
    assert (pair.ticket.status, pair.ticket.values["assignee"]) == ("Done", NOOR)
    assert told == Cost(jira_writes=2, reads=2, document_writes=1, other_reads=1)


def test_a_row_costs_a_write_on_each_side(pair: Remedy) -> None:
    told = cost(pair, lambda: pair.write("| Kim Ito | — |", "| Noor Aziz | — |"))
    assert (pair.issue.assignees, pair.ticket.values["assignee"]) == (["noor"], NOOR)
    assert told == Cost(jira_writes=1, github_writes=1, reads=2, other_reads=5)


def test_many_changes_within_a_minute_cost_the_document_one_write(pair: Remedy) -> None:
    def change() -> None:
        for turn in range(21):
            pair.jira.edit(pair.ticket.key, by=KIM, assignee=(NOOR, KIM)[turn % 2])
            if turn < 3:
                pair.stage.settle()

    told = cost(pair, change)
    assert pair.issue.assignees == ["noor"]
    assert told.document_writes == 1
