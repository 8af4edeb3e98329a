"""The pages of patterns."""

from __future__ import annotations

from datetime import timedelta

from builders import NOON
from flask.testing import FlaskClient
from taught import measure, named, saved, verdict

from service.store import Store
from workflows.rungs import Verdict

DAY = timedelta(days=1)


def test_a_factor_that_recurs_leads_to_its_incidents_and_measures(
    operator: FlaskClient, store: Store
) -> None:
    failed = {
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
