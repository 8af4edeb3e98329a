"""The sandbox's GitHub lists what it delivered, and delivers it again when it is asked to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from integrations.sandbox import Faults, Sandbox

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


class Receiver:
    """Somebody who takes webhooks and answers each with `status`."""

    def __init__(self) -> None:
        self.status = 202
        self.got: list[tuple[str, str, bytes]] = []
        receiver = self

        class Taking(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sent = self.headers["X-GitHub-Delivery"], self.headers["X-GitHub-Hook-ID"]
                receiver.got.append((*sent, body))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing is printed."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Client:
    def __init__(self, sandbox: Sandbox, receiver: Receiver) -> None:
        self.sandbox, self.github, self.receiver = sandbox, sandbox.github, receiver
        self.moment = NOW
        sandbox.world.clock = lambda: self.moment
        self.github.add_user("bot", token="bot-token")
        self.github.add_user("writer", token="writer-token")
        self.github.add_repo("acme/ops", collaborators={"bot": "admin", "writer": "write"})
        self.hook = self.github.hook("acme/ops", receiver.url, "secret", ["issues"])
        self.here = f"{sandbox.github_url}/repos/acme/ops/hooks"

    def ask(self, method: str, path: str = "", who: str = "bot") -> requests.Response:
        url = path if path.startswith("http") else self.here + path
        headers = {"Authorization": f"token {who}-token"}
        return requests.request(method, url, headers=headers, timeout=5)

    def deliveries(self, query: str = "") -> requests.Response:
        return self.ask("GET", f"/{self.hook}/deliveries{query}")

    def open(self, times: int = 1) -> None:
        for _ in range(times):
            self.github.open_issue("acme/ops", "Slow", by="writer")
        assert self.sandbox.hooks.drain()


@pytest.fixture
def client() -> Iterator[Client]:
    receiver = Receiver()
    with Sandbox() as sandbox:
        yield Client(sandbox, receiver)
    receiver.stop()


def test_a_repository_lists_its_hooks_without_their_secrets(client: Client) -> None:
    client.github.add_repo("acme/other")
    client.github.hook("acme/other", client.receiver.url, "secret")
    (hook,) = client.ask("GET").json()
    assert (hook["id"], hook["events"], hook["active"]) == (client.hook, ["issues"], True)
    assert hook["config"]["url"] == client.receiver.url
    assert hook["config"]["secret"] == "********"
    assert hook["created_at"] == "2026-12-01T12:00:00Z"


def test_a_delivery_is_listed_with_its_event_and_its_answer(client: Client) -> None:
    client.open()
    client.receiver.status = 503
    client.open()
    client.sandbox.set_faults(Faults(hooks_dropped=1))
    client.open()
    newest, failed, fine = client.deliveries().json()
    assert (newest["status"], newest["status_code"]) == ("failed to connect", 502)
    assert (failed["status"], failed["status_code"]) == ("Invalid HTTP Response: 503", 503)
    assert (fine["status"], fine["status_code"]) == ("OK", 202)
    assert [fine[k] for k in ("event", "action", "redelivery")] == ["issues", "opened", False]
    assert fine["delivered_at"] == "2026-12-01T12:00:00Z"
    sent = client.receiver.got
    assert [fine["guid"], failed["guid"]] == [guid for guid, _, _ in sent]
    assert {hook for _, hook, _ in sent} == {str(client.hook)}
    assert newest["id"] > failed["id"] > fine["id"]


def test_a_failed_delivery_is_delivered_again_under_its_guid(client: Client) -> None:
    client.receiver.status = 500
    client.open()
    client.receiver.status = 202
    (failed,) = client.deliveries().json()
    asked = client.ask("POST", f"/{client.hook}/deliveries/{failed['id']}/attempts")
    assert asked.status_code == 202
    assert client.sandbox.hooks.drain()
    again, first = client.deliveries().json()
    assert first == failed
    assert (again["guid"], again["redelivery"], again["status"]) == (failed["guid"], True, "OK")
    assert client.receiver.got[0] == client.receiver.got[1]


def test_what_is_delivered_again_can_be_lost_again(client: Client) -> None:
    client.sandbox.set_faults(Faults(hooks_dropped=1))
    client.open()
    id = client.deliveries().json()[0]["id"]
    assert client.ask("POST", f"/{client.hook}/deliveries/{id}/attempts").status_code == 202
    assert [d["status_code"] for d in client.deliveries().json()] == [502, 502]
    assert client.receiver.got == []


def test_deliveries_come_in_pages_by_cursor(client: Client) -> None:
    client.open(times=7)
    page, ids = client.deliveries("?per_page=3"), []
    ids += [one["id"] for one in page.json()]
    assert "prev" not in page.links
    while "next" in page.links:
        page = client.ask("GET", page.links["next"]["url"])
        ids += [one["id"] for one in page.json()]
    assert len(ids) == 7
    assert ids == sorted(ids, reverse=True)
    assert client.ask("GET", page.links["prev"]["url"]).json()[0]["id"] == ids[3]
    assert client.deliveries("?cursor=v1_0").status_code == 422


def test_a_cursor_stands_still_while_more_is_delivered(client: Client) -> None:
    client.open(times=4)
    first = client.deliveries("?per_page=2")
    client.open(times=2)
    rest = client.ask("GET", first.links["next"]["url"])
    assert len({one["id"] for one in first.json() + rest.json()}) == 4


def test_what_is_older_than_three_days_is_gone(client: Client) -> None:
    client.open()
    id = client.deliveries().json()[0]["id"]
    client.moment += timedelta(days=3, seconds=1)
    assert client.deliveries().json() == []
    gone = client.ask("POST", f"/{client.hook}/deliveries/{id}/attempts")
    assert gone.status_code == 404


def test_hooks_are_for_whoever_administers_the_repository(client: Client) -> None:
    client.open()
    id = client.deliveries().json()[0]["id"]
    for method, path in (
        ("GET", ""),
        ("GET", f"/{client.hook}/deliveries"),
        ("POST", f"/{client.hook}/deliveries/{id}/attempts"),
    ):
        assert client.ask(method, path, who="writer").status_code == 404
    assert client.ask("GET", "/1/deliveries").status_code == 404
    assert client.ask("POST", f"/{client.hook}/deliveries/999/attempts").status_code == 404
    assert client.ask("GET", f"/{client.hook}").status_code == 501
