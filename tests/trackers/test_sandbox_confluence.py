"""The sandbox's Confluence refuses what Confluence refuses, in both dialects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from integrations.sandbox import Sandbox

KIM, TOKEN = "kim-2", "t0ken-of-kim"


@pytest.fixture(params=["cloud", "datacenter"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(deployment=request.param) as running:
        running.jira.add_user(KIM, "Kim Doe", "kim@acme.example", TOKEN)
        running.confluence.add_space("PM", "Postmortems")
        yield running


def ask(sandbox: Sandbox, method: str, path: str, body: Any = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    url = sandbox.confluence.url + path
    return requests.request(method, url, json=body, headers=headers, timeout=10)


def saved(sandbox: Sandbox, id: str, number: int, body: str = "<p>new</p>") -> requests.Response:
    asked: dict[str, Any] = {"id": id, "title": "A", "version": {"number": number}}
    storage = {"value": body, "representation": "storage"}
    if sandbox.confluence.cloud:
        asked |= {"status": "current", "body": storage}
        return ask(sandbox, "PUT", f"/api/v2/pages/{id}", asked)
    asked |= {"type": "page", "body": {"storage": storage}}
    return ask(sandbox, "PUT", f"/rest/api/content/{id}", asked)


def test_only_the_next_version_is_saved_and_only_what_is_well_formed(sandbox: Sandbox) -> None:
    id = sandbox.confluence.write_page("PM", "A", "<p>old</p>", KIM)
    assert saved(sandbox, id, 1).status_code == 409
    assert saved(sandbox, id, 3).status_code == 409
    assert saved(sandbox, id, 2, "<p>").status_code == 400
    assert saved(sandbox, id, 2).status_code == 200
    assert "new" in sandbox.confluence.page(id).now.body


def test_a_title_is_free_again_once_its_page_is_in_the_trash(sandbox: Sandbox) -> None:
    id = sandbox.confluence.write_page("PM", "A", "<p>old</p>", KIM)
    with pytest.raises(Exception, match="already exists"):
        sandbox.confluence.write_page("PM", "a", "<p>other</p>", KIM)
    sandbox.confluence.trash(id)
    sandbox.confluence.write_page("PM", "a", "<p>other</p>", KIM)


def test_who_writes_into_a_page_in_the_trash_restores_it_on_cloud_only(sandbox: Sandbox) -> None:
    id = sandbox.confluence.write_page("PM", "A", "<p>old</p>", KIM)
    sandbox.confluence.trash(id)
    status = saved(sandbox, id, 2).status_code
    page = sandbox.confluence.page(id)
    assert "old" in page.now.body
    expected = (200, "current") if sandbox.confluence.cloud else (404, "trashed")
    assert (status, page.status) == expected


def test_nobody_sees_a_space_that_is_not_public(sandbox: Sandbox) -> None:
    path = "/api/v2/spaces?keys=PM" if sandbox.confluence.cloud else "/rest/api/space/PM"
    url = sandbox.confluence.url + path
    before = requests.get(url, timeout=10).text
    sandbox.confluence.open_to_all("PM")
    assert "Postmortems" not in before
    assert "Postmortems" in requests.get(url, timeout=10).text
    wrong = {"Authorization": "Bearer wrong"}
    assert requests.get(url, headers=wrong, timeout=10).status_code == 401


def test_what_it_does_not_know_is_no_answer(sandbox: Sandbox) -> None:
    assert ask(sandbox, "GET", "/rest/api/content/search?cql=text~1").status_code == 400
    assert ask(sandbox, "GET", "/rest/api/longtask").status_code == 501
    old = ask(sandbox, "GET", "/rest/api/content?spaceKey=PM&title=A").status_code
    assert old == (501 if sandbox.confluence.cloud else 200)


def test_people_act_through_the_control_endpoint(sandbox: Sandbox) -> None:
    told = {"space": "PM", "title": "B", "body": "<p>é&nbsp;</p>", "by": KIM}
    answer = requests.post(f"{sandbox.url}/_sandbox/confluence/write_page", json=told, timeout=10)
    assert answer.json()["result"] in sandbox.confluence.pages
