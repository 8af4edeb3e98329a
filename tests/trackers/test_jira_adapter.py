"""The Jira adapter against the sandbox, on both deployments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from builders import lost_tasks

from integrations.document_store import DocumentStore
from integrations.jira.adapter import JiraTracker
from integrations.jira.documents import JiraIssueDocuments
from integrations.sandbox import Sandbox
from integrations.tracker import (
    NotThere,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    SignInFailed,
    TaskResult,
    Tracker,
)
from integrations.uses import Creation, Use
from workflows.effects import CreateTask, TaskTarget
from workflows.model import (
    DocumentRef,
    Kind,
    StatusCategory,
    TicketRef,
)

BOT, KIM, TOKEN = "bot-1", "kim-2", "t0ken-of-the-bot"
NOW = datetime(2026, 12, 1, 10, 30, tzinfo=UTC)


@pytest.fixture(params=["cloud", "datacenter"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(deployment=request.param, clock=lambda: NOW) as running:
        jira = running.jira
        jira.add_project("INC", components=("checkout",))
        jira.add_project("OPS", types=("Task", "Postmortem"))
        jira.add_user(BOT, "Bot", "bot@acme.example", TOKEN, projects=("INC", "OPS"))
        jira.add_user(KIM, "Kim Doe", "kim@acme.example", projects=("INC", "OPS"))
        jira.add_user("lee-3", "Lee", "lee@acme.example")
        yield running


def open_tracker(sandbox: Sandbox, token: str = TOKEN) -> JiraTracker:
    user = "bot@acme.example" if sandbox.jira.cloud else BOT
    return JiraTracker("acme", sandbox.jira_url, user=user, token=token, clock=lambda: NOW)


@pytest.fixture
def tracker(sandbox: Sandbox) -> JiraTracker:
    return open_tracker(sandbox)


@pytest.fixture
def incident(sandbox: Sandbox, tracker: JiraTracker) -> TicketRef:
    return tracker.find(sandbox.jira.create_issue("INC", "Checkout is down", KIM))


def task(incident: TicketRef, number: int = 1, **more: object) -> CreateTask:
    wanted = CreateTask(
        key=f"task:k3v9:{number}",
        target=TaskTarget("acme", "OPS", "Task", ("remediation",)),
        title=f"Do the {number}. thing",
        text="**Measure:** paged in 2 min",
        kind=Kind.PREVENTIVE,
        incident=incident,
        document=DocumentRef("git-directory", "x", "file:///x", "1"),
        owner=KIM,
        due=date(2026, 12, 24),
        milestone="Q1",
    )
    return replace(wanted, **more)  # type: ignore[arg-type]


def only(results: Iterator[TaskResult]) -> TaskResult:
    (result,) = list(results)
    return result


def test_it_is_a_tracker_and_a_document_store(tracker: JiraTracker) -> None:
    as_tracker: Tracker = tracker
    as_store: DocumentStore = JiraIssueDocuments(tracker)
    assert (as_tracker.account(), as_store.kind) == (BOT, "jira-issue")


# --- reading ------------------------------------------------------------------------------------


def test_a_closed_incident_is_read_whole_in_one_call(
    sandbox: Sandbox, tracker: JiraTracker
) -> None:
    jira = sandbox.jira
    jira.add_field("customfield_10050", "Severity", "option", ["SEV-1", "SEV-2"])
    jira.add_field("customfield_10051", "Detected at", "datetime")
    jira.add_version("INC", "Q1")
    key = jira.create_issue(
        "INC",
        "Checkout is down",
        KIM,
        description="ACTION: add an alert",
        labels=["incident"],
        components=["checkout"],
        assignee=KIM,
        fixVersions=["Q1"],
        duedate="2026-12-24",
        customfield_10050={"value": "SEV-1"},
        customfield_10051="2026-12-01T09:00:00.000+0100",
    )
    other = tracker.find(jira.create_issue("INC", "Cause", KIM))
    jira.link(key, other.key, KIM)
    jira.comment(key, "Restarted it", KIM)
    jira.transition(key, "Done", KIM, resolution="Done")
    tracker.fetch(other)  # asks for the project's roles, which are then known for a while
    sandbox.reset_calls()
    ticket = tracker.fetch(tracker.find(key))
    assert len(sandbox.calls) == 2  # find, fetch
    assert ticket.title == "Checkout is down"
    assert ticket.text == "ACTION: add an alert"
    assert (ticket.status.name, ticket.status.category) == ("Done", StatusCategory.DONE)
    assert ticket.status.reason == "Done"
    assert ticket.closed == NOW
    assert (ticket.place, ticket.type, ticket.labels) == ("INC", "Incident", ("incident",))
    assert (ticket.components, ticket.milestone, ticket.due) == (
        ("checkout",),
        "Q1",
        date(2026, 12, 24),
    )
    assert ticket.owner is not None
    assert ticket.owner.handle == KIM
    assert ticket.fields["Severity"] == ticket.fields["customfield_10050"] == "SEV-1"
    assert ticket.fields["Detected at"] == "2026-12-01T08:00:00+00:00"
    assert ticket.related == (other.id,)
    assert [comment.text for comment in ticket.comments] == ["Restarted it"]
    assert ("status", "To Do", "Done") in [(c.field, c.before, c.after) for c in ticket.changes]
    assert ticket.ref.url == f"{sandbox.jira_url}/browse/{key}"
    assert not ticket.restricted


def test_long_histories_are_read_to_their_end(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    sandbox.jira.embedded_limit = 3
    for number in range(7):
        sandbox.jira.comment(incident.key, f"comment {number}", KIM)
        sandbox.jira.edit(incident.key, KIM, summary=f"title {number}")
    ticket = tracker.fetch(incident)
    assert [comment.text for comment in ticket.comments] == [f"comment {n}" for n in range(7)]
    assert len([change for change in ticket.changes if change.field == "title"]) == 7


def test_a_moved_issue_is_found_by_its_id_and_a_deleted_one_is_not_there(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    key = sandbox.jira.move_issue(incident.key, "OPS", KIM)
    assert tracker.fetch(incident).ref.key == key
    sandbox.jira.delete(key, KIM)
    with pytest.raises(NotThere):
        tracker.fetch(incident)


def test_an_internal_comment_is_marked(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    sandbox.jira.comment(incident.key, "secret", KIM, internal=True)
    sandbox.jira.comment(incident.key, "open", KIM)
    internal = [comment.internal for comment in tracker.fetch(incident).comments]
    # Data Center tells it for service desks only, which the sandbox does not play
    assert internal == [sandbox.jira.cloud, False]


def test_people_name_tickets_by_key_or_address(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    for typed in ("inc-1", incident.url, f"{sandbox.jira_url}/projects/INC?selectedIssue=INC-1"):
        assert tracker.find(typed) == incident
    for typed in ("42", "https://elsewhere.example/browse/INC-1", "../myself"):
        with pytest.raises(Rejected) as refused:
            tracker.find(typed)
        assert "INC-42" in refused.value.mend
    with pytest.raises(NotThere):
        tracker.find("INC-99")


def test_everything_that_changed_is_listed_over_all_pages(
    sandbox: Sandbox, tracker: JiraTracker
) -> None:
    keys = [sandbox.jira.create_issue("INC", f"issue {n}", KIM) for n in range(103)]
    seen = list(tracker.changed("INC", NOW - timedelta(minutes=1)))
    assert {glimpse.ref.key for glimpse in seen} == set(keys)
    times = [glimpse.at for glimpse in seen]
    assert times == sorted(times, reverse=True)
    assert len([call for call in sandbox.calls if "/search" in call.path]) == 2


# --- tasks --------------------------------------------------------------------------------------


def test_tasks_are_created_marked_owned_and_linked_in_one_call(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    list(tracker.create_tasks([task(incident, 99)]))  # warms the caches
    sandbox.reset_calls()
    results = list(tracker.create_tasks([task(incident, n) for n in range(1, 6)]))
    assert [(call.method, call.status) for call in sandbox.calls] == [("POST", 201)]
    assert [result.key for result in results] == [f"task:k3v9:{n}" for n in range(1, 6)]
    for result in results:
        assert (result.error, result.unset, result.linked) == (None, (), True)
        assert result.ref is not None
        made = tracker.fetch(result.ref)
        assert made.owner is not None
        assert made.owner.handle == KIM
        assert (made.milestone, made.due, made.labels) == (
            "Q1",
            date(2026, 12, 24),
            ("remediation",),
        )
        assert made.text == "**Measure:** paged in 2 min"
        assert made.related == (incident.id,)
    assert len(tracker.fetch(incident).related) == 6


def test_fifty_tasks_take_one_call(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    results = list(tracker.create_tasks([task(incident, n) for n in range(tracker.at_once("OPS"))]))
    assert len(results) == 50
    assert all(result.ref for result in results)
    assert len([call for call in sandbox.writes() if call.path.endswith("/bulk")]) == 1


def test_what_cannot_be_set_is_left_out_and_said(sandbox: Sandbox, tracker: JiraTracker) -> None:
    sandbox.jira.add_project("LEAN", create_screen=("description", "assignee"))
    incident = tracker.find(sandbox.jira.create_issue("INC", "x", KIM))
    wanted = task(incident, target=TaskTarget("acme", "LEAN", "Task", ("x",)), owner="lee-3")
    result = only(tracker.create_tasks([wanted]))
    assert result.ref is not None
    assert not result.linked
    told = "; ".join(result.unset)
    for part in ("owner: lee-3 is not assignable in LEAN", "due date:", "milestone:", "labels:"):
        assert part in told
    tracker.link(incident, result.ref, "x", wanted.key)
    tracker.link(incident, result.ref, "x", wanted.key)
    assert tracker.fetch(incident).related == (result.ref.id,)


def test_a_version_that_may_not_be_added_is_said(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    sandbox.jira.deny(BOT, "ADMINISTER_PROJECTS")
    result = only(tracker.create_tasks([task(incident)]))
    assert result.ref is not None
    assert "Q1" in "; ".join(result.unset)


def test_one_refused_task_does_not_keep_the_others(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    good, bad = task(incident, 1), task(incident, 2, title=" ")
    first, second = sorted(tracker.create_tasks([bad, good]), key=lambda result: result.key)
    assert first.ref is not None
    assert isinstance(second.error, Rejected)
    assert "summary" in second.error.words.lower()


def test_a_task_refused_for_its_owner_is_made_without(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    list(tracker.create_tasks([task(incident, 1)]))  # Kim is remembered as assignable …
    sandbox.jira.projects["OPS"].assignable.remove(KIM)  # … and is not any more
    result = only(tracker.create_tasks([task(incident, 2)]))
    assert result.ref is not None
    assert result.unset[0].startswith("owner:")
    assert tracker.fetch(result.ref).owner is None


def test_a_lost_answer_is_unknown_for_every_task_and_settled_by_the_markers(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    sandbox.fail_next("POST", "/issue/bulk", status=502, after_effect=True)
    results = list(tracker.create_tasks([task(incident, n) for n in range(3)]))
    assert all(isinstance(result.error, OutcomeUnknown) for result in results)
    keys = [result.key for result in results]
    found = tracker.find_created(lost_tasks([task(incident)], NOW, *keys))
    assert set(found) == set(keys)
    elsewhere = replace(incident, connection="acme-github")
    assert tracker.find_created(lost_tasks([task(elsewhere)], NOW, *keys)) == found
    assert tracker.find_created(lost_tasks([task(incident)], NOW, "task:other:1")) == {}


def test_a_dropped_connection_is_never_followed_by_a_second_post(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    list(tracker.create_tasks([task(incident, 9)]))
    sandbox.reset_calls()
    sandbox.fail_next("POST", "/issue/bulk", after_effect=True, drop_connection=True)
    results = list(tracker.create_tasks([task(incident, n) for n in range(50)]))
    assert all(isinstance(result.error, OutcomeUnknown) for result in results)
    assert len(sandbox.writes()) == 1


def test_what_another_marked_as_ours_is_not_taken_for_ours(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    decoy = sandbox.jira.issue(sandbox.jira.create_issue("OPS", "mine now", KIM, type="Task"))
    decoy.properties["followthrough"] = {"key": "task:k3v9:1"}
    list(tracker.create_tasks([task(incident, 9)]))
    tracker.link(incident, tracker.find(decoy.key), "x", "task:k3v9:1")
    assert decoy.id in tracker.fetch(incident).related
    assert tracker.find_created(lost_tasks([task(incident)], NOW, "task:k3v9:1")) == {}
    sandbox.jira.comment(incident.key, "I am the bot", KIM)
    (comment,) = sandbox.jira.issue(incident.key).comments
    comment.properties["followthrough"] = {"key": "comment:k3v9"}
    assert tracker.find_comment(incident, "comment:k3v9") is None


def test_a_ticket_of_another_tracker_is_linked_by_one_remote_link(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    there = TicketRef(
        "acme-github", "I_1", "acme/ops#1", "https://github.example/acme/ops/issues/1"
    )
    for title in ("first", "renamed"):
        tracker.link(incident, there, title, "task:k3v9:1")
    (link,) = sandbox.jira.issue(incident.id).remote_links
    assert link["globalId"] == "task:k3v9:1"
    assert link["object"]["title"] == "renamed"


# --- the comment --------------------------------------------------------------------------------


def test_our_comment_is_rewritten_and_can_be_found_again(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    first = tracker.write_comment(incident, "**1** task", "comment:k3v9", None)
    assert tracker.write_comment(incident, "2 tasks", "comment:k3v9", first) == first
    assert tracker.find_comment(incident, "comment:k3v9") == first
    assert [comment.text for comment in tracker.fetch(incident).comments] == ["2 tasks"]
    assert tracker.find_comment(incident, "comment:other") is None


# --- the doctor ------------------------------------------------------------------


def test_the_doctor_finds_nothing_wrong_where_nothing_is(
    sandbox: Sandbox, tracker: JiraTracker
) -> None:
    findings = list(tracker.check({"INC": Use(), "OPS": Use((Creation("Task"),))}))
    assert all(finding.ok for finding in findings), findings
    assert len(findings) > 10


def test_the_doctor_says_what_is_wrong_and_how_to_mend_it(
    sandbox: Sandbox, tracker: JiraTracker
) -> None:
    sandbox.jira.add_field("customfield_1", "Team", "text")
    sandbox.jira.add_project(
        "BAD",
        statuses={"Open": "new"},
        create_screen=("description", "customfield_1"),
        required=("customfield_1",),
    )
    sandbox.jira.deny(BOT, "LINK_ISSUES", "BAD")
    places = {"BAD": Use((Creation("Task"),)), "NONE": Use(), "OPS": Use((Creation("Epic"),))}
    faults = [finding for finding in tracker.check(places) if not finding.ok]
    told = "\n".join(f"{fault.what} -> {fault.mend}" for fault in faults)
    for part in ("LINK_ISSUES", "Done", "Team", "assignee", "assignable", "NONE", "'Epic'"):
        assert part in told
    wrong = list(open_tracker(sandbox, "wr0ng-token").check(places))
    assert [finding.ok for finding in wrong] == [False]
    assert "wr0ng-token" not in str(wrong)


def test_what_one_rule_fills_in_does_not_hide_that_another_does_not(
    sandbox: Sandbox, tracker: JiraTracker
) -> None:
    sandbox.jira.add_field("customfield_1", "Team", "text")
    sandbox.jira.add_project("NEW", types=("Task", "Bug"), required=("customfield_1",))
    fill = (("Team", "Payments"),)
    made = (
        Creation("Task", fill, "teams.a.postmortem.tasks"),
        Creation("Task", (), "teams.b.postmortem.tasks"),
        Creation("Task", (), "teams.c.postmortem.document"),
        Creation("Bug", (), "teams.a.audits.destination"),
    )
    found = tracker.check({"NEW": Use(made)})
    lacking = [f for f in found if f.kind == "required field" and not f.ok]
    assert [f.what for f in lacking] == ["Task in NEW demands Team", "Bug in NEW demands Team"]
    task, bug = [f.mend for f in lacking]
    assert "under teams.b.postmortem.tasks.fill and teams.c.postmortem.document.fill in" in task
    assert "under teams.a.audits.destination.fill in" in bug


def test_a_rate_limit_says_when_to_come_back(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    sandbox.fail_next("GET", "/issue/", status=429, headers={"Retry-After": "17"})
    with pytest.raises(RateLimited) as limited:
        tracker.fetch(incident)
    assert limited.value.retry_at == NOW + timedelta(seconds=17)


def test_a_missing_permission_is_told_with_its_mend(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    sandbox.jira.deny(BOT, "ADD_COMMENTS")
    with pytest.raises(SignInFailed) as failed:
        tracker.write_comment(incident, "x", "comment:x", None)
    assert "permission" in failed.value.mend
