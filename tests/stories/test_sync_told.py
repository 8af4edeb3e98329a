"""What webhooks tell of a task in any order, late, or not at all: the tickets and the record end as
the people left them, whatever was believed on the way.

See docs/adr/0008-a-later-telling-stands-for-a-read.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from begun import begun
from remedies import BOTH, MINUTE, OPS, Remedy
from stage import Stage

from integrations.github.adapter import GitHubTracker
from integrations.jira.adapter import JiraTracker
from integrations.sandbox.acme import KIM, NOOR
from integrations.sandbox.hooks import Delivery
from integrations.sandbox.world import Call
from service.jobs import TIMING, record_end
from workflows.effects import SetFields
from workflows.snapshots import Field
from workflows.tasks import TaskState

SOON = timedelta(seconds=5)
TRACKERS: dict[str, Any] = {"jira": JiraTracker, "github": GitHubTracker}

both_dialects = pytest.mark.parametrize("where", ["jira", "github"])


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Remedy]:
    """A task in Jira with a twin on GitHub; either tracker named Kim, whose it is, and Noor."""
    with Stage(tmp_path, tasks=BOTH) as stage:
        yield begun(stage, both_met)


def both_met(stage: Stage) -> Remedy:
    return met(Remedy(stage))


def met(pair: Remedy) -> Remedy:
    for where in TRACKERS:
        for who in ("noor", "kim"):
            assign(pair, where, who)
            pair.stage.wait(MINUTE)
    pair.stage.sandbox.reset_calls()
    return pair


class Held:
    """Keeps the webhooks of what is done inside, for the story to send, in its own order."""

    def __init__(self, pair: Remedy) -> None:
        self._stage, self._hooks = pair.stage, pair.stage.sandbox.hooks
        self.kept: list[Delivery] = []

    def __enter__(self) -> Held:
        self._hooks.enabled, self._before = False, len(self._hooks.log)
        return self

    def __exit__(self, *_: object) -> None:
        self._hooks.enabled = True
        self.kept = self._hooks.log[self._before :]

    def arrive(self, *deliveries: Delivery) -> None:
        """Each is heard, and acted on, before the next one is sent."""
        for each in deliveries:
            self._hooks.send(each)
            self._stage.settle()


def assign(pair: Remedy, where: str, who: str | None) -> None:
    if where == "jira":
        pair.jira.edit(pair.ticket.key, by=KIM, assignee=f"5b10-{who}" if who else None)
    else:
        pair.github.assign(OPS, pair.issue.number, [who] if who else [], by="kim")


def owner(pair: Remedy) -> tuple[str | None, Any, list[str]]:
    """By the record, by Jira, by GitHub."""
    return pair.item.owner, pair.ticket.values["assignee"], pair.issue.assignees


def due(pair: Remedy) -> tuple[str, str, bool]:
    """By the record, by Jira, and whether GitHub says the same."""
    told = str(pair.item.due)
    return told, pair.ticket.values["duedate"], told in pair.issue.body


def status(pair: Remedy) -> tuple[str, str, str]:
    return pair.item.status, pair.ticket.status, pair.issue.state


NOORS, KIMS = ("Noor Aziz", NOOR, ["noor"]), ("Kim Ito", KIM, ["kim"])


def writes(pair: Remedy) -> list[str]:
    """To the two tickets, since `reset_calls`."""
    return [call.dialect for call in calls(pair) if call.is_write]


def reads(pair: Remedy, where: str) -> int:
    return sum(call.dialect == where and not call.is_write for call in calls(pair))


def calls(pair: Remedy) -> list[Call]:
    tickets = (f"/issues/{pair.issue.number}/", f"/issue/{pair.ticket.id}/")
    made = pair.stage.sandbox.calls
    return [c for c in made if any(t in f"{c.path.partition('?')[0]}/" for t in tickets)]


def fire(pair: Remedy, told: Delivery, payload: Any) -> None:
    """The webhook comes, well signed, with this payload."""
    pair.stage.sandbox.hooks.fire(told.hook.dialect, told.event, payload, told.hook.scope)
    pair.stage.settle()


# --- out of order ---------------------------------------------------------------------------------


@both_dialects
def test_an_edit_that_is_told_after_its_taking_back_was_does_not_come_back(
    pair: Remedy, where: str
) -> None:
    with Held(pair) as held:
        assign(pair, where, "noor")
        pair.stage.clock.wait(SOON)
        assign(pair, where, "kim")
    held.arrive(*reversed(held.kept))
    assert owner(pair) == KIMS
    assert writes(pair) == []


@both_dialects
def test_nor_where_the_worker_that_has_the_first_webhook_is_the_slower_one(
    pair: Remedy, where: str
) -> None:
    stage = pair.stage
    assign(pair, where, "noor")
    stage.clock.wait(SOON)
    assign(pair, where, "kim")
    assert stage.sandbox.hooks.drain()
    with stage.store.write() as tx:
        ids = tx.jobs.due(50)
    assert len(ids) >= 2
    for number in reversed(ids):
        with stage.store.write() as tx:
            job = tx.jobs.claim(number, TIMING.lease)
        assert job is not None
        end = stage.container.handlers[job.kind](job)
        with stage.store.write() as tx:
            record_end(tx, job, end)
    stage.settle()
    assert owner(pair) == KIMS
    assert writes(pair) == []


@both_dialects
def test_the_later_of_two_edits_holds_though_the_earlier_is_told_last(
    pair: Remedy, where: str
) -> None:
    with Held(pair) as held:
        assign(pair, where, None)
        pair.stage.clock.wait(SOON)
        assign(pair, where, "noor")
    held.arrive(*reversed(held.kept))
    assert owner(pair) == NOORS
    assert set(writes(pair)) == set(TRACKERS) - {where}


def test_an_edit_that_is_told_after_a_later_comment_is_read(pair: Remedy) -> None:
    """That it was taken back before the comment was never told."""
    with Held(pair) as held:
        assign(pair, "jira", "noor")
        pair.stage.clock.wait(SOON)
        assign(pair, "jira", "kim")
        pair.stage.clock.wait(SOON)
        pair.jira.comment(pair.ticket.key, "Not yet.", by=NOOR)
    edit, _, *comment = held.kept
    held.arrive(*comment)
    assert reads(pair, "jira") == 0
    held.arrive(edit)
    assert reads(pair, "jira") == 1
    assert owner(pair) == KIMS
    assert writes(pair) == []


def test_what_was_said_before_a_ticket_was_restricted_is_not_told_elsewhere_when_it_comes_late(
    pair: Remedy,
) -> None:
    with Held(pair) as held:
        assign(pair, "jira", "noor")
        pair.stage.clock.wait(SOON)
        pair.jira.edit(pair.ticket.key, by=KIM, security="Staff only")
    edit, restriction = held.kept
    held.arrive(restriction)
    assert reads(pair, "jira") == 1
    held.arrive(edit)
    assert owner(pair) == ("Kim Ito", NOOR, ["kim"])
    assert writes(pair) == []


# --- late -----------------------------------------------------------------------------------------


@both_dialects
def test_an_edit_that_is_told_ten_minutes_late_is_not_believed(pair: Remedy, where: str) -> None:
    """That it was taken back was never told."""
    with Held(pair) as held:
        assign(pair, where, "noor")
        pair.stage.clock.wait(SOON)
        assign(pair, where, "kim")
    pair.stage.clock.wait(timedelta(minutes=10))
    held.arrive(*held.kept[: len(held.kept) // 2])
    assert owner(pair) == KIMS
    assert writes(pair) == []


@both_dialects
def test_an_edit_that_is_told_after_a_poll_found_what_came_of_it_is_not_believed(
    pair: Remedy, where: str
) -> None:
    with Held(pair) as held:
        assign(pair, where, "noor")
        pair.stage.clock.wait(SOON)
        assign(pair, where, None)
    pair.stage.clock.wait(SOON)
    pair.stage.poll()
    held.arrive(held.kept[-2])
    assert owner(pair) == (None, None, [])
    assert not pair.item.conflicts
    assert set(writes(pair)) == set(TRACKERS) - {where}


def test_what_github_delivers_again_is_not_newer_for_that(pair: Remedy) -> None:
    stage = pair.stage
    port = stage.stop_web()
    assign(pair, "github", "noor")
    assert stage.sandbox.hooks.drain()
    stage.start_web(port)
    stage.clock.wait(SOON)
    assign(pair, "github", "kim")
    stage.settle()
    stage.sandbox.reset_calls()
    stage.container.redelivery.start()
    stage.settle()
    assert [c.path for c in stage.sandbox.writes() if c.path.endswith("/attempts")]
    assert owner(pair) == KIMS
    assert writes(pair) == []


def test_a_webhook_of_the_far_future_is_not_believed_nor_anything_after_it_missed(
    pair: Remedy,
) -> None:
    with Held(pair) as held:
        assign(pair, "jira", "noor")
        assign(pair, "jira", "kim")
    payload = json.loads(held.kept[0].body)
    payload["issue"]["fields"]["updated"] = "2099-01-01T00:00:00.000+0000"
    payload["timestamp"] = 4070908800000
    fire(pair, held.kept[0], payload)
    assert owner(pair) == KIMS
    assert writes(pair) == []
    pair.stage.wait(MINUTE)
    assign(pair, "jira", "noor")
    pair.stage.settle()
    assert owner(pair) == NOORS


# --- around our own writes ------------------------------------------------------------------------


@both_dialects
@pytest.mark.parametrize("order", ["before our own", "after our own"])
def test_an_edit_that_our_write_went_over_is_not_believed_when_it_is_told(
    pair: Remedy, where: str, order: str
) -> None:
    """It was made between our read and our write; its webhook comes before or after ours."""
    (other,) = set(TRACKERS) - {where}
    edit, ours, real = Held(pair), Held(pair), TRACKERS[where].set_fields

    def set_fields(self: Any, wanted: SetFields, overtaken: Callable[[TaskState], str]) -> Any:
        def edited_then(state: TaskState) -> str:
            told = overtaken(state)
            pair.stage.clock.wait(SOON)
            with edit:
                assign(pair, where, None)
            pair.stage.clock.wait(SOON)
            pair.stage.sandbox.hooks.enabled = False
            return told

        if edit.kept:
            return real(self, wanted, overtaken)
        with ours:
            return real(self, wanted, edited_then)

    with mock.patch.object(TRACKERS[where], "set_fields", set_fields):
        assign(pair, other, "noor")
        pair.stage.settle()
    told = (edit.kept, [each for each in ours.kept if each not in edit.kept])
    assert all(told)
    for some in told if order == "before our own" else reversed(told):
        edit.arrive(*some)
    assert owner(pair) == NOORS
    assert writes(pair) == [where]


STATUSES = {"Backlog": "new", "Underway": "indeterminate", "Shipped": "done"}
CAUSE = "customfield_10060"
FIXES = (
    "{connection: jira, project: FIX, issue_type: Task, statuses: {done: [Shipped]},"
    " twin: {connection: github, repository: acme/ops, labels: [remediation]}}"
)


@pytest.fixture
def steps(tmp_path: Path) -> Iterator[Remedy]:
    """The like, in a project where it takes two steps to be done, and Lee has nothing to do."""
    with Stage(tmp_path, tasks=FIXES) as stage:
        jira = stage.sandbox.jira
        jira.add_project("FIX", types=("Task",), statuses=STATUSES, assignable=(KIM, NOOR))
        jira.add_field(CAUSE, "Root cause", "option", ["Config"])
        two_steps(jira)
        yield begun(stage, both_met)


def two_steps(jira: Any, **last: str) -> None:
    begin = {"name": "Begin", "to": "Underway", "from": ["Backlog"]}
    ship = {"name": "Ship", "to": "Shipped", "from": ["Underway"], **last}
    jira.change_workflow("FIX", [begin, ship])


@pytest.mark.parametrize("heard", [1, 2])
def test_the_steps_of_our_own_walk_are_no_news_when_they_are_told_one_at_a_time(
    steps: Remedy, heard: int
) -> None:
    steps.github.close(OPS, steps.issue.number, by="kim")
    assert steps.stage.sandbox.hooks.drain()
    with Held(steps) as held:
        steps.stage.settle()
    walk = [each for each in held.kept if each.hook.dialect == "jira"]
    assert len(walk) == 2
    held.arrive(*walk[:heard])
    assert status(steps) == ("done", "Shipped", "closed")
    assert writes(steps) == ["jira", "jira"]


def test_what_mends_a_refused_status_is_heard_late_though_a_write_came_to_nothing_meanwhile(
    steps: Remedy,
) -> None:
    two_steps(steps.jira, validator="Say in Root cause what it was.", until=CAUSE)
    steps.github.close(OPS, steps.issue.number, by="kim")
    steps.rest()
    assert steps.ticket.status == "Underway"
    with Held(steps) as held:
        steps.jira.edit(steps.ticket.key, by=KIM, **{CAUSE: {"value": "Config"}})
    steps.stage.clock.wait(SOON)
    steps.write("| Kim Ito |", "| Lee Park |")
    steps.stage.settle()
    assert owner(steps) == ("Lee Park", KIM, ["lee"]), "Jira does not take Lee"
    held.arrive(*held.kept)
    assert status(steps) == ("done", "Shipped", "closed")
    assert owner(steps) == ("Lee Park", KIM, ["lee"])


# --- not told at all ------------------------------------------------------------------------------


@pytest.fixture
def newest(tmp_path: Path) -> Iterator[Remedy]:
    with Stage(tmp_path, tasks=BOTH, sync="{due: {prefer: newest}}") as stage:
        yield begun(stage, both_met)


def test_a_lost_change_between_two_that_were_told_has_its_own_time(newest: Remedy) -> None:
    """The later state with the earlier change would have it older than the edit on GitHub."""
    key, issue = newest.ticket.key, newest.issue
    with Held(newest) as held:
        newest.jira.edit(key, by=KIM, duedate="2027-02-01")
        newest.stage.clock.wait(SOON)
        body = issue.body.replace("2027-01-06", "2027-05-05")
        newest.github.edit(OPS, issue.number, "kim", body=body)
        newest.stage.clock.wait(SOON)
        newest.jira.edit(key, by=NOOR, duedate="2027-03-03")
        newest.stage.clock.wait(SOON)
        newest.jira.edit(key, by=KIM, assignee=NOOR)
    first, on_github, _, last = held.kept
    for each in (first, on_github, last):
        newest.stage.sandbox.hooks.send(each)
    newest.stage.settle()
    assert due(newest) == ("2027-03-03", "2027-03-03", True)
    assert owner(newest) == NOORS
    assert newest.item.said[Field.DUE].said.by == "Noor Aziz"


def test_an_edit_of_the_text_does_not_tell_of_a_due_date_that_another_one_moved(
    pair: Remedy,
) -> None:
    issue = pair.issue
    with Held(pair) as held:
        body = issue.body.replace("2027-01-06", "2027-05-05")
        pair.github.edit(OPS, issue.number, "noor", body=body)
        pair.stage.clock.wait(SOON)
        pair.github.edit(OPS, issue.number, "kim", body=f"{body}\nA typo mended.")
    held.arrive(held.kept[-1])
    assert due(pair) == ("2027-05-05", "2027-05-05", True)
    assert pair.item.said[Field.DUE].said.by == "", "who moved it is not known"
    assert writes(pair) == ["jira"]
    assert reads(pair, "github") == 1


def test_an_issue_that_does_not_say_whether_it_is_restricted_is_read(pair: Remedy) -> None:
    with Held(pair) as held:
        assign(pair, "jira", "noor")
    (told,) = held.kept
    payload = json.loads(told.body)
    del payload["issue"]["fields"]["security"]
    fire(pair, told, payload)
    assert reads(pair, "jira") == 1
    assert owner(pair) == NOORS
    assert writes(pair) == ["github"]


# --- a tracker whose webhooks are late, all of them and in their order ----------------------------


def labelled(pair: Remedy) -> None:
    pair.github.edit(OPS, pair.issue.number, "noor", labels=["remediation", "x"])


def closed(pair: Remedy) -> None:
    pair.github.close(OPS, pair.issue.number, by="noor")


@pytest.mark.parametrize("first", [labelled, closed])
@pytest.mark.parametrize("gap", [timedelta(0), SOON])
def test_the_late_echo_of_a_write_that_was_taken_back_is_no_edit(
    pair: Remedy, first: Callable[[Remedy], None], gap: timedelta
) -> None:
    """Before it comes what was done on GitHub before: that shows the record's value as well."""
    hooks, late = pair.stage.sandbox.hooks, list[Delivery]()
    send = hooks._send_as_fate_wills

    def at_once(delivery: Delivery, *args: Any, **more: Any) -> None:
        if delivery.hook.dialect == "github":
            late.append(delivery)
        else:
            send(delivery, *args, **more)

    pair.stage.clock.wait(SOON)
    with mock.patch.object(hooks, "_send_as_fate_wills", at_once):
        first(pair)
        for who, pause in (("noor", SOON), ("kim", gap)):
            pair.stage.clock.wait(pause)
            assign(pair, "jira", who)
            pair.stage.settle()
        assert hooks.drain()
    assert owner(pair) == KIMS
    before = writes(pair).count("github")
    pair.stage.clock.wait(SOON)
    for each in late:
        hooks.send(each)
        pair.stage.settle()
    pair.stage.wait(MINUTE)
    assert owner(pair) == KIMS
    assert writes(pair).count("github") == before
    assert not pair.item.conflicts


def test_what_was_emptied_while_restricted_is_not_filled_again_without_a_word(
    pair: Remedy,
) -> None:
    """Since when it is so only the history tells: what was known before was forgotten."""
    key = pair.ticket.key
    changes: tuple[Callable[[], object], ...] = (
        lambda: pair.jira.edit(key, by=KIM, security="Staff only"),
        lambda: assign(pair, "github", "noor"),
        lambda: assign(pair, "jira", None),
        lambda: pair.jira.edit(key, by=KIM, security=None),
    )
    for change in changes:
        change()
        pair.stage.wait(SOON)
    pair.stage.wait(MINUTE)
    assert pair.item.owner is None or pair.item.conflicts
