"""What the suite asks of trackers, judged by what the vendors published of their APIs: `openapi`.

Heard is what a sandbox of this process receives, whoever sent it; what one in another process wrote
down (see ``heard.py``); and what this process sends to any other tracker that is known here, a
stand-in by somebody else or one whose answers the test made up. `conftest` fails the test in which
a request was sent that its vendor does not describe, and tells at the end how many there were.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openapi
import pytest
import requests
from flask import Flask, request, request_started
from openapi import CONFLUENCE, GITHUB, JIRA, Server

#: Tests that speak to the sandbox, or through a client that knows no operations, in their own
#: words, to see what it makes of them.
OWN_WORDS = ("test_sandbox_", "test_jira_client", "test_github_errors")

SANDBOX = (
    Server("/jira/rest/api/3/", JIRA, "/rest/api/3/"),
    Server("/jira/rest/api/2/", JIRA, "/rest/api/3/"),
    Server("/confluence/wiki/api/v2/", CONFLUENCE, "/"),
    Server("/github/api/v3/", GITHUB, "/"),
)
#: What tests call a tracker that is not there.
MADE_UP = (
    Server("https://api.github.com/", GITHUB, "/"),
    Server("https://jira.acme.example/rest/api/3/", JIRA, "/rest/api/3/"),
    Server("https://jira.acme.example/rest/api/2/", JIRA, "/rest/api/3/"),
)

#: Where a sandbox is asked by programs; the rest are pages that people look at.
_PROGRAMS = re.compile(r"/jira/rest/|/confluence/(wiki/)?(rest|api)/|/github/api/")


@dataclass(frozen=True)
class Untold:
    """Requests (`which`, of method and path) that no file speaks of, and where they are told."""

    name: str
    which: str
    where: str


UNTOLD = (
    Untold(
        "GitHub's GraphQL",
        r"POST (/github/api|https?://[^/]+)/graphql",
        "by GitHub's own schema, in tests/trackers/test_github_graphql.py",
    ),
    Untold(
        "what GitHub itself leads to where a repository was renamed",
        r"GET https://api\.github\.com/repositories/\d+/\S+",
        "https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api",
    ),
    Untold(
        "Jira's webhooks",
        r"(GET|POST|PUT|DELETE) /jira/rest/(webhooks|jira-webhook)/1\.0/webhooks?(/\d+)?",
        "https://developer.atlassian.com/cloud/jira/platform/webhooks/",
    ),
    Untold(
        "Confluence's version 1, on Cloud",
        r"GET /confluence/wiki/rest/api/(content/search|user/current)"
        r"|POST /confluence/wiki/rest/api/content/\d+/label",
        "https://developer.atlassian.com/cloud/confluence/rest/v1/",
    ),
    Untold(
        "Confluence's version 1, on Data Center",
        r"GET /confluence/rest/api/(content(/search|/\d+)?|user/current|space/[^/]+)"
        r"|POST /confluence/rest/api/content(/\d+/label)?"
        r"|(PUT|DELETE) /confluence/rest/api/content/\d+",
        "https://docs.atlassian.com/ConfluenceServer/rest/latest/",
    ),
)


class Listener:
    """Collects what is wrong with requests, and counts them."""

    def __init__(self) -> None:
        self._faults: list[str] = []
        self._counts: Counter[str] = Counter()
        self._elsewhere: tuple[Server, ...] = MADE_UP
        request_started.connect(self._received)

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Hear what this process sends, for as long as `patch` holds."""
        send = requests.Session.send

        def heard(
            session: requests.Session, asked: requests.PreparedRequest, **more: Any
        ) -> requests.Response:
            self._sent(asked)
            return send(session, asked, **more)

        patch.setattr(requests.Session, "send", heard)

    @contextmanager
    def hearing(self, server: Server) -> Iterator[None]:
        """Hear what is sent there, too: its `prefix` is an address."""
        self._elsewhere += (server,)
        yield
        self._elsewhere = tuple(each for each in self._elsewhere if each != server)

    def read(self, file: Path) -> int:
        """Hear what a sandbox in another process wrote down; how many requests these are."""
        lines = file.read_text().splitlines()
        for method, path, query, body, kind in map(json.loads, lines):
            self._at_sandbox(method, path, query, body.encode(), kind)
        return len(lines)

    def taken(self) -> tuple[list[str], Counter[str]]:
        """What was wrong since the last time that this was asked, each once, and how many requests
        there were: of those that were checked by their file, of those that no file speaks of by
        their name."""
        taken = [*dict.fromkeys(self._faults)], self._counts
        self._faults, self._counts = [], Counter()
        return taken

    def _received(self, app: Flask, **_: object) -> None:
        if app.name.startswith("integrations.sandbox"):
            query, kind = request.query_string.decode(), request.content_type or ""
            self._at_sandbox(request.method, request.path, query, request.get_data(), kind)

    def _at_sandbox(self, method: str, path: str, query: str, body: bytes, kind: str) -> None:
        if _PROGRAMS.match(path):
            self._judge(SANDBOX, method, path, query, body, kind)

    def _sent(self, asked: requests.PreparedRequest) -> None:
        parts = urlsplit(asked.url or "")
        url = f"{parts.scheme}://{parts.netloc.removesuffix(':443')}{parts.path}"
        there = tuple(each for each in self._elsewhere if url.startswith(each.prefix))
        if there:
            said = asked.body or b""
            body = said if isinstance(said, bytes) else str(said).encode()
            kind = str(asked.headers.get("Content-Type", ""))
            self._judge(there, asked.method or "", url, parts.query, body, kind)

    def _judge(
        self,
        servers: tuple[Server, ...],
        method: str,
        path: str,
        query: str,
        body: bytes,
        kind: str,
    ) -> None:
        untold = (each.name for each in UNTOLD if re.fullmatch(each.which, f"{method} {path}"))
        if name := next(untold, ""):
            self._counts[name] += 1
            return
        server = next((each for each in servers if path.startswith(each.prefix)), None)
        if server is None:
            self._faults.append(f"{method} {path}: no file speaks of it, nor does asked.UNTOLD")
            return
        there = openapi.described(server.file) is not None
        self._counts[server.file if there else f"nothing: {server.file} is not there"] += 1
        self._faults += openapi.faults_of(server, method, path, query, body, kind)


#: The one that `conftest` asks. Not made there: a test that imports `conftest` gets another one.
LISTENER = Listener()


def summary(counts: Counter[str]) -> Iterator[str]:
    """What the requests of a whole run were checked by, in lines."""
    where = {each.name: each.where for each in UNTOLD}
    for name, count in sorted(counts.items()):
        if name in where:
            yield f"{count} requests of which no file speaks: {name}, told {where[name]}"
        else:
            yield f"{count} requests checked by {name}"
