"""What Jira says by webhook, and what is understood."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integrations.jira.webhook import normalise, shown, verify
from integrations.tracker import BadSignature, Envelope, Malformed, Notice, Tells

SECRET = "s3cret"
OURS = sorted((Path(__file__).parent.parent / "payloads" / "jira").glob("*.json"))


def headers(body: bytes, **more: str) -> dict[str, str]:
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature": f"sha256={digest}", **more}


def told(payload: Any) -> Notice:
    body = json.dumps(payload).encode()
    return normalise(verify(headers(body), body, [SECRET]))


def payload(name: str) -> Any:
    return json.loads((Path(__file__).parent.parent / "payloads/jira" / name).read_text())


def test_a_signed_delivery_is_an_envelope_with_the_senders_own_id() -> None:
    body = b'{"webhookEvent": "jira:issue_updated"}'
    sent = headers(body, **{"x-atlassian-webhook-identifier": "4711"})
    assert verify(sent, body, [SECRET]) == Envelope("4711", "jira:issue_updated", body)
    again = verify({**sent, "X-ATLASSIAN-WEBHOOK-RETRY": "1"}, body, [SECRET])
    assert again.repeated
    assert again.id == "4711"


def test_without_an_identifier_the_body_is_its_own() -> None:
    body = b'{"webhookEvent": "jira:issue_updated", "timestamp": 1}'
    assert verify(headers(body), body, [SECRET]).id == hashlib.sha256(body).hexdigest()


def test_the_signature_is_looked_at_before_the_body() -> None:
    with pytest.raises(BadSignature):
        verify({}, b"not JSON", [SECRET])
    with pytest.raises(BadSignature):
        verify(headers(b"{}"), b"{ }", [SECRET])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"[]",
        b"{}",
        b'{"webhookEvent": 7.5}',
        b'{"webhookEvent": {"a": 1}}',
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b"\xff\xfe",
        b'{"webhookEvent": "x", "n": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_jira_webhook_is_malformed_and_nothing_worse(body: bytes) -> None:
    with pytest.raises(Malformed):
        verify(headers(body), body, [SECRET])


def test_a_closed_issue_says_which_ticket_when_by_whom_and_what_changed() -> None:
    assert told(payload("issue_closed.json")) == Notice(
        Tells.TICKET,
        "the ticket changed: resolution, status",
        ticket_id="10042",
        key="INC-42",
        place="INC",
        at=datetime(2026, 12, 1, 10, 30, tzinfo=UTC),
        by="5b10ac8d82e05b22cc7d4ef5",
    )


def test_a_data_center_comment_is_placed_by_its_address() -> None:
    notice = told(payload("comment_created_datacenter.json"))
    assert (notice.tells, notice.ticket_id, notice.comment_id) == (Tells.TICKET, "10042", "10082")
    assert notice.by == "kim"


def test_a_deleted_issue_is_gone() -> None:
    notice = told(payload("issue_deleted.json"))
    assert (notice.tells, notice.ticket_id) == (Tells.TICKET_GONE, "10042")


def test_our_own_issue_is_known_by_its_marker_when_properties_come_along() -> None:
    assert told(payload("issue_created_with_properties.json")).marker == "task:k3v9:2"


def test_a_link_names_the_ticket_it_starts_from() -> None:
    assert told(payload("issuelink_created.json")).tells is Tells.NOTHING


def test_what_is_known_and_of_no_concern_says_why() -> None:
    for event in (
        "jira:version_created",
        "jira:version_moved",
        "sprint_started",
        "worklog_created",
        "user_updated",
    ):
        notice = told({"webhookEvent": event})
        assert notice.tells is Tells.NOTHING
        assert notice.why


def test_a_release_and_its_taking_back_are_told_apart_from_other_news_of_versions() -> None:
    for event in ("jira:version_released", "jira:version_unreleased"):
        assert told({"webhookEvent": event}).tells is Tells.CLOSINGS
    assert told({"webhookEvent": "jira:version_updated"}).tells is Tells.MILESTONES


def test_what_was_never_heard_of_is_unknown() -> None:
    assert told({"webhookEvent": "jira:moon_risen"}).tells is Tells.UNKNOWN
    assert told({"webhookEvent": "jira:issue_updated"}).tells is Tells.UNKNOWN  # of what?


def test_half_surrogates_and_nul_never_reach_the_store() -> None:
    notice = told(
        {
            "webhookEvent": "jira:issue_updated",
            "issue": {"id": 7, "key": "INC-7\x00"},
            "user": {"accountId": "\ud800x\x00"},
        }
    )
    assert notice.ticket_id == "7"
    assert notice.by == "�x�"


TOP = ["webhookEvent", "issue", "comment", "user", "changelog", "project", "timestamp", "issueLink"]
INNER = ["items", "field", "fields", "id", "key", "self", "properties", "followthrough", "name"]
PEOPLE = ["author", "updateAuthor", "accountId", "sourceIssueId"]
NAMES = st.sampled_from([*TOP, *INNER, *PEOPLE])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=30,
)
EVENTS = st.sampled_from(
    ["jira:issue_updated", "jira:issue_deleted", "comment_created", "issuelink_created", "x"]
)


@given(EVENTS, st.dictionaries(NAMES, JSON, max_size=8))
def test_any_json_makes_a_notice(event: str, rest: dict[str, Any]) -> None:
    notice = told({**rest, "webhookEvent": event})
    assert notice.why
    repr(notice).encode()


@given(st.binary() | st.text(st.characters(exclude_categories=["Cs"])).map(str.encode))
def test_any_bytes_make_an_envelope_or_say_why_not(body: bytes) -> None:
    try:
        envelope = verify(headers(body), body, [SECRET])
    except Malformed:
        envelope = Envelope("1", "jira:issue_updated", body)
    assert normalise(envelope).why


@given(st.dictionaries(st.text(), st.text()), st.binary())
def test_unsigned_bytes_are_always_refused(sent: dict[str, str], body: bytes) -> None:
    with pytest.raises(BadSignature):
        verify(sent, body, [SECRET])


# --- what may be shown ----------------------------------------------------------------------------

PHRASE = "the Zebra account"


def view(payload: Any, *, restricted: bool = False) -> str:
    body = json.dumps(payload).encode()
    return json.dumps(shown(Envelope("1", "jira:issue_updated", body), restricted))


def told_issue(**fields: Any) -> dict[str, Any]:
    return {"id": "1", "key": "INC-1", "fields": {"status": {"name": "Open"}, **fields}}


def test_of_an_issue_that_the_project_may_read_all_is_shown_but_comments() -> None:
    told = view(
        {
            "webhookEvent": "jira:issue_updated",
            "issue": told_issue(summary="Checkout is down", security=None, labels=["sev1"]),
            "comment": {"id": "7", "body": PHRASE, "author": {"displayName": "Kim Ito"}},
        }
    )
    assert "Checkout is down" in told
    assert "sev1" in told
    assert "Kim Ito" in told
    assert PHRASE not in told


@pytest.mark.parametrize(
    "part",
    [
        {"comment": {"body": PHRASE, "jsdPublic": True}},
        {"comment": {"body": {"type": "doc", "content": [{"type": "text", "text": PHRASE}]}}},
        {"changelog": {"items": [{"field": "Comment", "fromString": PHRASE, "toString": ""}]}},
        {"changelog": {"items": [{"field": "comment", "from": PHRASE}]}},
        {"issue": told_issue(security=None, comment={"comments": [{"body": PHRASE}]})},
        {"issue": told_issue(security=None, worklog={"worklogs": [{"comment": PHRASE}]})},
        {
            "issue": told_issue(
                security=None, issuelinks=[{"outwardIssue": {"fields": {"summary": PHRASE}}}]
            )
        },
        {"issue": told_issue(security=None, parent={"fields": {"summary": PHRASE}})},
        {"issue": told_issue(security={"name": "Staff"}, summary=PHRASE)},
        {"issue": told_issue(security={"name": "Staff"}, customfield_1={"name": PHRASE})},
        {"issue": told_issue(summary=PHRASE)},
        {
            "issue": told_issue(security={"name": "Staff"}),
            "changelog": {"items": [{"field": "summary", "toString": PHRASE}]},
        },
    ],
)
def test_what_only_some_may_read_is_withheld(part: dict[str, Any]) -> None:
    told = view({"webhookEvent": "jira:issue_updated", **part})
    assert PHRASE not in told
    assert "(withheld)" in told
    assert "jira:issue_updated" in told


def test_an_issue_that_was_restricted_since_shows_its_words_no_more() -> None:
    sent = {
        "webhookEvent": "jira:issue_updated",
        "issue": told_issue(security=None, summary=PHRASE),
    }
    assert PHRASE in view(sent)
    assert PHRASE not in view(sent, restricted=True)


@pytest.mark.parametrize("body", [b"", b"[]", b"not JSON", b"[" * 100_000, b'{"a":' * 3000])
def test_what_cannot_be_read_is_not_shown(body: bytes) -> None:
    assert shown(Envelope("1", "x", body), False) is None


@example({"startAt": PHRASE})
@given(st.recursive(st.just(PHRASE), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_no_shape_of_a_comment_shows_its_words(part: Any) -> None:
    assert PHRASE not in view({"webhookEvent": "comment_created", "comment": {"body": part}})


@pytest.mark.parametrize("event", ["jira:version_updated", "jira:version_deleted"])
def test_a_version_that_changes_is_news_of_whatever_carries_it(event: str) -> None:
    notice = normalise(Envelope("1", event, b'{"version": {"id": "7", "name": "Q1"}}'))
    assert notice.tells is Tells.MILESTONES
