"""What GitHub sends: verified to the byte, then read as a hint."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.github.webhook import IGNORED, normalise, verify
from integrations.tracker import BadSignature, Envelope, Malformed, Notice, Tells

PAYLOADS = Path(__file__).parent.parent / "payloads" / "github"
SECRET = "correct horse"
INCIDENT = {"ticket_id": "I_kwDO420001", "key": "acme/ops#42", "place": "acme/ops", "by": "kim"}
BRANCH = "followthrough/document-k3v9"

#: file → what it tells, and the facts that must be in the notice
EXPECTED: dict[str, tuple[Tells, Mapping[str, object]]] = {
    "issues.opened": (
        Tells.TICKET,
        {"ticket_id": "I_kwDO570001", "marker": "task:k3v9:2", "by": "acme-followthrough"},
    ),
    "issues.closed": (Tells.TICKET, {**INCIDENT, "marker": None}),
    "issues.reopened": (Tells.TICKET, INCIDENT),
    "issues.edited": (Tells.TICKET, INCIDENT),
    "issues.labeled": (Tells.TICKET, INCIDENT),
    "issues.assigned": (Tells.TICKET, INCIDENT),
    "issues.unassigned": (Tells.TICKET, {**INCIDENT, "created": False}),
    "issues.demilestoned": (Tells.TICKET, {"ticket_id": "I_kwDO570001", "key": "acme/ops#57"}),
    "issues.milestoned": (Tells.TICKET, {"key": "acme/ops#57"}),
    "issues.transferred": (Tells.TICKET, INCIDENT),
    "issues.deleted": (Tells.TICKET_GONE, INCIDENT),
    "issue_comment.created": (Tells.TICKET, {**INCIDENT, "comment_id": "3301"}),
    "issue_comment.edited": (Tells.TICKET, {"marker": "comment:k3v9", "comment_id": "3302"}),
    "issue_comment.deleted": (Tells.TICKET, {**INCIDENT, "comment_id": "3301"}),
    "issue_comment.created.on_pull_request": (
        Tells.DOCUMENT,
        {"ticket_id": None, "key": "acme/postmortems#7", "branch": None, "marker": None},
    ),
    "sub_issues.sub_issue_added": (
        Tells.TICKET,
        {"ticket_id": "I_kwDO420001", "marker": "task:k3v9:2"},
    ),
    "sub_issues.parent_issue_added": (
        Tells.TICKET,
        {"ticket_id": "I_kwDO570001", "marker": "task:k3v9:2"},
    ),
    "issue_dependencies.blocked_by_added": (Tells.TICKET, {"ticket_id": "I_kwDO420001"}),
    "pull_request.opened": (
        Tells.DOCUMENT,
        {"branch": BRANCH, "place": "acme/postmortems", "marker": "document:k3v9"},
    ),
    "pull_request.ready_for_review": (Tells.DOCUMENT, {"branch": BRANCH}),
    "pull_request.closed": (Tells.DOCUMENT, {"branch": BRANCH, "key": "acme/postmortems#7"}),
    "push": (
        Tells.DOCUMENT,
        {
            "branch": BRANCH,
            "paths": ("postmortems/2026/graph.png", "postmortems/2026/acme-ops-42.md"),
        },
    ),
    "push.tag": (Tells.NOTHING, {}),
    "ping": (Tells.NOTHING, {}),
    "label.created": (Tells.NOTHING, {}),
    "milestone.closed": (Tells.CLOSINGS, {"place": "acme/ops"}),
    "milestone.edited": (Tells.MILESTONES, {"place": "acme/ops"}),
    "projects_v2_item.edited": (Tells.NOTHING, {}),
}


def headers(body: bytes, event: str = "issues", secret: str = SECRET) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, "sha256").hexdigest(),
    }


def read(name: str) -> Notice:
    return normalise(Envelope("1", name.split(".")[0], (PAYLOADS / f"{name}.json").read_bytes()))


def test_every_payload_file_has_an_expected_outcome() -> None:
    assert {path.stem for path in PAYLOADS.glob("*.json")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_delivery_is_read_as_the_hint_that_it_is(name: str) -> None:
    tells, facts = EXPECTED[name]
    notice = read(name)
    assert notice.tells is tells, notice.why
    assert {fact: getattr(notice, fact) for fact in facts} == facts


def test_times_are_aware_and_utc() -> None:
    assert str(read("issues.closed").at) == "2026-11-20 10:05:00+00:00"
    assert str(read("push").at) == "2026-11-21 10:00:00+00:00"


def test_what_is_proposed_is_told_with_its_newest_commit_while_it_is_open() -> None:
    opened, closed = read("pull_request.opened").proposed, read("pull_request.closed").proposed
    assert opened is not None
    assert closed is not None
    assert (opened.number, opened.open, closed.number, closed.open) == (7, True, 7, False)
    assert opened.at <= closed.at
    assert read("push").proposed is None


@pytest.mark.parametrize("sha", ["../../x", "F" * 40, "f" * 41, "", None, 7])
def test_a_commit_that_is_none_is_never_put_into_an_address(sha: object) -> None:
    payload = json.loads((PAYLOADS / "pull_request.opened.json").read_text())
    payload["pull_request"]["head"]["sha"] = sha
    notice = normalise(Envelope("1", "pull_request", json.dumps(payload).encode()))
    assert notice.proposed is None
    assert notice.tells is Tells.DOCUMENT


def test_an_event_nobody_told_us_about_is_unknown_and_named() -> None:
    notice = normalise(Envelope("1", "teleport", b'{"action": "started"}'))
    assert notice.tells is Tells.UNKNOWN
    assert "teleport.started" in notice.why


def test_every_ignored_event_says_why() -> None:
    assert all(IGNORED.values())
    assert normalise(Envelope("1", "star", b"{}")).why == "star: somebody likes it"


def test_a_push_too_large_to_be_listed_names_no_paths() -> None:
    commits = [{"added": ["a.md"]}] * 2048
    body = json.dumps({"ref": "refs/heads/main", "commits": commits}).encode()
    notice = normalise(Envelope("1", "push", body))
    assert (notice.tells, notice.paths, notice.branch) == (Tells.DOCUMENT, (), "main")


def test_a_standing_update_is_news_of_its_document() -> None:
    body = json.loads((PAYLOADS / "pull_request.closed.json").read_bytes())
    body["pull_request"]["head"]["ref"] += "-updates"
    notice = normalise(Envelope("1", "pull_request", json.dumps(body).encode()))
    assert (notice.tells, notice.branch) == (Tells.DOCUMENT, BRANCH)


def test_githubs_own_test_vector_is_accepted() -> None:
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    body, told = b"Hello, World!", headers(b"")
    told["X-Hub-Signature-256"] = (
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    )
    with pytest.raises(Malformed):  # rightly signed, only then found to be no JSON
        verify(told, body, ["It's a Secret to Everybody"])
    with pytest.raises(BadSignature):
        verify(told, body + b" ", ["It's a Secret to Everybody"])


def test_a_signed_delivery_is_let_through_unread_under_its_own_id() -> None:
    body = (PAYLOADS / "issues.closed.json").read_bytes()
    told = {name.upper(): value for name, value in headers(body).items()}
    envelope = verify(told, body, ["old secret", SECRET])
    assert (envelope.id, envelope.event) == ("72d3162e-cc78-11e3-81ab-4c9367dc0958", "issues")
    assert envelope.body == body
    assert not envelope.repeated


def test_one_changed_byte_is_refused() -> None:
    body = b'{"action": "closed"}'
    with pytest.raises(BadSignature):
        verify(headers(body), body.replace(b"closed", b"opened"), [SECRET])


@pytest.mark.parametrize("secrets", [[], [""], ["another"]])
def test_a_secret_that_did_not_sign_is_refused(secrets: list[str]) -> None:
    with pytest.raises(BadSignature):
        verify(headers(b"{}"), b"{}", secrets)


def test_a_form_is_checked_as_sent_and_unpacked() -> None:
    body = urlencode({"payload": '{"action": "closed", "x": "ü"}'}).encode()
    told = headers(body) | {"Content-Type": "application/x-www-form-urlencoded"}
    assert json.loads(verify(told, body, [SECRET]).body) == {"action": "closed", "x": "ü"}
    other = b"something=else"
    told = headers(other) | {"Content-Type": "application/x-www-form-urlencoded"}
    with pytest.raises(Malformed, match="payload"):
        verify(told, other, [SECRET])


@pytest.mark.parametrize("missing", ["X-GitHub-Event", "X-GitHub-Delivery"])
def test_a_missing_header_is_malformed(missing: str) -> None:
    told = headers(b"{}")
    del told[missing]
    with pytest.raises(Malformed, match=missing):
        verify(told, b"{}", [SECRET])


def test_deep_nesting_is_malformed_not_a_crash() -> None:
    body = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with pytest.raises(Malformed):
        verify(headers(body), body, [SECRET])


NAMES = st.sampled_from(
    [
        "action",
        "issue",
        "comment",
        "node_id",
        "id",
        "number",
        "body",
        "updated_at",
        "repository",
        "full_name",
        "sender",
        "login",
        "pull_request",
        "head",
        "ref",
        "commits",
        "added",
        "head_commit",
        "timestamp",
        "parent_issue",
        "sub_issue",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
EVENTS = st.sampled_from(
    ["issues", "issue_comment", "sub_issues", "issue_dependencies", "pull_request", "push", "x"]
)


@settings(max_examples=300)
@given(EVENTS, st.dictionaries(NAMES, JSON, max_size=6))
def test_any_json_gives_a_notice(event: str, payload: dict[str, object]) -> None:
    notice = normalise(Envelope("1", event, json.dumps(payload).encode()))
    for text in (notice.why, notice.key, notice.ticket_id, notice.branch, *notice.paths):
        if text is not None:
            text.encode()
            assert "\0" not in text


@settings(max_examples=200)
@given(
    st.binary(max_size=60),
    st.sampled_from(["application/json", "application/x-www-form-urlencoded"]),
)
def test_any_signed_bytes_are_a_delivery_or_malformed(body: bytes, content_type: str) -> None:
    try:
        envelope = verify(headers(body) | {"Content-Type": content_type}, body, [SECRET])
    except Malformed:
        return
    normalise(envelope)


@settings(max_examples=200)
@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20)), st.binary(max_size=40))
def test_any_unsigned_bytes_are_refused(told: dict[str, str], body: bytes) -> None:
    with pytest.raises(BadSignature):
        verify(told, body, [SECRET])
