"""Each fault of the sandbox is a knob: about its share of calls, the same by the same seed."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import requests

from integrations.sandbox import Faults, GitHubLimits, JiraLimits, Sandbox
from integrations.sandbox.faults import Chance

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
CALLS = 200


class Client:
    """Both dialects, asked without any library; 0 is the status of a connection that was cut."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.moment = NOW
        sandbox.world.clock = lambda: self.moment
        sandbox.github.add_user("bot", token="bot-token")
        sandbox.github.add_repo("acme/ops", collaborators={"bot": "admin", "kim": "write"})
        sandbox.jira.add_user("bot", "Bot", "bot@acme.example", token="a-token")
        sandbox.jira.add_project("INC")

    def github(self, method: str, path: str, body: object = None) -> requests.Response | None:
        headers = {"Authorization": "token bot-token"}
        return _ask(method, self.sandbox.github_url + path, body, headers=headers)

    def jira(self, method: str, path: str, body: object = None) -> requests.Response | None:
        url = f"{self.sandbox.jira_url}/rest/api/3{path}"
        return _ask(method, url, body, auth=("bot@acme.example", "a-token"))

    def create(self) -> int:
        answer = self.github("POST", "/repos/acme/ops/issues", {"title": "Slow"})
        return answer.status_code if answer is not None else 0

    def read(self) -> int:
        answer = self.github("GET", "/repos/acme/ops")
        return answer.status_code if answer is not None else 0

    def issues(self) -> int:
        return len(self.sandbox.github.repos["acme/ops"].issues)


def _ask(method: str, url: str, body: object, **more: Any) -> requests.Response | None:
    try:
        return requests.request(method, url, json=body, timeout=5, **more)
    except requests.ConnectionError:
        return None


@pytest.fixture
def client() -> Iterator[Client]:
    with Sandbox() as sandbox:
        yield Client(sandbox)


def about(share: float, found: int, of: int = CALLS) -> bool:
    return abs(found / of - share) < 0.1


def test_off_means_off(client: Client) -> None:
    assert {client.create() for _ in range(20)} == {201}
    assert {client.read() for _ in range(20)} == {200}
    assert Faults() == Faults.from_json({})


def test_a_lost_answer_is_of_a_write_that_was_done(client: Client) -> None:
    client.sandbox.set_faults(Faults(lost_answers=0.3), seed=7)
    met = Counter(client.create() for _ in range(CALLS))
    assert about(0.3, met[0])
    assert client.issues() == CALLS
    assert {client.read() for _ in range(20)} == {200}


def test_a_reset_call_had_no_effect(client: Client) -> None:
    client.sandbox.set_faults(Faults(resets=0.3), seed=7)
    met = Counter(client.create() for _ in range(CALLS))
    assert about(0.3, met[0])
    assert client.issues() == met[201] == CALLS - met[0]
    assert [call.status for call in client.sandbox.calls].count(0) == met[0]


def test_half_of_the_server_errors_hide_a_write_that_was_done(client: Client) -> None:
    client.sandbox.set_faults(Faults(server_errors=0.4), seed=7)
    met = Counter(client.create() for _ in range(CALLS))
    failed = met[500] + met[502] + met[503]
    assert about(0.4, failed)
    assert min(met[500], met[502], met[503]) > 0
    assert about(0.5, client.issues() - met[201], of=failed)


@pytest.mark.parametrize("dialect", ["github", "jira"])
def test_a_throttled_call_is_refused_with_and_without_a_time_to_wait(
    client: Client, dialect: str
) -> None:
    client.sandbox.set_faults(Faults(throttled=0.5, throttled_seconds=17), seed=7)
    path = "/user" if dialect == "github" else "/myself"
    answers = [getattr(client, dialect)("GET", path) for _ in range(CALLS)]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert about(0.5, len(refused))
    polite = [answer for answer in refused if answer.headers.get("Retry-After") == "17"]
    assert about(0.5, len(polite), of=len(refused))
    if dialect == "jira":
        assert {(a.status_code, a.headers["RateLimit-Reason"]) for a in refused} == {
            (429, "jira-burst-based")
        }
        return
    assert {answer.status_code for answer in refused} == {403, 429}
    spent = [a for a in refused if a.headers["x-ratelimit-remaining"] == "0"]
    assert 0 < len(spent) < len(refused) - len(polite)
    assert {a.headers["x-ratelimit-reset"] for a in spent} == {str(int(NOW.timestamp()) + 17)}
    assert all("API rate limit exceeded" in a.json()["message"] for a in spent)
    assert all("Retry-After" not in answer.headers for answer in spent)
    assert all("secondary rate limit" in a.json()["message"] for a in refused if a not in spent)


def test_one_seed_makes_one_run() -> None:
    def run(seed: int) -> list[int]:
        faults = Faults(resets=0.2, throttled=0.2, server_errors=0.2, lost_answers=0.2)
        with Sandbox(faults=faults, seed=seed) as sandbox:
            client = Client(sandbox)
            return [client.create() if turn % 2 else client.read() for turn in range(60)]

    assert run(7) == run(7) != run(8)


def test_a_slow_answer_keeps_nobody_else_waiting(client: Client) -> None:
    client.sandbox.set_faults(Faults(slow=1, slow_seconds=1), seed=7)
    start = monotonic()
    waiting = [threading.Thread(target=client.create) for _ in range(4)]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join()
    assert 1 <= monotonic() - start < 3.5
    assert client.issues() == 4


def test_about_its_share_of_the_answers_is_slow() -> None:
    chance = Chance(Faults(slow=0.3, slow_seconds=2), seed=7)
    delays = Counter(chance.delay() for _ in range(CALLS))
    assert about(0.3, delays[2.0])
    assert delays[0.0] == CALLS - delays[2.0]


def test_a_search_is_late_and_a_number_is_not(client: Client) -> None:
    client.sandbox.set_faults(Faults(search_lag=300))
    key = client.sandbox.jira.create_issue("INC", "Slow", by="bot")

    def found() -> int:
        answer = client.jira("GET", "/search/jql?jql=project=INC&fields=summary")
        assert answer is not None
        return len(answer.json()["issues"])

    assert found() == 0
    direct = client.jira("GET", f"/issue/{key}")
    assert direct is not None
    assert direct.status_code == 200
    client.moment += timedelta(seconds=299)
    assert found() == 0
    client.moment += timedelta(seconds=1)
    assert found() == 1
    client.sandbox.jira.edit(key, by="bot", summary="Slower")
    assert found() == 0


def test_lists_are_late_and_a_number_is_not(client: Client) -> None:
    github = client.sandbox.github
    client.sandbox.set_faults(Faults(list_lag=300))
    parent = github.open_issue("acme/ops", "Incident", by="kim")
    child = github.open_issue("acme/ops", "Task", by="kim")
    place = github.repos["acme/ops"]
    github.add_child(place.issues[parent], place.issues[child], "kim")
    github.comment("acme/ops", parent, "Looking", by="kim")
    github.push("acme/ops", "a.md", "text", by="kim", branch="notes")
    github.pull_request("acme/ops", "notes", "Notes", by="kim")

    def listed(path: str) -> int:
        answer = client.github("GET", f"/repos/acme/ops/{path}")
        assert answer is not None
        return len(answer.json())

    assert (listed("issues"), listed("pulls")) == (0, 0)
    assert listed(f"issues/{parent}/sub_issues") == listed(f"issues/{parent}/comments") == 1
    direct = client.github("GET", f"/repos/acme/ops/issues/{child}")
    assert direct is not None
    assert direct.status_code == 200
    client.moment += timedelta(seconds=300)
    assert (listed("issues"), listed("pulls")) == (3, 1)


def test_a_tracker_is_down_until_it_is_up(client: Client) -> None:
    hour = NOW + timedelta(hours=1)
    client.sandbox.set_faults(Faults(down={"github": hour}))
    assert client.create() == 0
    assert client.issues() == 0
    assert client.jira("GET", "/myself") is not None
    client.sandbox.set_faults(Faults(down_until=hour))
    assert client.jira("GET", "/myself") is None
    assert client.read() == 0
    client.moment = hour
    assert client.read() == 200
    assert client.jira("GET", "/myself") is not None


def test_what_was_told_to_fail_next_still_fails_next(client: Client) -> None:
    client.sandbox.set_faults(Faults(resets=1))
    client.sandbox.fail_next("POST", "/issues$", status=418)
    assert [client.create(), client.create()] == [418, 0]


def test_the_control_endpoint_turns_the_knobs(client: Client) -> None:
    control = f"{client.sandbox.url}/_sandbox/sandbox/faults"
    wanted = {"seed": 7, "search_lag": 5, "down": {"github": "2026-12-01T13:00:00+00:00"}}
    assert requests.post(control, json=wanted, timeout=5).status_code == 200
    hour = NOW + timedelta(hours=1)
    assert client.sandbox.world.faults == Faults(search_lag=5, down={"github": hour})
    assert client.sandbox.world.chance.seed == 7
    for wrong in ({"resets": 2}, {"rests": 0.1}, {"down_until": "2026-12-01T13:00:00"}):
        answer = requests.post(control, json=wrong, timeout=5)
        assert answer.status_code == 400
    assert requests.post(control, json={}, timeout=5).status_code == 200
    assert client.sandbox.world.faults == Faults()


@pytest.mark.parametrize(
    ("knobs", "complaint"),
    [
        ({"resets": 1.5}, "from 0 to 1"),
        ({"slow_seconds": -1}, "from 0 to inf"),
        ({"resets": 0.6, "lost_answers": 0.6}, "more than 1 together"),
        ({"hooks_dropped": 0.6, "hooks_delayed": 0.6}, "more than 1 together"),
        ({"down_until": datetime(2026, 12, 1)}, "no time zone"),  # noqa: DTZ001 - that is the point
        ({"down": {"gitlab": NOW}}, "gitlab"),
    ],
)
def test_knobs_that_cannot_be_are_refused(knobs: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Faults(**knobs)


def test_what_only_looks_like_a_search_is_a_write(client: Client) -> None:
    client.sandbox.github.add_repo("acme/search", collaborators={"bot": "admin"})
    client.sandbox.set_faults(Faults(lost_answers=1))
    assert client.github("POST", "/repos/acme/search/issues", {"title": "Slow"}) is None
    assert client.jira("POST", "/search/jql", {"jql": "project = INC"}) is not None
    assert [call.is_write for call in client.sandbox.calls] == [True, False]


def test_every_knob_and_every_budget_is_told_in_the_documentation() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "sandbox.md"
    told = re.findall(r"^\| `(\w+)` \|", page.read_text(), re.MULTILINE)
    sets = (Faults, GitHubLimits, JiraLimits)
    assert sorted(told) == sorted(knob.name for one in sets for knob in fields(one))


# --- webhooks -----------------------------------------------------------------------------------


class Listener:
    """Somebody who takes webhooks, and keeps the ids and the numbers of the issues they tell of."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        got = self.got

        class Taking(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                event = self.headers["X-GitHub-Event"]
                got.append((self.headers["X-GitHub-Delivery"], f"{event} {len(body)}"))
                self.send_response(202)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing is printed."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def ids(self) -> list[str]:
        return [identifier for identifier, _ in self.got]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def listener(client: Client) -> Iterator[Listener]:
    listener = Listener()
    client.sandbox.github.hook("acme/ops", listener.url, "secret", ["issue_comment"])
    client.sandbox.github.open_issue("acme/ops", "Slow", by="kim")
    yield listener
    listener.stop()


def say(client: Client, times: int) -> None:
    for turn in range(times):
        client.sandbox.github.comment("acme/ops", 1, f"Looking, {turn}", by="kim")
    assert client.sandbox.hooks.drain()


def test_webhooks_come_once_and_in_order_when_no_knob_is_turned(
    client: Client, listener: Listener
) -> None:
    say(client, 20)
    assert listener.ids() == [delivery.id for delivery in client.sandbox.hooks.log]


def test_about_its_share_of_the_webhooks_is_dropped(client: Client, listener: Listener) -> None:
    client.sandbox.set_faults(Faults(hooks_dropped=0.3), seed=7)
    say(client, 100)
    dropped = [d for d in client.sandbox.hooks.log if d.statuses == [0]]
    assert about(0.3, len(dropped), of=100)
    assert len(listener.got) == 100 - len(dropped)
    assert not {d.id for d in dropped} & set(listener.ids())


def test_about_its_share_of_the_webhooks_comes_twice(client: Client, listener: Listener) -> None:
    client.sandbox.set_faults(Faults(hooks_duplicated=0.3), seed=7)
    say(client, 100)
    assert about(0.3, len(listener.got) - 100, of=100)
    assert len(set(listener.ids())) == 100


def test_about_its_share_of_the_webhooks_comes_after_the_following_one(
    client: Client, listener: Listener
) -> None:
    client.sandbox.set_faults(Faults(hooks_reordered=0.3), seed=7)
    say(client, 100)
    sent = [delivery.id for delivery in client.sandbox.hooks.log]
    assert sorted(listener.ids()) == sorted(sent)
    late = [n for n, got in enumerate(listener.ids()) if sent.index(got) < n]
    assert 0.1 < len(late) / 100 < 0.4


def test_a_webhook_that_nothing_follows_comes_nevertheless(
    client: Client, listener: Listener
) -> None:
    client.sandbox.set_faults(Faults(hooks_reordered=1), seed=7)
    say(client, 1)
    assert len(listener.got) == 1


def test_a_delayed_webhook_comes_later(client: Client, listener: Listener) -> None:
    client.sandbox.set_faults(Faults(hooks_delayed=1, hooks_delay_seconds=0.4), seed=7)
    start = monotonic()
    say(client, 3)
    assert monotonic() - start >= 0.4
    assert len(listener.got) == 3
