"""Whether the check of requests against the vendors' descriptions finds anything at all."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asked
import openapi
import pytest
import requests

from integrations.sandbox import Sandbox

DESCRIPTION: dict[str, Any] = {
    "paths": {
        "/things/{id}": {
            "parameters": [{"in": "path", "name": "id"}],
            "get": {
                "parameters": [
                    {"$ref": "#/components/parameters/most"},
                    {"in": "query", "name": "state", "schema": {"enum": ["open", "closed"]}},
                    {"in": "query", "name": "since", "required": True, "schema": {}},
                ]
            },
            "patch": {
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}
                    },
                }
            },
        },
        "/things/{path}": {"put": {}},
    },
    "components": {
        "parameters": {"most": {"in": "query", "name": "most", "schema": {"type": "integer"}}},
        "schemas": {
            "Thing": {
                "type": "object",
                "required": ["title"],
                "properties": {
                    "title": {"type": "string"},
                    "example": {"type": "string", "nullable": True},
                    "of": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
                    "one": {"oneOf": [{"type": "integer"}, {"type": "number"}]},
                },
            }
        },
    },
}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> openapi.Server:
    (tmp_path / "things.json").write_text(json.dumps(DESCRIPTION))
    monkeypatch.setattr(openapi, "FOLDERS", (tmp_path,))
    known = openapi.Known(r"PATCH /things/.*", "'odd' was", "told in a page, not in the file")
    return openapi.Server("/api/", "things.json", "/", (known,))


def faults(
    server: openapi.Server, method: str, path: str, query: str = "", body: object = None
) -> list[str]:
    openapi.described.cache_clear()
    sent = b"" if body is None else json.dumps(body).encode()
    kind = "" if body is None else "application/json"
    found = openapi.faults_of.__wrapped__(server, method, path, query, sent, kind)
    openapi.described.cache_clear()
    return [each.partition(": ")[2] for each in found]


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "fault"),
    [
        ("GET", "/api/other", "", None, "no such path is described"),
        ("DELETE", "/api/things/1", "", None, "the path is described, and not this method"),
        ("GET", "/api/things/1", "", None, "the query has no since"),
        ("GET", "/api/things/1", "since=1&n=1", None, "the query has n, which is not described"),
        ("GET", "/api/things/1", "since=1&most=x", None, 'most in the query: "x" is not of type'),
        ("GET", "/api/things/1", "since=1&state=x", None, 'state in the query: "x" is not one of'),
        ("GET", "/api/things/1", "since=1", {}, "it has a body, of which nothing is described"),
        ("PATCH", "/api/things/1", "", None, "it has no body"),
        ("PATCH", "/api/things/1", "", {}, 'body : "title" is a required property'),
        ("PATCH", "/api/things/1", "", {"title": 1}, "body title: 1 is not of type"),
        ("PATCH", "/api/things/1", "", {"title": "", "of": [{}]}, "body of/0: "),
        ("PATCH", "/api/things/1", "", {"title": "", "of": [{"title": "", "x": 1}]}, "body of/0: "),
        (
            "PATCH",
            "/api/things/1",
            "",
            {"title": "", "new": 1},
            "body : Additional prop",
        ),
    ],
)
def test_what_a_vendor_does_not_describe_is_found(
    server: openapi.Server, method: str, path: str, query: str, body: object, fault: str
) -> None:
    assert any(each.startswith(fault) for each in faults(server, method, path, query, body))


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("GET", "/api/things/1", "since=1&most=20&state=open", None),
        ("PATCH", "/api/things/1", "", {"title": "", "example": None, "one": 1}),
        ("PUT", "/api/things/a/b.md", "", None),
    ],
)
def test_what_it_describes_is_not(
    server: openapi.Server, method: str, path: str, query: str, body: object
) -> None:
    assert faults(server, method, path, query, body) == []


def test_what_is_known_to_be_valid_is_no_fault(server: openapi.Server) -> None:
    assert faults(server, "PATCH", "/api/things/1", body={"title": "", "odd": 1}) == []
    assert faults(server, "PATCH", "/api/things/1", body={"title": "", "even": 2}) != []


def test_a_file_that_is_absent_is_not_checked(server: openapi.Server) -> None:
    absent = openapi.Server("/api/", "absent.json", "/")
    assert faults(absent, "GET", "/api/other") == []


@pytest.mark.parametrize(
    ("deployment", "path"),
    [
        ("cloud", "/jira/rest/api/3/issue/1?field=summary"),
        ("datacenter", "/jira/rest/api/2/issue/1?field=summary"),
        ("cloud", "/github/api/v3/repos/acme/ops/issues/1?field=title"),
    ],
)
def test_each_request_that_a_sandbox_receives_is_listened_to(deployment: str, path: str) -> None:
    server = next(each for each in asked.SANDBOX if path.startswith(each.prefix))
    if openapi.described(server.file) is None:
        pytest.skip(f"{server.file} is not there: see tests/openapi.py")
    listener = asked.Listener()
    with Sandbox(deployment=deployment, clock=lambda: datetime(2026, 12, 7, tzinfo=UTC)) as sandbox:
        requests.get(f"{sandbox.url}{path}", timeout=10)
    fault = f"GET {path}: the query has field, which is not described"
    assert listener.taken() == ([fault], {server.file: 1})
    assert listener.taken() == ([], {})


def test_what_no_file_speaks_of_and_nobody_listed_is_found_and_what_is_listed_is_counted() -> None:
    listener = asked.Listener()
    with Sandbox() as sandbox:
        for path in ("/jira/rest/agile/1.0/board", "/jira/browse/INC-1"):
            requests.get(sandbox.url + path, timeout=10)
        requests.get(f"{sandbox.url}/jira/rest/webhooks/1.0/webhook", timeout=10)
    said = "GET /jira/rest/agile/1.0/board: no file speaks of it, nor does asked.UNTOLD"
    assert listener.taken() == ([said], {"Jira's webhooks": 1})
    (told,) = asked.summary(Counter({"Jira's webhooks": 7}))
    assert told.startswith("7 requests of which no file speaks: Jira's webhooks, told https://")


def test_what_another_process_wrote_down_is_heard(tmp_path: Path) -> None:
    line = ["GET", "/jira/rest/agile/1.0/board", "", "", ""]
    (tmp_path / "asked").write_text(json.dumps(line) + "\n")
    listener = asked.Listener()
    assert listener.read(tmp_path / "asked") == 1
    assert len(listener.taken()[0]) == 1


def test_what_is_sent_to_somebody_elses_stand_in_is_heard(
    server: openapi.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    openapi.described.cache_clear()
    listener = asked.Listener()
    listener.install(monkeypatch)
    there = replace(server, prefix="http://127.0.0.1:9/")
    with listener.hearing(there), pytest.raises(requests.ConnectionError):
        requests.get("http://127.0.0.1:9/things/1?since=1&n=1", timeout=1)
    with pytest.raises(requests.ConnectionError):
        requests.get("http://127.0.0.1:9/things/1?since=1&n=1", timeout=1)
    faults, counts = listener.taken()
    assert [each.partition(": ")[2] for each in faults] == [
        "the query has n, which is not described"
    ]
    assert counts == {"things.json": 1}
    openapi.described.cache_clear()
