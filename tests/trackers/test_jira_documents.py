"""Postmortems as Jira issues, against the sandbox, on both deployments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from builders import lost_document

from integrations.jira.adapter import JiraTracker
from integrations.jira.documents import JiraIssueDocuments
from integrations.sandbox import Sandbox
from integrations.tracker import NotThere, OutcomeUnknown, StaleVersion
from workflows.effects import CreateDocument, CreateTask, DocumentTarget, TaskTarget
from workflows.model import DocumentRef, DocumentStatus, Kind, TicketRef

BOT, KIM, TOKEN = "bot-1", "kim-2", "t0ken-of-the-bot"
NOW = datetime(2026, 12, 1, 10, 30, tzinfo=UTC)
TEXT = """\
# Postmortem

<!-- followthrough:begin facts -->
<!-- followthrough:end facts -->

## Timeline

<!-- followthrough:begin timeline -->
| When | What |
| --- | --- |
| 10:00 | [INC-1](https://a.example/INC-1) closed |
<!-- followthrough:end timeline -->

## Notes

Written by people.
"""


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


def document(incident: TicketRef) -> CreateDocument:
    target = DocumentTarget("jira-issue", "acme", "OPS", issue_type="Postmortem", labels=("a b",))
    return CreateDocument("doc:k3v9", target, "Postmortem: checkout", TEXT, incident)


def test_a_postmortem_is_an_issue_whose_regions_alone_are_rewritten(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    store = JiraIssueDocuments(tracker)
    made = store.create(document(incident))
    assert made.ref.ticket is not None
    issue = tracker.fetch(made.ref.ticket)
    assert (issue.title, issue.type, issue.labels) == (
        "Postmortem: checkout",
        "Postmortem",
        ("a-b",),
    )
    assert issue.related == (incident.id,)
    assert "[INC-1](https://a.example/INC-1)" in made.regions["timeline"]
    sandbox.reset_calls()
    written = store.write(made, {"timeline": "| When | What |\n| --- | --- |\n| 11:00 | more |"})
    assert [call.method for call in sandbox.calls] == ["GET", "PUT"]
    assert "11:00" in written.regions["timeline"]
    assert store.read(made.ref, made.headings) == written
    text = tracker.fetch(made.ref.ticket).text
    assert "Written by people." in text
    assert "INC-1" not in text
    sandbox.reset_calls()
    assert store.write(written, written.regions) == written
    assert [call.method for call in sandbox.calls] == ["GET"]


def test_an_edit_inside_a_region_is_seen_and_one_beside_it_is_kept(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    store = JiraIssueDocuments(tracker)
    made = store.create(document(incident))
    assert made.ref.ticket is not None
    markup, issue = tracker.site.markup, sandbox.jira.issue(made.ref.id)
    body = issue.values["description"]
    issue.values["description"] = markup.replace_sections(body, {"Notes": "A new thought."})
    written = store.write(made, {"timeline": "| a |\n| --- |\n| b |"})
    assert "A new thought." in tracker.fetch(made.ref.ticket).text
    body = issue.values["description"]
    issue.values["description"] = markup.replace_sections(body, {"Timeline": "scribbled over"})
    with pytest.raises(StaleVersion, match="Timeline"):
        store.write(written, {"timeline": "| a |\n| --- |\n| c |"})


def test_a_document_whose_creation_was_never_answered_is_found(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    store, wanted = JiraIssueDocuments(tracker), document(incident)
    assert store.find(wanted, lost_document(wanted, NOW)) is None
    sandbox.fail_next("POST", "/issue$", status=500, after_effect=True)
    with pytest.raises(OutcomeUnknown):
        store.create(wanted)
    found = store.find(wanted, lost_document(wanted, NOW))
    assert found is not None
    assert found.regions.keys() == {"facts", "timeline"}


def test_a_document_that_was_lost_before_its_link_came_is_linked_when_it_is_found(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    lean = ("description", "summary")
    sandbox.jira.add_project("LEAN", types=("Postmortem",), create_screen=lean)
    store, wanted = JiraIssueDocuments(tracker), document(incident)
    wanted = replace(wanted, target=replace(wanted.target, place="LEAN"))
    sandbox.fail_next("POST", "/issue$", status=500, after_effect=True)
    with pytest.raises(OutcomeUnknown):
        store.create(wanted)
    found = store.find(wanted, lost_document(wanted, NOW))
    assert found is not None
    assert tracker.fetch(incident).related == (found.ref.id,)


def test_a_document_lives_by_its_status(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    store = JiraIssueDocuments(tracker)
    made = store.create(document(incident))
    assert made.ref.ticket is not None
    lives = []
    for to, why in (("In Progress", None), ("Done", "Won't Do"), ("Done", "Done")):
        sandbox.jira.transition(made.ref.ticket.key, to, KIM, resolution=why)
        lives.append(store.read(made.ref, made.headings).status)
    expected = [DocumentStatus.IN_REVIEW, DocumentStatus.DECLINED, DocumentStatus.PUBLISHED]
    assert [made.status, *lives] == [DocumentStatus.DRAFT, *expected]
    sandbox.jira.delete(made.ref.ticket.key, KIM)
    with pytest.raises(NotThere):
        store.read(made.ref, made.headings)


def test_a_very_long_timeline_is_shortened_to_what_jira_takes(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    store = JiraIssueDocuments(tracker)
    made = store.create(document(incident))
    rows = "\n".join(f"| {n} | somebody said something at length |" for n in range(1500))
    written = store.write(made, {"timeline": f"| When | What |\n| --- | --- |\n{rows}"})
    assert "more rows do not fit" in written.regions["timeline"]


def task(incident: TicketRef, number: int) -> CreateTask:
    document = DocumentRef("jira-issue", "x", "https://x.example", "")
    target = TaskTarget("acme", "OPS", "Task")
    key, title = f"task:k3v9:{number}", f"Do the {number}. thing"
    return CreateTask(key, target, title, "", Kind.PREVENTIVE, incident, document, owner=KIM)


def test_a_closed_incident_with_five_tasks_costs_four_writes_and_two_reads(
    sandbox: Sandbox, tracker: JiraTracker, incident: TicketRef
) -> None:
    store = JiraIssueDocuments(tracker)
    for warm in (True, False):
        sandbox.reset_calls()
        tracker.fetch(incident)
        made = store.create(document(incident))
        list(tracker.create_tasks([task(incident, n) for n in range(5)]))
        store.write(made, {"timeline": f"| a |\n| --- |\n| {warm} |"})
        tracker.write_comment(incident, "here it is", f"comment:{warm}", None)
    assert len(sandbox.writes()) == 4
    assert len(sandbox.reads()) == 2
