"""The audit log: what people change, by pages and the API, has its line in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from web.inhabited import FOREIGN, OWN, World
from web.test_api import LINK, VERDICT

from service.store import Store
from service.web.access import TABLE
from service.web.sign_in import SAFE_METHODS
from workflows.rights import Role


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


#: How each writing endpoint is used so that it changes something, by its name in the table.
PAGES: dict[str, tuple[str, dict[str, str]]] = {
    "pages.retry": (f"/incidents/{OWN}/retry", {}),
    "pages.accept_proposal": (f"/incidents/{OWN}/accept", {"proposal": "P-1"}),
    "pages.replay": ("/deliveries/{number}/replay", {}),
    "pages.drop": ("/deliveries/{number}/drop", {"why": "old"}),
    "letters.replay": ("/dead-letters/{id}/replay", {}),
    "letters.drop": ("/dead-letters/{id}/drop", {"why": "old"}),
    "conflicts.choose_value": (
        f"/incidents/{OWN}/choose",
        {"item": "1", "field": "owner", "value": "Noor Aziz"},
    ),
    "conflicts.resume_field": (f"/incidents/{OWN}/resume", {"item": "1", "field": "due"}),
    "judging.give_verdict": (f"/incidents/{OWN}/judge", {**VERDICT, "audit": "1.1.2"}),
    "related.dismiss_related": (
        f"/incidents/{OWN}/related/dismiss",
        {"other": FOREIGN, "why": "another disk"},
    ),
    "related.take_back_dismissal": (f"/incidents/{OWN}/related/take-back", {"other": FOREIGN}),
    "versions.publish_document": (f"/incidents/{OWN}/publish", {}),
}
WRITES: dict[str, tuple[str, dict[str, Any]]] = {
    "api-incidents.attach": (f"/incidents/{OWN}/evidence", LINK),
    "api-incidents.publish": (f"/incidents/{OWN}/publish", {}),
    "api-incidents.retry": (f"/incidents/{OWN}/retry", {}),
    "api-related.dismiss": (f"/incidents/{OWN}/related/{FOREIGN}/dismiss", {"why": "no"}),
    "api-related.take_back": (f"/incidents/{OWN}/related/{FOREIGN}/take-back", {}),
    "api-audits.judge": (f"/incidents/{OWN}/audits/1/1/2/verdict", VERDICT),
    "api-proposals.accept": (f"/incidents/{OWN}/proposals/1/accept", {}),
    "api-conflicts.choose": (f"/incidents/{OWN}/actions/1/owner/choose", {"claim": 1}),
    "api-conflicts.resume": (f"/incidents/{OWN}/actions/1/due/resume", {}),
    "api-deliveries.replay": ("/deliveries/{number}/replay", {}),
    "api-deliveries.drop": ("/deliveries/{number}/drop", {"why": "old"}),
    "api-dead-letters.replay": ("/dead-letters/{id}/replay", {}),
    "api-dead-letters.drop": ("/dead-letters/{id}/drop", {"why": "old"}),
    "api-tokens.create": ("/tokens", {"name": "ci", "role": "viewer"}),
    "api-tokens.revoke": ("/tokens/1", {}),
}

#: They change nothing that is anybody's but one's own session, or the zone of one's own times.
#: What comes of `setup.offer` is GitHub's answer to it, which is read: see `test_app_setup`.
OF_ONESELF = {
    *("sign_in.enter", "sign_in.leave", "zones.choose", "setup.offer"),
    *("webhooks.receive", "checks.receive"),
}


def test_every_way_to_write_is_tried_below(world: World) -> None:
    rules = world.client.application.url_map.iter_rules()
    writing = {rule.endpoint for rule in rules if not (rule.methods or set()) <= SAFE_METHODS}
    assert writing - OF_ONESELF == {*PAGES, *WRITES}
    assert writing <= set(TABLE)


@pytest.mark.parametrize("name", [*PAGES, *WRITES])
def test_what_a_person_changes_is_on_record_once_with_before_and_after(
    world: World, name: str
) -> None:
    if name.startswith("api-tokens.r"):
        world.token("old", Role.VIEWER)
    if "take_back" in name:
        world.post(*WRITES["api-related.dismiss"])
    before = world.changes()
    path, body = {**PAGES, **WRITES}[name]
    path = path.format(**world.ids[OWN])
    method = "DELETE" if name == "api-tokens.revoke" else "POST"
    if name in PAGES:
        assert world.ask(path, method=method, data=body).status_code == 303
    else:
        assert world.ask(f"/api/v1{path}", method=method, json=body).status_code in (200, 201)
    [change] = world.changes()[: len(world.changes()) - len(before)]
    assert change.before != change.after
    assert change.who == ("an admin (web page)" if name in PAGES else "an admin (API)")
    assert change.role is Role.ADMIN


def test_what_fails_leaves_no_line(world: World) -> None:
    attempts: list[Callable[[], Any]] = [
        lambda: world.post(f"/incidents/{OWN}/proposals/9/accept", {}),
        lambda: world.post(f"/incidents/{OWN}/audits/1/9/9/verdict", VERDICT),
        lambda: world.post(f"/incidents/{OWN}/actions/1/due/choose", {"value": "x"}),
        lambda: world.post("/dead-letters/e9999/replay", {}),
        lambda: world.post("/tokens", {"name": "x", "role": "emperor"}),
    ]
    assert {attempt().status_code for attempt in attempts} == {404, 409, 422}
    assert world.changes() == []


def test_the_log_is_a_page_for_admins(world: World) -> None:
    world.post(f"/incidents/{OWN}/evidence", {**LINK, "title": "<script>alert(1)</script>"})
    page = world.ask("/changes").text
    assert "attach evidence" in page
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert world.ask("/changes", world.token("v", Role.EDITOR)).status_code == 403
