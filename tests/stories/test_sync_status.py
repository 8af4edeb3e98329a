"""How far a remediation is, between projects that call it as they like."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from begun import begun
from remedies import MINUTE, OPS, Remedy
from stage import DEPLOYMENTS, Stage

from integrations.sandbox.acme import KIM, NOOR
from service.explain import explain
from workflows.model import Outlook
from workflows.snapshots import Field, Progress

CAUSE = "customfield_10060"
STATUSES = {
    "Backlog": "new",
    "Underway": "indeterminate",
    "Peer check": "indeterminate",
    "Shipped": "done",
    "Verified": "done",
    "Abandoned": "done",
    "Doubled": "done",
}
NAMES = (
    "{in review: [Peer check], done: [Shipped, Verified], won't do: [Abandoned],"
    " duplicate: [Doubled]}"
)
WAYS: list[dict[str, Any]] = [
    {"name": "Begin", "to": "Underway", "from": ["Backlog"]},
    {"name": "Ask", "to": "Peer check", "from": ["Underway"]},
    {"name": "Ship", "to": "Shipped", "from": ["Peer check"]},
    {"name": "Verify", "to": "Verified", "from": ["Shipped"]},
    {"name": "Abandon", "to": "Abandoned", "from": ["Backlog", "Underway", "Peer check"]},
    {"name": "Double", "to": "Doubled", "from": ["Backlog", "Underway", "Peer check"]},
    {"name": "Reopen", "to": "Backlog", "from": ["Shipped", "Verified", "Abandoned", "Doubled"]},
]


def tasks(statuses: str = NAMES, fill: str = "{}") -> str:
    return (
        f"{{connection: jira, project: FIX, issue_type: Task, statuses: {statuses}, fill: {fill},"
        " twin: {connection: github, repository: acme/ops, labels: [remediation]}}"
    )


Make = Callable[..., Remedy]


@pytest.fixture(params=DEPLOYMENTS)
def make(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Make]:
    """A task in a project with this workflow, and its twin on GitHub."""
    stages: list[Stage] = []

    def made(rules: str = tasks(), ways: list[dict[str, Any]] = WAYS) -> Remedy:
        stage = Stage(tmp_path, tasks=rules, deployment=request.param)
        jira = stage.sandbox.jira
        jira.add_project("FIX", types=("Task",), statuses=STATUSES, assignable=(KIM, NOOR))
        jira.add_field(CAUSE, "Root cause", "option", ["Config", "Unknown"])
        jira.change_workflow("FIX", ways)
        stages.append(stage.__enter__())
        return begun(stage, Remedy)

    yield made
    for stage in stages:
        stage.__exit__()


def explained(remedy: Remedy) -> str:
    with remedy.stage.store.read() as tx:
        found = explain(tx, remedy.incident.id)
    assert found is not None
    return "\n".join(f"{entry.title} {entry.detail} {entry.mend}" for entry in found.entries)


def without_way_to(status: str, *instead: dict[str, Any]) -> list[dict[str, Any]]:
    return [way for way in WAYS if way["to"] != status] + list(instead)


# --- words ----------------------------------------------------------------------------------------


def test_a_closed_twin_takes_the_task_through_all_its_steps(make: Make) -> None:
    remedy = make()
    remedy.github.close(OPS, remedy.issue.number, by="kim")
    remedy.rest()
    assert remedy.ticket.status == "Shipped"
    assert remedy.row[Field.STATUS] == "done"


def test_what_github_cannot_tell_apart_stays_as_jira_says(make: Make) -> None:
    remedy = make()
    for status in ("Underway", "Peer check"):
        remedy.jira.transition(remedy.ticket.key, status, by=KIM)
    remedy.rest()
    assert remedy.row[Field.STATUS] == "in review"
    assert remedy.issue.state == "open"
    remedy.github.assign(OPS, remedy.issue.number, ["noor"], by="kim")
    remedy.rest()
    assert remedy.ticket.status == "Peer check"
    assert remedy.row[Field.STATUS] == "in review"


@pytest.mark.parametrize("last", ["Shipped", "Verified"])
def test_each_of_many_done_states_is_done(make: Make, last: str) -> None:
    remedy = make()
    for status in ("Underway", "Peer check", "Shipped", "Verified"):
        remedy.jira.transition(remedy.ticket.key, status, by=KIM)
        if status == last:
            break
    remedy.rest()
    assert (remedy.issue.state, remedy.issue.reason) == ("closed", "completed")
    assert remedy.row[Field.STATUS] == "done"
    assert remedy.ticket.status == last


@pytest.mark.parametrize(
    ("progress", "status", "reason"),
    [("won't do", "Abandoned", "not_planned"), ("duplicate", "Doubled", "duplicate")],
)
def test_why_it_was_closed_is_told_in_every_place(
    make: Make, progress: str, status: str, reason: str
) -> None:
    remedy = make()
    remedy.jira.transition(remedy.ticket.key, status, by=KIM)
    remedy.rest()
    assert (remedy.issue.state, remedy.issue.reason) == ("closed", reason)
    assert remedy.row[Field.STATUS] == progress
    remedy.github.reopen(OPS, remedy.issue.number, by="kim")
    remedy.rest()
    assert remedy.ticket.status == "Backlog"
    remedy.write("| open |", f"| {progress} |")
    remedy.rest()
    assert remedy.ticket.status == status
    assert remedy.issue.reason == reason
    remedy.github.reopen(OPS, remedy.issue.number, by="kim")
    remedy.rest()
    remedy.github.close(OPS, remedy.issue.number, by="kim", state_reason=reason)
    remedy.rest()
    assert remedy.ticket.status == status
    assert remedy.row[Field.STATUS] == progress


def test_a_status_that_the_rules_call_otherwise_is_not_taken_for_its_category(
    make: Make,
) -> None:
    """Nothing is called "in progress" in these rules: "Peer check" is of that category, and comes
    first where transitions are told."""
    ask = {"name": "Ask", "to": "Peer check", "from": ["Backlog", "Underway"]}
    remedy = make(ways=[ask, *(way for way in WAYS if way["name"] != "Ask")])
    remedy.write("| open |", "| in progress |")
    remedy.rest()
    assert remedy.ticket.status == "Underway"
    assert remedy.row[Field.STATUS] == "in progress"


# --- what stands in the way -----------------------------------------------------------------------


def test_a_field_that_a_transition_demands_is_filled_as_the_rules_say(make: Make) -> None:
    ship = {"name": "Ship", "to": "Shipped", "from": ["Peer check"], "needs": [CAUSE]}
    remedy = make(tasks(fill="{Root cause: Unknown}"), without_way_to("Shipped", ship))
    remedy.github.close(OPS, remedy.issue.number, by="kim")
    remedy.rest()
    assert remedy.ticket.status == "Shipped"
    assert remedy.ticket.values[CAUSE]["value"] == "Unknown"


def test_a_transition_that_meets_another_edit_is_tried_again(make: Make) -> None:
    remedy = make()
    words = {"errorMessages": ["The issue is being edited by another user."], "errors": {}}
    remedy.stage.sandbox.fail_next("POST", "/transitions", status=409, body=words)
    remedy.github.close(OPS, remedy.issue.number, by="kim")
    remedy.rest()
    assert remedy.ticket.status == "Shipped"


def test_what_a_validator_says_is_told_and_tried_again_once_the_ticket_moves(
    make: Make,
) -> None:
    words = "Say in Root cause what it was."
    ship = {"name": "Ship", "to": "Shipped", "from": ["Peer check"]}
    ship |= {"validator": words, "until": CAUSE}
    remedy = make(ways=without_way_to("Shipped", ship))
    remedy.github.close(OPS, remedy.issue.number, by="kim")
    remedy.rest()
    assert remedy.ticket.status != "Shipped"
    assert words in explained(remedy)
    assert words in remedy.comment
    assert remedy.issue.state == "closed"
    assert remedy.row[Field.STATUS] == Progress.DONE
    remedy.stage.sandbox.reset_calls()
    for _ in range(5):
        remedy.stage.wait(MINUTE)
    assert remedy.stage.sandbox.writes() == []  # not again and again
    remedy.jira.edit(remedy.ticket.key, by=KIM, **{CAUSE: {"value": "Config"}})
    remedy.rest()
    assert remedy.ticket.status == "Shipped"
    assert words not in remedy.comment
    assert remedy.incident.outlook is Outlook.DONE


def test_a_ticket_that_is_touched_without_mending_it_costs_one_more_try(make: Make) -> None:
    words = "Not before the review."
    ship = {"name": "Ship", "to": "Shipped", "from": ["Peer check"], "validator": words}
    remedy = make(ways=without_way_to("Shipped", ship))
    remedy.github.close(OPS, remedy.issue.number, by="kim")
    remedy.rest()
    remedy.stage.sandbox.reset_calls()
    remedy.jira.edit(remedy.ticket.key, by=KIM, priority="High")
    remedy.rest()
    remedy.stage.wait(timedelta(hours=1))
    tries = [c for c in remedy.stage.sandbox.writes() if c.path.endswith("/transitions")]
    assert len(tries) == 1
    assert words in remedy.comment


def test_what_mends_a_refusal_is_found_by_polling_too(make: Make) -> None:
    ship = {"name": "Ship", "to": "Shipped", "from": ["Peer check"]}
    ship |= {"validator": "Say in Root cause what it was.", "until": CAUSE}
    remedy = make(ways=without_way_to("Shipped", ship))
    remedy.github.close(OPS, remedy.issue.number, by="kim")
    remedy.rest()
    remedy.stage.poll()
    remedy.stage.sandbox.hooks.enabled = False
    remedy.jira.edit(remedy.ticket.key, by=KIM, **{CAUSE: {"value": "Config"}})
    remedy.stage.clock.wait(MINUTE)
    remedy.stage.poll()
    remedy.rest()
    assert remedy.ticket.status == "Shipped"


def test_where_no_way_leads_that_is_told_in_words(make: Make) -> None:
    remedy = make(ways=without_way_to("Shipped"))
    remedy.github.close(OPS, remedy.issue.number, by="kim")
    remedy.rest()
    assert "no way from" in remedy.comment
    assert "no way from" in explained(remedy)
