"""A task is read right before it is written, and not written where that tells of news; and what a
webhook tells of one is what a read would: the real adapters against the sandbox's trackers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from integrations.github import webhook as github_webhook
from integrations.github.adapter import GitHubTracker
from integrations.github.client import GitHubClient
from integrations.jira import webhook as jira_webhook
from integrations.jira.adapter import JiraTracker
from integrations.sandbox import Sandbox
from integrations.tracker import (
    Envelope,
    Notice,
    NotThere,
    StaleVersion,
    Tracker,
    Unavailable,
)
from workflows.effects import SetFields
from workflows.model import TicketRef
from workflows.snapshots import Field, Progress, Value
from workflows.tasks import StatusWish, TaskState

BOT, TOKEN = "acme-bot", "t0ken-of-the-bot"
EVERYTHING: dict[Field, Value] = {
    Field.OWNER: "noor",
    Field.MILESTONE: "Q2",
    Field.DUE: "2027-02-03",
    Field.TITLE: "Mine",
}
DONE = StatusWish(Progress.DONE)


class OneTask:
    """A task that kim owns, and its tracker."""

    def __init__(self, sandbox: Sandbox, dialect: str) -> None:
        self.sandbox, self._is_jira = sandbox, dialect != "github"
        self.tracker, self.ref = self._in_jira() if self._is_jira else self._on_github()
        self.path = f"/issue/{self.ref.id}" if self._is_jira else "/issues/1$"
        self._is_told()
        sandbox.reset_calls()

    def _in_jira(self) -> tuple[Tracker, TicketRef]:
        jira = self.sandbox.jira
        jira.add_project("OPS", types=("Task",))
        jira.add_user(BOT, "Bot", "bot@acme.example", TOKEN, projects=("OPS",))
        for name in ("kim", "sam", "noor"):
            jira.add_user(name, name, f"{name}@acme.example", projects=("OPS",))
        jira.add_version("OPS", "Q1")
        user = "bot@acme.example" if jira.cloud else BOT
        tracker = JiraTracker("acme", self.sandbox.jira_url, user=user, token=TOKEN)
        given = {"assignee": "kim", "fixVersions": ["Q1"], "duedate": "2026-12-24"}
        return tracker, tracker.find(jira.create_issue("OPS", "An alert", "kim", "Task", **given))

    def _on_github(self) -> tuple[Tracker, TicketRef]:
        hub = self.sandbox.github
        hub.add_user(BOT, token=TOKEN)
        people = dict.fromkeys((BOT, "kim", "sam", "noor"), "write")
        hub.add_repo("acme/ops", private=True, collaborators=people)
        hub.add_milestone("acme/ops", "Q1")
        hub.open_issue(
            "acme/ops", "An alert", BOT, "**Due:** 2026-12-24 <!-- followthrough:due -->"
        )
        hub.edit("acme/ops", 1, "kim", assignees=["kim"], milestone=1)
        tracker = GitHubTracker("acme", GitHubClient(self.sandbox.github_url, TOKEN))
        return tracker, tracker.find("acme/ops#1")

    def _is_told(self) -> None:
        """Webhooks are kept, and sent nowhere."""
        self.sandbox.hooks.enabled = False
        if self._is_jira:
            self.sandbox.jira.hook("http://127.0.0.1:9/", "s3cret", ["jira:issue_updated"])
        else:
            self.sandbox.github.hook("acme/ops", "http://127.0.0.1:9/", "s3cret", ["issues"])

    def told(self) -> Notice:
        """What the last webhook says."""
        sent = self.sandbox.hooks.log[-1]
        normalise = jira_webhook.normalise if self._is_jira else github_webhook.normalise
        return normalise(Envelope(sent.id, sent.event, sent.body))

    def is_given_to(self, owner: str) -> None:
        """Kim gives it to somebody else."""
        if self._is_jira:
            self.sandbox.jira.edit(self.ref.key, "kim", assignee=owner)
        else:
            self.sandbox.github.edit("acme/ops", 1, "kim", assignees=[owner])

    def is_deleted(self) -> None:
        if self._is_jira:
            self.sandbox.jira.delete(self.ref.key, "kim")
        else:
            self.sandbox.github.delete("acme/ops", 1, "kim")

    def want(self, *fields: Field) -> SetFields:
        values = {name: value for name, value in EVERYTHING.items() if name in fields}
        status = DONE if Field.STATUS in fields else None
        return SetFields("set:k3v9:2", self.ref, "", values, status, {Field.OWNER: "kim"})

    def asked(self) -> list[str]:
        return [f"{call.method} {call.status}" for call in self.sandbox.calls]


@pytest.fixture(params=["github", "cloud", "datacenter"])
def task(request: pytest.FixtureRequest) -> Iterator[OneTask]:
    deployment = "datacenter" if request.param == "datacenter" else "cloud"
    with Sandbox(deployment=deployment) as sandbox:
        yield OneTask(sandbox, request.param)


class Asked:
    """Answers with these words whether a task was overtaken, and keeps what it was shown."""

    def __init__(self, words: str) -> None:
        self.words, self.shown = words, list[TaskState]()

    def __call__(self, state: TaskState) -> str:
        self.shown.append(state)
        return self.words


@pytest.mark.parametrize("fields", [*((field,) for field in Field), tuple(Field)])
def test_whoever_was_faster_is_not_written_over(task: OneTask, fields: tuple[Field, ...]) -> None:
    task.is_given_to("sam")
    task.sandbox.reset_calls()
    overtaken = Asked("owner is sam there by now, no longer kim")
    with pytest.raises(StaleVersion) as caught:
        task.tracker.set_fields(task.want(*fields), overtaken)
    assert caught.value.words == "owner is sam there by now, no longer kim"
    assert task.asked() == ["GET 200"]
    assert [owner.handle for owner in overtaken.shown[0].owners] == ["sam"]
    assert overtaken.shown == [replace(task.tracker.look(task.ref), changes=())]


def test_what_stands_as_is_known_is_shown_once_and_written(task: OneTask) -> None:
    before, overtaken = task.tracker.look(task.ref), Asked("")
    done = task.tracker.set_fields(task.want(*Field), overtaken)
    assert overtaken.shown == [replace(before, changes=())]
    assert (done.confirmed.items() >= EVERYTHING.items(), done.refused) == (True, {})
    after = task.tracker.look(task.ref)
    assert ([owner.handle for owner in after.owners], after.milestones) == (["noor"], ("Q2",))


@pytest.mark.parametrize(
    "spoilt",
    [{"status": 502}, {"drop_connection": True}, {"status": 200, "body": {"message": "odd"}}],
)
def test_a_read_that_fails_is_asked_for_again_later_and_nothing_is_written(
    task: OneTask, spoilt: dict[str, Any]
) -> None:
    task.sandbox.fail_next("GET", task.path, **spoilt)
    with pytest.raises(Unavailable):
        task.tracker.set_fields(task.want(*Field), Asked(""))
    assert task.sandbox.writes() == []
    assert task.tracker.set_fields(task.want(*Field), Asked("")).refused == {}


def test_what_is_gone_as_it_is_read_is_not_there(task: OneTask) -> None:
    task.is_deleted()
    with pytest.raises(NotThere):
        task.tracker.set_fields(task.want(*Field), Asked(""))
    assert task.sandbox.writes() == []


def test_what_a_webhook_tells_of_a_task_is_what_a_read_would(task: OneTask) -> None:
    task.is_given_to("sam")
    told, read = task.told(), task.tracker.look(task.ref)
    assert told.whole
    assert told.state is not None
    assert replace(told.state, ref=task.ref, changes=()) == replace(read, changes=())
    assert told.state.ref.key == task.ref.key
    (change,) = told.state.changes
    assert (change.field, change.by and change.by.handle) == (Field.OWNER, "kim")
    assert abs(change.at - read.updated) < timedelta(seconds=1)


def test_a_webhook_of_jira_that_does_not_say_who_may_read_the_issue_is_not_the_whole(
    task: OneTask,
) -> None:
    task.is_given_to("sam")
    sent = task.sandbox.hooks.log[-1]
    body = json.loads(sent.body)
    if sent.hook.dialect == "jira":
        del body["issue"]["fields"]["security"]
        bare = jira_webhook.normalise(Envelope(sent.id, sent.event, json.dumps(body).encode()))
        assert not bare.whole
        assert bare.state == task.told().state
