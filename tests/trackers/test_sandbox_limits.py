"""The sandbox enforces the vendors' budgets when told to, and keeps a list of who was over them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from integrations.sandbox import Faults, GitHubLimits, JiraLimits, Sandbox
from integrations.sandbox.limits import Window

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
ISSUES = "/repos/acme/ops/issues"


class Client:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.moment = NOW
        sandbox.world.clock = lambda: self.moment
        for name in ("bot", "other"):
            sandbox.github.add_user(name, token=f"{name}-token")
            sandbox.jira.add_user(name, name, f"{name}@acme.example", token="a-token")
        sandbox.github.add_repo("acme/ops", collaborators={"bot": "admin", "other": "admin"})
        sandbox.jira.add_project("INC")
        self.key = sandbox.jira.create_issue("INC", "Slow", by="bot")

    def github(self, method: str, path: str, who: str = "bot") -> requests.Response:
        headers = {"Authorization": f"token {who}-token"}
        url = self.sandbox.github_url + path
        return requests.request(method, url, json={"title": "Slow"}, headers=headers, timeout=5)

    def jira(self, method: str, path: str, body: object = None) -> requests.Response:
        url = f"{self.sandbox.jira_url}/rest/api/3{path}"
        auth = ("bot@acme.example", "a-token")
        return requests.request(method, url, json=body, auth=auth, timeout=5)

    def wait(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)

    def budgets(self) -> list[str]:
        return [violation.budget for violation in self.sandbox.violations]


@pytest.fixture
def client() -> Iterator[Client]:
    with Sandbox() as sandbox:
        yield Client(sandbox)


def test_nothing_is_enforced_until_it_is_told_to(client: Client) -> None:
    answers = [client.github("POST", ISSUES) for _ in range(90)]
    assert {answer.status_code for answer in answers} == {201}
    assert "x-ratelimit-remaining" not in answers[-1].headers
    assert client.sandbox.violations == []


def test_github_takes_eighty_creations_a_minute_of_each_account(client: Client) -> None:
    client.sandbox.enforce(github=GitHubLimits())
    assert {client.github("POST", ISSUES).status_code for _ in range(80)} == {201}
    client.wait(20)
    refused = client.github("POST", ISSUES)
    assert refused.status_code == 403
    assert "exceeded a secondary rate limit" in refused.json()["message"]
    assert refused.headers["Retry-After"] == "40"
    assert refused.headers["x-ratelimit-remaining"] == "4920"
    assert client.github("GET", ISSUES).status_code == 200
    assert client.github("POST", ISSUES, who="other").status_code == 201
    client.wait(40)
    assert client.github("POST", ISSUES).status_code == 201
    (violation,) = client.sandbox.violations
    assert (violation.dialect, violation.account) == ("github", "bot")
    assert (violation.budget, violation.path) == ("creations_per_minute", f"/github/api/v3{ISSUES}")
    assert violation.at == NOW + timedelta(seconds=20)


def test_github_takes_five_hundred_creations_an_hour(client: Client) -> None:
    client.sandbox.enforce(github=GitHubLimits())
    for _ in range(500):
        assert client.github("POST", ISSUES).status_code == 201
        client.wait(1)
    refused = client.github("POST", ISSUES)
    assert client.budgets() == ["creations_per_hour"]
    assert refused.headers["Retry-After"] == str(3600 - 500)


def test_github_counts_points_of_which_a_write_is_five(client: Client) -> None:
    client.sandbox.enforce(github=GitHubLimits(points_per_minute=12))
    statuses = [client.github(m, ISSUES).status_code for m in ("POST", "POST", "POST", "GET")]
    assert statuses == [201, 201, 429, 200]
    assert client.budgets() == ["points_per_minute"]


def test_github_tells_what_is_left_of_the_hour_on_every_answer(client: Client) -> None:
    client.sandbox.enforce(github=GitHubLimits(requests_per_hour=2))
    first = client.github("GET", "/user")
    assert first.headers["x-ratelimit-limit"] == "2"
    assert first.headers["x-ratelimit-used"] == first.headers["x-ratelimit-remaining"] == "1"
    assert first.headers["x-ratelimit-resource"] == "core"
    reset = NOW + timedelta(hours=1)
    assert first.headers["x-ratelimit-reset"] == str(int(reset.timestamp()))
    assert client.github("GET", "/repos/acme/none").headers["x-ratelimit-remaining"] == "0"
    refused = client.github("GET", "/user")
    assert (refused.status_code, refused.headers["x-ratelimit-remaining"]) == (429, "0")
    assert "API rate limit exceeded" in refused.json()["message"]
    assert "Retry-After" not in refused.headers
    client.moment = reset
    assert client.github("GET", "/user").headers["x-ratelimit-remaining"] == "1"


def test_github_takes_so_many_at_once(client: Client) -> None:
    client.sandbox.enforce(github=GitHubLimits(concurrent=2))
    client.sandbox.set_faults(Faults(slow=1, slow_seconds=1.5))
    got: list[int] = []
    asking = [
        threading.Thread(target=lambda: got.append(client.github("GET", "/user").status_code))
        for _ in range(4)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert sorted(got) == [200, 200, 403, 403]
    assert client.budgets() == ["concurrent", "concurrent"]
    client.sandbox.set_faults()
    until = monotonic() + 5
    while client.github("GET", "/user").status_code != 200:
        assert monotonic() < until, "what is done is still counted"
        sleep(0.01)


def test_a_wrong_token_and_a_call_cut_on_its_way_cost_nothing(client: Client) -> None:
    client.sandbox.enforce(github=GitHubLimits(requests_per_hour=2))
    assert client.github("GET", "/user", who="nobody").status_code == 401
    client.sandbox.fail_next("GET", "/user$", drop_connection=True)
    with pytest.raises(requests.ConnectionError):
        client.github("GET", "/user")
    client.sandbox.fail_next("GET", "/user$", status=502, after_effect=True)
    assert client.github("GET", "/user").status_code == 502
    assert client.github("GET", "/user").headers["x-ratelimit-remaining"] == "0"


def test_jira_takes_so_many_writes_of_one_issue(client: Client) -> None:
    client.sandbox.enforce(jira=JiraLimits())
    other = client.sandbox.jira.create_issue("INC", "Slower", by="bot")
    id = client.sandbox.jira.issue(client.key).id
    text = {"type": "doc", "version": 1, "content": []}
    text["content"] = [{"type": "paragraph", "content": [{"type": "text", "text": "Looking"}]}]

    def comment(issue: str) -> requests.Response:
        return client.jira("POST", f"/issue/{issue}/comment", {"body": text})

    assert {comment((client.key, id)[turn % 2]).status_code for turn in range(20)} == {201}
    refused = comment(client.key)
    assert refused.status_code == 429
    assert refused.headers["RateLimit-Reason"] == "jira-per-issue-on-write"
    assert refused.headers["Retry-After"] == "2"
    assert refused.headers["X-RateLimit-Reset"] == "2026-12-01T12:00Z"
    assert comment(other).status_code == 201
    assert client.jira("GET", f"/issue/{client.key}").status_code == 200
    for _ in range(4):
        client.wait(2)
        assert {comment(client.key).status_code for _ in range(20)} == {201}
    client.wait(2)
    assert comment(id).headers["Retry-After"] == "20"
    assert client.budgets() == ["issue_writes_per_2_seconds", "issue_writes_per_30_seconds"]


def test_jira_takes_so_many_calls_of_one_endpoint_and_method(client: Client) -> None:
    client.sandbox.enforce(jira=JiraLimits(reads_per_second=5))
    answers = [client.jira("GET", f"/issue/{client.key}") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert [a.headers["X-RateLimit-Remaining"] for a in answers] == list("432100")
    near = [answer.headers["X-RateLimit-NearLimit"] for answer in answers]
    assert near == ["false"] * 4 + ["true"] * 2
    assert answers[5].headers["RateLimit-Reason"] == "jira-burst-based"
    assert answers[5].headers["X-RateLimit-Limit"] == "5"
    assert client.jira("GET", "/myself").status_code == 200
    assert client.jira("GET", "/issue/NO-1").status_code == 429
    client.wait(1)
    assert client.jira("GET", "/issue/NO-1").status_code == 404
    assert client.budgets() == ["reads_per_second"] * 2


def test_the_control_endpoint_enforces_and_tells_of_violations(client: Client) -> None:
    control = f"{client.sandbox.url}/_sandbox"
    wanted = {"github": {"creations_per_minute": 1}, "jira": {}}
    assert requests.post(f"{control}/sandbox/enforce", json=wanted, timeout=5).status_code == 200
    assert [client.github("POST", ISSUES).status_code for _ in range(2)] == [201, 403]
    (told,) = requests.get(f"{control}/violations", timeout=5).json()
    assert told == {
        "dialect": "github",
        "account": "bot",
        "budget": "creations_per_minute",
        "path": f"/github/api/v3{ISSUES}",
        "at": "2026-12-01T12:00:00+00:00",
    }
    for wrong in ({"github": {"creations": 1}}, {"jira": {"reads_per_second": 0}}):
        answer = requests.post(f"{control}/sandbox/enforce", json=wrong, timeout=5)
        assert answer.status_code == 400
    assert requests.post(f"{control}/sandbox/enforce", json={}, timeout=5).status_code == 200
    assert client.github("POST", ISSUES).status_code == 201
    assert client.sandbox.violations == []


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 5)), max_size=60))
def test_no_stretch_of_a_window_holds_more_than_its_limit(steps: list[tuple[int, int]]) -> None:
    """Whoever waits as long as the window says is let in then, and not a moment sooner."""
    window, now = Window(10, 20), NOW
    spent: list[tuple[datetime, int]] = []
    for pause, cost in steps:
        now += timedelta(seconds=pause)
        if wait := window.wait(now, cost):
            assert window.wait(now + timedelta(seconds=wait - 0.5), cost) > 0
            now += timedelta(seconds=wait)
            assert window.wait(now, cost) == 0
        window.spend(now, cost)
        spent.append((now, cost))
        recent = [c for at, c in spent if at > now - timedelta(seconds=20)]
        assert sum(recent) <= 10
