"""Real deliveries, spoilt in every way that a machine thinks of: they are refused in words or
understood as something, and nothing else happens."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.github import webhook as github
from integrations.jira import webhook as jira
from integrations.tracker import BadSignature, Envelope, Malformed, Notice

PAYLOADS = Path(__file__).parents[1] / "payloads"
SECRET = "s3cret"


@dataclass(frozen=True)
class Dialect:
    name: str
    verify: Callable[..., Envelope]
    normalise: Callable[[Envelope], Notice]
    signature: str

    def signed(self, body: bytes) -> dict[str, str]:
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        return {self.signature: f"sha256={digest}"}


JIRA = Dialect("jira", jira.verify, jira.normalise, "X-Hub-Signature")
GITHUB = Dialect("github", github.verify, github.normalise, "X-Hub-Signature-256")
DIALECTS = [JIRA, GITHUB]
both = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)


def through(dialect: Dialect, told: Mapping[str, str], body: bytes) -> Notice | None:
    """What is understood; None when it was refused. Nothing else may be raised."""
    try:
        envelope = dialect.verify({**dialect.signed(body), **told}, body, [SECRET])
    except (BadSignature, Malformed):
        return None
    for text in (envelope.id, envelope.event):
        storable(text)
        assert text
    notice = dialect.normalise(envelope)
    assert notice.why
    for part in fields(notice):
        value = getattr(notice, part.name)
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str):
                storable(text)
    if notice.at is not None:
        assert notice.at.utcoffset() is not None
    return notice


def storable(text: str) -> None:
    text.encode()
    assert "\0" not in text


def real(dialect: Dialect) -> list[tuple[dict[str, str], Any]]:
    """The deliveries of this dialect: headers and payload."""
    found = []
    for path in sorted((PAYLOADS / dialect.name).glob("*.json")):
        event = path.name.partition(".")[0]
        told = {"X-GitHub-Event": event, "X-GitHub-Delivery": "g-1"} if dialect is GITHUB else {}
        found.append((told, json.loads(path.read_text())))
    return found


# --- anything at all --------------------------------------------------------------------------

ANY_TEXT = st.text(st.characters(codec=None), max_size=20)
ANY_NUMBER = (
    st.integers() | st.floats() | st.sampled_from([10**400, -(10**30), 2**63, 2**63 - 1, 0, 1e308])
)
LEAVES = st.none() | st.booleans() | ANY_NUMBER | ANY_TEXT
ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=20,
)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["X-GitHub-Event", "X-GitHub-Delivery", "X-Atlassian-Webhook-Identifier", "content-type"]
    )
    | ANY_TEXT,
    ANY_TEXT | st.sampled_from(["issues", "push", "application/x-www-form-urlencoded"]),
    max_size=5,
)


@both
@settings(max_examples=200)
@given(HEADERS, st.binary(max_size=200))
def test_any_bytes_are_refused_or_understood(
    dialect: Dialect, told: dict[str, str], body: bytes
) -> None:
    through(dialect, told, body)


@both
@settings(max_examples=200)
@given(HEADERS, ANY_JSON)
def test_any_json_is_refused_or_understood(
    dialect: Dialect, told: dict[str, str], payload: Any
) -> None:
    through(dialect, told, json.dumps(payload).encode())


@both
@settings(max_examples=100)
@given(HEADERS, st.binary(max_size=50), ANY_TEXT)
def test_without_the_secret_any_bytes_are_a_bad_signature(
    dialect: Dialect, told: dict[str, str], body: bytes, signature: str
) -> None:
    with pytest.raises(BadSignature):
        dialect.verify({**told, dialect.signature: signature}, body, [SECRET])


# --- real ones, spoilt ------------------------------------------------------------------------

SPOILS = LEAVES | st.sampled_from([[], {}, [[]], [{}], {"id": {}}, [None] * 30]) | ANY_JSON


def spoilt(payload: Any, data: st.DataObject) -> Any:
    """The payload with one of its parts, at any depth, replaced, taken out or doubled."""
    path: list[Any] = []
    here = payload
    while isinstance(here, dict | list) and here:
        steps = sorted(here) if isinstance(here, dict) else list(range(len(here)))
        path.append(data.draw(st.sampled_from(steps)))
        here = here[path[-1]]
        if data.draw(st.booleans()):
            break
    *way, last = path
    whole = json.loads(json.dumps(payload))
    parent = whole
    for step in way:
        parent = parent[step]
    act = data.draw(st.sampled_from(["replace", "remove", "wrap"]))
    if act == "remove":
        del parent[last]
    else:
        parent[last] = data.draw(SPOILS) if act == "replace" else [parent[last]]
    return whole


@both
@settings(max_examples=400)
@given(st.data())
def test_a_real_delivery_with_a_part_spoilt_is_refused_or_understood(
    dialect: Dialect, data: st.DataObject
) -> None:
    told, payload = data.draw(st.sampled_from(real(dialect)))
    for _ in range(data.draw(st.integers(1, 3))):
        payload = spoilt(payload, data)
    through(dialect, told, json.dumps(payload).encode())


@both
@settings(max_examples=100)
@given(st.data())
def test_a_real_delivery_with_bytes_spoilt_is_refused_or_understood(
    dialect: Dialect, data: st.DataObject
) -> None:
    told, payload = data.draw(st.sampled_from(real(dialect)))
    body = bytearray(json.dumps(payload).encode())
    for _ in range(data.draw(st.integers(1, 5))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    through(dialect, told, bytes(body[: data.draw(st.integers(0, len(body)))] or body))


@both
def test_real_deliveries_are_understood_unspoilt(dialect: Dialect) -> None:
    """Else the tests above would spoil nothing."""
    deliveries = real(dialect)
    assert deliveries
    for told, payload in deliveries:
        assert through(dialect, told, json.dumps(payload).encode()) is not None
