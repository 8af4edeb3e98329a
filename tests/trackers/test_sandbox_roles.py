"""The sandbox's Jira tells who has which role, and what everybody may read without signing in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from integrations.sandbox import Sandbox
from integrations.sandbox.acme import BOT_EMAIL, BOT_JIRA, KIM, LEE, MALLORY, NOOR, populate


class Client:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.cloud = sandbox, sandbox.jira.cloud
        self.api = f"{sandbox.jira_url}/rest/api/{3 if self.cloud else 2}"
        populate(sandbox, "jira-token", "github-token")

    def get(self, path: str, signed_in: bool = True) -> requests.Response:
        auth = (BOT_EMAIL if self.cloud else BOT_JIRA, "jira-token") if signed_in else None
        url = path if path.startswith("http") else self.api + path
        return requests.get(url, auth=auth, timeout=5)


@pytest.fixture(params=["cloud", "datacenter"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    with Sandbox(deployment=request.param) as sandbox:
        yield Client(sandbox)


def test_a_role_names_its_people_and_its_groups(client: Client) -> None:
    jira = client.sandbox.jira
    group = jira.add_group("on-call", [LEE, MALLORY])
    jira.add_role("OPS", "Developers", groups=["on-call"])
    roles = client.get("/project/OPS/role").json()
    assert set(roles) == {"Developers", "Viewers"}
    shown = client.get(roles["Developers"]).json()
    assert shown["name"] == "Developers"
    people = [a for a in shown["actors"] if a["type"] == "atlassian-user-role-actor"]
    (team,) = [a for a in shown["actors"] if a["type"] == "atlassian-group-role-actor"]
    names = [a["actorUser"]["accountId"] if client.cloud else a["name"] for a in people]
    assert sorted(names) == sorted([KIM, NOOR, LEE])
    assert team["actorGroup"]["name"] == "on-call"
    assert team["actorGroup"].get("groupId") == (group if client.cloud else None)
    assert client.get(roles["Viewers"]).json()["actors"] == []
    assert client.get("/project/OPS/role/1").status_code == 404


def test_a_role_of_one_project_stands_empty_in_the_others(client: Client) -> None:
    id = client.sandbox.jira.add_role("INC", "Responders", [KIM])
    assert len(client.get(f"/project/INC/role/{id}").json()["actors"]) == 1
    assert client.get(f"/project/OPS/role/{id}").json()["actors"] == []


def test_roles_are_for_whoever_administers_the_project(client: Client) -> None:
    client.sandbox.jira.deny(BOT_JIRA, "ADMINISTER_PROJECTS", "OPS")
    id = next(iter(client.sandbox.jira.roles))
    asked = [client.get("/project/OPS/role"), client.get(f"/project/OPS/role/{id}")]
    assert [a.status_code for a in asked] == ([401, 404] if client.cloud else [403, 403])
    assert "cannot edit the configuration" in asked[0].json()["errorMessages"][0]
    assert client.get("/project/INC/role").status_code == 200


def test_the_members_of_a_group_come_in_pages(client: Client) -> None:
    people = [client.sandbox.jira.add_user(f"p{number:02}") for number in range(60)]
    id = client.sandbox.jira.add_group("everybody", people)
    who = f"groupId={id}" if client.cloud else "groupname=everybody"
    first = client.get(f"/group/member?{who}").json()
    last = client.get(f"/group/member?{who}&startAt=50").json()
    named = "accountId" if client.cloud else "name"
    assert [user[named] for user in first["values"] + last["values"]] == people
    assert (first["isLast"], last["isLast"], first["total"]) == (False, True, 60)


def test_a_group_is_named_is_there_and_may_be_asked_for(client: Client) -> None:
    assert client.get("/group/member").status_code == 400
    assert client.get("/group/member?groupname=nobody").status_code == 404
    client.sandbox.jira.deny(BOT_JIRA, "USER_PICKER" if client.cloud else "ADMINISTER")
    assert client.get("/group/member?groupname=nobody").status_code == 403


def test_a_role_cannot_be_given_to_somebody_who_is_not_there(client: Client) -> None:
    with pytest.raises(ValueError, match="'nobody' is neither a user nor a group"):
        client.sandbox.jira.add_role("OPS", "Developers", ["nobody"])


def test_a_public_project_is_read_without_signing_in(client: Client) -> None:
    jira = client.sandbox.jira
    jira.add_project("PUB", public=True)
    for project in ("PUB", "OPS"):
        jira.create_issue(project, "Slow", by=KIM, type="Task")
    jira.comment("PUB-1", "Looking", by=KIM)
    for path in ("/project/PUB", "/issue/PUB-1", "/issue/PUB-1/comment"):
        assert client.get(path, signed_in=False).status_code == 200
    hidden = 404 if client.cloud else 401
    for path in ("/project/OPS", "/issue/OPS-1", "/issue/NO-1", "/project/NO"):
        assert client.get(path, signed_in=False).status_code == hidden
    for path in ("/myself", "/field", "/user/assignable/search?project=PUB"):
        assert client.get(path, signed_in=False).status_code == 401


def test_what_is_public_can_be_read_and_nothing_more(client: Client) -> None:
    client.sandbox.jira.add_project("PUB", public=True)
    client.sandbox.jira.create_issue("PUB", "Slow", by=KIM, type="Task")
    for path in ("/issue/PUB-1/comment", "/issue/PUB-1/transitions"):
        assert requests.post(client.api + path, json={}, timeout=5).status_code == 401
    refused = client.get("/project/PUB/role", signed_in=False).status_code
    assert refused == (401 if client.cloud else 403)


def test_a_wrong_token_is_not_nobody(client: Client) -> None:
    client.sandbox.jira.add_project("PUB", public=True)
    url = f"{client.api}/project/PUB"
    assert requests.get(url, auth=("kim", "wrong"), timeout=5).status_code == 401
