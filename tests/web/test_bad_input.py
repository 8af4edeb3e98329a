"""Whatever comes through the doors is refused in words, or is recorded and ends visibly."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from stage import HOOKS, Stage

from service.store.deliveries import JOB, DeliveryState

PAYLOADS = Path(__file__).parents[1] / "payloads"
#: A real delivery of each door, to be spoilt: its event, and its body.
WHOLE = {
    "jira": ("jira:issue_updated", json.loads((PAYLOADS / "jira/issue_closed.json").read_text())),
    "github": ("issues", json.loads((PAYLOADS / "github/issues.closed.json").read_text())),
}
DOORS = sorted(WHOLE)
RTL = "\u202eevil\u202c مرحبا 🔥👩‍🚒"


def whole(door: str, **changed: Any) -> bytes:
    return json.dumps(WHOLE[door][1] | changed).encode()


def with_issue(door: str, **changed: Any) -> bytes:
    """The issue, or in Jira its fields, changed."""
    issue = WHOLE[door][1]["issue"]
    if door == "jira":
        return whole(door, issue=issue | {"fields": issue["fields"] | changed})
    return whole(door, issue=issue | changed)


def everywhere(value: Any) -> Callable[[str], bytes]:
    """Each part of the payload is this, but for Jira's event, without which it is no webhook."""

    def body(door: str) -> bytes:
        names = set(WHOLE[door][1]) - {"webhookEvent"}
        return whole(door, **dict.fromkeys(names, value))

    return body


def nested(depth: int) -> Callable[[str], bytes]:
    def body(door: str) -> bytes:
        head = whole(door)[:-1]
        return head + b', "deep": ' + b"[" * depth + b"]" * depth + b"}"

    return body


def raw(text: bytes) -> Callable[[str], bytes]:
    """This, spliced into the payload as the value of `raw` and of the time."""
    return lambda door: whole(door)[:-1] + b', "raw": ' + text + b', "timestamp": ' + text + b"}"


def push(paths: int) -> bytes:
    """A push of few commits with many files."""
    commit = {"id": "1", "added": [f"{n}.md" for n in range(paths)]}
    repository = WHOLE["github"][1]["repository"]
    return json.dumps(
        {"ref": "refs/heads/main", "commits": [commit], "repository": repository}
    ).encode()


REFUSED: dict[str, Callable[[str], bytes]] = {
    "nothing": lambda _: b"",
    "not JSON": lambda _: b"payload",
    "half of it": lambda door: whole(door)[:-20],
    "UTF-16": lambda door: whole(door).decode().encode("utf-16-le")[1:],
    "no UTF-8": lambda _: b'{"a": "\xff\xfe\x00"}',
    "an array": lambda _: b"[1]",
    "a number": lambda _: b"12",
    "NaN": lambda _: b"NaN",
    "brackets": lambda _: b"[" * 100_000,
    "deep": nested(100_000),
    "a huge number": raw(b"9" * 20_000),
}

TAKEN: dict[str, Callable[[str], bytes]] = {
    "as it should be": whole,
    "lists everywhere": everywhere([]),
    "numbers everywhere": everywhere(-1),
    "words everywhere": everywhere("<script>alert(1)</script>"),
    "nulls everywhere": everywhere(None),
    "truths everywhere": everywhere(True),
    "objects everywhere": everywhere({"id": {"id": []}, "key": {}, "node_id": [], "items": {}}),
    "no fields": lambda door: whole(door, issue={"id": "1", "key": "INC-1", "node_id": "I_1"}),
    "rather deep": nested(500),
    "500 comments": lambda door: with_issue(
        door, comment={"total": 500, "comments": [{"id": str(n), "body": "x"} for n in range(500)]}
    ),
    "60,000 characters": lambda door: with_issue(door, description="x" * 60_000, body="y" * 60_000),
    "right to left": lambda door: with_issue(door, summary=RTL, title=RTL, body=RTL),
    "script": lambda door: with_issue(door, summary="@everyone <script>", title="@everyone <b>"),
    "NUL": lambda door: whole(door, action="a\x00b", user={"accountId": "\x00"}),
    "half a surrogate": lambda door: whole(door, action="\ud800", sender={"login": "\udfff"}),
    "infinity": raw(b"1e999"),
    "no number": raw(b"NaN"),
    "a large number": raw(b"9" * 4000),
    "negative": raw(b"-99999999999999999999"),
    "twice the same name": raw(b'1, "issue": {}, "comment": 3, "issue": null'),
    "a long name": lambda door: whole(door, action="x" * 100_000),
    "a long id": lambda door: with_issue(door, node_id="I" * 100_000),
}


def headers(door: str, body: bytes, **more: str | None) -> dict[str, str]:
    name = "X-Hub-Signature" if door == "jira" else "X-Hub-Signature-256"
    digest = hmac.new(HOOKS[f"{door.upper()}_HOOK"].encode(), body, hashlib.sha256).hexdigest()
    told: dict[str, str | None] = {
        name: f"sha256={digest}",
        "Content-Type": "application/json",
    }
    if door == "github":
        told |= {"X-GitHub-Delivery": hashlib.sha256(body).hexdigest(), "X-GitHub-Event": "issues"}
    told |= {key.replace("_", "-"): value for key, value in more.items()}
    return {key: value for key, value in told.items() if value is not None}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


def send(stage: Stage, door: str, body: bytes, **more: str | None) -> requests.Response:
    return requests.post(
        f"{stage.url}/webhooks/{door}", data=body, headers=headers(door, body, **more), timeout=20
    )


def ends_visibly(stage: Stage) -> DeliveryState:
    """The latest delivery was worked on, says why, and can be looked at."""
    stage.settle()
    with stage.store.read() as tx:
        latest = tx.deliveries.page(limit=1)[0]
        job = tx.jobs.get(JOB, str(latest.id))
    assert job is None, f"its job goes on: {job.reason}"
    assert latest.state is not DeliveryState.RECEIVED
    assert latest.why
    for page in (f"/deliveries/{latest.id}", "/deliveries"):
        answer = requests.get(
            stage.url + page, headers={"Authorization": "Bearer admin-token-1b2c"}, timeout=20
        )
        assert answer.status_code == 200, page
        assert "<script>" not in answer.text
    return latest.state


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_webhook_is_refused_in_words(stage: Stage, door: str, kind: str) -> None:
    answer = send(stage, door, REFUSED[kind](door))
    assert answer.status_code == 400
    assert answer.json() == {"status": "signed, but not a webhook of this tracker"}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", TAKEN)
def test_what_is_signed_and_odd_is_taken_and_ends_visibly(
    stage: Stage, door: str, kind: str
) -> None:
    assert send(stage, door, TAKEN[kind](door)).status_code == 202
    ends_visibly(stage)


EVENTS = ["", "ping", "nobody_knows_this", "ISSUES", "jira:issue_exploded", "x" * 150, "push"]
EVENTS += ["issue_comment", "sub_issues", "issue_dependencies", "pull_request"]


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_with_another_ones_body_ends_visibly(stage: Stage, event: str) -> None:
    for answer in (
        send(stage, "jira", whole("jira", webhookEvent=event)),
        send(stage, "github", whole("github", event=event), X_GitHub_Event=event),
    ):
        assert answer.status_code == (202 if event else 400)
        ends_visibly(stage)


def test_a_push_of_more_files_than_a_query_may_name_ends_visibly(stage: Stage) -> None:
    assert send(stage, "github", push(260_000), X_GitHub_Event="push").status_code == 202
    assert ends_visibly(stage) is DeliveryState.IGNORED


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "content_type", [None, "", "text/plain", "multipart/form-data", "application/xml; charset=\xe9"]
)
def test_the_content_type_is_not_what_a_body_is_judged_by(
    stage: Stage, door: str, content_type: str | None
) -> None:
    body = whole(door, type=content_type)
    assert send(stage, door, body, Content_Type=content_type).status_code == 202
    ends_visibly(stage)


def test_a_form_without_its_field_is_refused(stage: Stage) -> None:
    answer = send(stage, "github", b"a=b", Content_Type="application/x-www-form-urlencoded")
    assert answer.status_code == 400


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "signature",
    [None, "", "sha256=", "sha256=zz", "sha1=00", "=", "sha256=" + "0" * 10_000, "\xff"],
)
def test_without_its_signature_nothing_is_taken(
    stage: Stage, door: str, signature: str | None
) -> None:
    told = {"X_Hub_Signature": signature, "X_Hub_Signature_256": signature}
    answer = send(stage, door, whole(door), **told)
    assert answer.status_code == 401
    assert answer.json() == {"status": "the signature does not fit"}


@pytest.mark.parametrize("missing", ["X-GitHub-Delivery", "X-GitHub-Event"])
@pytest.mark.parametrize("value", [None, "", "x" * 201, "\xfc"])
def test_without_its_headers_a_delivery_is_refused(
    stage: Stage, missing: str, value: str | None
) -> None:
    answer = send(stage, "github", whole("github"), **{missing.replace("-", "_"): value})
    assert answer.status_code == 400
