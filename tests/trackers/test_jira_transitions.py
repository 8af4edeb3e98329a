"""Statuses of tasks in Jira: the way there is found at run time, and each refusal has its words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrations.gate import OPEN, Call, Gate, Report
from integrations.jira.adapter import JiraTracker
from integrations.sandbox import Sandbox
from integrations.tracker import (
    FieldsSet,
    NotThere,
    OutcomeUnknown,
    RateLimited,
    SignInFailed,
    Unavailable,
)
from workflows.effects import SetFields
from workflows.model import Status, StatusCategory, TicketRef
from workflows.snapshots import Field, Progress, Value
from workflows.tasks import StatusWish, TaskState

BOT, KIM, TOKEN = "bot-1", "kim-2", "t0ken-of-the-bot"
NOW = datetime(2026, 12, 1, 10, 30, tzinfo=UTC)
CAUSE = "customfield_10060"
STATUSES = {
    "To Do": "new",
    "In Progress": "indeterminate",
    "In Review": "indeterminate",
    "Blocked": "indeterminate",
    "Done": "done",
    "Won't Do": "done",
}
DONE = StatusWish(Progress.DONE, reasons=("Done",))


class OneWriteOnly:
    """A gate whose budget ends after one write."""

    def __init__(self) -> None:
        self.writes = 0

    @contextmanager
    def passing(self, call: Call) -> Iterator[Report]:
        self.writes += call.writes
        if self.writes > 1:
            raise RateLimited("No more for now", retry_at=NOW)
        yield lambda _: None


class Stage:
    """One project with the workflow that a story needs, and tasks in it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.jira, self.now = sandbox, sandbox.jira, NOW
        sandbox.world.clock = lambda: self.now
        self.jira.add_project("OPS", types=("Task",), statuses=STATUSES)
        self.jira.add_user(BOT, "Bot", "bot@acme.example", TOKEN, projects=("OPS",))
        self.jira.add_user(KIM, "Kim Doe", "kim@acme.example", projects=("OPS",))
        self.jira.add_field(CAUSE, "Root cause", "option", ["Config", "Code"])
        self.tracker = self.another_tracker()
        self.task = self.another()
        #: What happens right after the task was read.
        self.meanwhile: Callable[[], None] = lambda: None

    def another_tracker(self, gate: Gate = OPEN) -> JiraTracker:
        user = "bot@acme.example" if self.jira.cloud else BOT
        url = self.sandbox.jira_url
        return JiraTracker("acme", url, user=user, token=TOKEN, clock=lambda: self.now, gate=gate)

    def workflow(self, *ways: dict[str, Any]) -> None:
        self.jira.change_workflow("OPS", ways)

    def another(self) -> TicketRef:
        return self.tracker.find(self.jira.create_issue("OPS", "Add an alert", KIM, "Task"))

    def want(self, wish: StatusWish, task: TicketRef | None = None, **values: Value) -> FieldsSet:
        fields = {Field(name): value for name, value in values.items()}
        wanted = SetFields("sync:k3v9:1", task or self.task, "OPS", fields, wish)
        self.sandbox.reset_calls()
        return self.tracker.set_fields(wanted, self._as_known)

    def _as_known(self, _: TaskState) -> str:
        self.meanwhile()
        return ""

    def moves(self, task: TicketRef, *statuses: str) -> None:
        """Somebody moves it."""
        for status in statuses:
            self.jira.transition(task.key, status, KIM)

    def stands(self, task: TicketRef | None = None) -> tuple[str, str | None]:
        issue = self.jira.issue((task or self.task).id)
        return issue.status, issue.resolution

    def verbs(self) -> list[str]:
        return [call.method for call in self.sandbox.calls]


@pytest.fixture(params=["cloud", "datacenter"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with Sandbox(deployment=request.param) as running:
        yield Stage(running)


def way(name: str, start: str, to: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "from": [start], "to": to, **more}


# --- one step -----------------------------------------------------------------------------------


def test_with_warm_caches_a_change_of_status_is_one_read_and_one_write(stage: Stage) -> None:
    stage.want(DONE)
    ended = stage.want(DONE, stage.another())
    assert stage.verbs() == ["GET", "POST"]
    assert (ended.confirmed, ended.refused) == ({Field.STATUS: "Done"}, {})
    assert ended.status == Status("Done", StatusCategory.DONE, "Done")
    third = stage.another()
    ended = stage.want(DONE, third, due="2027-02-01")
    assert stage.verbs() == ["GET", "PUT", "POST"]
    assert ended.confirmed == {Field.DUE: "2027-02-01", Field.STATUS: "Done"}
    assert stage.stands(third) == ("Done", "Done")


def test_a_status_that_is_there_already_is_confirmed_and_nothing_is_written(stage: Stage) -> None:
    ended = stage.want(StatusWish(Progress.OPEN))
    assert (ended.confirmed, ended.refused) == ({Field.STATUS: "To Do"}, {})
    assert stage.verbs() == ["GET"]


def test_what_we_closed_and_somebody_reopened_is_closed_again(stage: Stage) -> None:
    stage.want(DONE)
    stage.jira.transition(stage.task.key, "To Do", KIM)
    assert stage.want(DONE).confirmed == {Field.STATUS: "Done"}
    assert stage.stands() == ("Done", "Done")


def test_the_rules_names_decide_whatever_their_case(stage: Stage) -> None:
    ended = stage.want(StatusWish(Progress.IN_PROGRESS, names=("WAITING", "blocked")))
    assert ended.status == Status("Blocked", StatusCategory.IN_PROGRESS)
    ended = stage.want(StatusWish(Progress.IN_PROGRESS, names=("in  progress",)))
    assert stage.stands() == ("In Progress", None)


@pytest.mark.parametrize(
    ("wish", "end"),
    [
        (StatusWish(Progress.IN_PROGRESS), ("In Progress", None)),
        (StatusWish(Progress.IN_REVIEW), ("In Review", None)),
        (StatusWish(Progress.DONE, reasons=("Done",)), ("Done", "Done")),
        (StatusWish(Progress.WONT_DO, reasons=("Won't Fix", "Won't Do")), ("Won't Do", "Won't Do")),
        (StatusWish(Progress.DUPLICATE, reasons=("Duplicate",)), ("Done", "Duplicate")),
    ],
)
def test_among_several_of_a_category_the_one_named_alike_is_taken(
    stage: Stage, wish: StatusWish, end: tuple[str, str | None]
) -> None:
    ended = stage.want(wish)
    assert stage.stands() == end
    assert ended.status is not None
    assert (ended.status.name, ended.status.reason) == end


def test_wont_do_is_never_taken_for_done(stage: Stage) -> None:
    stage.workflow(way("Drop", "To Do", "Won't Do"))
    ended = stage.want(DONE)
    assert ended.refused == {
        Field.STATUS: "no way from 'To Do' to a status for 'done': it offers Won't Do"
    }
    assert stage.stands() == ("To Do", None)


def test_of_two_ways_to_one_status_the_one_that_takes_the_reason_is_taken(stage: Stage) -> None:
    stage.workflow(
        way("Finish", "To Do", "Done"),
        way("Close", "To Do", "Done", asks=["resolution"]),
    )
    stage.want(StatusWish(Progress.WONT_DO, reasons=("Won't Do",)))
    assert stage.stands() == ("Done", "Won't Do")
    other = stage.another()
    stage.want(StatusWish(Progress.DONE, reasons=("Cannot Reproduce",)), other)
    assert stage.stands(other) == ("Done", "Cannot Reproduce")


def test_where_the_screen_has_no_resolution_none_is_sent(stage: Stage) -> None:
    stage.workflow(way("Finish", "To Do", "Done", asks=["assignee"]))
    ended = stage.want(DONE)
    assert ended.status == Status("Done", StatusCategory.DONE)
    assert ended.refused == {}


def test_a_reason_is_corrected_where_a_transition_can_and_refused_where_none_can(
    stage: Stage,
) -> None:
    wish = StatusWish(Progress.DUPLICATE, reasons=("Duplicate",))
    stage.jira.transition(stage.task.key, "Done", KIM, resolution="Done")
    stage.want(wish)  # the workflow leads from anywhere to Done, and asks for a resolution
    assert stage.stands() == ("Done", "Duplicate")
    stage.workflow(way("Reopen", "Done", "To Do"))
    for wish in (DONE, StatusWish(Progress.DONE, names=("Done",), reasons=("Done",))):
        ended = stage.want(wish)
        assert ended.refused == {
            Field.STATUS: "it is 'Done' as 'Duplicate', and no transition changes that"
        }
    assert stage.stands() == ("Done", "Duplicate")


# --- screens ------------------------------------------------------------------------------------


def test_what_a_screen_demands_is_filled_from_the_rules(stage: Stage) -> None:
    stage.workflow(way("Close", "To Do", "Done", asks=["duedate"], needs=["resolution", CAUSE]))
    ended = stage.want(StatusWish(Progress.DONE, fill={"root  CAUSE": "config"}))
    assert ended.refused == {}
    assert stage.stands() == ("Done", "Done")
    values = stage.jira.issue(stage.task.id).values
    assert values[CAUSE]["value"] == "Config"  # type: ignore[index]
    assert values.get("duedate") is None


@pytest.mark.parametrize(
    ("wish", "resolution"),
    [
        (StatusWish(Progress.DONE), "Done"),
        (StatusWish(Progress.WONT_DO, reasons=("Obsolete",)), "Won't Do"),
        (
            StatusWish(Progress.DUPLICATE, names=("Done",), reasons=("Cannot Reproduce",)),
            "Cannot Reproduce",
        ),
    ],
)
def test_a_demanded_resolution_is_chosen_even_where_no_reason_fits(
    stage: Stage, wish: StatusWish, resolution: str
) -> None:
    stage.workflow(way("Close", "To Do", "Done", needs=["resolution"]))
    assert stage.want(wish).refused == {}
    assert stage.stands() == ("Done", resolution)


def test_each_kind_of_field_is_filled_in_its_own_form(stage: Stage) -> None:
    kinds = {"text": "**Why**", "number": "3", "options": "Ops", "user": KIM, "string": "x"}
    ids = {kind: f"customfield_1007{n}" for n, kind in enumerate(kinds)}
    for kind, id in ids.items():
        stage.jira.add_field(id, f"A {kind}", kind, ["Dev", "Ops"])
    stage.workflow(way("Close", "To Do", "Done", needs=[*ids.values(), "labels", "duedate"]))
    fill = {f"A {kind}": value for kind, value in kinds.items()}
    fill |= {"labels": "postmortem done", "Due date": "2027-02-01"}
    assert stage.want(StatusWish(Progress.DONE, fill=fill)).refused == {}
    fields = stage.tracker.fetch(stage.task).fields
    told = {kind: fields[id] for kind, id in ids.items()}
    rich = "**Why**" if stage.jira.cloud else "*Why*"  # a document, or wiki text
    assert told == {**kinds, "text": rich, "user": "Kim Doe"}
    assert (fields["labels"], fields["duedate"]) == ("postmortem, done", "2027-02-01")


def test_a_demand_that_nobody_can_meet_is_named(stage: Stage) -> None:
    stage.workflow(way("Close", "To Do", "Done", needs=[CAUSE]))
    ended = stage.want(DONE)
    demand = "the transition Close demands Root cause: name a value for it under fill"
    assert ended.refused == {Field.STATUS: demand}
    ended = stage.want(StatusWish(Progress.DONE, fill={CAUSE: "Cosmic rays"}))
    assert "'Cosmic rays' is not one of Config, Code" in ended.refused[Field.STATUS]
    assert stage.stands() == ("To Do", None)
    assert stage.sandbox.writes() == []


def test_what_somebody_filled_in_already_is_neither_demanded_nor_overwritten(stage: Stage) -> None:
    stage.workflow(way("Close", "To Do", "Done", needs=[CAUSE]))
    stage.jira.edit(stage.task.key, KIM, **{CAUSE: {"value": "Code"}})
    ended = stage.want(StatusWish(Progress.DONE, fill={CAUSE: "Config"}))
    assert ended.confirmed == {Field.STATUS: "Done"}
    assert stage.jira.issue(stage.task.id).values[CAUSE]["value"] == "Code"  # type: ignore[index]
    other = stage.another()
    stage.jira.edit(other.key, KIM, **{CAUSE: {"value": "Code"}})
    assert stage.want(DONE, other).confirmed == {Field.STATUS: "Done"}


def test_what_every_issue_has_is_not_read_for_and_what_is_no_screen_asks_nothing(
    stage: Stage,
) -> None:
    stage.workflow(way("Close", "To Do", "Done", needs=["summary"]))
    stage.want(DONE)
    assert stage.verbs() == ["GET", "GET", "POST"]  # the issue, and what it is offered
    other = stage.another()
    stage.now = NOW + timedelta(minutes=11)
    stage.sandbox.fail_next("GET", "/transitions", status=200, body=offering(hasScreen=False))
    assert stage.want(DONE, other).confirmed == {Field.STATUS: "Done"}


def test_what_is_offered_but_not_available_is_no_way(stage: Stage) -> None:
    stage.sandbox.fail_next("GET", "/transitions", status=200, body=offering(isAvailable=False))
    assert "it offers nothing" in stage.want(DONE).refused[Field.STATUS]


def offering(**facts: bool) -> dict[str, Any]:
    """A transition to Done that a screen would have demands for."""
    field = {"required": True, "name": "Root cause", "schema": {"type": "string"}}
    to = {"name": "Done", "statusCategory": {"key": "done"}}
    one = {"id": "11", "name": "Close", "to": to, "fields": {CAUSE: field}}
    return {"transitions": [{**one, **facts}]}


def test_a_resolution_is_set_by_the_step_that_closes_and_by_no_other(stage: Stage) -> None:
    stage.workflow(
        way("Start", "To Do", "In Progress", asks=["resolution"]),
        way("Finish", "In Progress", "Done"),
    )
    stage.want(StatusWish(Progress.IN_PROGRESS, reasons=("Done",)))
    assert stage.stands() == ("In Progress", None)


def test_a_validators_words_are_told_and_the_other_fields_are_set(stage: Stage) -> None:
    words = "Two people must have approved this."
    stage.workflow(way("Close", "To Do", "Done", validator=words))
    ended = stage.want(DONE, due="2027-02-01")
    assert ended.confirmed == {Field.DUE: "2027-02-01"}
    assert ended.refused == {Field.STATUS: words}
    assert stage.want(DONE, stage.another()).refused == {Field.STATUS: words}
    assert len(stage.sandbox.writes()) == 1  # with a warm cache, too, it is asked for once


# --- several steps ------------------------------------------------------------------------------

LADDER = (
    way("Start", "To Do", "In Progress"),
    way("Stop", "In Progress", "To Do"),
    way("Block", "In Progress", "Blocked"),
    way("Unblock", "Blocked", "In Progress"),
    way("Review", "In Progress", "In Review"),
    way("Approve", "In Review", "Done", asks=["resolution"]),
    way("Reopen", "Done", "To Do"),
)


def test_a_workflow_is_walked_step_by_step_and_learnt_on_the_way(stage: Stage) -> None:
    stage.workflow(*LADDER)
    stage.jira.transition(stage.task.key, "In Progress", KIM)
    ended = stage.want(StatusWish(Progress.IN_REVIEW, names=("In Review",)))
    assert ended.refused == {}
    ended = stage.want(DONE)
    assert stage.stands() == ("Done", "Done")
    other = stage.another()
    ended = stage.want(DONE, other)  # what is known leads there without a detour
    assert (ended.refused, stage.stands(other)) == ({}, ("Done", "Done"))
    steps = [i["toString"] for h in history(stage, other) for i in h if i["field"] == "status"]
    assert steps == ["In Progress", "In Review", "Done"]


def history(stage: Stage, task: TicketRef) -> list[list[dict[str, Any]]]:
    return [entry["items"] for entry in stage.jira.issue(task.id).history]


def test_where_a_walk_gets_stuck_is_told(stage: Stage) -> None:
    stage.workflow(
        way("Start", "To Do", "In Progress"),
        way("Finish", "In Progress", "Done"),
        way("Block", "In Progress", "Blocked"),
    )
    stage.jira.transition(stage.task.key, "In Progress", KIM)
    stage.workflow(way("Start", "To Do", "In Progress"), way("Block", "In Progress", "Blocked"))
    ended = stage.want(StatusWish(Progress.WONT_DO, names=("Won't Do",)))
    assert ended.confirmed == {}
    assert ended.refused == {
        Field.STATUS: "It was moved from 'In Progress' to 'Blocked', and then:"
        " no way from 'Blocked' to one of Won't Do: it offers nothing"
    }
    assert ended.status == Status("Blocked", StatusCategory.IN_PROGRESS)
    ended = stage.want(StatusWish(Progress.WONT_DO, names=("Won't Do",)))
    assert ended.refused == {
        Field.STATUS: "no way from 'Blocked' to one of Won't Do: it offers nothing"
    }
    assert stage.sandbox.writes() == []


def test_what_is_known_to_lead_nowhere_is_not_tried(stage: Stage) -> None:
    stage.workflow(way("Start", "To Do", "In Progress"), way("Block", "In Progress", "Blocked"))
    stage.want(StatusWish(Progress.WONT_DO, names=("Won't Do",)))
    assert stage.stands() == ("Blocked", None)
    other = stage.another()
    ended = stage.want(StatusWish(Progress.WONT_DO, names=("Won't Do",)), other)
    assert ended.refused == {
        Field.STATUS: "no way from 'To Do' to one of Won't Do: it offers In Progress"
    }
    assert stage.sandbox.writes() == []


def test_a_done_status_is_not_on_the_way_to_one_that_is_not(stage: Stage) -> None:
    stage.workflow(way("Finish", "To Do", "Done"), way("Reopen", "Done", "In Progress"))
    ended = stage.want(StatusWish(Progress.IN_PROGRESS))
    assert ended.refused == {
        Field.STATUS: "no way from 'To Do' to a status for 'in progress': it offers Done"
    }
    assert stage.stands() == ("To Do", None)


def test_what_is_closed_is_not_reopened_only_to_learn(stage: Stage) -> None:
    ways = way("Reopen", "Done", "To Do"), way("Drop", "To Do", "Won't Do")
    stage.workflow(*ways, way("Finish", "To Do", "Done"))
    wish = StatusWish(Progress.WONT_DO, names=("Won't Do",))
    stage.jira.transition(stage.task.key, "Done", KIM)
    assert "it offers To Do" in stage.want(wish).refused[Field.STATUS]
    assert stage.stands() == ("Done", "Done")
    stage.want(DONE, stage.another())  # now it is known what To Do leads to
    assert stage.want(wish).refused == {}
    assert stage.stands() == ("Won't Do", "Done")


def test_the_unknown_is_looked_for_where_the_target_is_likely(stage: Stage) -> None:
    statuses = {"Open": "new", "Parked": "new", "Early": "done", "Doing": "indeterminate"}
    ways = [way(name, "Open", name) for name in ("Early", "Parked", "Doing")]
    ways.append(way("Finish", "Doing", "Finished"))
    known = {**statuses, "Finished": "done"}
    stage.jira.add_project("WEB", types=("Task",), statuses=known, transitions=ways)
    task = stage.tracker.find(stage.jira.create_issue("WEB", "x", KIM, "Task"))
    assert stage.want(StatusWish(Progress.DONE, names=("Finished",)), task).refused == {}
    steps = [i["toString"] for h in history(stage, task) for i in h if i["field"] == "status"]
    assert steps == ["Doing", "Finished"]


def test_a_walk_ends_after_five_steps(stage: Stage) -> None:
    names = [f"S{number}" for number in range(8)]
    statuses = {**dict.fromkeys(names, "indeterminate"), "Finished": "done"}
    stage.jira.add_project(
        "LONG",
        types=("Task",),
        statuses=statuses,
        transitions=[
            way("Next", start, to)
            for start, to in zip(names, [*names[1:], "Finished"], strict=True)
        ],
    )
    task = stage.tracker.find(stage.jira.create_issue("LONG", "x", KIM, "Task"))
    ended = stage.want(DONE, task)
    assert stage.jira.issue(task.id).status == "S4"
    assert "moved from 'S0' to 'S4'" in ended.refused[Field.STATUS]
    assert "it offers S5, and more than 5 steps are not taken" in ended.refused[Field.STATUS]
    nearer = stage.tracker.find(stage.jira.create_issue("LONG", "x", KIM, "Task"))
    for name in names[1:4]:
        stage.jira.transition(nearer.key, name, KIM)
    assert stage.want(DONE, nearer).confirmed == {Field.STATUS: "Finished"}  # S3 and five more


# --- what is remembered may be wrong ------------------------------------------------------------


@pytest.mark.parametrize("learnt", [False, True])
def test_somebody_moves_it_right_after_it_is_read_and_the_way_is_found_from_there(
    stage: Stage, learnt: bool
) -> None:
    stage.workflow(*LADDER)
    if learnt:
        stage.moves(stage.task, "In Progress")
        stage.want(StatusWish(Progress.IN_REVIEW, names=("In Review",)))
    stage.want(DONE)
    other, third = stage.another(), stage.another()
    if learnt:
        stage.want(DONE, stage.another())  # now it is known what To Do leads to
    stage.meanwhile = lambda: stage.moves(other, "In Progress", "In Review")
    ended = stage.want(DONE, other)
    assert (ended.refused, stage.stands(other)) == ({}, ("Done", "Done"))
    refused = [400] if learnt else []  # what is not known is asked, which tells of where it is now
    assert [call.status for call in stage.sandbox.writes()] == [*refused, 204]
    stage.meanwhile = lambda: stage.moves(third, "In Progress", "In Review", "Done")
    assert stage.want(DONE, third).confirmed == {Field.STATUS: "Done"}
    assert [call.status for call in stage.sandbox.writes()] == [400]


def test_a_changed_workflow_is_learnt_again(stage: Stage) -> None:
    stage.workflow(way("Finish", "To Do", "Done"))
    stage.want(DONE)
    stage.workflow(way("x", "Done", "To Do"), way("Close", "To Do", "Done", needs=["resolution"]))
    assert stage.want(DONE, stage.another()).confirmed == {Field.STATUS: "Done"}
    stage.workflow(way("Drop", "To Do", "Won't Do"))
    assert "it offers Won't Do" in stage.want(DONE, stage.another()).refused[Field.STATUS]


def test_a_condition_that_one_task_meets_and_another_does_not(stage: Stage) -> None:
    stage.workflow(way("Close", "To Do", "Done", condition="duedate"))
    stage.jira.edit(stage.task.key, KIM, duedate="2026-12-24")
    assert stage.want(DONE).confirmed == {Field.STATUS: "Done"}
    bare = stage.another()
    assert "it offers nothing" in stage.want(DONE, bare).refused[Field.STATUS]
    stage.jira.edit(bare.key, KIM, duedate="2026-12-24")
    assert stage.want(DONE, bare).confirmed == {Field.STATUS: "Done"}


def test_what_is_remembered_is_forgotten_after_ten_minutes(stage: Stage) -> None:
    stage.want(DONE)
    stage.now = NOW + timedelta(minutes=9)
    stage.want(DONE, stage.another())
    assert stage.verbs() == ["GET", "POST"]
    stage.now = NOW + timedelta(minutes=11)
    stage.want(DONE, stage.another())
    assert stage.verbs() == ["GET", "GET", "POST"]


# --- answers that do not come -------------------------------------------------------------------


def test_two_at_once_is_asked_again_later(stage: Stage) -> None:
    for status, error in ((409, Unavailable), (429, RateLimited)):
        stage.sandbox.fail_next("POST", "/transitions", status=status)
        with pytest.raises(error):
            stage.want(DONE)
    assert stage.stands() == ("To Do", None)


def test_after_an_edit_went_through_nothing_is_certainly_without_effect(stage: Stage) -> None:
    stage.sandbox.fail_next("POST", "/transitions", status=409)
    with pytest.raises(OutcomeUnknown) as caught:
        stage.want(DONE, due="2027-02-01")
    assert "The fields were set, and then" in caught.value.words
    assert stage.jira.issue(stage.task.id).values["duedate"] == "2027-02-01"


@pytest.mark.parametrize("spoilt", [{"status": 502}, {"drop_connection": True}])
def test_a_lost_answer_is_unknown_and_the_next_try_sees_what_became_of_it(
    stage: Stage, spoilt: dict[str, Any]
) -> None:
    stage.sandbox.fail_next("POST", "/transitions", after_effect=True, **spoilt)
    with pytest.raises(OutcomeUnknown):
        stage.want(DONE, due="2027-02-01")
    assert len(stage.sandbox.writes()) == 2
    assert stage.want(DONE).confirmed == {Field.STATUS: "Done"}  # it was done: nothing is written
    assert stage.sandbox.writes() == []


def test_a_walk_that_is_interrupted_is_unknown(stage: Stage) -> None:
    stage.workflow(way("Start", "To Do", "In Progress"), way("Finish", "In Progress", "Done"))
    stage.tracker = stage.another_tracker(gate=OneWriteOnly())
    with pytest.raises(OutcomeUnknown) as caught:
        stage.want(DONE)
    assert "It was moved from 'To Do' to 'In Progress'" in caught.value.words
    assert stage.stands() == ("In Progress", None)
    stage.tracker = stage.another_tracker()
    assert stage.want(DONE).confirmed == {Field.STATUS: "Done"}


def test_who_may_not_transition_is_told_that_nothing_is_offered(stage: Stage) -> None:
    stage.jira.deny(BOT, "TRANSITION_ISSUES")
    assert "it offers nothing" in stage.want(DONE).refused[Field.STATUS]


def test_a_403_is_raised_unless_something_was_written(stage: Stage) -> None:
    stage.sandbox.fail_next("POST", "/transitions", status=403, times=2)
    with pytest.raises(SignInFailed):
        stage.want(DONE)
    ended = stage.want(DONE, due="2027-02-01")
    assert (ended.confirmed, list(ended.refused)) == ({Field.DUE: "2027-02-01"}, [Field.STATUS])


def test_a_task_that_is_gone_is_not_there(stage: Stage) -> None:
    stage.jira.delete(stage.task.key, KIM)
    with pytest.raises(NotThere):
        stage.want(DONE)
