"""What a renamed repository, an edit while pages are read, and old servers answer."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import responses

from integrations.github.adapter import GitHubTracker
from integrations.github.client import GitHubClient
from integrations.github.pull_requests import GitHubPullRequestDocuments
from integrations.github.reading import labels_of
from integrations.tracker import NotThere, Rejected, Unavailable
from workflows.effects import CreateTask, SetFields, TaskTarget
from workflows.model import DocumentRef, Kind, TicketRef
from workflows.snapshots import Field, Progress
from workflows.tasks import StatusWish, TaskState

LINK = "https://api.github.com"
API = f"{LINK}:443"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BRANCH = "followthrough/document-k3v9"
DOCUMENT = DocumentRef(
    "github-pull-request", f"acme/old#7:{BRANCH}:pm/1.md", "https://x.example", "s1", branch=BRANCH
)
INCIDENT = TicketRef("github", "I_1", "acme/ops#1", "https://x.example/1")


def as_known(_: TaskState) -> str:
    """Nobody was faster."""
    return ""


@pytest.fixture
def hub() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as hub:
        yield hub


@pytest.fixture
def client() -> GitHubClient:
    return GitHubClient(LINK, "t0ken", clock=lambda: NOW)


def is_called(hub: responses.RequestsMock, place: str, name: str) -> None:
    repository = {"full_name": name, "default_branch": "main", "permissions": {"push": True}}
    hub.get(f"{API}/repos/{place}", json=repository)


def query(request: requests.PreparedRequest) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(str(request.url)).query))


def test_a_document_of_a_renamed_repository_is_read_from_its_own_branch(
    client: GitHubClient, hub: responses.RequestsMock
) -> None:
    is_called(hub, "acme/old", "acme/new")
    pull = {
        "number": 7,
        "state": "open",
        "draft": True,
        "html_url": "h",
        "head": {"ref": BRANCH, "sha": "c1"},
    }
    moved = {"Location": f"{LINK}/repositories/9/pulls/7"}
    hub.get(f"{API}/repos/acme/old/pulls/7", status=301, headers=moved, json={})
    hub.get(f"{API}/repositories/9/pulls/7", json=pull)
    asked = responses.matchers.query_param_matcher({"ref": BRANCH})
    file = {"encoding": "base64", "content": base64.b64encode(b"ours").decode(), "sha": "s1"}
    hub.get(f"{API}/repos/acme/new/contents/pm/1.md", match=[asked], json=file)
    assert GitHubPullRequestDocuments(client).read(DOCUMENT, {}).text == "ours"


def test_another_branchs_pull_request_is_never_adopted(
    client: GitHubClient, hub: responses.RequestsMock
) -> None:
    is_called(hub, "acme/old", "acme/new")
    theirs = {"number": 99, "state": "open", "head": {"ref": "a-feature"}}
    hub.get(f"{API}/repos/acme/new/pulls", json=[theirs])
    documents = GitHubPullRequestDocuments(client)
    assert documents._pull("acme/old", BRANCH, state="all") is None
    hub.replace("GET", f"{API}/repos/acme/new/pulls", json=[theirs, {"head": {"ref": BRANCH}}])
    assert documents._pull("acme/old", BRANCH, state="all") == {"head": {"ref": BRANCH}}


def test_an_issue_that_is_edited_between_two_pages_hides_no_other(
    client: GitHubClient, hub: responses.RequestsMock
) -> None:
    is_called(hub, "acme/ops", "acme/ops")
    updated = {number: NOW + timedelta(minutes=number) for number in range(250)}

    def page(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        asked = query(request)
        number, latest_first = int(asked.get("page", 1)), asked.get("direction") == "desc"
        order = sorted(updated, key=lambda n: updated[n], reverse=latest_first)
        items = [shown(n) for n in order[(number - 1) * 100 : number * 100]]
        for edited in (items[3]["number"], items[5]["number"]):  # right after they were listed
            updated[edited] = NOW + timedelta(days=number)
        following = f"{LINK}/x?page={number + 1}&direction={asked.get('direction')}"
        headers = {"Link": f'<{following}>; rel="next"'} if number < 3 else {}
        return 200, headers, json.dumps(items)

    def shown(number: int) -> dict[str, Any]:
        place = {"html_url": "h", "repository_url": f"{LINK}/repos/acme/ops"}
        ids = {"node_id": f"N{number}", "id": number, "number": number}
        return {**place, **ids, "updated_at": updated[number].isoformat()}

    hub.add_callback("GET", re.compile(f"{API}/repos/acme/ops/issues.*"), page)
    seen = {glimpse.ref.id for glimpse in GitHubTracker("github", client).changed("acme/ops", NOW)}
    assert seen == {f"N{number}" for number in range(250)}


ISSUE = {
    **{"node_id": "I_1", "id": 9001, "number": 1, "html_url": "https://x.example/1"},
    **{"state": "open", "title": "T", "updated_at": NOW.isoformat()},
    "repository_url": f"{LINK}/repos/acme/ops",
}
CLOSED = {**ISSUE, "state": "closed"}


def closing(progress: Progress) -> SetFields:
    return SetFields("set:k3v9:2", INCIDENT, "acme/ops", {}, StatusWish(progress))


def test_a_reason_that_the_schema_does_not_know_is_read_from_githubs_words(
    client: GitHubClient, hub: responses.RequestsMock
) -> None:
    words = "Invalid property /state_reason: `duplicate` is not a possible value. Must be one of"
    hub.get(f"{API}/repos/acme/ops/issues/1", json=ISSUE)
    hub.patch(f"{API}/repos/acme/ops/issues/1", status=422, json={"message": words})
    hub.patch(f"{API}/repos/acme/ops/issues/1", json={**CLOSED, "state_reason": "not_planned"})
    done = GitHubTracker("github", client).set_fields(closing(Progress.DUPLICATE), as_known)
    assert [call.request.method for call in hub.calls] == ["GET", "PATCH", "PATCH"]
    asked = [json.loads(call.request.body or "") for call in list(hub.calls)[1:]]
    assert [each["state_reason"] for each in asked] == ["duplicate", "not_planned"]
    assert done.refused == {}


@pytest.mark.parametrize(("reason", "refused"), [("completed", {Field.STATUS}), (None, set())])
def test_a_reason_that_github_ignores_is_refused_and_one_that_it_cannot_tell_is_not(
    client: GitHubClient, hub: responses.RequestsMock, reason: str | None, refused: set[Field]
) -> None:
    # "Ignored unless `state` is changed", of the reason of an issue that is closed already:
    # https://docs.github.com/en/rest/issues/issues#update-an-issue
    hub.get(f"{API}/repos/acme/ops/issues/1", json={**CLOSED, "state_reason": reason})
    hub.patch(f"{API}/repos/acme/ops/issues/1", json={**CLOSED, "state_reason": reason})
    done = GitHubTracker("github", client).set_fields(closing(Progress.WONT_DO), as_known)
    assert (set(done.refused), done.status is None) == (refused, bool(refused))


def test_what_github_refuses_without_naming_a_field_is_the_callers_to_see(
    client: GitHubClient, hub: responses.RequestsMock
) -> None:
    refusal = {"message": "Validation Failed", "errors": [{"field": "spam"}]}
    hub.get(f"{API}/repos/acme/ops/issues/1", json=ISSUE)
    hub.patch(f"{API}/repos/acme/ops/issues/1", status=422, json=refusal)
    with pytest.raises(Rejected, match="spam"):
        GitHubTracker("github", client).set_fields(closing(Progress.DONE), as_known)
    assert [call.request.method for call in hub.calls] == ["GET", "PATCH"]


def test_what_turns_out_to_be_a_pull_request_is_not_written(
    client: GitHubClient, hub: responses.RequestsMock
) -> None:
    hub.get(f"{API}/repos/acme/ops/issues/1", json={**ISSUE, "pull_request": {"url": "u"}})
    with pytest.raises(NotThere, match="acme/ops#1 is a pull request"):
        GitHubTracker("github", client).set_fields(closing(Progress.DONE), as_known)
    assert [call.request.method for call in hub.calls] == ["GET"]


def test_labels_may_be_texts() -> None:
    assert labels_of({"labels": ["incident", {"name": "sev1"}]}) == ("incident", "sev1")
    assert labels_of({"labels": None}) == ()


def test_an_answer_that_is_no_issue_is_told_in_words(
    client: GitHubClient, hub: responses.RequestsMock
) -> None:
    hub.get(f"{API}/repos/acme/ops/issues/1", json={"message": "odd"})
    with pytest.raises(Unavailable, match="/repos/acme/ops/issues/1: the answer lacks"):
        GitHubTracker("github", client).fetch(INCIDENT)


def test_a_task_that_is_refused_for_itself_does_not_stop_the_next(
    client: GitHubClient, hub: responses.RequestsMock
) -> None:
    closed = {"message": "Repository was archived so is read-only."}
    hub.post(f"{API}/repos/acme/ops/issues", status=403, json=closed)
    hub.post("https://api.github.com:443/graphql", status=404, json={"message": "Not Found"})
    target = TaskTarget("github", "acme/ops")
    tasks = [
        CreateTask(f"task:k:{n}", target, "t", "x", Kind.PREVENTIVE, INCIDENT, DOCUMENT)
        for n in (1, 2)
    ]
    ends = [type(result.error) for result in GitHubTracker("github", client).create_tasks(tasks)]
    assert ends == [Rejected, Rejected]
    assert len(hub.calls) == 1 + 2
