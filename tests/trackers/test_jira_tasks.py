"""Remediation tasks in Jira, kept in sync: what is read of them, and fields that are set."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from integrations.jira.adapter import JiraTracker
from integrations.jira.webhook import normalise, verify
from integrations.sandbox import Sandbox
from integrations.tracker import (
    FieldsSet,
    Notice,
    NotThere,
    OutcomeUnknown,
    RateLimited,
    Tells,
    Tracker,
    Unavailable,
)
from workflows.effects import SetFields
from workflows.model import Person, StatusCategory, TicketRef
from workflows.snapshots import Field, Progress, Value
from workflows.tasks import StatusWish, TaskState

BOT, KIM, LEE, TOKEN = "bot-1", "kim-2", "lee-3", "t0ken-of-the-bot"
NOW = datetime(2026, 12, 1, 10, 30, tzinfo=UTC)
SECRET = "a-webhook-secret"


def as_known(_: TaskState) -> str:
    """Nobody was faster."""
    return ""


@pytest.fixture(params=["cloud", "datacenter"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(deployment=request.param, clock=lambda: NOW) as running:
        jira = running.jira
        jira.add_project("OPS", types=("Task",))
        jira.add_user(BOT, "Bot", "bot@acme.example", TOKEN, projects=("OPS",))
        jira.add_user(KIM, "Kim Doe", "kim@acme.example", projects=("OPS",))
        jira.add_user(LEE, "Lee Low", "lee@acme.example", projects=("OPS",))
        jira.add_version("OPS", "Q1")
        yield running


@pytest.fixture
def tracker(sandbox: Sandbox) -> JiraTracker:
    user = "bot@acme.example" if sandbox.jira.cloud else BOT
    return JiraTracker("acme", sandbox.jira_url, user=user, token=TOKEN, clock=lambda: NOW)


@pytest.fixture
def task(sandbox: Sandbox, tracker: JiraTracker) -> TicketRef:
    given: dict[str, Any] = {"assignee": KIM, "fixVersions": ["Q1"], "duedate": "2026-12-24"}
    return tracker.find(sandbox.jira.create_issue("OPS", "Add an alert", KIM, "Task", **given))


def wanting(task: TicketRef, values: Mapping[Field, Value], **more: Any) -> SetFields:
    return replace(SetFields("sync:k3v9:1", task, "OPS", values), **more)


def outcome(ended: FieldsSet) -> tuple[Any, Any, Any]:
    return ended.confirmed, ended.refused, ended.status


def listen(sandbox: Sandbox) -> None:
    sandbox.hooks.enabled = False
    sandbox.jira.hook("http://127.0.0.1:9/hook", SECRET)


def heard(sandbox: Sandbox) -> list[Notice]:
    log = sandbox.hooks.log
    return [normalise(verify(each.headers(), each.body, [SECRET])) for each in log]


def test_it_is_a_whole_tracker(tracker: JiraTracker) -> None:
    whole: Tracker = tracker
    assert whole.connection == "acme"


# --- reading ------------------------------------------------------------------------------------


def test_a_task_is_read_in_one_call_with_who_changed_what(
    sandbox: Sandbox, tracker: JiraTracker, task: TicketRef
) -> None:
    jira = sandbox.jira
    jira.edit(task.key, LEE, duedate="2027-01-15", labels=["urgent"])
    jira.edit(task.key, KIM, assignee=LEE)
    jira.comment(task.key, "On it", LEE)
    jira.transition(task.key, "Done", LEE, resolution="Won't Do")
    sandbox.reset_calls()
    seen = tracker.look(task)
    assert [call.method for call in sandbox.calls] == ["GET"]
    assert (seen.ref, seen.place, seen.title) == (task, "OPS", "Add an alert")
    assert [owner.handle for owner in seen.owners] == [LEE]
    assert (seen.milestones, seen.due, seen.updated) == (("Q1",), date(2027, 1, 15), NOW)
    assert (seen.status.name, seen.status.category) == ("Done", StatusCategory.DONE)
    assert (seen.status.reason, seen.silent) == ("Won't Do", ())
    told = [(change.field, change.by and change.by.handle) for change in seen.changes]
    assert told == [(Field.DUE, LEE), (Field.OWNER, KIM), (Field.STATUS, LEE)]


def test_an_empty_field_is_not_a_silent_one(sandbox: Sandbox, tracker: JiraTracker) -> None:
    sandbox.jira.add_project("LEAN", types=("Task",), hidden=("duedate", "fixVersions"))
    lean = tracker.look(tracker.find(sandbox.jira.create_issue("LEAN", "x", KIM, "Task")))
    assert (lean.due, lean.milestones, lean.owners) == (None, (), ())
    assert set(lean.silent) == {Field.DUE, Field.MILESTONE}
    empty = tracker.look(tracker.find(sandbox.jira.create_issue("OPS", "x", KIM, "Task")))
    assert (empty.due, empty.milestones, empty.silent) == (None, (), ())


def test_a_moved_task_is_the_same_task_elsewhere(
    sandbox: Sandbox, tracker: JiraTracker, task: TicketRef
) -> None:
    sandbox.jira.add_project("WEB", types=("Task",), statuses={"Open": "new", "Closed": "done"})
    listen(sandbox)
    key = sandbox.jira.move_issue(task.key, "WEB", KIM)
    seen = tracker.look(task)
    assert (seen.ref.id, seen.ref.key, seen.place) == (task.id, key, "WEB")
    assert (seen.status.name, seen.milestones) == ("Open", ())
    (notice,) = heard(sandbox)
    assert (notice.tells, notice.ticket_id, notice.place) == (Tells.TICKET, task.id, "WEB")


def test_a_deleted_task_is_gone_and_a_hidden_one_comes_back(
    sandbox: Sandbox, tracker: JiraTracker, task: TicketRef
) -> None:
    listen(sandbox)
    sandbox.jira.deny(BOT, "BROWSE_PROJECTS", "OPS")
    with pytest.raises(NotThere):
        tracker.look(task)
    sandbox.jira.allow(BOT, "BROWSE_PROJECTS", "OPS")
    assert tracker.look(task).ref == task
    sandbox.jira.delete(task.key, KIM)
    with pytest.raises(NotThere):
        tracker.look(task)
    (notice,) = heard(sandbox)
    assert (notice.tells, notice.ticket_id) == (Tells.TICKET_GONE, task.id)


def test_a_thousand_tasks_are_looked_through_in_eleven_calls_at_most(
    sandbox: Sandbox, tracker: JiraTracker
) -> None:
    for number in range(1_000):
        sandbox.jira.create_issue("OPS", f"task {number}", KIM, "Task")
    tracker.can_assign("OPS", KIM)  # asks once which deployment this is
    sandbox.reset_calls()
    seen = list(tracker.look_through("OPS", None))
    assert len({task.ref.id for task in seen}) == 1_000
    assert len(sandbox.calls) <= 11
    assert all(not task.changes and not task.silent for task in seen)


def test_only_what_changed_lately_is_looked_through_with_an_overlap(sandbox: Sandbox) -> None:
    now = NOW
    sandbox.world.clock = lambda: now
    user = "bot@acme.example" if sandbox.jira.cloud else BOT
    tracker = JiraTracker("acme", sandbox.jira_url, user=user, token=TOKEN, clock=lambda: now)
    old, late, new = (sandbox.jira.create_issue("OPS", "x", KIM, "Task") for _ in range(3))
    for hours, key in ((1, old), (2, late), (3, new)):
        now = NOW + timedelta(hours=hours)
        sandbox.jira.edit(key, KIM, duedate="2026-12-24")
    since = NOW + timedelta(hours=2, minutes=10)
    seen = [task.ref.key for task in tracker.look_through("OPS", since)]
    assert seen == [new, late]


# --- writing ------------------------------------------------------------------------------------


def test_several_fields_are_one_read_and_one_write(
    sandbox: Sandbox, tracker: JiraTracker, task: TicketRef
) -> None:
    values: dict[Field, Value] = {
        Field.OWNER: LEE,
        Field.MILESTONE: "Q2",
        Field.DUE: "2027-02-01",
        Field.TITLE: "Add  two\nalerts",
    }
    sandbox.jira.add_version("OPS", "Q2")
    warming = wanting(task, {Field.OWNER: LEE, Field.MILESTONE: "Q1"})
    tracker.set_fields(warming, as_known)
    sandbox.reset_calls()
    listen(sandbox)
    ended = tracker.set_fields(wanting(task, values, replaces={Field.MILESTONE: "Q1"}), as_known)
    assert [(call.method, call.status) for call in sandbox.calls] == [("GET", 200), ("PUT", 204)]
    assert outcome(ended) == ({**values, Field.TITLE: "Add two alerts"}, {}, None)
    seen = tracker.look(task)
    assert ([owner.handle for owner in seen.owners], seen.milestones) == ([LEE], ("Q2",))
    assert (seen.due, seen.title) == (date(2027, 2, 1), "Add two alerts")
    (notice,) = heard(sandbox)
    assert (notice.tells, notice.ticket_id, notice.by) == (Tells.TICKET, task.id, BOT)


def test_fields_are_emptied(sandbox: Sandbox, tracker: JiraTracker, task: TicketRef) -> None:
    empty: dict[Field, Value] = {Field.OWNER: None, Field.MILESTONE: None, Field.DUE: None}
    ended = tracker.set_fields(wanting(task, empty, replaces={Field.MILESTONE: "Q1"}), as_known)
    assert outcome(ended) == (empty, {}, None)
    seen = tracker.look(task)
    assert (seen.owners, seen.milestones, seen.due, seen.silent) == ((), (), None, ())
    told = tracker.set_fields(wanting(task, {Field.TITLE: None}), as_known)
    assert (told.confirmed, list(told.refused)) == ({}, [Field.TITLE])


def test_other_versions_stay_and_a_missing_one_is_created(
    sandbox: Sandbox, tracker: JiraTracker, task: TicketRef
) -> None:
    sandbox.jira.add_version("OPS", "Hotfix")
    sandbox.jira.edit(task.key, KIM, fixVersions=["Q1", "Hotfix"])
    wanted = wanting(task, {Field.MILESTONE: "Q3"}, replaces={Field.MILESTONE: "Q1"})
    assert tracker.set_fields(wanted, as_known).confirmed == {Field.MILESTONE: "Q3"}
    assert set(tracker.look(task).milestones) == {"Hotfix", "Q3"}
    sandbox.jira.deny(BOT, "ADMINISTER_PROJECTS")
    told = tracker.set_fields(
        wanting(task, {Field.MILESTONE: "Q4", Field.DUE: "2027-02-01"}), as_known
    )
    assert told.confirmed == {Field.DUE: "2027-02-01"}
    assert told.refused == {Field.MILESTONE: "OPS has no version 'Q4', and we may not add it"}


def test_a_version_that_somebody_just_made_is_replaced_as_any_other(
    sandbox: Sandbox, tracker: JiraTracker, task: TicketRef
) -> None:
    tracker.set_fields(
        wanting(task, {Field.MILESTONE: "Q1"}), as_known
    )  # the versions are remembered
    sandbox.jira.add_version("OPS", "Soon")
    sandbox.jira.edit(task.key, KIM, fixVersions=["Soon"])
    tracker.set_fields(
        wanting(task, {Field.MILESTONE: "Q1"}, replaces={Field.MILESTONE: "Soon"}), as_known
    )
    assert tracker.look(task).milestones == ("Q1",)


def test_a_version_is_the_same_however_it_is_spelt(
    sandbox: Sandbox, tracker: JiraTracker, task: TicketRef
) -> None:
    tracker.set_fields(
        wanting(task, {Field.MILESTONE: None}, replaces={Field.MILESTONE: "Q1"}), as_known
    )
    ended = tracker.set_fields(wanting(task, {Field.MILESTONE: "q1"}), as_known)
    assert outcome(ended) == ({Field.MILESTONE: "Q1"}, {}, None)
    assert tracker.look(task).milestones == ("Q1",)


def test_a_version_that_was_merged_away_takes_its_tasks_along(
    sandbox: Sandbox, tracker: JiraTracker, task: TicketRef
) -> None:
    jira = sandbox.jira
    jira.add_version("OPS", "2027")
    tracker.set_fields(
        wanting(task, {Field.MILESTONE: "Q1"}), as_known
    )  # the versions are remembered
    listen(sandbox)
    jira.delete_version("OPS", "Q1", KIM, into="2027")
    assert tracker.look(task).milestones == ("2027",)
    assert [(notice.tells, notice.ticket_id) for notice in heard(sandbox)] == [
        (Tells.TICKET, task.id),
        (Tells.MILESTONES, None),
    ]
    assert "mergedTo" in json.loads(sandbox.hooks.log[-1].body)
    # nobody has told us yet: Q1 is believed to stand there, and to be a version
    wanted = wanting(task, {Field.MILESTONE: "Q2"}, replaces={Field.MILESTONE: "Q1"})
    ended = tracker.set_fields(wanted, as_known)
    assert outcome(ended) == ({Field.MILESTONE: "Q2"}, {}, None)
    assert set(tracker.look(task).milestones) == {"2027", "Q2"}


def test_a_renamed_version_is_read_by_its_new_name_and_a_deleted_one_not_at_all(
    sandbox: Sandbox, tracker: JiraTracker, task: TicketRef
) -> None:
    sandbox.jira.rename_version("OPS", "Q1", "First quarter")
    assert tracker.look(task).milestones == ("First quarter",)
    sandbox.jira.delete_version("OPS", "First quarter", KIM)
    assert tracker.look(task).milestones == ()


def test_nothing_is_given_to_somebody_who_left(
    sandbox: Sandbox, tracker: JiraTracker, task: TicketRef
) -> None:
    sandbox.jira.leave(LEE)
    wanted = wanting(task, {Field.OWNER: LEE, Field.DUE: "2027-02-01"}, owner_name="Lee Low")
    sandbox.reset_calls()
    ended = tracker.set_fields(wanted, as_known)
    assert ended.confirmed == {Field.DUE: "2027-02-01"}
    assert ended.refused == {Field.OWNER: "Lee Low is not assignable in OPS"}
    assert len(sandbox.writes()) == 1
    tracker.set_fields(wanting(task, {Field.OWNER: KIM}), as_known)
    sandbox.jira.leave(KIM)  # and is still remembered as assignable
    told = tracker.set_fields(wanting(task, {Field.OWNER: KIM, Field.DUE: "2027-03-01"}), as_known)
    assert (told.confirmed, list(told.refused)) == ({Field.DUE: "2027-03-01"}, [Field.OWNER])
    assert "cannot be assigned" in told.refused[Field.OWNER]
    told = tracker.set_fields(wanting(task, {Field.OWNER: KIM}), as_known)
    assert told.refused == {Field.OWNER: "kim-2 is not assignable in OPS"}
    assert tracker.look(task).owners == (Person(KIM, "Kim Doe", email(sandbox), active=False),)


def email(sandbox: Sandbox) -> str | None:
    return None if sandbox.jira.cloud else "kim@acme.example"


def test_a_field_that_is_not_on_the_screen_keeps_no_other_from_being_set(
    sandbox: Sandbox, tracker: JiraTracker
) -> None:
    sandbox.jira.add_project("LEAN", types=("Task",), create_screen=("assignee",))
    lean = tracker.find(sandbox.jira.create_issue("LEAN", "x", KIM, "Task"))
    values: dict[Field, Value] = {Field.DUE: "2027-02-01", Field.TITLE: "y", Field.MILESTONE: "Q1"}
    ended = tracker.set_fields(wanting(lean, values, place="LEAN"), as_known)
    assert ended.confirmed == {Field.TITLE: "y"}
    assert set(ended.refused) == {Field.DUE, Field.MILESTONE}
    assert "not on the appropriate screen" in ended.refused[Field.DUE]
    assert tracker.look(lean).title == "y"


def test_a_refusal_that_names_no_field_refuses_them_all(
    sandbox: Sandbox, tracker: JiraTracker, task: TicketRef
) -> None:
    words = "The issue is closed, and not editable."
    body = {"errorMessages": [words], "errors": {}}
    sandbox.fail_next("PUT", f"/issue/{task.id}", status=400, body=body)
    ended = tracker.set_fields(wanting(task, {Field.DUE: None, Field.TITLE: "y"}), as_known)
    assert outcome(ended) == ({}, {Field.DUE: words, Field.TITLE: words}, None)
    assert len(sandbox.writes()) == 1


def test_an_edit_is_never_repeated_whatever_becomes_of_its_answer(
    sandbox: Sandbox, tracker: JiraTracker, task: TicketRef
) -> None:
    wanted = wanting(task, {Field.DUE: "2027-02-01"}, status=StatusWish(Progress.DONE))
    path = f"/issue/{task.id}"
    for spoilt, error in (
        ({"status": 409}, Unavailable),
        ({"status": 429}, RateLimited),
        ({"status": 502, "after_effect": True}, OutcomeUnknown),
        ({"after_effect": True, "drop_connection": True}, OutcomeUnknown),
    ):
        sandbox.reset_calls()
        sandbox.fail_next("PUT", path, **spoilt)
        with pytest.raises(error):
            tracker.set_fields(wanted, as_known)
        assert [call.method for call in sandbox.calls] == ["GET", "PUT"]
    assert tracker.look(task).status.name == "To Do"
