"""How a call to Jira can end, at the edge of HTTP."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import responses
from urllib3.exceptions import MaxRetryError, NewConnectionError

from integrations.jira.adapter import JiraTracker
from integrations.jira.client import JiraClient, Refused
from integrations.tracker import (
    NotThere,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    SignInFailed,
    TrackerError,
    Unavailable,
)
from integrations.uses import Use

URL, TOKEN = "https://jira.acme.example/context", "s3cret-token"
API = f"{URL}/rest/api/3"
NOW = datetime(2026, 12, 1, 10, 30, tzinfo=UTC)


def client(cloud: bool | None = True, user: str | None = "bot@acme.example") -> JiraClient:
    return JiraClient(URL, user=user, token=TOKEN, clock=lambda: NOW, cloud=cloud)


def ends(method: str, **answer: Any) -> TrackerError:
    """How a call ends that is answered so; it is made once."""
    with responses.RequestsMock() as jira:
        jira.add(method, f"{API}/issue", **answer)
        with pytest.raises(TrackerError) as raised:
            client().get("/issue") if method == "GET" else client().post("/issue", {})
        assert len(jira.calls) == 1
    assert TOKEN not in repr(raised.value) + raised.value.words + raised.value.mend
    return raised.value


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_a_failing_server_is_unavailable_to_reads_and_unknown_to_writes(status: int) -> None:
    assert type(ends("GET", status=status)) is Unavailable
    assert type(ends("POST", status=status, headers={"Retry-After": "1"})) is OutcomeUnknown


LOST = [
    requests.ReadTimeout("read timed out"),
    requests.ConnectionError("Connection aborted", ConnectionResetError(104, "reset by peer")),
    requests.exceptions.ChunkedEncodingError("cut off"),
    requests.exceptions.SSLError("[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred"),
]


@pytest.mark.parametrize("error", LOST, ids=lambda error: type(error).__name__)
def test_an_answer_that_never_came_is_unknown_to_writes_only(error: Exception) -> None:
    assert type(ends("GET", body=error)) is Unavailable
    assert type(ends("POST", body=error)) is OutcomeUnknown


NEVER_SENT = [
    requests.ConnectTimeout("connect timed out"),
    requests.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate"),
    requests.exceptions.ProxyError("no proxy"),
    requests.ConnectionError(
        MaxRetryError(
            None,  # type: ignore[arg-type]
            "/",
            NewConnectionError(None, "refused"),  # type: ignore[arg-type]
        )
    ),
]


@pytest.mark.parametrize("error", NEVER_SENT, ids=lambda error: type(error).__name__)
def test_what_was_never_sent_had_certainly_no_effect(error: Exception) -> None:
    assert type(ends("GET", body=error)) is Unavailable
    assert type(ends("POST", body=error)) is Unavailable


def test_a_closed_port_and_an_unknown_host_are_unavailable_in_truth() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    for address in (f"http://127.0.0.1:{port}", "http://jira.invalid"):
        there = JiraClient(address, user=None, token=TOKEN, clock=lambda: NOW, cloud=True)
        with pytest.raises(Unavailable):
            there.post("/issue", {})


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({"Retry-After": "5"}, timedelta(seconds=5)),
        ({"Retry-After": "0"}, timedelta(seconds=1)),
        ({"X-RateLimit-Reset": "2026-12-01T10:31Z"}, timedelta(minutes=1)),
        ({"X-RateLimit-Reset": "2036-12-01T10:31Z"}, timedelta(days=1)),
        ({"Retry-After": "soon", "X-RateLimit-Reset": "later"}, timedelta(minutes=1)),
        ({"Retry-After": "nan"}, timedelta(minutes=1)),
        ({}, timedelta(minutes=1)),
    ],
)
def test_a_rate_limit_says_when(headers: dict[str, str], after: timedelta) -> None:
    limited = ends("POST", status=429, headers=headers)
    assert isinstance(limited, RateLimited)
    assert limited.retry_at == NOW + after


def test_a_wrong_token_and_a_missing_permission_say_what_to_do() -> None:
    assert "expire" in ends("GET", status=401).mend
    assert "permission" in ends("POST", status=403, json={"errorMessages": ["No."]}).mend
    captcha = {"X-Authentication-Denied-Reason": "CAPTCHA_CHALLENGE; login-url=x"}
    assert "CAPTCHA" in ends("GET", status=403, headers=captcha).mend
    assert isinstance(ends("GET", status=401), SignInFailed)


def test_a_refusal_keeps_jiras_own_words_and_never_the_token() -> None:
    said = {"errorMessages": [f"Bad {TOKEN}."], "errors": {"summary": "You must specify one."}}
    refused = ends("POST", status=400, json=said)
    assert isinstance(refused, Refused)
    assert refused.words == "Bad ***.; summary: You must specify one."
    assert refused.fields == {"summary": "You must specify one."}


@pytest.mark.parametrize(
    "said", ["null", "[]", "7", '{"errors": null, "errorMessages": null}', "<html>oops"]
)
def test_error_answers_out_of_shape_are_still_refusals(said: str) -> None:
    assert ends("POST", status=400, body=said).words.startswith("400")


def test_gone_is_not_there_and_two_at_once_may_be_tried_again() -> None:
    assert isinstance(ends("GET", status=404, json={"errorMessages": ["No issue."]}), NotThere)
    assert type(ends("POST", status=409)) is Unavailable


def test_a_proxys_404_is_no_deleted_ticket() -> None:
    assert isinstance(ends("GET", status=404, body="<html>Back soon"), Unavailable)


def test_an_expired_token_that_reads_as_nobody_is_no_deleted_ticket_and_no_empty_list() -> None:
    nobody = {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}
    said = {"errorMessages": ["Issue does not exist or you do not have permission to see it."]}
    assert isinstance(ends("GET", status=404, json=said, headers=nobody), SignInFailed)
    assert isinstance(ends("GET", status=200, json={"issues": []}, headers=nobody), SignInFailed)


def test_a_redirect_is_not_followed_and_says_what_to_write() -> None:
    sent_on = ends("GET", status=302, headers={"Location": "https://evil.example/x?secret=1"})
    assert isinstance(sent_on, Rejected)
    assert "https://evil.example" in sent_on.words
    assert "secret" not in sent_on.words


def test_a_page_where_json_was_due_is_no_answer() -> None:
    assert type(ends("GET", status=200, body="<html>Sign in")) is Unavailable
    assert type(ends("POST", status=200, body="<html>Sign in")) is OutcomeUnknown


def test_signing_in_is_basic_with_a_user_and_bearer_without() -> None:
    for user, scheme in (("bot@acme.example", "Basic "), (None, "Bearer ")):
        with responses.RequestsMock() as jira:
            jira.add("GET", f"{API}/myself", json={"accountId": "1"})
            client(user=user).get("/myself")
            assert jira.calls[0].request.headers["Authorization"].startswith(scheme)


@pytest.mark.parametrize(
    ("answer", "cloud"),
    [
        ({"json": {"deploymentType": "Cloud"}}, True),
        ({"json": {"deploymentType": "Server"}}, False),
        ({"json": {"version": "7.0.0"}}, False),
    ],
)
def test_the_deployment_is_asked_for_once(answer: dict[str, Any], cloud: bool) -> None:
    with responses.RequestsMock() as jira:
        jira.add("GET", f"{URL}/rest/api/2/serverInfo", **answer)
        there = client(cloud=None)
        assert (there.cloud, there.cloud) == (cloud, cloud)
        assert len(jira.calls) == 1


def test_a_maintenance_page_is_not_taken_for_data_center_for_ever() -> None:
    there = client(cloud=None)
    with responses.RequestsMock() as jira:
        jira.add("GET", f"{URL}/rest/api/2/serverInfo", status=404, body="<html>Back soon")
        with pytest.raises(Unavailable):
            _ = there.cloud
    with responses.RequestsMock() as jira:
        jira.add("GET", f"{URL}/rest/api/2/serverInfo", json={"deploymentType": "Cloud"})
        assert there.cloud


@pytest.mark.parametrize("body", ["[1]", "null", "7", '"x"', '{"fields": 1}', '{"id": null}'])
def test_a_success_out_of_shape_is_no_answer(body: str) -> None:
    for method, kind in (("GET", Unavailable), ("POST", OutcomeUnknown)):
        with responses.RequestsMock() as jira:
            jira.add(method, f"{API}/issue", body=body)
            with pytest.raises(kind) as odd:
                (client().get("/issue") if method == "GET" else client().post("/issue", {}))["id"]
            assert "the answer" in odd.value.words


def test_a_list_out_of_shape_is_no_answer() -> None:
    for body in ("{}", "[1]", '[{"nothing": 1}]'):
        with responses.RequestsMock() as jira:
            jira.add("GET", f"{API}/field", body=body)
            with pytest.raises(Unavailable):
                [field["id"] for field in client().listed("/field")]


def test_a_page_without_its_items_is_not_an_empty_list() -> None:
    for body in ("", "{}", '{"issues": null}', '{"issues": [null]}'):
        with responses.RequestsMock() as jira:
            jira.add("GET", f"{API}/search/jql", body=body)
            with pytest.raises(Unavailable):
                list(client().search("project = INC", "updated"))


def test_atlassians_own_addresses_need_no_question() -> None:
    there = JiraClient("https://acme.atlassian.net/", user="x", token="y", clock=lambda: NOW)
    assert there.cloud


@pytest.mark.parametrize("path", ["/jira/software", "/browse/INC-1"])
def test_the_address_of_a_page_in_the_cloud_is_mended_to_that_of_the_site(path: str) -> None:
    there = f"https://acme.atlassian.net{path}"
    with responses.RequestsMock() as jira:
        jira.get(f"{there}/rest/api/3/myself", status=404, body="<html>Not here</html>")
        tracker = JiraTracker("jira", there, user="x", token=TOKEN, clock=lambda: NOW)
        (finding,) = tracker.check({"INC": Use()})
    assert not finding.ok
    assert finding.mend == (
        "Write only the site's address as url in the rules: https://acme.atlassian.net."
    )
