"""An issue of the sandbox's GitHub is told who names it, as GitHub tells it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from integrations.sandbox import Faults, Sandbox
from integrations.sandbox.github_references import references

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
SITE = "http://tracker.example/github"


class Client:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.github = sandbox, sandbox.github
        self.moment = NOW
        sandbox.world.clock = lambda: self.moment
        self.github.add_user("bot", token="bot-token")
        people = {"bot": "write", "kim": "write"}
        self.github.add_repo("acme/ops", collaborators=people)
        self.github.add_repo("acme/postmortems", collaborators=people)
        self.github.add_repo("acme/secret", collaborators={"kim": "write"}, private=True)
        assert self.github.open_issue("acme/ops", "Checkout is down", by="kim") == 1

    def references(self) -> list[dict[str, Any]]:
        url = f"{self.sandbox.github_url}/repos/acme/ops/issues/1/timeline"
        answer = requests.get(url, headers={"Authorization": "token bot-token"}, timeout=5)
        return [event for event in answer.json() if event["event"] == "cross-referenced"]

    def sources(self) -> list[str]:
        return [event["source"]["issue"]["title"] for event in self.references()]


@pytest.fixture
def client() -> Iterator[Client]:
    with Sandbox() as sandbox:
        yield Client(sandbox)


def test_an_issue_that_names_another_stands_on_its_timeline(client: Client) -> None:
    client.github.open_issue("acme/ops", "Task", by="kim", body="Part of #1.")
    (event,) = client.references()
    assert event["actor"]["login"] == "kim"
    assert event["created_at"] == event["updated_at"] == "2026-12-01T12:00:00Z"
    assert event["source"]["type"] == "issue"
    source = event["source"]["issue"]
    assert (source["number"], source["body"], source["state"]) == (2, "Part of #1.", "open")
    assert source["repository"]["full_name"] == "acme/ops"
    assert "id" not in event
    client.github.close("acme/ops", 2, by="kim")
    assert client.references()[0]["source"]["issue"]["state"] == "closed"


def test_each_source_is_told_once_however_often_it_says_so(client: Client) -> None:
    client.github.open_issue("acme/ops", "Task", by="kim", body="#1 and #1")
    client.github.comment("acme/ops", 2, "As in #1", by="bot")
    client.github.edit("acme/ops", 2, by="kim", body="Part of #1")
    client.github.comment("acme/ops", 1, "This is #1", by="kim")
    assert client.sources() == ["Task"]


def test_comments_edits_and_pull_requests_name_issues_too(client: Client) -> None:
    github = client.github
    github.open_issue("acme/ops", "By comment", by="kim")
    github.comment("acme/ops", 2, "See acme/ops#1", by="bot")
    github.open_issue("acme/ops", "By edit", by="kim", body="Nothing yet")
    github.edit("acme/ops", 3, by="kim", body="See #1")
    github.push("acme/postmortems", "a.md", "text", by="bot", branch="draft")
    url = f"{github.url}/acme/ops/issues/1"
    github.pull_request("acme/postmortems", "draft", "By pull", by="bot", body=f"[it]({url})")
    assert client.sources() == ["By comment", "By edit", "By pull"]
    assert "pull_request" in client.references()[2]["source"]["issue"]


def test_a_hidden_repository_names_nothing_in_public(client: Client) -> None:
    client.github.open_issue("acme/secret", "Hidden", by="kim", body="See acme/ops#1")
    assert client.sources() == []
    client.github.open_issue("acme/secret", "Named", by="kim")
    client.github.open_issue("acme/ops", "Guessed", by="bot", body="See acme/secret#2")
    assert client.github.repos["acme/secret"].issues[2].timeline == []


def test_an_issue_that_moves_house_names_nobody_anew(client: Client) -> None:
    client.github.open_issue("acme/postmortems", "Task", by="kim", body="As in #1")
    client.github.transfer("acme/postmortems", 1, "acme/ops", by="kim")
    assert client.sources() == []


def test_a_reference_comes_late_when_it_is_told_to(client: Client) -> None:
    client.sandbox.set_faults(Faults(reference_lag=120))
    client.github.open_issue("acme/ops", "Task", by="kim", body="Part of #1")
    client.moment += timedelta(seconds=119)
    assert client.sources() == []
    client.moment += timedelta(seconds=1)
    assert client.sources() == ["Task"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("See #1, acme/other#2 and GH-3.", [("acme/ops", 1), ("acme/other", 2), ("acme/ops", 3)]),
        (f"{SITE}/acme/other/issues/4#issuecomment-1", [("acme/other", 4)]),
        (f"[the page]({SITE}/acme/other/pull/5 'title')", [("acme/other", 5)]),
        (f"<{SITE}/acme/other/issues/6>", [("acme/other", 6)]),
        ("| task |\n|---|\n| #7 |", [("acme/ops", 7)]),
        ("\\#8, &#35;9 and <b>#10</b>", [("acme/ops", 8), ("acme/ops", 9), ("acme/ops", 10)]),
        ("<div>#11</div>", [("acme/ops", 11)]),
        ("`#1` and <code>#2</code>\n\n```\n#3\n```\n\n    #4", []),
        ("<!-- #1 -->\n\nsee <!-- acme/ops#2 --> this", []),
        ("<pre>\n#1\n</pre>", []),
        ("#\u200b1, acme/other#\u200b2, acme/other\u200b#x3, GH-\u200b4", []),
        (f"{SITE}/acme/other/\u200bissues/4", []),
        ("https://elsewhere.example/acme/other/issues/4", []),
        ("a#1, &#1, #12a, # 1 and word/#3", []),
    ],
)
def test_what_a_text_refers_to(text: str, found: list[tuple[str, int]]) -> None:
    assert references(text, "acme/ops", SITE) == found
