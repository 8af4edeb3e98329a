"""Values that the rules name for required fields: in the form that Jira takes, each task by
itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from integrations.jira.adapter import JiraTracker
from integrations.jira.filling import as_taken
from integrations.sandbox import Sandbox
from workflows.effects import CreateTask, TaskTarget
from workflows.kinds import Kind

BOT, TOKEN, COST = "bot-1", "t0ken-of-the-bot", "customfield_10071"
NOW = datetime(2026, 12, 1, 10, 30, tzinfo=UTC)
CUSTOM = "com.atlassian.jira.plugin.system.customfieldtypes:"


@pytest.fixture(params=["cloud", "datacenter"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(deployment=request.param, clock=lambda: NOW) as running:
        jira = running.jira
        jira.add_field(COST, "Cost", "number")
        jira.add_project("OPS", types=("Task",), required=(COST,))
        jira.add_user(BOT, "Bot", "bot@acme.example", TOKEN, projects=("OPS",))
        yield running


@pytest.fixture
def tracker(sandbox: Sandbox) -> JiraTracker:
    user = "bot@acme.example" if sandbox.jira.cloud else BOT
    return JiraTracker("acme", sandbox.jira_url, user=user, token=TOKEN, clock=lambda: NOW)


def test_what_names_something_else_is_an_object_alone_and_in_a_list(
    sandbox: Sandbox, tracker: JiraTracker
) -> None:
    kim = {"accountId" if sandbox.jira.cloud else "name": "kim"}
    forms: list[tuple[dict[str, Any], str, Any]] = [
        ({"type": "user"}, "kim", kim),
        ({"type": "array", "items": "user"}, "kim", [kim]),
        ({"type": "group"}, "sre", {"name": "sre"}),
        ({"type": "array", "items": "group"}, "sre", [{"name": "sre"}]),
        ({"type": "issuelink", "system": "parent"}, "OPS-1", {"key": "OPS-1"}),
        ({"type": "array", "items": "string", "system": "labels"}, "a b", ["a", "b"]),
        ({"type": "array", "items": "string", "custom": f"{CUSTOM}labels"}, "a b", ["a", "b"]),
        ({"type": "array", "items": "string"}, "a b", ["a b"]),
        ({"type": "number"}, "3", 3),
        ({"type": "string", "custom": f"{CUSTOM}textfield"}, "x", "x"),
    ]
    for schema, given, taken in forms:
        assert as_taken(tracker.site, {"schema": schema}, given) == taken


def test_an_allowed_value_that_has_no_id_is_none_that_can_be_chosen(tracker: JiraTracker) -> None:
    told = {"schema": {"type": "option"}, "allowedValues": [{"value": "Ops"}]}
    with pytest.raises(ValueError, match="'ops' has no id there"):
        as_taken(tracker.site, told, "ops")


def test_a_value_that_its_field_does_not_take_keeps_no_other_task_from_being_made(
    sandbox: Sandbox, tracker: JiraTracker
) -> None:
    tasks = []
    for key, cost in (("a:1", "3"), ("a:2", "dear"), ("a:3", "4")):
        target = TaskTarget("acme", "OPS", "Task", fill=(("Cost", cost),))
        tasks.append(CreateTask(key, target, f"Task {key}", "", Kind.CORRECTIVE, None, None))
    ended = {result.key: result for result in tracker.create_tasks(tasks)}
    assert ended.keys() == {"a:1", "a:2", "a:3"}
    assert ended["a:2"].ref is None
    assert "does not take Cost" in str(ended["a:2"].error)
    made = [ended[key].ref for key in ("a:1", "a:3")]
    assert [sandbox.jira.issue(ref.key).values[COST] for ref in made if ref] == [3, 4]


@pytest.mark.parametrize("given", ["nan", "-inf", "1e999", "three"])
def test_a_number_that_json_does_not_have_is_refused(tracker: JiraTracker, given: str) -> None:
    with pytest.raises(ValueError, match=given):
        as_taken(tracker.site, {"schema": {"type": "number"}}, given)
