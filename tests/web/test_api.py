"""The REST API as programs meet it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from builders import at
from web.history import History
from web.inhabited import FOREIGN, OWN, World

from service.store import Store
from service.store.answers import KEPT, PATIENCE
from service.web.api import once
from workflows.pairs import Recurrence
from workflows.rights import Role
from workflows.tickets import TicketRef

PROBLEM = "application/problem+json"
LINK = {
    "kind": "monitoring",
    "url": "https://graphs.example/checkout?from=1&to=2",
    "title": "Error rate of checkout",
    "at": "2026-12-07T14:01:00+02:00",
    "source": "Grafana",
}
VERDICT = {"verdict": "effective", "evidence": "it fired twice", "by": "Noor Aziz"}


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


# --- reading --------------------------------------------------------------------------------------


def test_one_incident_is_given_with_all_that_stands_in_it(world: World) -> None:
    found = world.ask(f"/api/v1/incidents/{OWN}").json
    assert found["key"] == "acme/ops#42"
    assert found["opened"] == "2026-12-07T12:00:00+00:00"
    assert [each["name"] for each in found["actions"]] == ["AI-1"]
    assert found["audits"][0]["standing"] == "overdue"
    assert found["gate"] == {"status": "draft", "read": False, "missing": []}
    fields = {each["field"]: each for each in found["conflicts"]}
    assert [claim["value"] for claim in fields["owner"]["claims"]] == ["Noor Aziz", None]
    assert fields["due"]["refused"] == {"twin": "Field 'duedate' cannot be set"}
    assert {each["what"] for each in found["places"]} == {
        *("ticket", "postmortem", "task", "twin", "audit")
    }


def test_incidents_are_narrowed_by_what_is_asked(world: World) -> None:
    def keys(query: str) -> list[str]:
        return [each["key"] for each in world.ask(f"/api/v1/incidents?{query}").json["items"]]

    assert keys("") == ["acme/ops#42", "acme/ops#43"]
    assert keys("team=search") == keys("key=acme/ops%2343") == ["acme/ops#43"]
    assert keys("phase=open") == keys("opened_since=2026-12-08T00:00:00Z") == []
    assert keys("opened_until=2026-12-08T00:00:00Z&severity=sev1&outlook=waiting") == keys("")


def test_actions_are_found_by_team_kind_and_due_date(world: World) -> None:
    def found(query: str) -> int:
        return len(world.ask(f"/api/v1/actions?{query}").json["items"])

    assert found("") == 2
    assert found("team=payments&kind=preventive&due_since=2027-01-06&due_until=2027-01-06") == 1
    assert found("kind=corrective") == found("due_until=2027-01-05") == found("owner=kim") == 0
    assert found("due_since=2027-01-06") == 2


def walk(world: World, path: str, limit: int) -> Iterator[Any]:
    cursor = ""
    while True:
        page = world.ask(f"{path}?limit={limit}{cursor}").json
        assert len(page["items"]) <= limit
        yield from page["items"]
        if page["next"] is None:
            return
        cursor = f"&cursor={page['next']}"


@pytest.mark.parametrize("name", ["incidents", "actions", "deliveries", "dead-letters", "changes"])
def test_pages_hold_each_thing_once_whatever_is_added_meanwhile(world: World, name: str) -> None:
    history = History(world.store)
    for number in range(50, 55):
        history.closed(f"i{number}", number)
        world.token(f"t{number}", Role.VIEWER)
    path = f"/api/v1/{name}"
    before = [json.dumps(each) for each in walk(world, path, 200)]
    assert len(before) >= 5
    steps = walk(world, path, 2)
    seen = [json.dumps(next(steps)) for _ in range(3)]
    for number in range(60, 63):
        history.incident(f"i{number}", number)
        world.token(f"t{number}", Role.VIEWER)
    seen += [json.dumps(each) for each in steps]
    assert [each for each in seen if each in before] == before


def test_a_page_looks_through_only_so_many_incidents_and_says_that_there_are_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.web.api.paging.MOST_LOOKED_AT", 2)
    history = History(world.store)
    for number in range(50, 55):
        history.closed(f"i{number}", number, actions=())
    first = world.ask("/api/v1/actions?kind=corrective&limit=5").json
    assert first["items"] == []
    assert len([*walk(world, "/api/v1/actions", 1)]) == 2


def test_whoever_has_an_answer_already_is_sent_none(world: World) -> None:
    path = f"/api/v1/incidents/{OWN}"
    tag = world.ask(path).headers["ETag"]
    again = world.ask(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    world.post(f"/incidents/{OWN}/evidence", LINK)
    History(world.store).incident(OWN, title="Another title")
    assert world.ask(path, headers={"If-None-Match": tag}).status_code == 200


def test_versions_are_told_apart(world: World) -> None:
    path = f"/api/v1/incidents/{OWN}"
    assert [v["number"] for v in world.ask(f"{path}/versions").json["items"]] == [1, 2]
    assert world.ask(f"{path}/versions/1").json["text"] == "## One\n\na\n"
    told = world.ask(f"{path}/difference?before=1&after=2").json
    assert [each["title"] for each in told["sections"]] == ["One"]
    assert {"-a", "+b"} <= set(told["sections"][0]["lines"])
    assert world.ask(f"{path}/difference?before=1&after=9").status_code == 404


def test_related_incidents_of_other_teams_are_not_told(world: World) -> None:
    ticket = TicketRef("acme-github", "I_43", "acme/ops#43", "https://git.example/43")
    with world.store.write() as tx:
        record = tx.incidents.get(OWN)
        assert record is not None
        pair = Recurrence(FOREIGN, ticket, True, at(1), at(2), "service checkout")
        tx.incidents.save(replace(record.incident, recurrences=(pair,)), "policy-1")
    path = f"/api/v1/incidents/{OWN}"
    [told] = world.ask(path).json["related"]
    assert told["incident"] == FOREIGN
    theirs = world.token("theirs", Role.VIEWER, frozenset({"payments"}))
    assert world.ask(path, theirs).json["related"] == []


# --- refusals -------------------------------------------------------------------------------------

REFUSED: dict[int, tuple[str, str, Mapping[str, Any]]] = {
    400: ("POST", f"/incidents/{OWN}/evidence", {"data": "{", "content_type": "application/json"}),
    404: ("GET", "/incidents/none", {}),
    405: ("PUT", f"/incidents/{OWN}", {}),
    409: ("POST", f"/incidents/{OWN}/proposals/9/accept", {}),
    413: ("POST", f"/incidents/{OWN}/evidence", {"json": {"title": "x" * 70_000}}),
    415: ("POST", f"/incidents/{OWN}/evidence", {"data": "a=b", "content_type": "text/plain"}),
    422: ("POST", f"/incidents/{OWN}/evidence", {"json": {"kind": "gossip"}}),
}


@pytest.mark.parametrize("code", REFUSED)
def test_each_refusal_is_a_problem(world: World, code: int) -> None:
    method, path, more = REFUSED[code]
    answer = world.ask(f"/api/v1{path}", method=method, **more)
    assert (answer.status_code, answer.mimetype) == (code, PROBLEM)
    assert answer.json["status"] == code
    assert answer.json["detail"]


def test_nesting_without_end_is_no_json(world: World) -> None:
    more = {"data": "[" * 60_000, "content_type": "application/json"}
    answer = world.ask(f"/api/v1/incidents/{OWN}/evidence", method="POST", **more)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "javascript:alert(1)"),
        ("url", "https://evil.example/a) [b](javascript:x"),
        ("url", "//evil.example"),
        ("title", " \n "),
        ("at", "2026-12-07T12:00:00"),
        ("at", "2999-01-01T00:00:00Z"),
        ("at", "0001-01-01T00:00:00+14:00"),
        ("kind", "gossip"),
        ("more", "x"),
    ],
)
def test_evidence_that_is_not_right_is_refused(world: World, field: str, value: str) -> None:
    answer = world.post(f"/incidents/{OWN}/evidence", {**LINK, field: value})
    assert answer.status_code == 422
    assert world.ask(f"/api/v1/incidents/{OWN}/evidence").json["items"] == []


def test_text_that_no_reader_can_see_is_replaced(world: World) -> None:
    title = "Error\u0000 rate\n\u202eof \ud800checkout"
    told = world.post(f"/incidents/{OWN}/evidence", {**LINK, "title": title}).json
    assert told["title"] == "Error\ufffd rate \ufffdof \ufffdcheckout"


def test_an_incident_takes_only_so_much_evidence(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.attaching.MOST", 1)
    assert world.post(f"/incidents/{OWN}/evidence", LINK).status_code == 201
    assert world.post(f"/incidents/{OWN}/evidence", LINK).status_code == 409


def test_a_cookie_alone_writes_nothing(world: World) -> None:
    visitor = world.visitor()
    visitor.post("/sign-in", data={"token": world.token("editor", Role.EDITOR)})
    assert visitor.get(f"/api/v1/incidents/{OWN}").status_code == 200
    answer = visitor.post(f"/api/v1/incidents/{OWN}/evidence", json=LINK)
    assert (answer.status_code, answer.mimetype) == (403, PROBLEM)


# --- once -----------------------------------------------------------------------------------------


def keyed(world: World, body: Mapping[str, Any], key: str = "k1", **more: Any) -> Any:
    path = f"/incidents/{OWN}/evidence"
    return world.post(path, body, headers={"Idempotency-Key": key}, **more)


def links(world: World) -> int:
    return len(world.ask(f"/api/v1/incidents/{OWN}/evidence").json["items"])


def test_what_is_sent_again_with_its_key_is_done_once_and_answered_the_same(world: World) -> None:
    first, second = keyed(world, LINK), keyed(world, LINK)
    assert (second.status_code, second.data) == (201, first.data)
    assert links(world) == 1
    other = world.token("other", Role.EDITOR)
    assert keyed(world, LINK, token=other).json["id"] != first.json["id"], "a key is one's own"


def test_another_request_with_a_used_key_is_refused(world: World) -> None:
    keyed(world, LINK)
    assert keyed(world, {**LINK, "title": "Another"}).status_code == 422
    assert links(world) == 1


def test_a_key_is_forgotten_after_a_day(world: World, store: Store) -> None:
    keyed(world, LINK)
    store.clock = lambda: at(95) + KEPT
    keyed(world, LINK)
    assert links(world) == 1
    store.clock = lambda: at(96) + KEPT
    keyed(world, LINK)
    assert links(world) == 2


def test_what_was_refused_may_be_tried_again_with_its_key(world: World) -> None:
    headers = {"Idempotency-Key": "k1"}
    path = f"/incidents/{OWN}/proposals/1/accept"
    with world.store.write() as tx:
        record = tx.incidents.get(OWN)
        assert record is not None
        tx.incidents.save(replace(record.incident, proposals=()), "policy-1")
    assert world.post(path, {}, headers=headers).status_code == 409
    with world.store.write() as tx:
        tx.incidents.save(record.incident, "policy-1")
    assert world.post(path, {}, headers=headers).status_code == 200


def test_while_one_is_worked_on_another_with_its_key_is_told_to_wait(
    world: World, store: Store
) -> None:
    path, headers = f"/api/v1/incidents/{OWN}/evidence", {"Idempotency-Key": "k1"}
    request = {"method": "POST", "json": LINK, "headers": headers}
    with world.client.application.test_request_context(path, **request):
        fingerprint = once._fingerprint()
    with store.write() as tx:  # as the first one does, before its own transaction begins
        kept = tx.answers.claim("", "k1", fingerprint)
    assert keyed(world, LINK).status_code == 409
    assert links(world) == 0
    with store.write() as tx:
        assert tx.answers.keep(kept.claim, 201, {"id": 7})
    assert keyed(world, LINK).json == {"id": 7}


def test_requests_with_one_key_at_the_same_moment_write_once(world: World) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(keyed, world, LINK) for _ in range(8)]
        statuses = {answer.result().status_code for answer in answers}
    assert statuses <= {201, 409}
    assert links(world) == 1


def test_a_claim_of_the_dead_can_be_taken_over_and_they_write_nothing(
    world: World, store: Store
) -> None:
    with store.write() as tx:
        kept = tx.answers.claim("", "k1", "whatever")
    store.clock = lambda: at(96) + PATIENCE
    assert keyed(world, LINK).status_code == 201
    with store.write() as tx:
        assert not tx.answers.keep(kept.claim, 201, {}), "whoever comes back is too late"


def test_a_new_token_is_shown_once_and_kept_nowhere(world: World, store: Store) -> None:
    body = {"name": "ci", "role": "editor", "teams": ["payments"], "days": 30}
    headers = {"Idempotency-Key": "k1"}
    first = world.post("/tokens", body, headers=headers)
    assert first.status_code == 201
    assert world.ask("/api/v1/incidents", first.json["token"]).status_code == 200
    again = world.post("/tokens", body, headers=headers)
    assert again.json == {**first.json, "token": None}
