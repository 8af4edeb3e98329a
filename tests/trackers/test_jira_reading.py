"""What Jira's JSON means, where the sandbox does not play it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import responses

from integrations.jira.adapter import JiraTracker
from integrations.jira.creating import _unassignable
from integrations.jira.reading import Reader, Writers, _fields, day, status
from integrations.jira.site import Screen
from integrations.jira.text import ADF, WIKI
from integrations.tracker import NotThere, OutcomeUnknown, Rejected
from workflows.effects import CreateTask, TaskTarget
from workflows.model import DocumentRef, Kind, StatusCategory, TicketRef
from workflows.timeline import rows

NOW = datetime(2026, 12, 1, 10, 30, tzinfo=UTC)
URL = "https://jira.acme.example"
API = f"{URL}/rest/api/2"
REF = TicketRef("acme", "10042", "INC-42", f"{URL}/browse/INC-42")


def tracker() -> JiraTracker:
    return JiraTracker("acme", URL, token="t", cloud=False, clock=lambda: NOW)


def issue(**fields: Any) -> dict[str, Any]:
    told = {"created": "2026-12-01T10:00:00.000+0100", "updated": "2026-12-01T11:00:00.000+0100"}
    return {"id": "10042", "key": "INC-42", "fields": {"summary": "x", **told, **fields}}


def comment(id: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "body": "*hello*", "created": "2026-12-01T10:10:00.000+0000", **more}


def test_data_centers_service_desk_tells_internal_comments_by_a_property() -> None:
    marked = [{"key": "sd.public.comment", "value": {"internal": True}}]
    embedded = {"comments": [comment("1"), comment("2")], "total": 2}
    whole = [comment("1", properties=marked), comment("2", properties=[])]
    read = issue(comment=embedded, project={"key": "INC", "projectTypeKey": "service_desk"})
    with responses.RequestsMock() as jira:
        jira.add("GET", f"{API}/issue/10042", json=read)
        jira.add("GET", f"{API}/issue/10042/comment", json={"comments": whole, "total": 2})
        jira.add("GET", f"{API}/project/INC/role", json={})
        comments = tracker().fetch(REF).comments
    assert [one.internal for one in comments] == [True, False]
    assert comments[0].text == "**hello**"


@pytest.mark.parametrize("field", ["RemoteIssueLink", "RemoteWorkItemLink", "Link"])
def test_a_link_to_elsewhere_is_no_event_of_the_timeline(field: str) -> None:
    told = {"field": field, "fromString": None, "toString": 'This links to "AI-1 of ours"'}
    linked = {"created": "2026-12-01T12:00:00.000+0000", "author": {"name": "bot"}, "items": [told]}
    read = Reader("acme", URL, WIKI).ticket(issue(), [], [linked], Writers())
    assert [row.what for row in rows(read)] == ["Ticket opened"]


@pytest.mark.parametrize(("reporter", "creator"), [("kim", "sam"), ("sam", "kim")])
def test_a_description_is_its_creators_whoever_is_made_the_reporter(
    reporter: str, creator: str
) -> None:
    writers = Writers(frozenset({"kim"}))
    read = issue(reporter={"name": reporter}, creator={"name": creator})
    assert not Reader("acme", URL, WIKI).ticket(read, [], [], writers).author_may_write
    read["fields"] |= {"reporter": {"name": "kim"}, "creator": {"name": "kim"}}
    assert Reader("acme", URL, WIKI).ticket(read, [], [], writers).author_may_write


def test_a_comment_for_some_only_is_internal_and_a_security_level_restricts() -> None:
    some = comment("1", visibility={"type": "role", "value": "Admins"})
    read = Reader("acme", URL, WIKI).ticket(issue(security={"name": "Core"}), [some], [], Writers())
    assert read.comments[0].internal
    assert read.restricted
    assert read.created == datetime(2026, 12, 1, 9, tzinfo=UTC)


def test_a_done_issue_without_a_resolution_was_closed_when_its_category_changed() -> None:
    done = {"name": "Erledigt", "statusCategory": {"key": "done"}}
    told = issue(status=done, statuscategorychangedate="2026-12-01T10:20:00.000+0000")
    read = Reader("acme", URL, ADF).ticket(told, [], [], Writers())
    assert read.closed == datetime(2026, 12, 1, 10, 20, tzinfo=UTC)
    moved = {"created": "2026-12-01T10:05:00.000+0000", "items": [{"field": "status"}]}
    read = Reader("acme", URL, ADF).ticket(issue(status=done), [], [moved], Writers())
    assert read.closed == datetime(2026, 12, 1, 10, 5, tzinfo=UTC)
    assert status({"status": {"name": "?"}}).category is StatusCategory.NEW


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("plain", "plain"),
        ("2026-12-01T09:00:00.000+0100", "2026-12-01T08:00:00+00:00"),
        ("2026-12-01Tnonsense at all", "2026-12-01Tnonsense at all"),
        (3.0, "3"),
        (1234567, "1234567"),
        (True, "yes"),
        ({"value": "SEV-1"}, "SEV-1"),
        ({"value": "EU", "child": {"value": "Madrid"}}, "EU, Madrid"),
        ([{"name": "a"}, {"displayName": "Kim"}, "c", {}], "a, Kim, c"),
        ({"type": "doc", "content": [{"type": "rule"}]}, "---"),
    ],
)
def test_every_kind_of_field_is_read_as_text(value: Any, text: str) -> None:
    assert Reader("acme", URL, ADF).value(value) == text


def test_odd_dates_are_no_dates() -> None:
    assert day("2026-13-45") is None
    assert day(None) is None


def test_a_link_that_is_refused_because_it_is_there_is_fine() -> None:
    relates = {"issueLinkTypes": [{"name": "Relates"}]}
    linked = issue(issuelinks=[{"inwardIssue": {"id": "10050"}}])
    with responses.RequestsMock() as jira:
        jira.add("GET", f"{API}/issueLinkType", json=relates)
        jira.add("POST", f"{API}/issueLink", status=400, json={"errorMessages": ["duplicate"]})
        jira.add("GET", f"{API}/issue/10042", json=linked)
        task = TicketRef("acme", "10050", "OPS-1", f"{URL}/browse/OPS-1")
        tracker().link(REF, task, "x", "task:k:1")


def test_a_rewritten_comment_whose_answer_is_lost_is_unknown() -> None:
    with responses.RequestsMock() as jira:
        jira.add("PUT", f"{API}/issue/10042/comment/7", status=502)
        with pytest.raises(OutcomeUnknown):
            tracker().write_comment(REF, "x", "comment:k", "7")


@pytest.mark.parametrize("status", [404, 400])
def test_a_comment_that_is_gone_is_not_there_and_not_written_anew(status: int) -> None:
    said = {"errorMessages": ["Can not find a comment for the id: 7."], "errors": {}}
    with responses.RequestsMock() as jira:
        jira.add("PUT", f"{API}/issue/10042/comment/7", status=status, json=said)
        if status == 400:
            jira.add("GET", f"{API}/issue/10042/comment/7", status=404, json=said)
        with pytest.raises(NotThere):
            tracker().write_comment(REF, "x", "comment:k", "7")


def test_a_comment_that_is_refused_for_its_text_is_refused() -> None:
    with responses.RequestsMock() as jira:
        jira.add("PUT", f"{API}/issue/10042/comment/7", status=400, json={"errorMessages": ["No"]})
        jira.add("GET", f"{API}/issue/10042/comment/7", json={"id": "7"})
        with pytest.raises(Rejected):
            tracker().write_comment(REF, "x", "comment:k", "7")


def test_a_site_whose_issue_linking_is_off_has_no_relation() -> None:
    said = {"errorMessages": ["Issue linking is currently disabled."], "errors": {}}
    with responses.RequestsMock() as jira:
        jira.add("GET", f"{API}/issueLinkType", status=404, json=said)
        site = tracker().site
        assert (site.relation(), site.links(REF)) == (None, [])
        assert len(jira.calls) == 1


def test_labels_that_came_and_went_are_changes_of_their_own() -> None:
    items: list[dict[str, Any]] = [
        {"field": "labels", "fromString": "sev2 checkout", "toString": "checkout mitigated"},
        {"field": "Fix Version", "fromString": None, "toString": "2026.12"},
    ]
    told = [change for item in items for change in _fields(item)]
    assert told == [
        ("label", None, "mitigated"),
        ("label", "sev2", None),
        ("milestone", None, "2026.12"),
    ]


@pytest.mark.parametrize("told", [{"fieldId": "customfield_7"}, {}], ids=["cloud", "data center"])
def test_a_change_is_known_by_the_id_of_its_field_as_the_values_are(told: dict[str, str]) -> None:
    item = {"field": "Verdict", "fromString": None, "toString": "effective", **told}
    history = {"created": "2026-12-01T12:00:00.000+0000", "items": [item]}
    read = {**issue(customfield_7="effective"), "names": {"customfield_7": "Verdict"}}
    ticket = Reader("acme", URL, WIKI).ticket(read, [], [history], Writers())
    assert [(one.field, one.field_id) for one in ticket.changes] == [("Verdict", "customfield_7")]
    assert ticket.fields["customfield_7"] == ticket.fields["Verdict"] == "effective"


def test_who_may_not_look_people_up_learns_it_from_the_creation() -> None:
    ours = tracker()
    screen = Screen("1", {"assignee": {}})
    target = TaskTarget("acme", "OPS")
    known = DocumentRef("jira-issue", "1", URL, "")
    task = CreateTask("task:k:1", target, "t", "x", Kind.PREVENTIVE, REF, known, owner="kim")
    with responses.RequestsMock() as jira:
        said = {"errorMessages": ["No project could be found with key 'OPS'."]}
        jira.add("GET", f"{API}/user/assignable/search", status=404, json=said)
        assert _unassignable(ours.site, screen, task) == ""
