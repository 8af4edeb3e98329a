"""The sandbox's GitHub: it enforces what a GitHub server enforces, and tells what one tells."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from integrations.sandbox import Sandbox

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


class Client:
    """A GitHub client that hides nothing: what it is given is what was answered."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def ask(
        self, method: str, path: str, body: object = None, token: str = "bot-token", **more: Any
    ) -> requests.Response:
        headers = {"Authorization": f"token {token}"}
        url = path if path.startswith("http") else self.sandbox.github_url + path
        return requests.request(method, url, json=body, headers=headers, timeout=5, **more)

    def put(self, path: str, text: str, **more: object) -> requests.Response:
        content = base64.b64encode(text.encode()).decode()
        body = {"message": "Write", "content": content, **more}
        return self.ask("PUT", f"/repos/acme/ops/contents/{path}", body)


@pytest.fixture
def client() -> Iterator[Client]:
    with Sandbox(clock=lambda: NOW) as sandbox:
        github = sandbox.github
        github.add_user("acme-bot", token="bot-token")
        github.add_user("stranger", token="stranger-token")
        github.add_repo("acme/ops", collaborators={"acme-bot": "write", "kim": "write"})
        github.add_repo("acme/secret", private=True)
        yield Client(sandbox)


def told(client: Client) -> list[tuple[str, str]]:
    log = client.sandbox.hooks.log
    return [(d.event, json.loads(d.body).get("action", "")) for d in log]


def test_wrong_tokens_and_hidden_repositories(client: Client) -> None:
    assert client.ask("GET", "/user", token="wrong").status_code == 401
    assert client.ask("GET", "/user").json()["login"] == "acme-bot"
    assert client.ask("GET", "/repos/acme/secret").status_code == 404
    assert client.ask("GET", "/repos/acme/ops").json()["permissions"]["push"] is True


def test_a_repository_tells_who_may_see_it(client: Client) -> None:
    client.sandbox.github.add_repo("acme/inner", private=True, collaborators={"acme-bot": "read"})
    shown = [client.ask("GET", f"/repos/acme/{name}").json() for name in ("ops", "inner")]
    assert [repo["private"] for repo in shown] == [False, True]
    assert [repo["visibility"] for repo in shown] == ["public", "private"]


def test_without_push_access_labels_and_assignees_are_silently_dropped(client: Client) -> None:
    wanted = {"title": "Slow", "labels": ["incident"], "assignees": ["kim"]}
    path = "/repos/acme/ops/issues"
    dropped = client.ask("POST", path, wanted, token="stranger-token").json()
    assert (dropped["labels"], dropped["assignees"]) == ([], [])
    assert dropped["author_association"] == "NONE"
    kept = client.ask("POST", path, wanted).json()
    assert [label["name"] for label in kept["labels"]] == ["incident"]
    assert kept["assignee"]["login"] == "kim"


@pytest.mark.parametrize(
    ("field", "value"), [("assignees", ["nobody"]), ("milestone", 9), ("title", ""), ("body", 3)]
)
def test_what_is_not_valid_fails_the_whole_creation(
    client: Client, field: str, value: object
) -> None:
    refused = client.ask("POST", "/repos/acme/ops/issues", {"title": "Slow", field: value})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == field
    assert client.sandbox.github.repos["acme/ops"].issues == {}


def test_a_change_replaces_labels_and_assignees_as_whole_sets(client: Client) -> None:
    number = client.sandbox.github.open_issue("acme/ops", "Slow", by="kim", labels=["incident"])
    path = f"/repos/acme/ops/issues/{number}"
    changed = client.ask("PATCH", path, {"labels": ["bug"], "assignees": ["kim"]}).json()
    assert [label["name"] for label in changed["labels"]] == ["bug"]
    closed = client.ask("PATCH", path, {"state": "closed", "state_reason": "not_planned"}).json()
    assert (closed["state_reason"], closed["closed_by"]["login"]) == ("not_planned", "acme-bot")
    reopened = client.ask("PATCH", path, {"state": "open"}).json()
    assert (reopened["state_reason"], reopened["closed_at"]) == ("reopened", None)


def test_the_timeline_tells_everything_that_happened(client: Client) -> None:
    github = client.sandbox.github
    number = github.open_issue("acme/ops", "Slow", by="kim", labels=["incident"])
    github.comment("acme/ops", number, "Looking", by="stranger")
    github.edit("acme/ops", number, by="kim", title="Very slow")
    github.close("acme/ops", number, by="kim")
    path = f"/repos/acme/ops/issues/{number}/timeline"
    events = client.ask("GET", path).json()
    assert [e["event"] for e in events] == ["labeled", "commented", "renamed", "closed"]
    assert events[1]["author_association"] == "NONE"
    assert events[3]["state_reason"] == "completed"
    first = client.ask("GET", f"{path}?per_page=3")
    assert len(first.json()) == 3
    (last,) = client.ask("GET", first.links["next"]["url"]).json()
    assert last["event"] == "closed"


def test_issue_lists_hold_pull_requests_too_and_follow_since(client: Client) -> None:
    moment = [NOW]
    client.sandbox.world.clock = lambda: moment[0]
    github = client.sandbox.github
    github.open_issue("acme/ops", "Old", by="kim")
    moment[0] = NOW.replace(hour=13)
    github.push("acme/ops", "notes.md", "text", by="kim", branch="notes")
    github.pull_request("acme/ops", "notes", "Notes", by="kim")
    listed = client.ask("GET", "/repos/acme/ops/issues?since=2026-12-01T12:30:00Z").json()
    assert [(i["title"], "pull_request" in i) for i in listed] == [("Notes", True)]


def test_sub_issues_have_one_parent_and_may_be_switched_off(client: Client) -> None:
    github = client.sandbox.github
    one, two, child = (github.open_issue("acme/ops", title, by="kim") for title in "abc")
    identifier = client.ask("GET", f"/repos/acme/ops/issues/{child}").json()["id"]
    wanted = {"sub_issue_id": identifier}
    path = f"/repos/acme/ops/issues/{one}/sub_issues"
    assert client.ask("POST", path, wanted).status_code == 201
    assert [i["number"] for i in client.ask("GET", path).json()] == [child]
    again = client.ask("POST", path, wanted)
    other = client.ask("POST", f"/repos/acme/ops/issues/{two}/sub_issues", wanted)
    assert (again.status_code, other.status_code) == (422, 422)
    github.sub_issues = False
    assert client.ask("POST", path, wanted).status_code == 404


def test_a_parent_has_at_most_a_hundred_sub_issues(client: Client) -> None:
    github = client.sandbox.github
    place = github.repos["acme/ops"]
    parent = github.open_issue("acme/ops", "Parent", by="kim")
    for _ in range(100):
        child = github.open_issue("acme/ops", "Child", by="kim")
        github.add_child(place.issues[parent], place.issues[child], "kim")
    one_more = place.issues[github.open_issue("acme/ops", "Child", by="kim")]
    path = f"/repos/acme/ops/issues/{parent}/sub_issues"
    assert client.ask("POST", path, {"sub_issue_id": one_more.id}).status_code == 422


def test_a_deleted_issue_is_gone_and_a_transferred_one_has_moved(client: Client) -> None:
    github = client.sandbox.github
    github.add_repo("acme/new-home")
    deleted, moved = (github.open_issue("acme/ops", title, by="kim") for title in "ab")
    github.delete("acme/ops", deleted, by="kim")
    assert client.ask("GET", f"/repos/acme/ops/issues/{deleted}").status_code == 410
    before = github.repos["acme/ops"].issues[moved].node_id
    number = github.transfer("acme/ops", moved, "acme/new-home", by="kim")
    path = f"/repos/acme/ops/issues/{moved}"
    assert client.ask("GET", path, allow_redirects=False).status_code == 301
    followed = client.ask("GET", path).json()
    assert (followed["number"], followed["title"]) == (number, "b")
    assert followed["node_id"] != before


def test_files_are_compared_before_they_are_swapped(client: Client) -> None:
    assert client.put("a/b.md", "one").status_code == 201
    read = client.ask("GET", "/repos/acme/ops/contents/a/b.md?ref=main").json()
    assert base64.b64decode(read["content"]) == b"one"
    assert client.put("a/b.md", "two").status_code == 422
    assert client.put("a/b.md", "two", sha="0" * 40).status_code == 409
    assert client.put("a/b.md", "two", sha=read["sha"]).status_code == 200
    assert client.put("a/b.md", "x", branch="nowhere").status_code == 404


def test_a_reference_is_made_once(client: Client) -> None:
    sha = client.ask("GET", "/repos/acme/ops/git/ref/heads/main").json()["object"]["sha"]
    wanted = {"ref": "refs/heads/followthrough/inc-1", "sha": sha}
    path = "/repos/acme/ops/git/refs"
    assert client.ask("POST", path, wanted).status_code == 201
    again = client.ask("POST", path, wanted)
    assert (again.status_code, again.json()["message"]) == (422, "Reference already exists")
    nowhere = {"ref": "refs/heads/x", "sha": "0" * 40}
    assert client.ask("POST", path, nowhere).status_code == 422
    assert client.ask("GET", "/repos/acme/ops/git/ref/heads/followthrough/inc-1").ok


def test_a_pull_request_lives_from_draft_to_merge(client: Client) -> None:
    github = client.sandbox.github
    sha = client.ask("GET", "/repos/acme/ops/git/ref/heads/main").json()["object"]["sha"]
    client.ask("POST", "/repos/acme/ops/git/refs", {"ref": "refs/heads/pm", "sha": sha})
    wanted = {"title": "Postmortem", "head": "pm", "base": "main", "draft": True}
    empty = client.ask("POST", "/repos/acme/ops/pulls", wanted)
    assert empty.json()["errors"][0]["message"] == "No commits between main and pm"
    client.put("pm.md", "draft", branch="pm")
    made = client.ask("POST", "/repos/acme/ops/pulls", wanted).json()
    again = client.ask("POST", "/repos/acme/ops/pulls", wanted).json()
    assert "already exists for acme:pm" in again["errors"][0]["message"]
    path = f"/repos/acme/ops/pulls/{made['number']}"
    assert made["draft"] is True
    (listed,) = client.ask("GET", "/repos/acme/ops/pulls?head=acme:pm&state=all").json()
    assert listed["number"] == made["number"]
    github.push("acme/ops", "pm.md", "reviewed", by="kim", branch="pm")
    github.ready_for_review("acme/ops", made["number"], by="kim")
    github.merge("acme/ops", made["number"], by="kim")
    merged = client.ask("GET", path).json()
    assert (merged["merged"], merged["state"], merged["draft"]) == (True, "closed", False)
    read = client.ask("GET", "/repos/acme/ops/contents/pm.md").json()
    assert base64.b64decode(read["content"]) == b"reviewed"


def test_drafts_are_refused_where_the_server_has_none(client: Client) -> None:
    client.sandbox.github.repos["acme/ops"].drafts = False
    client.sandbox.github.push("acme/ops", "pm.md", "text", by="kim", branch="pm")
    wanted = {"title": "Postmortem", "head": "pm", "base": "main", "draft": True}
    refused = client.ask("POST", "/repos/acme/ops/pulls", wanted)
    assert refused.status_code == 422
    assert "not supported" in refused.json()["message"]


def test_every_act_is_told_once_to_each_hook_that_wants_it(client: Client) -> None:
    sandbox, github = client.sandbox, client.sandbox.github
    sandbox.hooks.enabled = False
    github.hook("acme/ops", "http://127.0.0.1:9/", "a-secret", ["issues", "issue_comment"])
    number = github.open_issue("acme/ops", "Slow", by="kim", labels=["incident"])
    note = client.ask("POST", f"/repos/acme/ops/issues/{number}/comments", {"body": "Hi"}).json()
    client.ask("PATCH", f"/repos/acme/ops/issues/comments/{note['id']}", {"body": "Ho"})
    github.close("acme/ops", number, by="kim")
    github.push("acme/ops", "x.md", "x", by="kim")
    assert told(client) == [
        ("issues", "opened"),
        ("issues", "labeled"),
        ("issue_comment", "created"),
        ("issue_comment", "edited"),
        ("issues", "closed"),
    ]
    delivery = sandbox.hooks.log[0]
    assert delivery.headers()["X-GitHub-Event"] == "issues"
    assert delivery.headers()["X-Hub-Signature-256"].startswith("sha256=")


def test_pushes_and_pull_requests_are_told(client: Client) -> None:
    github = client.sandbox.github
    client.sandbox.hooks.enabled = False
    github.hook("acme/ops", "http://127.0.0.1:9/", "a-secret")
    github.push("acme/ops", "x.md", "x", by="kim", branch="x")
    number = github.pull_request("acme/ops", "x", "X", by="kim")
    github.push("acme/ops", "x.md", "y", by="kim", branch="x")
    github.merge("acme/ops", number, by="kim")
    assert told(client) == [
        ("ping", ""),
        ("push", ""),
        ("pull_request", "opened"),
        ("push", ""),
        ("pull_request", "synchronize"),
        ("push", ""),
        ("pull_request", "closed"),
    ]
    push = json.loads(client.sandbox.hooks.log[1].body)
    assert push["ref"] == "refs/heads/x"
    assert push["commits"][0]["added"] == ["x.md"]


def test_people_act_over_the_control_endpoint_too(client: Client) -> None:
    control = f"{client.sandbox.url}/_sandbox"
    act = {"repo": "acme/ops", "title": "Slow", "by": "kim"}
    number = requests.post(f"{control}/github/open_issue", json=act, timeout=5).json()["result"]
    assert client.ask("GET", f"/repos/acme/ops/issues/{number}").json()["title"] == "Slow"
    assert len(requests.get(f"{control}/calls", timeout=5).json()) == 1
    assert requests.post(f"{control}/github/world", json={}, timeout=5).status_code == 404
    fault = {"method": "GET", "path": "/user$", "status": 502}
    requests.post(f"{control}/sandbox/fail_next", json=fault, timeout=5)
    assert client.ask("GET", "/user").status_code == 502
    assert client.ask("GET", "/user").status_code == 200


@pytest.fixture
def listener() -> Iterator[Callable[[list[int]], tuple[str, list[dict[str, str]]]]]:
    """A small receiver that answers with the statuses it is given and keeps the headers."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    servers: list[ThreadingHTTPServer] = []

    def start(statuses: list[int]) -> tuple[str, list[dict[str, str]]]:
        seen: list[dict[str, str]] = []

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                seen.append(dict(self.headers))
                self.send_response(statuses.pop(0) if statuses else 202)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        servers.append(server)
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/", seen

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_jira_repeats_a_failed_delivery_and_github_never_does(
    client: Client, listener: Callable[[list[int]], tuple[str, list[dict[str, str]]]]
) -> None:
    sandbox = client.sandbox
    sandbox.hooks.repeat_after = 0.01
    github_url, from_github = listener([202, 500])
    jira_url, from_jira = listener([503, 429])
    sandbox.github.hook("acme/ops", github_url, "s")
    sandbox.jira.hook(jira_url, "s", ["jira:issue_created"])
    sandbox.jira.add_user("kim")
    sandbox.jira.add_project("INC")
    sandbox.github.open_issue("acme/ops", "Slow", by="kim")
    sandbox.jira.create_issue("INC", "Slow", by="kim")
    assert sandbox.hooks.drain()
    assert [headers["X-GitHub-Event"] for headers in from_github] == ["ping", "issues"]
    assert [h.get("X-Atlassian-Webhook-Retry") for h in from_jira] == [None, "1", "2"]
    assert len({headers["X-Atlassian-Webhook-Identifier"] for headers in from_jira}) == 1
    assert [delivery.statuses for delivery in sandbox.hooks.log] == [[202], [500], [503, 429, 202]]


def test_what_is_not_modified_is_not_sent_again(client: Client) -> None:
    github = client.sandbox.github
    for title in ("One", "Two", "Three"):
        github.open_issue("acme/ops", title, by="kim")
    for path in ("/repos/acme/ops/issues/1", "/repos/acme/ops/issues?per_page=2", "/user"):
        first = client.ask("GET", path)
        etag = first.headers["ETag"]
        again = requests.get(first.url, headers=asking(etag), timeout=5)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == etag
        assert "Link" not in again.headers
    github.edit("acme/ops", 1, "kim", title="Changed")
    url = f"{client.sandbox.github_url}/repos/acme/ops/issues/1"
    etag = requests.get(url, headers=asking('W/"other"'), timeout=5).headers["ETag"]
    github.edit("acme/ops", 1, "kim", title="Changed again")
    changed = requests.get(url, headers=asking(etag), timeout=5)
    assert (changed.status_code, changed.json()["title"]) == (200, "Changed again")


def asking(etag: str) -> dict[str, str]:
    return {"Authorization": "token bot-token", "If-None-Match": etag}


def test_milestones_are_renamed_closed_and_deleted_and_people_leave(client: Client) -> None:
    github = client.sandbox.github
    github.hook("acme/ops", "http://127.0.0.1:9/", "secret")
    client.sandbox.hooks.enabled = False
    client.sandbox.hooks.log.clear()
    number = github.open_issue("acme/ops", "Slow", by="kim")
    path = f"/repos/acme/ops/issues/{number}"
    for title in ("Q3", "Q4"):
        client.ask("POST", "/repos/acme/ops/milestones", {"title": title})
    client.ask("PATCH", path, {"milestone": 1, "assignees": ["KIM"]})
    github.rename_milestone("acme/ops", "Q3", "Autumn", by="kim")
    shown = client.ask("GET", path).json()
    assert (shown["milestone"]["title"], shown["assignee"]["login"]) == ("Autumn", "kim")
    github.close_milestone("acme/ops", "Autumn", by="kim")
    github.delete_milestone("acme/ops", "Autumn", by="kim")
    github.leave("acme/ops", "kim", by="acme")
    shown = client.ask("GET", path).json()
    assert (shown["milestone"], shown["assignees"]) == (None, [])
    made = client.ask("POST", "/repos/acme/ops/milestones", {"title": "Q5"}).json()
    assert made["number"] == 3, "numbers are not given twice"
    assert [name for name in told(client) if name[0] != "issues"] == [
        ("milestone", "created"),
        ("milestone", "created"),
        ("milestone", "edited"),
        ("milestone", "closed"),
        ("milestone", "deleted"),
        ("member", "removed"),
        ("milestone", "created"),
    ]
