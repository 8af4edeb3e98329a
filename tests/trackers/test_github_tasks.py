"""Tasks as they are looked at: the real adapter against the sandbox's GitHub."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import responses

from integrations.gate import Answered, Call, OpenGate, Report
from integrations.github.adapter import GitHubTracker
from integrations.github.client import GitHubClient
from integrations.sandbox import Sandbox
from integrations.sandbox.limits import GitHubLimits
from integrations.tracker import NotThere, Unavailable
from workflows.model import StatusCategory, TicketRef

TOKEN = "ghp_bot_of_acme"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BODY = "Words\r\n\r\n**Due:** 2026-12-01 <!-- followthrough:due -->\r\n\r\n"
BODY += "<!-- followthrough task:k3v9:2 -->\r\n"
API = "https://api.github.com:443"


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock) as sandbox:
        hub = sandbox.github
        hub.add_user("acme-bot", token=TOKEN)
        people = {"acme-bot": "write", "kim": "write", "sam": "triage", "noor": "write"}
        hub.add_repo("acme/ops", private=True, collaborators=people)
        hub.add_repo("acme/infra", collaborators=people)
        hub.add_milestone("acme/ops", "2026-Q4")
        hub.open_issue("acme/ops", "Add a canary", "acme-bot", BODY)
        sandbox.reset_calls()
        yield sandbox


@pytest.fixture
def tracker(sandbox: Sandbox, clock: Clock) -> GitHubTracker:
    return GitHubTracker("acme-github", GitHubClient(sandbox.github_url, TOKEN, clock=clock))


@pytest.fixture
def task(sandbox: Sandbox) -> TicketRef:
    issue = sandbox.github.repos["acme/ops"].issues[1]
    return TicketRef("acme-github", issue.node_id, "acme/ops#1", "https://x.example/1")


def statuses(sandbox: Sandbox) -> list[int]:
    return [call.status for call in sandbox.calls]


def test_a_task_is_looked_at_in_one_read(
    tracker: GitHubTracker, sandbox: Sandbox, task: TicketRef, clock: Clock
) -> None:
    clock.now += timedelta(minutes=5)
    sandbox.github.edit("acme/ops", 1, "kim", assignees=["sam", "kim"], milestone=1)
    sandbox.github.close("acme/ops", 1, "kim", "duplicate")
    state = tracker.look(task)
    assert statuses(sandbox) == [200]
    assert (state.ref.id, state.ref.key, state.place) == (task.id, "acme/ops#1", "acme/ops")
    assert [person.handle for person in state.owners] == ["sam", "kim"]
    assert (state.milestones, state.due, state.title) == (
        ("2026-Q4",),
        date(2026, 12, 1),
        "Add a canary",
    )
    assert (state.status.category, state.status.reason) == (StatusCategory.DONE, "duplicate")
    assert (state.updated, state.silent, state.changes) == (clock.now, (), ())


def test_what_a_task_does_not_say_is_empty(tracker: GitHubTracker, sandbox: Sandbox) -> None:
    number = sandbox.github.open_issue("acme/ops", "Bare", "kim")
    state = tracker.look(TicketRef("acme-github", "?", f"acme/ops#{number}", ""))
    assert (state.owners, state.milestones, state.due, state.silent) == ((), (), None, ())
    assert (state.status.name, state.status.category) == ("open", StatusCategory.NEW)


def test_a_transferred_task_is_looked_at_where_it_is_now(
    tracker: GitHubTracker, sandbox: Sandbox, task: TicketRef
) -> None:
    sandbox.github.edit("acme/ops", 1, "kim", assignees=["sam"], milestone=1)
    sandbox.github.transfer("acme/ops", 1, "acme/infra", "kim")
    state = tracker.look(task)
    assert (state.ref.key, state.place) == ("acme/infra#1", "acme/infra")
    assert state.ref.id != task.id
    assert ([person.handle for person in state.owners], state.milestones) == (["sam"], ())
    sandbox.github.transfer("acme/infra", 1, "acme/ops", "kim")
    assert tracker.look(task).ref.key == "acme/ops#2"


def test_deleted_and_hidden_tasks_and_pull_requests_are_not_there(
    tracker: GitHubTracker, sandbox: Sandbox, task: TicketRef
) -> None:
    hub = sandbox.github
    hub.push("acme/ops", "a.md", "a", "kim", branch="topic")
    number = hub.pull_request("acme/ops", "topic", "A pull request", "kim")
    with pytest.raises(NotThere, match="is a pull request"):
        tracker.look(TicketRef("acme-github", "?", f"acme/ops#{number}", ""))
    hub.delete("acme/ops", 1, "kim")
    with pytest.raises(NotThere, match="This issue was deleted"):
        tracker.look(task)
    hub.repos["acme/ops"].members["acme-bot"] = "none"
    with pytest.raises(NotThere, match="Not Found"):
        tracker.look(task)


def test_a_task_that_became_a_discussion_is_not_there(
    tracker: GitHubTracker, sandbox: Sandbox, task: TicketRef
) -> None:
    sandbox.github.convert_to_discussion("acme/ops", 1, "kim")
    with pytest.raises(NotThere, match="converted to a discussion"):
        tracker.look(task)
    assert list(tracker.look_through("acme/ops", None)) == []


def test_a_task_that_was_closed_and_locked_is_one_all_the_same(
    tracker: GitHubTracker, sandbox: Sandbox, task: TicketRef
) -> None:
    sandbox.github.close("acme/ops", 1, "kim")
    sandbox.github.lock("acme/ops", 1, "kim")
    assert tracker.look(task).status.reason == "completed"
    assert [state.ref.id for state in tracker.look_through("acme/ops", None)] == [task.id]
    sandbox.reset_calls()
    tracker.look(task)
    assert len(sandbox.calls) == 1, "that it is no discussion is known by now"


def many(sandbox: Sandbox, clock: Clock, count: int) -> None:
    for number in range(count):
        clock.now += timedelta(seconds=1)
        sandbox.github.open_issue("acme/ops", f"More {number}", "kim")
    sandbox.reset_calls()


def test_a_thousand_unchanged_tasks_cost_ten_calls_and_none_of_the_hours_requests(
    tracker: GitHubTracker, sandbox: Sandbox, clock: Clock
) -> None:
    many(sandbox, clock, 999)
    sandbox.enforce(github=GitHubLimits())
    first = list(tracker.look_through("acme/ops", None))
    assert len({state.ref.id for state in first}) == 1000
    updates = [state.updated for state in first]
    assert updates == sorted(updates, reverse=True)
    assert statuses(sandbox) == [200] * 11, "the repository's name, and ten pages"
    sandbox.reset_calls()
    clock.now += timedelta(minutes=30)  # longer than anything is believed without asking
    assert list(tracker.look_through("acme/ops", None)) == first
    assert statuses(sandbox) == [304] * 10
    assert int(tracker._client.headers("/user")["x-ratelimit-used"]) == 11 + 1


def test_only_pages_that_changed_are_sent_again(
    tracker: GitHubTracker, sandbox: Sandbox, clock: Clock
) -> None:
    many(sandbox, clock, 299)
    list(tracker.look_through("acme/ops", None))
    sandbox.reset_calls()
    clock.now += timedelta(minutes=1)
    sandbox.github.edit("acme/ops", 150, "kim", title="Changed")
    seen = list(tracker.look_through("acme/ops", None))
    assert (seen[0].title, len(seen)) == ("Changed", 300)
    assert statuses(sandbox) == [200, 200, 304]


def test_tasks_since_a_time_and_no_pull_requests_are_listed(
    tracker: GitHubTracker, sandbox: Sandbox, clock: Clock
) -> None:
    since = clock.now + timedelta(hours=1)
    clock.now = since + timedelta(minutes=1)
    sandbox.github.push("acme/ops", "a.md", "a", "kim", branch="topic")
    sandbox.github.pull_request("acme/ops", "topic", "A pull request", "kim")
    assert list(tracker.look_through("acme/ops", since)) == []
    sandbox.github.close("acme/ops", 1, "kim")
    for _ in range(2):
        (state,) = tracker.look_through("acme/ops", since)
        assert state.status.category is StatusCategory.DONE
    assert statuses(sandbox)[-2:] == [200, 304]
    assert list(tracker.look_through("acme/ops", since + timedelta(hours=1))) == []
    assert len(list(tracker.look_through("acme/ops", None))) == 1


def test_a_later_since_is_asked_for_on_all_pages_though_the_first_is_the_same(
    tracker: GitHubTracker, sandbox: Sandbox, clock: Clock
) -> None:
    many(sandbox, clock, 150)
    for since in (NOW - timedelta(minutes=2), NOW - timedelta(minutes=1)):
        sandbox.reset_calls()
        assert len(list(tracker.look_through("acme/ops", since))) == 151
        stamps = [since.strftime("%H%%3A%M") in c.path for c in sandbox.calls if "?" in c.path]
        assert stamps == [True, True]


def test_a_milestone_that_was_renamed_or_deleted_shows_in_the_next_look(
    tracker: GitHubTracker, sandbox: Sandbox, task: TicketRef
) -> None:
    sandbox.github.edit("acme/ops", 1, "kim", milestone=1)
    told = []
    for change in ("rename", "delete"):
        list(tracker.look_through("acme/ops", None))
        if change == "rename":
            sandbox.github.rename_milestone("acme/ops", "2026-Q4", "Winter", "kim")
        else:
            sandbox.github.delete_milestone("acme/ops", "Winter", "kim")
        (state,) = tracker.look_through("acme/ops", None)
        assert state == tracker.look(task)
        told.append(state.milestones)
    assert told == [("Winter",), ()]


def test_a_person_who_left_owns_nothing_any_more(
    tracker: GitHubTracker, sandbox: Sandbox, task: TicketRef
) -> None:
    sandbox.github.assign("acme/ops", 1, ["sam", "kim"], "kim")
    sandbox.github.leave("acme/ops", "sam", "kim")
    assert [person.handle for person in tracker.look(task).owners] == ["kim"]


def test_an_unchanged_list_passes_the_gate_as_any_call(sandbox: Sandbox) -> None:
    gate = CountingGate()
    client = GitHubClient(sandbox.github_url, TOKEN, gate=gate, limited=True)
    tracker = GitHubTracker("acme-github", client)
    for _ in range(2):
        list(tracker.look_through("acme/ops", None))
    assert statuses(sandbox) == [200, 200, 304]
    assert [call.path.rpartition("/")[2] for call in gate.calls] == ["ops", "issues", "issues"]
    assert not any(answered.failing for answered in gate.answers)
    assert len(gate.answers) == 3


class CountingGate(OpenGate):
    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answers: list[Answered] = []

    def passing(self, call: Call) -> Passing:  # type: ignore[override]
        self.calls.append(call)
        return Passing(self.answers.append)


class Passing:
    def __init__(self, report: Report) -> None:
        self._report = report

    def __enter__(self) -> Report:
        return self._report

    def __exit__(self, *_: object) -> None:
        """Nothing is kept."""


def an_issue(number: int, place: str) -> dict[str, object]:
    here = {"html_url": "h", "repository_url": f"https://api.github.com/repos/{place}"}
    ids = {"node_id": f"N{number}", "id": number, "number": number, "title": "T"}
    return {**here, **ids, "state": "open", "updated_at": "2026-11-23T12:00:00Z"}


def test_a_repository_that_was_renamed_is_listed_under_its_new_name() -> None:
    clock = Clock()
    tracker = GitHubTracker("github", GitHubClient("https://api.github.com", "t0ken", clock=clock))
    with responses.RequestsMock() as hub:
        hub.get(f"{API}/repos/acme/old", json={"full_name": "acme/old", "default_branch": "main"})
        hub.get(f"{API}/repos/acme/old/issues", json=[an_issue(1, "acme/old")])
        assert [state.ref.key for state in tracker.look_through("acme/old", None)] == ["acme/old#1"]
    clock.now += timedelta(minutes=1)
    with responses.RequestsMock() as hub:
        # the redirect loses the query: what is open, thirty of them
        moved = {"Location": "https://api.github.com/repositories/9/issues"}
        hub.get(f"{API}/repos/acme/old/issues", status=301, headers=moved, json={})
        hub.get(f"{API}/repositories/9/issues", json=[an_issue(7, "acme/new")])
        hub.get(f"{API}/repos/acme/old", json={"full_name": "acme/new", "default_branch": "main"})
        whole = [an_issue(1, "acme/new"), an_issue(7, "acme/new")]
        asked = responses.matchers.query_param_matcher({"state": "all"}, strict_match=False)
        hub.get(f"{API}/repos/acme/new/issues", match=[asked], json=whole)
        seen = [state.ref.key for state in tracker.look_through("acme/old", None)]
    assert seen == ["acme/new#1", "acme/new#7"]


def test_an_answer_in_another_form_is_asked_for_again_and_not_remembered() -> None:
    tracker = GitHubTracker("github", GitHubClient("https://api.github.com", "t0ken"))
    with responses.RequestsMock(assert_all_requests_are_fired=False) as hub:
        hub.get(f"{API}/repos/acme/ops", json={"full_name": "acme/ops", "default_branch": "main"})
        odd = {**an_issue(1, "acme/ops"), "assignees": ["kim"]}
        headers = {"ETag": 'W/"1"'}
        hub.get(re.compile(f"{API}/repos/acme/ops/issues"), json=[odd], headers=headers)
        for _ in range(2):
            with pytest.raises(Unavailable, match="documented form"):
                list(tracker.look_through("acme/ops", None))
        assert all("If-None-Match" not in call.request.headers for call in hub.calls)
