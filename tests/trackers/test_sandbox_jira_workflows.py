"""The sandbox's Jira: what its workflows, versions and screens do, and what they tell of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from integrations.sandbox import Sandbox

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
WAYS = [
    {"name": "Start", "from": ["To Do"], "to": "In Progress", "condition": "duedate"},
    {"name": "Drop", "from": ["To Do"], "to": "Dropped", "resolves": "Won't Do"},
    {
        "name": "Close",
        "from": ["To Do"],
        "to": "Done",
        "needs": ["labels"],
        "validator": "Say for when it was planned.",
        "until": "fixVersions",
    },
]
STATUSES = {"To Do": "new", "In Progress": "indeterminate", "Done": "done", "Dropped": "done"}


class Client:
    """A Jira client that hides nothing, and hears every webhook."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.jira = sandbox, sandbox.jira
        self.jira.add_user("bot", "Followthrough", "bot@acme.example", token="a-token")
        self.jira.add_project("OPS", types=("Task",), statuses=STATUSES, transitions=WAYS)
        self.jira.add_user("kim", "Kim Lee", "kim@acme.example", projects=["OPS"])
        self.jira.add_version("OPS", "Q1")
        self.jira.add_version("OPS", "Q2")
        self.key = self.jira.create_issue("OPS", "Slow", "kim", "Task", fixVersions=["Q1"])
        sandbox.hooks.enabled = False
        self.jira.hook("http://127.0.0.1:9/hook", "a-secret")

    def ask(self, method: str, path: str, body: object = None) -> requests.Response:
        api = f"{self.sandbox.jira_url}/rest/api/{3 if self.jira.cloud else 2}"
        auth = ("bot@acme.example" if self.jira.cloud else "bot", "a-token")
        return requests.request(method, api + path, json=body, timeout=5, auth=auth)

    def ways(self) -> dict[str, dict[str, Any]]:
        path = f"/issue/{self.key}/transitions?expand=transitions.fields"
        return {way["name"]: way for way in self.ask("GET", path).json()["transitions"]}

    def go(self, name: str, **fields: Any) -> requests.Response:
        body = {"transition": {"id": self.ways()[name]["id"]}, "fields": fields}
        return self.ask("POST", f"/issue/{self.key}/transitions", body)

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(delivery.body) for delivery in self.sandbox.hooks.log]


@pytest.fixture(params=["cloud", "datacenter"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    with Sandbox(deployment=request.param, clock=lambda: NOW) as sandbox:
        yield Client(sandbox)


def test_a_transition_is_offered_where_its_condition_is_met(client: Client) -> None:
    assert set(client.ways()) == {"Drop", "Close"}
    client.jira.edit(client.key, "kim", duedate="2026-12-24")
    assert client.ways()["Start"]["isConditional"] is True
    assert client.ways()["Drop"]["isConditional"] is False
    client.jira.deny("bot", "TRANSITION_ISSUES")
    assert client.ways() == {}


def test_what_an_issue_holds_need_not_be_sent_and_a_validator_sees_it_as_it_will_be(
    client: Client,
) -> None:
    missing = client.go("Close")
    assert missing.json()["errors"] == {"labels": "Labels is required."}
    client.jira.edit(client.key, "kim", labels=["ops"])
    assert client.go("Close").status_code == 204
    assert client.jira.issue(client.key).status == "Done"
    client.key = client.jira.create_issue("OPS", "Slow", "kim", "Task", labels=["ops"])
    refused = client.go("Close")
    assert (refused.status_code, refused.json()["errorMessages"]) == (
        400,
        ["Say for when it was planned."],
    )
    assert client.jira.issue(client.key).status == "To Do"


def test_a_post_function_sets_the_resolution_and_our_own_transition_is_told(client: Client) -> None:
    assert client.go("Drop").status_code == 204
    assert client.jira.issue(client.key).resolution == "Won't Do"
    (told,) = client.told()
    changed = {item["field"]: item["toString"] for item in told["changelog"]["items"]}
    assert changed == {"resolution": "Won't Do", "status": "Dropped"}
    assert told["webhookEvent"] == "jira:issue_updated"
    assert "bot" in told["user"].values()


def test_screens_tell_what_their_fields_allow(client: Client) -> None:
    client.jira.change_workflow("OPS", [{"name": "Close", "to": "Done", "asks": ["resolution"]}])
    field = client.ways()["Close"]["fields"]["resolution"]
    assert "Won't Do" in [one["name"] for one in field["allowedValues"]]
    assert client.go("Close", resolution={"name": "Tired of it"}).status_code == 400


def test_a_version_that_the_project_lacks_can_be_neither_added_nor_removed(client: Client) -> None:
    for verb in ("add", "remove"):
        body = {"update": {"fixVersions": [{verb: {"name": "Q9"}}]}}
        answer = client.ask("PUT", f"/issue/{client.key}", body)
        assert answer.json()["errors"] == {"fixVersions": "Version name 'Q9' is not valid"}


def test_versions_tell_of_themselves_and_of_the_issues_that_follow_them(client: Client) -> None:
    client.jira.rename_version("OPS", "Q1", "First")
    client.jira.delete_version("OPS", "First", "kim", into="Q2")
    client.jira.delete_version("OPS", "Q2", "kim")
    told = client.told()
    assert [event["webhookEvent"] for event in told] == [
        "jira:version_updated",
        "jira:issue_updated",
        "jira:version_deleted",
        "jira:issue_updated",
        "jira:version_deleted",
    ]
    came_and_went = [
        (item["fromString"], item["toString"]) for item in told[1]["changelog"]["items"]
    ]
    assert came_and_went == [("First", None), (None, "Q2")]
    assert told[2]["mergedTo"]["name"] == "Q2"
    assert "mergedTo" not in told[4]
    assert client.jira.issue(client.key).values["fixVersions"] == []


def test_whoever_left_keeps_what_they_had_and_gets_nothing_more(client: Client) -> None:
    client.jira.edit(client.key, "kim", assignee="kim")
    client.jira.leave("kim")
    shown = client.ask("GET", f"/issue/{client.key}").json()["fields"]["assignee"]
    assert shown["active"] is False
    assert client.ask("GET", "/user/assignable/search?project=OPS").json() == []


def test_a_move_maps_the_status_and_leaves_versions_behind(client: Client) -> None:
    client.jira.edit(client.key, "kim", duedate="2026-12-24")
    client.jira.transition(client.key, "In Progress", "kim")
    client.jira.add_project("WEB", types=("Bug",), statuses={"Open": "new"})
    new = client.jira.move_issue(client.key, "WEB", "kim")
    shown = client.ask("GET", f"/issue/{client.key}").json()
    assert (shown["key"], shown["fields"]["status"]["name"]) == (new, "Open")
    assert (shown["fields"]["fixVersions"], shown["fields"]["issuetype"]["name"]) == ([], "Bug")
    told = client.told()[-1]
    assert (told["issue_event_type_name"], told["issue"]["key"]) == ("issue_moved", new)
    assert [item["field"] for item in told["changelog"]["items"]] == [
        "Fix Version",
        "status",
        "Key",
    ]


def test_an_issue_does_not_speak_of_hidden_fields(client: Client) -> None:
    client.jira.add_project("LEAN", types=("Task",), hidden=("duedate",))
    key = client.jira.create_issue("LEAN", "x", "kim", "Task")
    assert "duedate" not in client.ask("GET", f"/issue/{key}").json()["fields"]
    body = {"fields": {"duedate": "2026-12-24"}}
    assert "duedate" in client.ask("PUT", f"/issue/{key}", body).json()["errors"]
