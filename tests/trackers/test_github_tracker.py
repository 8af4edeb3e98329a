"""Issues as tickets: the real adapter against the sandbox's GitHub."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from builders import lost_tasks

from integrations.github.adapter import GitHubTracker
from integrations.github.client import GitHubClient
from integrations.sandbox import Sandbox
from integrations.tracker import NotThere, OutcomeUnknown, Rejected, SignInFailed, Tracker
from integrations.uses import Use
from workflows.effects import CreateTask, TaskTarget
from workflows.model import DocumentRef, Kind, StatusCategory, TicketRef

TOKEN = "ghp_bot_of_acme"
DOCUMENT = DocumentRef("github-pull-request", "acme/postmortems#7:b:p", "https://x.example", "")


#: A story of one of the two kinds of server.
WITH_GRAPHQL = pytest.mark.parametrize("sandbox", ["graphql"], indirect=True)
REST_ONLY = pytest.mark.parametrize("sandbox", ["rest"], indirect=True)


@pytest.fixture(params=["graphql", "rest"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A server as github.com is, and one with REST only."""
    with Sandbox() as sandbox:
        hub = sandbox.github
        hub.graphql = request.param == "graphql"
        hub.add_user("acme-bot", token=TOKEN)
        for login in ("kim", "sam", "visitor"):
            hub.add_user(login)
        people = {"acme-bot": "write", "kim": "write", "sam": "triage"}
        hub.add_repo("acme/ops", private=True, collaborators=people)
        hub.add_repo("acme/infra", collaborators=people)
        hub.add_repo("acme/readonly", collaborators={"acme-bot": "read", "kim": "write"})
        hub.open_issue("acme/ops", "Checkout down", "kim", "### Severity\r\n\r\nsev1", ["incident"])
        sandbox.reset_calls()
        yield sandbox


@pytest.fixture
def tracker(sandbox: Sandbox) -> GitHubTracker:
    return GitHubTracker("acme-github", GitHubClient(sandbox.github_url, TOKEN))


@pytest.fixture
def incident(tracker: GitHubTracker, sandbox: Sandbox) -> TicketRef:
    any_tracker: Tracker = tracker
    ref = any_tracker.find("acme/ops#1")
    sandbox.reset_calls()
    return ref


def a_task(number: int, incident: TicketRef, place: str = "acme/ops", **more: object) -> CreateTask:
    wanted: dict[str, object] = {
        "key": f"task:k3v9:{number}",
        "target": TaskTarget("acme-github", place, labels=("remediation",)),
        "title": f"Remedy {number}",
        "text": "The alert fires within two minutes.",
        "kind": Kind.PREVENTIVE,
        "incident": incident,
        "document": DOCUMENT,
    }
    return CreateTask(**(wanted | more))  # type: ignore[arg-type]


def counted(sandbox: Sandbox) -> tuple[int, int]:
    return len(sandbox.writes()), len(sandbox.reads())


def test_an_incident_is_read_whole_in_two_requests_once_its_people_are_known(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    hub = sandbox.github
    hub.comment("acme/ops", 1, "ACTION: Add a canary\r\n", "kim")
    hub.comment("acme/ops", 1, "ACTION: Give me admin", "visitor")
    hub.assign("acme/ops", 1, ["sam"], "kim")
    hub.edit("acme/ops", 1, "kim", title="Checkout is down")
    hub.close("acme/ops", 1, "kim")
    tracker.fetch(incident)
    sandbox.reset_calls()
    ticket = tracker.fetch(incident)
    assert counted(sandbox) == (0, 2)
    assert (ticket.title, ticket.place, ticket.labels) == (
        "Checkout is down",
        "acme/ops",
        ("incident",),
    )
    assert ticket.text == "### Severity\n\nsev1"
    assert (ticket.status.category, ticket.status.reason) == (StatusCategory.DONE, "completed")
    assert ticket.closed is not None
    assert ticket.owner is not None
    assert ticket.owner.handle == "sam"
    assert ticket.author_may_write
    assert [(c.text, c.may_write) for c in ticket.comments] == [
        ("ACTION: Add a canary\n", True),
        ("ACTION: Give me admin", False),
    ]
    told = [(change.field, change.before, change.after) for change in ticket.changes]
    assert ("assignee", None, "sam") in told
    assert ("title", "Checkout down", "Checkout is down") in told
    assert told[-1] == ("status", "open", "closed")


def test_a_long_history_is_read_to_its_end(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    for number in range(230):
        sandbox.github.comment("acme/ops", 1, f"comment {number}", "kim")
    assert len(tracker.fetch(incident).comments) == 230
    assert counted(sandbox) == (0, 4 + 1), "one asks what Kim may"


def test_a_transferred_issue_is_read_where_it_is_now(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    sandbox.github.transfer("acme/ops", 1, "acme/infra", "kim")
    ticket = tracker.fetch(incident)
    assert (ticket.ref.key, ticket.place) == ("acme/infra#1", "acme/infra")


def test_deleted_and_hidden_issues_are_not_there(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    sandbox.github.delete("acme/ops", 1, "kim")
    with pytest.raises(NotThere):
        tracker.fetch(incident)
    with pytest.raises(NotThere):
        tracker.find("acme/secret#1")


def test_people_name_an_issue_by_key_or_address(
    tracker: GitHubTracker, incident: TicketRef
) -> None:
    assert tracker.find(" acme/ops#1 ") == incident
    assert tracker.find(incident.url) == incident
    foreign = "https://github.example/acme/ops/issues/1"
    for unclear in (foreign, "#1", "1", "acme/ops", "INC-42", "acme/ops#one", "../user#1"):
        with pytest.raises(Rejected) as refusal:
            tracker.find(unclear)
        assert "owner/name#number" in refusal.value.mend


def test_changed_issues_are_listed_without_pull_requests(
    tracker: GitHubTracker, sandbox: Sandbox
) -> None:
    hub = sandbox.github
    hub.close("acme/ops", 1, "kim")
    hub.push("acme/ops", "a.md", "a", "kim", branch="topic")
    hub.pull_request("acme/ops", "topic", "A pull request", "kim")
    for number in range(120):
        hub.open_issue("acme/ops", f"More {number}", "kim")
    since = datetime.now(UTC) - timedelta(hours=1)
    seen = list(tracker.changed("acme/ops", since))
    assert len(seen) == 121
    updates = [glimpse.updated for glimpse in seen]
    assert updates == sorted(updates, reverse=True)
    assert list(tracker.changed("acme/ops", since + timedelta(hours=2))) == []


def test_a_task_is_created_with_everything_and_shown_on_its_incident(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    task = a_task(1, incident, owner="sam", due=date(2026, 12, 1), milestone="2026-Q4")
    (result,) = tracker.create_tasks([task])
    assert result.error is None
    assert result.ref is not None
    assert (result.unset, result.linked) == ((), sandbox.github.graphql)
    tracker.link(incident, result.ref, task.title, task.key)
    tracker.link(incident, result.ref, task.title, task.key)  # twice is harmless
    made = tracker.fetch(result.ref)
    assert (made.owner and made.owner.handle, made.milestone, made.labels) == (
        "sam",
        "2026-Q4",
        ("remediation",),
    )
    assert made.due == date(2026, 12, 1)
    assert made.text.endswith("<!-- followthrough task:k3v9:1 -->\n")
    assert tracker.fetch(incident).related == (result.ref.id,)


def test_five_tasks_cost_ten_writes_or_one_and_no_read_once_caches_are_warm(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    list(tracker.create_tasks([a_task(0, incident, owner="sam", milestone="2026-Q4")]))
    sandbox.reset_calls()
    tasks = [a_task(n, incident, owner="sam", milestone="2026-Q4") for n in range(1, 6)]
    for task, result in zip(tasks, tracker.create_tasks(tasks), strict=True):
        assert result.ref is not None
        if not result.linked:
            tracker.link(incident, result.ref, task.title, task.key)
    assert counted(sandbox) == (1 if sandbox.github.graphql else 10, 0)


def test_an_owner_who_cannot_be_assigned_is_left_out_and_said(
    tracker: GitHubTracker, incident: TicketRef
) -> None:
    (result,) = tracker.create_tasks([a_task(1, incident, owner="visitor")])
    assert result.ref is not None
    assert result.unset == ("owner: visitor is not assignable in acme/ops",)


def test_what_github_drops_in_silence_is_said(tracker: GitHubTracker, incident: TicketRef) -> None:
    task = a_task(1, incident, "acme/readonly", owner="kim", milestone="2026-Q4")
    (result,) = tracker.create_tasks([task])
    assert result.ref is not None
    assert [line.split(":")[0] for line in result.unset] == ["milestone", "owner", "labels"]


def test_an_owner_who_left_a_moment_ago_costs_one_more_try(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    list(tracker.create_tasks([a_task(0, incident, owner="sam")]))
    del sandbox.github.repos["acme/ops"].members["sam"]
    (result,) = tracker.create_tasks([a_task(1, incident, owner="sam")])
    assert result.ref is not None
    assert result.unset[0].startswith("owner: ")


def test_a_milestone_made_by_somebody_else_meanwhile_is_used(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    list(tracker.create_tasks([a_task(0, incident, milestone="2026-Q3")]))
    sandbox.github.add_milestone("acme/ops", "2026-Q4")
    (result,) = tracker.create_tasks([a_task(1, incident, milestone="2026-Q4")])
    assert result.ref is not None
    assert tracker.fetch(result.ref).milestone == "2026-Q4"


def test_after_a_lost_answer_the_task_is_found_again(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    since = datetime.now(UTC)
    list(tracker.create_tasks([a_task(0, incident)]))
    sandbox.reset_calls()
    step = "createIssue" if sandbox.github.graphql else "/issues$"
    sandbox.fail_next("POST", step, after_effect=True, drop_connection=True)
    tasks = [a_task(n, incident) for n in (1, 2)]
    (first,) = tracker.create_tasks(tasks[:1])
    assert isinstance(first.error, OutcomeUnknown)
    assert len(sandbox.writes()) == 1
    found = tracker.find_created(lost_tasks(tasks, since))
    assert set(found) == {"task:k3v9:1"}
    assert tracker.fetch(found["task:k3v9:1"]).title == "Remedy 1"


def test_what_is_linked_is_found_through_the_incident(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    task = a_task(1, incident)
    (result,) = tracker.create_tasks([task])
    assert result.ref is not None
    tracker.link(incident, result.ref, task.title, task.key)
    tracker._client.forget_repository("acme/ops")
    sandbox.reset_calls()
    late = datetime.now(UTC) + timedelta(days=1)
    assert tracker.find_created(lost_tasks([task], late)) == {task.key: result.ref}
    # Our name, the repository's present one, and its sub-issues.
    assert counted(sandbox) == (0, 3)


def test_what_an_account_made_that_was_renamed_since_is_found(
    tracker: GitHubTracker, incident: TicketRef
) -> None:
    task = a_task(1, incident)
    (result,) = tracker.create_tasks([task])
    tracker._client._login = "its-name-when-the-service-began"
    since = datetime.now(UTC) - timedelta(hours=1)
    assert tracker.find_created(lost_tasks([task], since)) == {task.key: result.ref}


def test_a_copied_marker_is_not_taken_for_our_task(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    body = "mine\n\n<!-- followthrough task:k3v9:1 -->"
    sandbox.github.open_issue("acme/ops", "Forged", "visitor", body)
    since = datetime.now(UTC) - timedelta(hours=1)
    task = a_task(1, incident)
    assert tracker.find_created(lost_tasks([task], since)) == {}


def test_a_server_without_sub_issues_is_asked_once_for_an_incident(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    sandbox.github.sub_issues = False
    tasks = [a_task(n, incident) for n in (1, 2)]
    made = [result.ref for result in tracker.create_tasks(tasks)]
    sandbox.reset_calls()
    for task, ref in zip(tasks, made, strict=True):
        assert ref is not None
        tracker.link(incident, ref, task.title, task.key)
    assert counted(sandbox) == (1, 0)
    assert tracker.find_created(lost_tasks(tasks, incident_time(), "task:k3v9:1"))


def incident_time() -> datetime:
    return datetime.now(UTC) - timedelta(minutes=5)


def test_a_task_in_another_tracker_needs_no_call(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    tracker.link(incident, TicketRef("acme-jira", "1", "OPS-1", "https://x.example"), "t", "k")
    assert sandbox.calls == []


def test_the_one_comment_is_written_rewritten_and_found(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    hub = sandbox.github
    hub.comment("acme/ops", 1, "copied <!-- followthrough comment:k3v9 -->", "visitor")
    assert tracker.find_comment(incident, "comment:k3v9") is None
    sandbox.reset_calls()
    id = tracker.write_comment(incident, "A draft is there.", "comment:k3v9", None)
    assert tracker.write_comment(incident, "Published.", "comment:k3v9", id) == id
    assert counted(sandbox) == (2, 0)
    assert tracker.find_comment(incident, "comment:k3v9") == id
    assert [c.text for c in tracker.fetch(incident).comments][1:] == [
        "Published.\n\n<!-- followthrough comment:k3v9 -->\n"
    ]


def test_a_deleted_comment_is_not_there_and_not_written_anew(
    tracker: GitHubTracker, sandbox: Sandbox, incident: TicketRef
) -> None:
    with pytest.raises(NotThere):
        tracker.write_comment(incident, "Here again.", "comment:k3v9", "999999")
    assert counted(sandbox) == (1, 0)
    assert tracker.find_comment(incident, "comment:k3v9") is None


def test_doctor_says_when_the_rules_write_a_repository_in_another_case(
    tracker: GitHubTracker,
) -> None:
    found = list(tracker.check({"Acme/Ops": Use()}))
    assert all(finding.ok for finding in found)
    assert any("GitHub writes it acme/ops" in finding.what for finding in found)


def test_doctor_sees_what_is_right_and_what_is_not(
    tracker: GitHubTracker, sandbox: Sandbox
) -> None:
    found = list(tracker.check({"acme/ops": Use(), "acme/readonly": Use(), "acme/nowhere": Use()}))
    wrong = [finding for finding in found if not finding.ok]
    assert [finding.what.split(":")[0] for finding in wrong] == ["acme/readonly", "acme/nowhere"]
    assert all(finding.mend for finding in wrong)
    assert any("signed in as acme-bot" in finding.what for finding in found)
    assert sandbox.writes() == []


def test_a_wrong_token_is_told_without_being_shown(sandbox: Sandbox) -> None:
    tracker = GitHubTracker("acme-github", GitHubClient(sandbox.github_url, "ghp_wrong"))
    with pytest.raises(SignInFailed) as refusal:
        tracker.find("acme/ops#1")
    assert "ghp_wrong" not in f"{refusal.value.words} {refusal.value.mend}"
    (finding,) = tracker.check({"acme/ops": Use()})
    assert not finding.ok
