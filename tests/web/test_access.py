"""Who may do what: each rule of the application, each role, one's own team and another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from web.history import TOKEN, Web
from web.inhabited import FACTOR, FOREIGN, OWN, World
from werkzeug.routing import Rule

from service.app import create_app
from service.store import Store
from service.web.access import TABLE, Whose
from service.web.sign_in import SAFE_METHODS
from workflows.rights import Role, Teams

PAYMENTS: Teams = frozenset({"payments"})

#: What stands in addresses and belongs to nobody.
COMMON: dict[str, Any] = {
    "item": 1,
    "round": 1,
    "rung": 2,
    "field": "owner",
    "filename": "style.css",
    "connection": "acme-github",
    "name": FACTOR,
    "ending": "json",
}

#: What is asked for besides, where nothing is found without it.
ASKED = {
    "api-search.find": "?q=alone",
    "api-release-check.one": "?service=checkout",
    "api-preread.one": "?team=payments",
}


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def rules(world: World) -> Iterator[tuple[Rule, str]]:
    for rule in world.client.application.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method


def address(world: World, rule: Rule, id: str) -> str:
    values = {**COMMON, **world.ids[id], "other": world.ids[id]["file"]}
    if "version" in rule.endpoint or "proposals" in rule.endpoint:
        values["number"] = 1
    if rule.endpoint.startswith("api-tokens"):
        values["number"] = 1
    if rule.endpoint in ("search.imported", "api-imported.one"):
        values["id"] = values["file"]
    found = rule.build({name: values[name] for name in rule.arguments})
    assert found is not None
    return found[1] + ASKED.get(rule.endpoint, "")


def test_every_endpoint_has_its_entry_and_every_entry_its_endpoint(world: World) -> None:
    assert {rule.endpoint for rule, _ in rules(world)} == set(TABLE)


def test_an_endpoint_either_reads_or_writes(world: World) -> None:
    for rule in world.client.application.url_map.iter_rules():
        methods = rule.methods or set()
        assert methods <= SAFE_METHODS or not methods & {"GET", "HEAD"}, rule.endpoint


def test_a_route_without_an_entry_is_refused_to_everybody(store: Store) -> None:
    app = create_app(Web(store))
    app.add_url_rule("/new", "new", lambda: "secret")
    client = app.test_client()
    assert client.get("/new").status_code == 302
    answer = client.get("/new", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 403
    assert "secret" not in answer.text


@pytest.mark.parametrize("teams", [None, PAYMENTS], ids=["all teams", "one team"])
@pytest.mark.parametrize("role", list(Role))
def test_each_role_may_do_what_the_table_says_and_sees_its_teams_alone(
    world: World, role: Role, teams: Teams
) -> None:
    world.token("to be revoked", Role.VIEWER)
    token = world.token("somebody", role, teams)
    for rule, method in rules(world):
        entry = TABLE[rule.endpoint]
        for id in (OWN, FOREIGN):
            found = world.ask(address(world, rule, id), token, method).status_code
            where = f"{method} {rule.rule} as {role} of {teams} at {id}: {found}"
            about = entry.whose in (Whose.INCIDENT, Whose.FILE, Whose.DELIVERY, Whose.LETTER)
            if entry.least is None:
                assert found in (200, 302, 401), where
            elif not role.reaches(entry.least):
                assert found == 403, where
            elif teams and (entry.whose is Whose.ALL or (about and id == FOREIGN)):
                assert found == 404, where
            else:
                assert found in (200, 201, 303, 400, 409, 422), where


def test_without_a_token_nothing_is_answered_but_that_one_is_needed(world: World) -> None:
    stranger = world.visitor()
    for rule, method in rules(world):
        if TABLE[rule.endpoint].least is not None:
            answer = stranger.open(address(world, rule, OWN), method=method)
            if rule.rule.startswith("/api/"):
                assert answer.status_code == 401
                assert answer.mimetype == "application/problem+json"
            else:
                assert answer.status_code == (302 if method == "GET" else 401)


LISTS = [
    *("/", "/incidents", "/actions", "/audits", "/search?q=alone", "/conflicts", "/figures"),
    *("/patterns", f"/patterns/{FACTOR}", f"/incidents/{OWN}"),
    "/export/measures.csv?all",
    *("/operation", "/deliveries", "/dead-letters", "/drift"),
    *(f"/api/v1/{name}" for name in ("incidents", "actions", "audits", "proposals", "conflicts")),
    *("/api/v1/deliveries", "/api/v1/dead-letters", "/api/v1/drift", "/api/v1/operation"),
    *("/api/v1/patterns", f"/api/v1/patterns/{FACTOR}", f"/api/v1/incidents/{OWN}/related"),
    *("/api/v1/search?q=alone", "/api/v1/measures?ended=true", "/api/v1/figures/severities"),
    *("/api/v1/release-check?service=checkout", "/api/v1/architecture-reviews"),
]


#: Of which the other team has nothing here.
ALIKE = ("/drift", "/api/v1/drift", "/api/v1/architecture-reviews")


@pytest.mark.parametrize("path", LISTS)
def test_a_list_holds_nothing_of_another_team_and_no_count_tells_of_it(
    world: World, path: str
) -> None:
    theirs = world.token("theirs", Role.ADMIN, PAYMENTS)
    before, all_before = world.ask(path, theirs).text, world.ask(path).text
    assert "acme/ops#43" not in before
    assert FOREIGN not in before
    world.incident("f0r2", 44)
    assert world.ask(path, theirs).text == before
    # there is a difference to be seen: by whoever sees all
    assert world.ask(path).text != all_before or path in ALIKE


def test_of_another_team_there_is_no_pre_read_and_its_name_is_not_told(world: World) -> None:
    theirs = world.token("theirs", Role.ADMIN, PAYMENTS)
    assert world.ask("/preread?team=payments", theirs).status_code == 200
    assert world.ask("/preread?team=search").status_code == 200
    assert world.ask("/preread?team=search", theirs).status_code == 404
    for team, status in (("payments", 200), ("search", 404)):
        assert world.ask(f"/api/v1/preread?team={team}", theirs).status_code == status
    assert 'value="search"' in world.ask("/preread").text
    assert 'value="search"' not in world.ask("/preread", theirs).text
    for board in ("/actions", "/audits", "/figures"):
        assert '<option value="search">' in world.ask(board).text
        assert '<option value="search">' not in world.ask(board, theirs).text
