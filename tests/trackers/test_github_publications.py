"""What GitHub tells of a merged document, after each way of merging; the check on its commit."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
import responses
from responses import matchers

from integrations.github.client import GitHubClient
from integrations.github.pull_requests import GitHubPullRequestDocuments
from integrations.tracker import Rejected
from workflows.effects import Check, SetReview
from workflows.model import DocumentRef

HUB = "https://api.github.com"
API = f"{HUB}:443/repos/acme/postmortems"
BRANCH = "followthrough/document-k3v9"
REF = DocumentRef(
    "github-pull-request", f"acme/postmortems#7:{BRANCH}:a.md", "https://x.example", "v1"
)
MERGED: dict[str, Any] = {"merged_at": "2026-12-01T12:00:00Z", "merge_commit_sha": "m1"}


def documents(pages: str = "") -> GitHubPullRequestDocuments:
    return GitHubPullRequestDocuments(GitHubClient(HUB, "token"), pages)


def pull(number: int = 7, branch: str = BRANCH, **values: Any) -> dict[str, Any]:
    known = {"number": number, "state": "closed", "html_url": "h", "draft": False}
    ends = {"head": {"ref": branch, "sha": f"h{number}"}, "base": {"ref": "main"}}
    return {**known, **ends, **values}


def commit(sha: str, date: str, author: dict[str, str] | None) -> dict[str, Any]:
    git = {"author": {"name": "Kim Ito"}, "committer": {"date": date}}
    return {"sha": sha, "commit": git, "author": author}


def file(text: str) -> dict[str, Any]:
    return {"encoding": "base64", "content": base64.b64encode(text.encode()).decode(), "sha": "b"}


@pytest.mark.parametrize(
    "touched",
    [
        commit("m1", "2026-12-01T12:00:01Z", {"login": "kim"}),  # a squash, dated a second later
        commit("c9", "2026-12-01T09:00:00Z", {"login": "kim"}),  # behind a merge commit
        commit("r1", "2026-12-01T12:00:00Z", {"login": "kim"}),  # one of those that were rebased
    ],
    ids=["squash", "merge", "rebase"],
)
def test_a_merge_is_one_publication_however_it_was_made(touched: dict[str, Any]) -> None:
    with responses.RequestsMock() as hub:
        hub.get(f"{API}/pulls/7", json=pull(**MERGED, merged_by={"login": "noor"}))
        hub.get(f"{API}/pulls", json=[])
        hub.get(API, json={"full_name": "acme/postmortems", "default_branch": "main"})
        hub.get(f"{API}/contents/a.md?ref=m1", json=file("one"), match_querystring=True)
        hub.get(f"{API}/commits", json=[touched])
        (found,) = documents().publications(REF, frozenset())
    assert (found.text, found.commit, found.by) == ("one", "m1", "noor")
    assert found.at == datetime(2026, 12, 1, 12, tzinfo=UTC)


def pushed(date: str) -> list[tuple[str, str, str]]:
    """What is published (text, commit, by whom) where the last commit has this date, after the
    merge at 12:00 UTC that is kept already."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as hub:
        hub.get(f"{API}/pulls/7", json=pull(**MERGED, merged_by=None))
        hub.get(f"{API}/pulls", json=[])
        hub.get(API, json={"full_name": "acme/postmortems", "default_branch": "main"})
        hub.get(f"{API}/contents/a.md?ref=p1", json=file("two"), match_querystring=True)
        hub.get(f"{API}/commits", json=[commit("p1", date, None)])
        found = documents().publications(REF, frozenset({"m1"}))
    return [(each.text, each.commit, each.by) for each in found]


def test_a_push_by_somebody_without_an_account_has_the_name_that_git_knows() -> None:
    assert pushed("2026-12-01T13:00:00Z") == [("two", "p1", "Kim Ito")]


def test_a_commit_from_before_the_merge_is_a_part_of_it_whatever_its_time_zone() -> None:
    assert pushed("2026-12-01T13:00:00+02:00") == []


def test_updates_are_read_in_the_order_of_their_merges_and_declined_ones_not_at_all() -> None:
    updates = f"{BRANCH}-updates"
    listed = [
        pull(9, updates, merged_at="2026-12-03T12:00:00Z", merge_commit_sha="m9"),
        pull(8, updates, merged_at="2026-12-02T12:00:00Z", merge_commit_sha="m8"),
        pull(5, updates, merged_at=None, merge_commit_sha="t5"),
        pull(4, "a-feature", merged_at="2026-12-04T12:00:00Z", merge_commit_sha="m4"),
    ]
    with responses.RequestsMock() as hub:
        hub.get(f"{API}/pulls/7", json=pull(**MERGED, merged_by=None))
        hub.get(f"{API}/pulls", json=listed)
        hub.get(API, json={"full_name": "acme/postmortems", "default_branch": "main"})
        for number in (8, 9):
            text = file(f"at m{number}")
            hub.get(f"{API}/contents/a.md?ref=m{number}", json=text, match_querystring=True)
            hub.get(f"{API}/pulls/{number}", json={"merged_by": {"login": "lee"}})
        hub.get(f"{API}/commits", json=[])
        found = documents().publications(REF, frozenset({"m1"}))
    assert [(each.text, each.by) for each in found] == [("at m8", "lee"), ("at m9", "lee")]


REVIEW = SetReview(
    "review:k3v9",
    DocumentRef(REF.kind, REF.id, REF.url, "", branch=BRANCH, head="c1"),
    "k3v9",
    Check.FAILURE,
    "1 missing: factor 1 has no evidence",
)


def test_the_check_leads_to_our_page_where_people_can_follow() -> None:
    said = {
        "state": "failure",
        "context": "followthrough/review",
        "description": "1 missing: factor 1 has no evidence",
    }
    page = {"target_url": "https://f.example/incidents/k3v9"}
    for pages, more in (("", {}), ("https://f.example/incidents", page)):
        with responses.RequestsMock() as hub:
            body = matchers.json_params_matcher({**said, **more})
            hub.post(f"{API}/statuses/c1", status=201, json={"id": 1}, match=[body])
            documents(pages).set_review(REVIEW)


@pytest.mark.parametrize("status", [403, 404])
def test_a_token_without_the_permission_is_told_which_it_lacks(status: int) -> None:
    with responses.RequestsMock() as hub:
        words = {"message": "Resource not accessible by personal access token"}
        hub.post(f"{API}/statuses/c1", status=status, json=words)
        with pytest.raises(Rejected) as refused:
            documents().set_review(REVIEW)
    assert "Commit statuses: read and write" in refused.value.mend
