"""Fields of a task as they are set: the real adapter against the sandbox's GitHub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from integrations.github.adapter import GitHubTracker
from integrations.github.client import GitHubClient
from integrations.github.webhook import normalise
from integrations.sandbox import Sandbox
from integrations.tracker import (
    Envelope,
    NotThere,
    OutcomeUnknown,
    Tells,
    Unavailable,
)
from workflows.effects import SetFields
from workflows.model import TicketRef
from workflows.snapshots import Field, Progress, Value
from workflows.tasks import StatusWish, TaskState

TOKEN = "ghp_bot_of_acme"
DUE = "**Due:** 2026-12-01 <!-- followthrough:due -->"
MARKER = "<!-- followthrough task:k3v9:2 -->"
BODY = f"Words\r\nof  people\r\n\r\n{DUE}\r\n\r\n{MARKER}\r\n"
OWNER, MILESTONE = Field.OWNER, Field.MILESTONE
GONE = "dropped by GitHub"


def as_known(_: TaskState) -> str:
    """Nobody was faster."""
    return ""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        hub = sandbox.github
        hub.add_user("acme-bot", token=TOKEN)
        people = {"acme-bot": "write", "Zoe": "read"}
        people |= dict.fromkeys(("kim", "sam", "noor"), "write")
        hub.add_repo("acme/ops", private=True, collaborators=people)
        hub.add_repo("acme/infra", collaborators=people)
        hub.add_milestone("acme/infra", "Somebody's")
        hub.add_milestone("acme/ops", "2026-Q4")
        hub.open_issue("acme/ops", "Add a canary", "acme-bot", BODY)
        hub.edit("acme/ops", 1, "kim", assignees=["kim"], milestone=1)
        sandbox.reset_calls()
        yield sandbox


@pytest.fixture
def tracker(sandbox: Sandbox) -> GitHubTracker:
    return GitHubTracker("acme-github", GitHubClient(sandbox.github_url, TOKEN))


def the_task(place: str = "acme/ops", number: int = 1) -> TicketRef:
    return TicketRef("acme-github", "I_1", f"{place}#{number}", "https://x.example/1")


def wanted(values: dict[Field, Value], progress: Progress | None = None, **more: Any) -> SetFields:
    status = StatusWish(progress) if progress else None
    return SetFields("set:k3v9:2", the_task(), "acme/ops", values, status, **more)


def calls(sandbox: Sandbox) -> list[str]:
    """What was asked since this was asked last."""
    asked = [f"{c.method} {c.path.partition('/repos/')[2]} {c.status}" for c in sandbox.calls]
    sandbox.reset_calls()
    return asked


def looked(tracker: GitHubTracker, sandbox: Sandbox) -> TaskState:
    state = tracker.look(the_task())
    sandbox.reset_calls()
    return state


def body_of(sandbox: Sandbox, number: int = 1) -> str | None:
    return sandbox.github.repos["acme/ops"].issues[number].body


def owners(state: TaskState) -> list[str]:
    return [person.handle for person in state.owners]


PATCH, READ = "PATCH acme/ops/issues/1 200", "GET acme/ops/issues/1 200"


def test_everything_is_set_in_one_write_and_confirmed_in_the_words_of_a_look(
    tracker: GitHubTracker, sandbox: Sandbox
) -> None:
    tracker.set_fields(wanted({OWNER: "sam", MILESTONE: "2027-Q1"}), as_known)  # caches are warm
    sandbox.reset_calls()
    values: dict[Field, Value] = {OWNER: "SAM", MILESTONE: "2027-Q1", Field.TITLE: "Add two"}
    done = tracker.set_fields(wanted(values, Progress.DONE), as_known)
    assert calls(sandbox) == [READ, PATCH]
    assert done.confirmed == {OWNER: "sam", MILESTONE: "2027-Q1", Field.TITLE: "Add two"}
    state = looked(tracker, sandbox)
    assert (done.refused, done.status) == ({}, state.status)
    assert (owners(state), state.milestones, state.title) == (["sam"], ("2027-Q1",), "Add two")


def test_a_due_date_is_set_and_every_other_character_stays(
    tracker: GitHubTracker, sandbox: Sandbox
) -> None:
    due = Field.DUE
    done = tracker.set_fields(wanted({due: "2027-02-03"}, replaces={due: "2026-12-01"}), as_known)
    assert calls(sandbox) == [READ, PATCH]
    assert (done.confirmed, done.refused, done.status) == ({due: "2027-02-03"}, {}, None)
    assert body_of(sandbox) == BODY.replace("2026-12-01", "2027-02-03")
    assert tracker.set_fields(wanted({due: None}), as_known).confirmed == {due: None}
    assert body_of(sandbox) == f"Words\r\nof  people\r\n\r\n{MARKER}\r\n"
    sandbox.github.edit("acme/ops", 1, "kim", body=f"All new\n{MARKER}")
    assert tracker.set_fields(wanted({due: "2027-02-03"}), as_known).confirmed == {
        due: "2027-02-03"
    }
    line = "**Due:** 2027-02-03 <!-- followthrough:due -->"
    assert body_of(sandbox) == f"All new\n\n{line}\n\n{MARKER}"


def test_what_stands_there_already_is_not_written_again(
    tracker: GitHubTracker, sandbox: Sandbox
) -> None:
    done = tracker.set_fields(wanted({Field.DUE: "2026-12-01"}), as_known)
    assert calls(sandbox) == [READ]
    assert done.confirmed == {Field.DUE: "2026-12-01"}


def test_the_owner_is_replaced_and_who_stands_beside_stays(
    tracker: GitHubTracker, sandbox: Sandbox
) -> None:
    sandbox.github.assign("acme/ops", 1, ["sam", "kim"], "kim")
    more: dict[str, Any] = {"replaces": {OWNER: "Kim"}, "also": {OWNER: ("sam",)}}
    assert tracker.set_fields(wanted({OWNER: "noor"}, **more), as_known).confirmed == {
        OWNER: "noor"
    }
    assert owners(looked(tracker, sandbox)) == ["noor", "sam"]
    more["replaces"] = {OWNER: "noor"}
    assert tracker.set_fields(wanted({OWNER: None}, **more), as_known).confirmed == {OWNER: None}
    assert owners(looked(tracker, sandbox)) == ["sam"]


def test_who_was_assigned_beside_the_owner_just_now_stays(
    tracker: GitHubTracker, sandbox: Sandbox
) -> None:
    sandbox.github.assign("acme/ops", 1, ["kim", "sam"], "kim")
    done = tracker.set_fields(wanted({OWNER: "noor"}, replaces={OWNER: "kim"}), as_known)
    assert done.confirmed == {OWNER: "noor"}
    assert owners(looked(tracker, sandbox)) == ["noor", "sam"]


def test_a_milestone_is_cleared_and_one_made_meanwhile_is_used(
    tracker: GitHubTracker, sandbox: Sandbox
) -> None:
    assert tracker.set_fields(wanted({MILESTONE: None}), as_known).confirmed == {MILESTONE: None}
    assert looked(tracker, sandbox).milestones == ()
    tracker.set_fields(wanted({MILESTONE: "2026-Q4"}), as_known)
    sandbox.github.add_milestone("acme/ops", "2027-Q1")
    assert tracker.set_fields(wanted({MILESTONE: "2027-Q1"}), as_known).confirmed == {
        MILESTONE: "2027-Q1"
    }
    assert len(sandbox.github.repos["acme/ops"].milestones) == 2


@pytest.mark.parametrize("change", ["rename_milestone", "delete_milestone"])
def test_a_milestone_whose_number_means_no_longer_the_same_is_looked_up_again(
    tracker: GitHubTracker, sandbox: Sandbox, change: str
) -> None:
    tracker.set_fields(wanted({MILESTONE: "2026-Q4"}), as_known)
    named = {"new": "Winter"} if change == "rename_milestone" else {}
    getattr(sandbox.github, change)("acme/ops", "2026-Q4", by="kim", **named)
    assert tracker.set_fields(wanted({MILESTONE: "2026-Q4"}), as_known).confirmed == {
        MILESTONE: "2026-Q4"
    }
    assert looked(tracker, sandbox).milestones == ("2026-Q4",)


def test_a_task_that_was_transferred_gets_its_milestone_where_it_is_now(
    tracker: GitHubTracker, sandbox: Sandbox
) -> None:
    tracker.set_fields(wanted({MILESTONE: "2026-Q4"}), as_known)
    sandbox.github.transfer("acme/ops", 1, "acme/infra", "kim")
    sandbox.reset_calls()
    values: dict[Field, Value] = {OWNER: "sam", MILESTONE: "2026-Q4", Field.DUE: "2027-02-03"}
    assert tracker.set_fields(wanted(values), as_known).confirmed == values
    assert calls(sandbox) == [
        "GET acme/ops/issues/1 301",
        "GET acme/infra/issues/1 200",
        "GET acme/infra/assignees/sam 204",
        "GET acme/infra 200",
        "GET acme/infra/milestones?per_page=100&state=all 200",
        "POST acme/infra/milestones 201",
        "PATCH acme/infra/issues/1 200",
    ]
    state = looked(tracker, sandbox)
    assert (state.place, owners(state), state.milestones) == ("acme/infra", ["sam"], ("2026-Q4",))


def test_a_task_that_is_transferred_right_after_it_was_read_gets_its_own_milestone(
    tracker: GitHubTracker, sandbox: Sandbox
) -> None:
    tracker.set_fields(wanted({MILESTONE: "2026-Q4"}), as_known)

    def transferred(_: TaskState) -> str:
        sandbox.github.transfer("acme/ops", 1, "acme/infra", "kim")
        return ""

    values: dict[Field, Value] = {OWNER: "sam", MILESTONE: "2026-Q4"}
    assert tracker.set_fields(wanted(values), transferred).confirmed == values
    state = looked(tracker, sandbox)
    assert (state.place, owners(state), state.milestones) == ("acme/infra", ["sam"], ("2026-Q4",))


@pytest.mark.parametrize(
    ("progress", "name", "reason"),
    [
        (Progress.DONE, "closed", "completed"),
        (Progress.WONT_DO, "closed", "not_planned"),
        (Progress.DUPLICATE, "closed", "duplicate"),
        (Progress.OPEN, "open", None),
        (Progress.IN_PROGRESS, "open", None),
        (Progress.IN_REVIEW, "open", None),
    ],
)
@pytest.mark.parametrize("closed", [False, True])
def test_each_status_is_set_from_open_and_from_closed(
    tracker: GitHubTracker,
    sandbox: Sandbox,
    progress: Progress,
    name: str,
    reason: str,
    closed: bool,
) -> None:
    if closed:
        sandbox.github.close("acme/ops", 1, "kim", "not_planned")
    done = tracker.set_fields(wanted({}, progress), as_known)
    assert calls(sandbox) == [READ, PATCH]
    assert (done.confirmed, done.refused) == ({}, {})
    assert done.status is not None
    assert (done.status.name, done.status.reason) == (name, reason)
    assert looked(tracker, sandbox).status == done.status


def test_the_rules_word_for_why_it_is_closed_goes_first(tracker: GitHubTracker) -> None:
    wish = StatusWish(Progress.DONE, reasons=("Won't Do", "Not planned"))
    done = tracker.set_fields(SetFields("k", the_task(), "acme/ops", {}, wish), as_known)
    assert done.status is not None
    assert done.status.reason == "not_planned"


def test_a_server_that_knows_no_duplicate_is_told_not_planned(
    tracker: GitHubTracker, sandbox: Sandbox
) -> None:
    sandbox.github.reasons = ("completed", "not_planned", "reopened")
    done = tracker.set_fields(wanted({Field.TITLE: "Twice"}, Progress.DUPLICATE), as_known)
    assert calls(sandbox) == [READ, "PATCH acme/ops/issues/1 422", PATCH]
    assert (done.confirmed, done.refused) == ({Field.TITLE: "Twice"}, {})
    assert done.status is not None
    assert done.status.reason == "not_planned"


def test_an_owner_who_cannot_be_assigned_does_not_keep_the_rest_from_being_set(
    tracker: GitHubTracker, sandbox: Sandbox
) -> None:
    sandbox.github.leave("acme/ops", "Zoe", "kim")
    values: dict[Field, Value] = {OWNER: "zoe", MILESTONE: None}
    done = tracker.set_fields(wanted(values, owner_name="Zoe"), as_known)
    assert done.refused == {OWNER: "Zoe is not assignable in acme/ops"}
    assert done.confirmed == {MILESTONE: None}
    assert calls(sandbox) == [READ, "GET acme/ops/assignees/zoe 404", PATCH]
    assert owners(looked(tracker, sandbox)) == ["kim"]
    assert tracker.set_fields(wanted({OWNER: "zoe"}), as_known).confirmed == {}
    assert calls(sandbox) == [READ], "it is known, and nothing else is to be set"


@pytest.mark.parametrize("who", ["sam", "noor"])
def test_somebody_who_left_a_moment_ago_costs_one_more_try(
    tracker: GitHubTracker, sandbox: Sandbox, who: str
) -> None:
    wish = wanted({OWNER: "sam", MILESTONE: "2027-Q1"}, also={OWNER: ("noor",)})
    tracker.set_fields(wish, as_known)
    sandbox.github.leave("acme/ops", who, "kim")
    done = tracker.set_fields(wish, as_known)
    assert done.confirmed.get(MILESTONE) == "2027-Q1"
    if who == "sam":
        assert done.refused == {OWNER: "sam is not assignable in acme/ops"}
        assert owners(looked(tracker, sandbox)) == ["noor"]
    else:
        assert (done.confirmed[OWNER], done.refused) == ("sam", {})
        assert owners(looked(tracker, sandbox)) == ["sam"]


def test_what_github_drops_in_silence_is_refused(tracker: GitHubTracker, sandbox: Sandbox) -> None:
    sandbox.github.repos["acme/ops"].members["acme-bot"] = "triage"
    values: dict[Field, Value] = {OWNER: "sam", MILESTONE: None, Field.TITLE: "Mine"}
    done = tracker.set_fields(wanted(values, Progress.DONE), as_known)
    assert (done.confirmed, done.status and done.status.name) == ({Field.TITLE: "Mine"}, "closed")
    assert all(done.refused[name].startswith(GONE) for name in (OWNER, MILESTONE))
    sandbox.github.add_milestone("acme/ops", "2027-Q1")
    sandbox.reset_calls()
    again = tracker.set_fields(wanted({OWNER: None, MILESTONE: "2027-Q1"}), as_known)
    assert list(again.refused) == [OWNER, MILESTONE]
    assert len(sandbox.writes()) == 1


def test_an_owner_whom_github_refuses_for_reasons_of_its_own_is_refused_in_its_words(
    tracker: GitHubTracker, sandbox: Sandbox
) -> None:
    body = {"message": "Validation Failed", "errors": [{"field": "assignees", "value": "sam"}]}
    sandbox.fail_next("PATCH", r"/issues/1$", status=422, body=body)
    done = tracker.set_fields(wanted({OWNER: "sam", Field.TITLE: "Mine"}), as_known)
    assert done.refused == {OWNER: "Validation Failed; assignees sam"}
    assert done.confirmed == {Field.TITLE: "Mine"}


@pytest.mark.parametrize(
    ("values", "refused", "confirmed"),
    [
        ({Field.DUE: "2027-02-03"}, {Field.DUE}, {Field.TITLE: "Mine"}),
        ({Field.DUE: "soon"}, {Field.DUE}, {Field.TITLE: "Mine"}),
        ({Field.TITLE: None, MILESTONE: None}, {Field.TITLE}, {MILESTONE: None}),
    ],
)
def test_one_field_that_is_refused_leaves_the_others_to_be_set(
    tracker: GitHubTracker, sandbox: Sandbox, values: Any, refused: Any, confirmed: Any
) -> None:
    sandbox.github.edit("acme/ops", 1, "kim", body="w" * 65_530)
    done = tracker.set_fields(wanted({Field.TITLE: "Mine", **values}), as_known)
    assert (set(done.refused), done.confirmed) == (refused, confirmed)


def test_what_was_deleted_is_not_there(tracker: GitHubTracker, sandbox: Sandbox) -> None:
    sandbox.github.delete("acme/ops", 1, "kim")
    for name, value in ((Field.TITLE, "Mine"), (Field.DUE, None)):
        with pytest.raises(NotThere, match="deleted"):
            tracker.set_fields(wanted({name: value}), as_known)
    assert sandbox.writes() == []


def test_a_lost_answer_is_told_and_nothing_is_repeated(
    tracker: GitHubTracker, sandbox: Sandbox
) -> None:
    sandbox.fail_next("PATCH", r"/issues/1$", after_effect=True, drop_connection=True)
    with pytest.raises(OutcomeUnknown):
        tracker.set_fields(wanted({Field.TITLE: "Mine"}), as_known)
    sandbox.fail_next("POST", r"/milestones$", after_effect=True, drop_connection=True)
    sandbox.reset_calls()
    with pytest.raises(Unavailable):  # the task itself was not written
        tracker.set_fields(wanted({MILESTONE: "2027-Q1"}), as_known)
    assert len(sandbox.writes()) == 1


def test_each_of_our_writes_is_told_as_it_would_be_of_a_persons(
    tracker: GitHubTracker, sandbox: Sandbox
) -> None:
    sandbox.github.hook("acme/ops", "http://127.0.0.1:9/", "secret")
    sandbox.hooks.enabled = False
    issue = sandbox.github.repos["acme/ops"].issues[1]
    sandbox.hooks.log.clear()
    values: dict[Field, Value] = {OWNER: "sam", MILESTONE: "2027-Q1", Field.TITLE: "Mine"}
    more: dict[str, Any] = {"replaces": {OWNER: "kim"}}
    tracker.set_fields(wanted({**values, Field.DUE: None}, Progress.DONE, **more), as_known)
    tracker.set_fields(wanted({MILESTONE: None}, Progress.OPEN), as_known)
    sandbox.github.convert_to_discussion("acme/ops", 1, "kim")
    sandbox.github.transfer("acme/ops", 1, "acme/infra", "kim")
    issue.transferred = None
    sandbox.github.delete("acme/ops", 1, "kim")
    told = [(d.event, json.loads(d.body)["action"], d) for d in sandbox.hooks.log]
    assert [f"{event}.{action}" for event, action, _ in told] == [
        "milestone.created",
        "issues.edited",
        "issues.unassigned",
        "issues.assigned",
        "issues.milestoned",
        "issues.closed",
        "issues.demilestoned",
        "issues.reopened",
        "issues.closed",
        "issues.locked",
        "discussion.created",
        "issues.transferred",
        "issues.deleted",
    ]
    for event, action, delivery in told:
        notice = normalise(Envelope(delivery.id, event, delivery.body))
        if event == "issues":
            gone = action == "deleted"
            assert notice.tells is (Tells.TICKET_GONE if gone else Tells.TICKET)
            assert (notice.ticket_id, notice.key) == (issue.node_id, "acme/ops#1")
