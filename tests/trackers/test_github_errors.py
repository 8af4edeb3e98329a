"""How a call to GitHub can end, at the edge of HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import responses
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError

from integrations.github.adapter import GitHubTracker
from integrations.github.answers import Invalid
from integrations.github.client import GitHubClient, issue_path, repo_path
from integrations.tracker import (
    NotThere,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    SignInFailed,
    StaleVersion,
    TrackerError,
    Unavailable,
)
from integrations.uses import Use

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
API = "https://api.github.com"
TOKEN = "ghp_secret_of_acme"
ISSUES = "/repos/acme/ops/issues"
REFUSED = requests.ConnectionError(
    MaxRetryError(None, ISSUES, NewConnectionError(None, "refused"))  # type: ignore[arg-type]
)
RESET = requests.ConnectionError(ProtocolError("Connection aborted.", ConnectionResetError(104)))

UNTRUSTED = requests.exceptions.SSLError(
    "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate"
)


@pytest.fixture
def hub() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as hub:
        yield hub


@pytest.fixture
def client() -> GitHubClient:
    return GitHubClient(API, TOKEN, clock=lambda: NOW)


def ends(
    client: GitHubClient, hub: responses.RequestsMock, verb: str, **answer: Any
) -> TrackerError:
    hub.add(verb, f"{API}:443{ISSUES}", **answer)
    with pytest.raises(TrackerError) as ending:
        client.read(ISSUES) if verb == "GET" else client.write(verb, ISSUES, {"title": "x"})
    assert len(hub.calls) == 1, "nothing is repeated"
    assert TOKEN not in f"{ending.value!r} {ending.value.words} {ending.value.mend}"
    return ending.value


@pytest.mark.parametrize(
    ("answer", "read", "write"),
    [
        ({"status": 500}, Unavailable, OutcomeUnknown),
        ({"status": 502, "body": "<html>Unicorn!</html>"}, Unavailable, OutcomeUnknown),
        ({"status": 504, "body": '{"message": tr'}, Unavailable, OutcomeUnknown),
        ({"body": requests.ReadTimeout()}, Unavailable, OutcomeUnknown),
        ({"body": RESET}, Unavailable, OutcomeUnknown),
        ({"body": requests.exceptions.ChunkedEncodingError()}, Unavailable, OutcomeUnknown),
        ({"body": requests.exceptions.SSLError("EOF occurred")}, Unavailable, OutcomeUnknown),
        ({"status": 200, "json": [1]}, Unavailable, OutcomeUnknown),
        ({"status": 200, "body": ""}, Unavailable, OutcomeUnknown),
        ({"status": 200, "body": '{"id": 1, "tit'}, Unavailable, OutcomeUnknown),
        ({"body": REFUSED}, Unavailable, Unavailable),
        ({"body": requests.ConnectTimeout()}, Unavailable, Unavailable),
        ({"body": requests.exceptions.ProxyError()}, Unavailable, Unavailable),
        ({"body": UNTRUSTED}, Unavailable, Unavailable),
        ({"status": 401, "json": {"message": "Bad credentials"}}, SignInFailed, SignInFailed),
        ({"status": 403, "json": {"message": "Must have rights"}}, SignInFailed, SignInFailed),
        ({"status": 404, "json": {"message": "Not Found"}}, NotThere, NotThere),
        ({"status": 410, "json": {"message": "Issues are disabled"}}, NotThere, NotThere),
        ({"status": 409, "json": {"message": "Git Repository is empty."}}, Rejected, Rejected),
        ({"status": 400, "json": {"message": "Problems parsing JSON"}}, Invalid, Invalid),
        ({"status": 307, "json": {"message": "Moved"}}, Rejected, Rejected),
        ({"status": 422, "json": ["odd"]}, Invalid, Invalid),
    ],
)
def test_each_ending_is_one_of_the_family(
    client: GitHubClient,
    answer: dict[str, Any],
    read: type[TrackerError],
    write: type[TrackerError],
) -> None:
    for verb, kind in (("GET", read), ("POST", write)):
        with responses.RequestsMock() as hub:
            assert type(ends(client, hub, verb, **answer)) is kind


def test_the_vendors_words_and_fields_are_kept(
    client: GitHubClient, hub: responses.RequestsMock
) -> None:
    error = {"resource": "Issue", "field": "assignees", "code": "invalid", "value": "kim"}
    body = {"message": "Validation Failed", "errors": [error, "and more"]}
    ending = ends(client, hub, "POST", status=422, json=body)
    assert ending.words == "Validation Failed; assignees invalid kim; and more"
    assert isinstance(ending, Invalid)
    assert ending.fields == {"assignees"}


@pytest.mark.parametrize(
    ("status", "headers", "message", "wait"),
    [
        (429, {"Retry-After": "30"}, "Too many", timedelta(seconds=30)),
        (
            403,
            {"Retry-After": "90"},
            "You have exceeded a secondary rate limit",
            timedelta(seconds=90),
        ),
        (403, {}, "You have exceeded a secondary rate limit and …", timedelta(minutes=1)),
        (422, {}, "was submitted too quickly after another", timedelta(minutes=1)),
        (
            403,
            {
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": str(int((NOW + timedelta(minutes=20)).timestamp())),
            },
            "API rate limit exceeded for user",
            timedelta(minutes=20),
        ),
        (
            403,
            {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1000"},
            "API rate limit exceeded for user",
            timedelta(seconds=1),
        ),
    ],
)
def test_a_limit_says_when_to_come_back(
    client: GitHubClient,
    hub: responses.RequestsMock,
    status: int,
    headers: dict[str, str],
    message: str,
    wait: timedelta,
) -> None:
    ending = ends(client, hub, "POST", status=status, headers=headers, json={"message": message})
    assert isinstance(ending, RateLimited)
    assert ending.retry_at == NOW + wait


@pytest.mark.parametrize(
    ("headers", "mend"),
    [
        ({"X-Accepted-GitHub-Permissions": "issues=write"}, "the permission issues=write"),
        ({"X-Accepted-OAuth-Scopes": "repo"}, "the scopes repo"),
        ({"X-GitHub-SSO": "required; url=https://x.example"}, "single sign-on"),
        ({}, "write access"),
    ],
)
def test_a_lacking_permission_is_named(
    client: GitHubClient, hub: responses.RequestsMock, headers: dict[str, str], mend: str
) -> None:
    body = {"message": "Resource not accessible by personal access token"}
    assert mend in ends(client, hub, "POST", status=403, headers=headers, json=body).mend


def test_a_file_that_changed_is_a_stale_version(
    client: GitHubClient, hub: responses.RequestsMock
) -> None:
    path = "/repos/acme/ops/contents/a.md"
    hub.put(f"{API}:443{path}", status=409, json={"message": "a.md does not match 1234"})
    with pytest.raises(StaleVersion):
        client.write("PUT", path, {})


@pytest.mark.parametrize(
    ("message", "kind", "mend"),
    [
        ("a.md does not match 1f3c", StaleVersion, "read again"),
        ("is at 1f3c5a but expected 77ab", StaleVersion, "read again"),
        ("Repository rule violations found\n\nCommits must be signed.\n", Rejected, "ruleset"),
        ("Git Repository is empty.", Rejected, "first commit"),
        ("Something else", Rejected, ""),
    ],
)
def test_of_the_conflicts_of_a_file_only_somebody_elses_writing_is_stale(
    client: GitHubClient,
    hub: responses.RequestsMock,
    message: str,
    kind: type[TrackerError],
    mend: str,
) -> None:
    path = "/repos/acme/ops/contents/a.md"
    hub.put(f"{API}:443{path}", status=409, json={"message": message})
    with pytest.raises(TrackerError) as ending:
        client.write("PUT", path, {})
    assert type(ending.value) is kind
    assert ending.value.words == message
    assert mend in ending.value.mend


@pytest.mark.parametrize(
    ("message", "mend"),
    [
        ("Unable to create comment because issue is locked.", "Unlock"),
        ("Repository was archived so is read-only.", "Unarchive"),
        ("Issue creation has been restricted to collaborators only", "collaborator"),
        ("User has been blocked from this repository", "Unblock"),
    ],
)
def test_what_is_closed_to_everybody_is_no_fault_of_the_sign_in(
    client: GitHubClient, hub: responses.RequestsMock, message: str, mend: str
) -> None:
    ending = ends(client, hub, "POST", status=403, json={"message": message})
    assert type(ending) is Rejected
    assert mend in ending.mend


def test_a_missing_name_anywhere_in_an_answer_ends_the_call_that_asked(
    client: GitHubClient, hub: responses.RequestsMock
) -> None:
    hub.get(f"{API}:443{ISSUES}", json={"user": {"login": None}})
    hub.post(f"{API}:443{ISSUES}", json={"user": {}})
    with pytest.raises(Unavailable, match="'login'"):
        client.read(ISSUES)["user"]["login"]
    with pytest.raises(OutcomeUnknown, match="'login'"):
        client.write("POST", ISSUES, {})["user"]["login"]


def test_a_list_that_is_none_and_one_that_never_ends_are_no_answer(
    client: GitHubClient, hub: responses.RequestsMock
) -> None:
    hub.get(f"{API}:443{ISSUES}", json={"message": "odd"})
    with pytest.raises(Unavailable, match="no list"):
        list(client.pages(ISSUES))
    again = {"Link": f'<{API}{ISSUES}?page=2>; rel="next"'}
    hub.get(f"{API}:443/user/repos", json=[], headers=again)
    with pytest.raises(Unavailable, match="same page"):
        list(client.pages("/user/repos"))


def test_an_echoed_token_is_not_passed_on(
    client: GitHubClient, hub: responses.RequestsMock
) -> None:
    ending = ends(client, hub, "POST", status=400, json={"message": f"bad header token {TOKEN}"})
    assert ending.words == "bad header token …"


def test_a_redirect_to_another_host_is_not_followed(
    client: GitHubClient, hub: responses.RequestsMock
) -> None:
    there = {"Location": "https://evil.example/repos/x"}
    ending = ends(client, hub, "GET", status=301, headers=there, json={})
    assert type(ending) is Rejected


def test_the_next_page_is_looked_for_on_the_same_host(
    client: GitHubClient, hub: responses.RequestsMock
) -> None:
    link = '<https://evil.example/x?after=abc&per_page=100>; rel="next"'
    hub.get(f"{API}:443{ISSUES}?per_page=100", json=[{"id": 1}], headers={"Link": link})
    hub.get(f"{API}:443{ISSUES}?after=abc&per_page=100", json=[{"id": 2}])
    assert [item["id"] for item in client.pages(ISSUES)] == [1, 2]


@pytest.mark.parametrize("place", ["ops", "acme/", "/ops", "acme/ops/x", "../..", "acme/.."])
def test_what_is_no_repository_is_refused_before_any_call(place: str) -> None:
    with pytest.raises(Rejected, match="no repository"):
        repo_path(place)
    with pytest.raises(Rejected):
        issue_path(f"{place}#1")


def test_names_are_quoted() -> None:
    assert issue_path("acme/o?ps#007") == "/repos/acme/o%3Fps/issues/7"


@pytest.mark.parametrize("path", ["/acme", "/api/v3/acme", ""])
def test_an_address_beside_the_api_is_mended_to_it(path: str) -> None:
    url = f"https://github.acme.example:443{path}"
    with responses.RequestsMock() as hub:
        hub.get(f"{url}/user", status=404, json={"message": "Not Found"})
        tracker = GitHubTracker("github", GitHubClient(url, "ghp_token"))
        (finding,) = tracker.check({"acme/ops": Use()})
    assert not finding.ok
    assert "https://api.github.com, or https://HOST/api/v3 of an Enterprise" in finding.mend
