"""The sandbox's Jira: it enforces what a Jira site enforces, and tells what a Jira site tells."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from jsonschema import Draft4Validator

from integrations.sandbox import Sandbox

SPECIFICATION = Path(__file__).parents[3] / "shared" / "specs" / "jira-platform-v3.json"
NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(params=["cloud", "datacenter"])
def deployment(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def set_up(sandbox: Sandbox) -> None:
    jira = sandbox.jira
    jira.add_user("bot", "Followthrough", "bot@acme.example", token="a-token")
    jira.add_project("INC", components=["checkout"], statuses=STATUSES)
    jira.add_user("kim", "Kim Lee", "kim@acme.example", projects=["INC"])
    jira.add_field("customfield_10050", "Severity", "option", ["sev1", "sev2"])


STATUSES = {"To Do": "new", "Mitigated": "indeterminate", "Done": "done"}


class Client:
    """A Jira client that hides nothing: what it is given is what was answered."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.cloud = sandbox.jira.cloud
        self.api = f"{sandbox.jira_url}/rest/api/{3 if self.cloud else 2}"
        self.auth = ("bot@acme.example" if self.cloud else "bot", "a-token")

    def ask(self, method: str, path: str, body: object = None, **more: Any) -> requests.Response:
        more.setdefault("auth", self.auth)
        return requests.request(method, self.api + path, json=body, timeout=5, **more)

    def text(self, words: str) -> object:
        if not self.cloud:
            return words
        paragraph = {"type": "paragraph", "content": [{"type": "text", "text": words}]}
        return {"type": "doc", "version": 1, "content": [paragraph]}

    def task(self, summary: str = "Add an alert", **fields: Any) -> dict[str, Any]:
        given = {"project": {"key": "INC"}, "issuetype": {"name": "Task"}, "summary": summary}
        return {"fields": {**given, **fields}}


@pytest.fixture
def client(deployment: str) -> Iterator[Client]:
    with Sandbox(deployment=deployment, clock=lambda: NOW) as sandbox:
        set_up(sandbox)
        yield Client(sandbox)


@pytest.fixture
def cloud() -> Iterator[Client]:
    with Sandbox(clock=lambda: NOW) as sandbox:
        set_up(sandbox)
        yield Client(sandbox)


def test_a_wrong_token_is_turned_away(client: Client) -> None:
    assert client.ask("GET", "/myself", auth=(client.auth[0], "wrong")).status_code == 401
    assert client.ask("GET", "/myself", auth=None).status_code == 401
    bearer = {"Authorization": "Bearer a-token"}
    assert client.ask("GET", "/myself", auth=None, headers=bearer).status_code == 200


def test_an_incident_is_read_with_its_comments_and_its_changelog(client: Client) -> None:
    jira = client.sandbox.jira
    key = jira.create_issue("INC", "Checkout is down", by="kim", components=["checkout"])
    jira.comment(key, "Payments time out", by="kim")
    jira.transition(key, "Mitigated", by="kim")
    jira.transition(key, "Done", by="kim")
    issue = client.ask("GET", f"/issue/{key}?fields=*all&expand=changelog,names").json()
    assert issue["fields"]["status"]["statusCategory"]["key"] == "done"
    assert issue["fields"]["resolution"]["name"] == "Done"
    assert issue["fields"]["components"][0]["name"] == "checkout"
    assert issue["fields"]["updated"] == "2026-12-01T12:00:00.000+0000"
    assert issue["fields"]["comment"]["comments"][0]["body"] == client.text("Payments time out")
    assert issue["names"]["customfield_10050"] == "Severity"
    newest = issue["changelog"]["histories"][0]["items"]
    assert [(i["field"], i["toString"]) for i in newest] == [
        ("resolution", "Done"),
        ("status", "Done"),
    ]


def test_creation_names_every_field_that_is_wrong(client: Client) -> None:
    wrong = client.task(
        summary="", resolution={"name": "Done"}, customfield_1="x", duedate="soon", labels=["a b"]
    )
    refused = client.ask("POST", "/issue", wrong)
    assert refused.status_code == 400
    errors = refused.json()["errors"]
    assert errors.keys() == {"summary", "resolution", "customfield_1", "duedate", "labels"}
    assert "not on the appropriate screen, or unknown" in errors["customfield_1"]


def test_required_fields_and_unassignable_people_are_refused(client: Client) -> None:
    client.sandbox.jira.add_project("TASK", required=["duedate"])
    named = "accountId" if client.cloud else "name"
    task = client.task(project={"key": "TASK"})
    assert client.ask("POST", "/issue", task).json()["errors"] == {
        "duedate": "Due date is required."
    }
    task["fields"] |= {"duedate": "2026-12-24", "assignee": {named: "kim"}}
    errors = client.ask("POST", "/issue", task).json()["errors"]
    assert errors == {"assignee": "User 'kim' cannot be assigned issues."}
    del task["fields"]["assignee"]
    assert client.ask("POST", "/issue", task).status_code == 201


def test_bulk_creation_keeps_what_could_be_created_and_numbers_the_rest(client: Client) -> None:
    incident = client.sandbox.jira.create_issue("INC", "Checkout is down", by="kim")
    good = client.task(description=client.text("Watch the queue"))
    good["update"] = {
        "issuelinks": [{"add": {"type": {"name": "Relates"}, "outwardIssue": {"key": incident}}}]
    }
    good["properties"] = [{"key": "followthrough", "value": {"key": "task:1:1"}}]
    answer = client.ask("POST", "/issue/bulk", {"issueUpdates": [client.task(nothing=1), good]})
    assert answer.status_code == 201
    (error,) = answer.json()["errors"]
    assert (error["failedElementNumber"], error["status"]) == (0, 400)
    (made,) = answer.json()["issues"]
    seen = client.ask(
        "GET", f"/issue/{made['id']}?fields=issuelinks&properties=followthrough"
    ).json()
    assert seen["fields"]["issuelinks"][0]["outwardIssue"]["key"] == incident
    assert seen["properties"] == {"followthrough": {"key": "task:1:1"}}
    back = client.ask("GET", f"/issue/{incident}?fields=issuelinks").json()["fields"]["issuelinks"]
    assert back[0]["inwardIssue"]["key"] == made["key"]
    everything_wrong = {"issueUpdates": [client.task(nothing=1)]}
    assert client.ask("POST", "/issue/bulk", everything_wrong).status_code == 400
    too_many = {"issueUpdates": [client.task()] * 51}
    assert client.ask("POST", "/issue/bulk", too_many).status_code == 400


def test_links_are_refused_at_creation_where_the_screen_has_none(client: Client) -> None:
    incident = client.sandbox.jira.create_issue("INC", "Checkout is down", by="kim")
    client.sandbox.jira.add_project("BARE", create_screen=["description"])
    task = client.task(project={"key": "BARE"})
    link = {"type": {"name": "Relates"}, "outwardIssue": {"key": incident}}
    task["update"] = {"issuelinks": [{"add": link}]}
    assert "issuelinks" in client.ask("POST", "/issue", task).json()["errors"]
    del task["update"]
    made = client.ask("POST", "/issue", task).json()["key"]
    ends = {"inwardIssue": {"key": made}, "outwardIssue": {"key": incident}}
    assert client.ask("POST", "/issueLink", {"type": {"name": "Blocks"}, **ends}).status_code == 201
    shown = client.ask("GET", f"/issue/{made}?fields=issuelinks").json()["fields"]["issuelinks"]
    assert shown[0]["type"]["outward"] == "blocks"
    assert shown[0]["outwardIssue"]["key"] == incident


def test_the_workflow_is_kept(client: Client) -> None:
    jira = client.sandbox.jira
    ways = [
        {"name": "Start", "to": "Mitigated", "from": ["To Do"]},
        {"name": "Finish", "to": "Done", "from": ["Mitigated"], "needs": ["resolution"]},
    ]
    jira.add_project("OPS", statuses=STATUSES, transitions=ways)
    key = jira.create_issue("OPS", "Slow", by="kim")
    path = f"/issue/{key}/transitions"
    (way,) = client.ask("GET", path).json()["transitions"]
    assert client.ask("POST", path, {"transition": {"id": "21"}}).status_code == 400
    assert client.ask("POST", path, {"transition": {"id": way["id"]}}).status_code == 204
    (way,) = client.ask("GET", f"{path}?expand=transitions.fields").json()["transitions"]
    assert way["fields"]["resolution"]["required"] is True
    missing = client.ask("POST", path, {"transition": {"id": "21"}})
    assert missing.json()["errors"] == {"resolution": "Resolution is required."}
    chosen = {"transition": {"id": "21"}, "fields": {"resolution": {"name": "Won't Do"}}}
    assert client.ask("POST", path, chosen).status_code == 204


def test_cloud_wants_documents_and_data_center_wants_text(client: Client) -> None:
    other = "plain" if client.cloud else {"type": "doc", "version": 1, "content": []}
    assert (
        "description"
        in client.ask("POST", "/issue", client.task(description=other)).json()["errors"]
    )
    key = client.ask("POST", "/issue", client.task()).json()["key"]
    assert client.ask("POST", f"/issue/{key}/comment", {"body": other}).status_code == 400
    long = {"fields": {"description": client.text("x" * 32_768)}}
    assert "32,767" in client.ask("PUT", f"/issue/{key}", long).json()["errors"]["description"]


def test_search_reads_jql_in_the_deployments_own_way(client: Client) -> None:
    keys = [client.ask("POST", "/issue", client.task()).json()["key"] for _ in range(3)]
    jql = 'project = "INC" AND updated >= -90m AND creator = currentUser() ORDER BY updated ASC'
    where = {"jql": jql, "fields": "updated", "maxResults": 2}
    if client.cloud:
        assert client.ask("GET", "/search", params=where).status_code == 410
        first = client.ask("GET", "/search/jql", params=where).json()
        more = {**where, "nextPageToken": first["nextPageToken"]}
        second = client.ask("GET", "/search/jql", params=more).json()
        assert second["isLast"] is True
        only_ids = client.ask("GET", "/search/jql", params={"jql": jql}).json()["issues"]
        assert [issue.keys() for issue in only_ids] == [{"id"}] * 3
    else:
        first = client.ask("GET", "/search", params=where).json()
        second = client.ask("GET", "/search", params={**where, "startAt": 2}).json()
        assert first["total"] == 3
    assert [issue["key"] for issue in first["issues"] + second["issues"]] == keys
    path = "/search/jql" if client.cloud else "/search"
    for nonsense in ("project = NOPE", "sprint = 4", "project != INC", "labels is empty"):
        assert client.ask("GET", path, params={"jql": nonsense}).status_code == 400


def test_a_reserved_word_is_a_value_only_in_quotation_marks(client: Client) -> None:
    client.sandbox.jira.add_project("INT")
    path = "/search/jql" if client.cloud else "/search"
    for jql, status in (("project in (INC, INT)", 400), ('project in ("INC", "INT")', 200)):
        assert client.ask("GET", path, params={"jql": jql}).status_code == status


def test_a_remote_link_with_the_same_global_id_is_replaced(client: Client) -> None:
    key = client.ask("POST", "/issue", client.task()).json()["key"]
    link = {"globalId": "task:1:1", "object": {"url": "https://x.example/1", "title": "One"}}
    assert client.ask("POST", f"/issue/{key}/remotelink", link).status_code == 201
    link["object"] = {"url": "https://x.example/2", "title": "Two"}
    assert client.ask("POST", f"/issue/{key}/remotelink", link).status_code == 200
    (kept,) = client.ask("GET", f"/issue/{key}/remotelink").json()
    assert kept["object"]["title"] == "Two"


def test_comments_are_marked_rewritten_and_found_again(client: Client) -> None:
    key = client.ask("POST", "/issue", client.task()).json()["key"]
    marks = [{"key": "followthrough", "value": {"key": "comment:1"}}]
    body = {"body": client.text("Set up"), "properties": marks}
    made = client.ask("POST", f"/issue/{key}/comment", body).json()
    path = f"/issue/{key}/comment/{made['id']}"
    assert client.ask("PUT", path, {"body": client.text("All set")}).status_code == 200
    (kept,) = client.ask("GET", f"/issue/{key}/comment?expand=properties").json()["comments"]
    assert kept["body"] == client.text("All set")
    assert kept["properties"] == marks


def test_a_moved_issue_answers_to_its_old_key_and_a_deleted_one_to_none(client: Client) -> None:
    jira = client.sandbox.jira
    jira.add_project("OPS")
    old = jira.create_issue("INC", "Slow", by="kim")
    new = jira.move_issue(old, "OPS", by="kim")
    assert client.ask("GET", f"/issue/{old}").json()["key"] == new == "OPS-1"
    jira.delete(new, by="kim")
    assert client.ask("GET", f"/issue/{new}").status_code == 404


def test_an_unknown_route_is_named_and_not_mistaken_for_a_missing_thing(client: Client) -> None:
    answer = client.ask("GET", "/dashboard")
    assert answer.status_code == 501
    assert "/dashboard" in answer.text


def test_data_center_has_no_version_3() -> None:
    with Sandbox(deployment="datacenter") as sandbox:
        url = f"{sandbox.jira_url}/rest/api/3/serverInfo"
        assert requests.get(url, timeout=5).status_code == 404


def test_people_read_issues_as_pages_in_which_nothing_runs(client: Client) -> None:
    key = client.sandbox.jira.create_issue("INC", "<script>alert(1)</script>", by="kim")
    page = requests.get(f"{client.sandbox.jira_url}/browse/{key}", timeout=5)
    assert page.status_code == 200
    assert "<script>" not in page.text
    assert client.sandbox.calls == []


def test_every_act_is_told_with_a_signature_over_its_bytes(client: Client) -> None:
    sandbox = client.sandbox
    sandbox.jira.hook("http://127.0.0.1:9/hook", "a-secret")
    sandbox.hooks.enabled = False
    key = sandbox.jira.create_issue("INC", "Checkout is down", by="kim")
    sandbox.jira.transition(key, "Done", by="kim")
    sandbox.jira.comment(key, "Fixed", by="kim")
    sandbox.jira.delete(key, by="kim")
    events = [json.loads(delivery.body) for delivery in sandbox.hooks.log]
    assert [event["webhookEvent"] for event in events] == [
        "jira:issue_created",
        "jira:issue_updated",
        "comment_created",
        "jira:issue_updated",
        "jira:issue_deleted",
    ]
    assert events[1]["changelog"]["items"][1]["toString"] == "Done"
    assert events[2]["comment"]["body"] == "Fixed"
    delivery = sandbox.hooks.log[0]
    digest = hmac.new(b"a-secret", delivery.body, hashlib.sha256).hexdigest()
    assert delivery.headers()["X-Hub-Signature"] == f"sha256={digest}"


def test_a_lost_answer_hides_an_issue_that_is_there(client: Client) -> None:
    sandbox = client.sandbox
    sandbox.fail_next("POST", "/issue$", after_effect=True, drop_connection=True)
    with pytest.raises(requests.ConnectionError):
        client.ask("POST", "/issue", client.task())
    assert [(call.method, call.status) for call in sandbox.writes()] == [("POST", 0)]
    assert len(sandbox.jira.issues) == 1
    sandbox.fail_next("POST", "/issue$", status=503)
    assert client.ask("POST", "/issue", client.task()).status_code == 503
    assert len(sandbox.jira.issues) == 1


# --- agreement with the vendor's own description --------------------------------------------


@pytest.fixture(scope="module")
def specification() -> Any:
    if not SPECIFICATION.exists():
        pytest.skip(f"the vendor's OpenAPI file is not at {SPECIFICATION}")
    return json.loads(SPECIFICATION.read_text())


def relaxed(schema: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema: nullable is honoured and overlapping oneOf is relaxed."""
    if isinstance(schema, list):
        return [relaxed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: relaxed(value) for key, value in schema.items() if key not in ("example", "format")
    }
    if isinstance(kept.get("oneOf"), list):
        kept["anyOf"] = kept.pop("oneOf")
    return {"anyOf": [kept, {"type": "null"}]} if kept.pop("nullable", False) is True else kept


def test_its_answers_agree_with_the_vendors_description(cloud: Client, specification: Any) -> None:
    key = cloud.sandbox.jira.create_issue(
        "INC", "Slow", by="kim", description="Text", assignee="kim"
    )
    cloud.sandbox.jira.comment(key, "A comment", by="kim")
    cloud.sandbox.jira.transition(key, "Done", by="kim")
    type_id = cloud.sandbox.jira.types["Task"]
    routes = {
        "/serverInfo": "/serverInfo",
        "/myself": "/myself",
        "/field": "/field",
        "/issueLinkType": "/issueLinkType",
        "/mypermissions?permissions=CREATE_ISSUES": "/mypermissions",
        "/project/INC": "/project/{projectIdOrKey}",
        "/project/INC/statuses": "/project/{projectIdOrKey}/statuses",
        "/project/INC/versions": "/project/{projectIdOrKey}/versions",
        "/issue/createmeta/INC/issuetypes": "/issue/createmeta/{projectIdOrKey}/issuetypes",
        f"/issue/createmeta/INC/issuetypes/{type_id}": (
            "/issue/createmeta/{projectIdOrKey}/issuetypes/{issueTypeId}"
        ),
        f"/issue/{key}?expand=changelog": "/issue/{issueIdOrKey}",
        f"/issue/{key}/changelog": "/issue/{issueIdOrKey}/changelog",
        f"/issue/{key}/comment": "/issue/{issueIdOrKey}/comment",
        f"/issue/{key}/transitions?expand=transitions.fields": "/issue/{issueIdOrKey}/transitions",
        f"/issue/{key}/remotelink": "/issue/{issueIdOrKey}/remotelink",
        "/search/jql?jql=project%20%3D%20INC&fields=*all": "/search/jql",
        "/user/assignable/search?project=INC": "/user/assignable/search",
    }
    components = {"components": {"schemas": relaxed(specification["components"]["schemas"])}}
    for path, template in routes.items():
        answer = cloud.ask("GET", path)
        assert answer.status_code == 200, path
        responses = specification["paths"][f"/rest/api/3{template}"]["get"]["responses"]
        schema = responses["200"]["content"]["application/json"]["schema"]
        faults = Draft4Validator({**relaxed(schema), **components}).iter_errors(answer.json())
        # The description has no null in a changelog item, the real ones do (see the payloads).
        unexplained = [
            (path, list(fault.absolute_path), fault.message[:200])
            for fault in faults
            if fault.absolute_path[-1] not in ("from", "fromString", "to", "toString")
        ]
        assert unexplained == []
