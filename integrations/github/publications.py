"""What was published of a document that is merged: the text at each merge, and what was pushed to
the default branch since.

https://docs.github.com/en/rest/pulls/pulls#get-a-pull-request says what `merge_commit_sha` is
after each way of merging: the commit on the base branch, or the last of those that were rebased.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from integrations.github.client import GitHubClient, repo_path
from integrations.github.statuses import set_status
from integrations.tracker import NotThere
from workflows.effects import SetReview
from workflows.versions import Publication

Json = dict[str, Any]

#: Path and commit → the file's text. Raises NotThere.
TextAt = Callable[[str, str], str]

#: The name under which our check stands beside others.
CONTEXT = "followthrough/review"


def last_merge(pulls: Sequence[Json]) -> str:
    """The commit of the latest merge of any of these; "" where none was merged."""
    merged = merges(pulls)
    return str(merged[-1]["merge_commit_sha"]) if merged else ""


def merges(pulls: Sequence[Json]) -> list[Json]:
    """The pull requests that were merged, the earliest merge first."""
    merged = (pull for pull in pulls if pull.get("merged_at") and pull.get("merge_commit_sha"))
    return sorted(merged, key=lambda pull: (str(pull["merged_at"]), int(pull["number"])))


def publications(
    client: GitHubClient,
    place: str,
    path: str,
    pulls: Sequence[Json],
    known: frozenset[str],
    text_at: TextAt,
) -> Iterator[Publication]:
    """Each text that was merged in one of `pulls` and, at last, what was pushed to the default
    branch besides; without the commits `known`. One read for each, and one for who merged it."""
    merged = merges(pulls)
    for pull in merged:
        commit = str(pull["merge_commit_sha"])
        if commit in known:
            continue
        try:
            text = text_at(path, commit)
        except NotThere:  # it was deleted, or renamed, by then
            continue
        whole = client.read(f"{repo_path(place)}/pulls/{pull['number']}")
        by = (whole.get("merged_by") or {}).get("login") or ""
        yield Publication(text, _moment(pull["merged_at"]), str(by), commit)
    commits = {str(pull["merge_commit_sha"]) for pull in merged}
    last_merge = _moment(merged[-1]["merged_at"]) if merged else None
    pushed = _last_push(client, place, path)
    if pushed is None or last_merge is None or pushed["sha"] in known | commits:
        return
    at = _moment(pushed["commit"]["committer"]["date"])
    if at <= last_merge:  # a part of what was merged
        return
    author = (pushed.get("author") or {}).get("login") or pushed["commit"]["author"]["name"]
    yield Publication(text_at(path, pushed["sha"]), at, str(author), str(pushed["sha"]))


def _last_push(client: GitHubClient, place: str, path: str) -> Json | None:
    """The last commit on the default branch that changed the file.
    https://docs.github.com/en/rest/commits/commits#list-commits"""
    repository = client.repository(place)
    listed = client.pages(
        f"{repo_path(repository.name)}/commits",
        sha=repository.default_branch,
        path=path,
        per_page=1,
    )
    return next(islice(listed, 1), None)


def show_review(client: GitHubClient, place: str, wanted: SetReview, page: str) -> None:
    """Show it on the commit that the document is drafted by."""
    head = wanted.document.head
    set_status(client, place, head, CONTEXT, wanted.check, wanted.words, page)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
