"""The pages of patterns."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from builders import NOON
from flask.testing import FlaskClient
from sqlalchemy import Engine, event
from taught import measure, named, saved, verdict
from web.inhabited import FOREIGN, OWN, World
from werkzeug.test import TestResponse

from service.store import Store
from workflows.rights import Role
from workflows.rungs import Verdict

DAY = timedelta(days=1)


def test_a_factor_that_recurs_leads_to_its_incidents_and_measures(
    operator: FlaskClient, store: Store
) -> None:
    failed: dict[str, Any] = {
        "actions": (measure(status="done", done_at=NOON),),
        "audits": (verdict(Verdict.NOT_EFFECTIVE, NOON),),
    }
    saved(store, *(named(f"i{n}", "slow disk", opened=NOON - n * DAY, **failed) for n in (1, 2, 3)))
    listed = operator.get("/patterns").text
    assert "recurs, not answered" in listed
    assert '<a href="/patterns/slow%20disk">' in listed
    shown = operator.get("/patterns/slow%20disk").text
    assert '<a class="key" href="/incidents/i1">acme/ops#1</a>' in shown
    assert shown.count('<span class="badge not-effective">not effective</span>') == 3


def test_nothing_named_twice_is_said_to_be_no_pattern(operator: FlaskClient, store: Store) -> None:
    saved(store, named("i1", "slow disk"))
    assert "No factor was named by two incidents" in operator.get("/patterns").text
    assert operator.get("/patterns?page=x&team=%00&service=&page=-1").status_code == 200


def test_a_factor_that_nobody_names_has_no_page(operator: FlaskClient) -> None:
    assert operator.get("/patterns/dark%20matter").status_code == 404
    assert operator.get("/patterns/%F0%9F%94%A5").status_code == 404


def test_a_factor_is_shown_as_text_whatever_it_says(operator: FlaskClient, store: Store) -> None:
    hostile = "<script>alert(1)</script>"
    for id in ("i1", "i2"):
        saved(store, named(id, hostile, title=hostile, service=hostile))
    for page in ("/patterns", "/patterns/script%20alert%201%20script"):
        answer = operator.get(page)
        assert answer.status_code == 200
        assert "<script" not in answer.text


# --- related incidents ----------------------------------------------------------------------------


def test_a_related_incident_is_proposed_until_it_is_dismissed_and_again_once_that_is_taken_back(
    operator: FlaskClient, store: Store
) -> None:
    saved(store, named("i1", "slow disk"), named("i2", "slow disk", title="<b>Down</b> again"))
    page = operator.get("/incidents/i1").text
    assert '<a class="key" href="/incidents/i2">acme/ops#2</a>' in page
    assert "same service checkout; both name the factor “slow disk”" in page
    assert "<b>" not in page
    assert dismissed(operator, page, why="another <i>disk").status_code == 303
    for id in ("i1", "i2"):
        page = operator.get(f"/incidents/{id}").text
        assert "both name the factor" not in page
        assert "another &lt;i&gt;disk" in page
    assert dismissed(operator, page, act="take-back").status_code == 303
    page = operator.get("/incidents/i1").text
    assert "both name the factor" in page
    assert "Dismissed:" not in page
    assert dismissed(operator, page, act="take-back").status_code == 400


def test_a_dismissal_without_a_reason_or_of_nothing_does_nothing(
    operator: FlaskClient, store: Store
) -> None:
    saved(store, named("i1", "slow disk"), named("i2", "slow disk"))
    page = operator.get("/incidents/i1").text
    assert dismissed(operator, page, why=" ").status_code == 400
    assert dismissed(operator, page, other="nobody").status_code == 404
    assert dismissed(operator, "", why="no token").status_code == 403
    assert "Perhaps related" in operator.get("/incidents/i1").text


def test_a_dismissal_stands_in_the_audit_log_and_takes_an_incident_that_one_sees(
    store: Store,
) -> None:
    world = World(store)
    theirs = world.token("theirs", Role.EDITOR, frozenset({"payments"}))
    path, form = f"/incidents/{OWN}/related/dismiss", {"other": FOREIGN, "why": "another disk"}
    assert world.ask(path, theirs, "POST", data=form).status_code == 404
    everyones = world.token("kim", Role.EDITOR)
    for _ in range(2):
        assert world.ask(path, everyones, "POST", data=form).status_code == 303
    [change] = [each for each in world.changes() if each.action == "dismiss related"]
    assert change.who == "kim (web page)"
    assert change.subject == f"acme/ops#42 ({OWN}) related {FOREIGN}"
    assert change.before == {"dismissed": False}
    assert change.after == {"dismissed": True, "why": "another disk"}


def dismissed(
    operator: FlaskClient,
    page: str,
    other: str = "i2",
    why: str = "not it",
    act: str = "dismiss",
) -> TestResponse:
    _, _, rest = page.partition('name="csrf" value="')
    form = {"csrf": rest.partition('"')[0], "other": other, "why": why}
    return operator.post(f"/incidents/i1/related/{act}", data=form)


# --- how much is asked of the database ------------------------------------------------------------


def test_the_pages_ask_no_more_of_the_database_the_more_there_is(
    operator: FlaskClient, store: Store
) -> None:
    pages = ("/patterns", "/patterns/slow%20disk", "/incidents/i1")
    asked = []
    for last in (3, 40):
        taken: dict[str, Any] = {"actions": (measure(),)}
        saved(store, *(named(f"i{n}", "slow disk", **taken) for n in range(1, last)))
        asked.append([queries(operator, page) for page in pages])
    assert asked[0] == asked[1]
    assert max(asked[1]) <= 30


def queries(operator: FlaskClient, page: str) -> int:
    """How many statements it takes to show the page."""
    count = 0

    def counted(*_: Any) -> None:
        nonlocal count
        count += 1

    event.listen(Engine, "before_cursor_execute", counted)
    try:
        assert operator.get(page).status_code == 200
    finally:
        event.remove(Engine, "before_cursor_execute", counted)
    return count
