"""What trackers themselves show of how a ticket was closed, and of what it repeats."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.github.reading import ticket_of
from integrations.jira.reading import Reader, Writers
from integrations.jira.text import WIKI

API, PAGE = "https://api.github.com/repos/acme/ops", "https://github.com/acme/ops"
CLOSED = "2026-12-01T12:00:00Z"


def shown(*events: dict[str, Any], state: str = "closed") -> tuple[str, ...]:
    issue = {"node_id": "I_7", "id": 7, "number": 7, "repository_url": API, "title": "Alert"}
    issue |= {"html_url": f"{PAGE}/issues/7", "state": state, "created_at": CLOSED}
    issue |= {"updated_at": CLOSED}
    return ticket_of("github", issue, events, lambda _: True).shown_by


def closing(**more: Any) -> dict[str, Any]:
    return {"event": "closed", "id": 1, "created_at": CLOSED, "actor": {"login": "kim"}, **more}


def pull(merged: str | None = "2026-12-01T11:59:58Z", owner: str = "acme") -> dict[str, Any]:
    """The issue is referred to by a pull request of this owner, merged at that time."""
    source: dict[str, Any] = {"html_url": f"https://github.com/{owner}/web/pull/9", "number": 9}
    source |= {"repository_url": f"https://api.github.com/repos/{owner}/web"}
    source["pull_request"] = {"merged_at": merged}
    told = {"event": "cross-referenced", "created_at": CLOSED, "actor": {"login": "kim"}}
    return {**told, "source": {"type": "issue", "issue": source}}


def test_the_commit_that_closed_an_issue_is_shown_where_people_read_it() -> None:
    event = closing(commit_id="6dcb09b", commit_url=f"{API}/commits/6dcb09b")
    assert shown(event) == (f"{PAGE}/commit/6dcb09b",)


def test_the_pull_request_that_was_merged_when_an_issue_was_closed_is_what_closed_it() -> None:
    assert shown(pull(), closing()) == ("https://github.com/acme/web/pull/9",)


@pytest.mark.parametrize(
    "event",
    [pull(merged=None), pull(merged="2026-11-30T12:00:00Z"), pull(owner="mallory")],
    ids=["open", "long before", "a stranger's"],
)
def test_a_pull_request_that_only_refers_to_an_issue_did_not_close_it(
    event: dict[str, Any],
) -> None:
    assert shown(event, closing()) == ()


def test_what_closed_an_issue_once_does_not_show_it_while_it_is_open_or_closed_by_hand() -> None:
    by_commit = closing(commit_id="6dcb09b", commit_url=f"{API}/commits/6dcb09b")
    assert shown(by_commit, state="open") == ()
    assert shown(by_commit, closing()) == ()


def in_jira(*histories: dict[str, Any], **fields: Any) -> Any:
    told = {"created": "2026-12-01T10:00:00.000+0000", "updated": "2026-12-01T11:00:00.000+0000"}
    issue = {"id": "7", "key": "OPS-7", "fields": {"summary": "x", **told, **fields}}
    writers = Writers(frozenset({"kim"}))
    return Reader("jira", "https://jira.example", WIKI).ticket(issue, [], histories, writers)


@pytest.mark.parametrize(
    ("by", "called", "found"),
    [
        ("kim", 'This issue links to "https://ci.example/7 (Web Link)"', ("https://ci.example/7",)),
        ("sam", 'This issue links to "https://ci.example/7 (Web Link)"', ()),
        ("kim", 'This issue links to "the run (Web Link)"', ()),
        ("kim", None, ()),
    ],
)
def test_a_web_link_that_a_writer_set_in_jira_counts_where_its_address_is_told(
    by: str, called: str | None, found: tuple[str, ...]
) -> None:
    item = {"field": "RemoteIssueLink", "fromString": None, "toString": called}
    history = {"created": CLOSED, "author": {"name": by}, "items": [item]}
    assert in_jira(history).shown_by == found


def test_jira_names_what_an_issue_duplicates_and_not_what_duplicates_it() -> None:
    type = {"name": "Duplicate", "inward": "is duplicated by", "outward": "duplicates"}
    ours = {"type": type, "outwardIssue": {"id": "3", "key": "OPS-3"}}
    theirs = {"type": type, "inwardIssue": {"id": "4", "key": "OPS-4"}}
    assert in_jira(issuelinks=[theirs]).duplicate_of == ""
    assert in_jira(issuelinks=[theirs, ours]).duplicate_of == "OPS-3"
