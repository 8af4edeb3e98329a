"""How far a backfill is, on the page Operation and in the API."""

from __future__ import annotations

from datetime import timedelta

from builders import NOON
from flask.testing import FlaskClient

from service.backfilling import shown_now
from service.store import Store
from service.store.backfills import Found, TicketState, Unlisted
from workflows.backfilling import Place, Wish
from workflows.model import TicketRef


def begun(store: Store, *teams: str) -> int:
    wish = Wish(NOON, NOON - timedelta(days=400), NOON - timedelta(days=40), teams)
    ref = TicketRef("github", "I_1", "acme/ops#1", "")
    with store.write() as tx:
        number = tx.backfills.begin(wish, "kim (command line)", [Place("github", "acme/ops")])
        for n, state in enumerate((TicketState.RECORDED, TicketState.STUCK, TicketState.LISTED)):
            other = TicketRef(ref.connection, f"I_{n}", f"acme/ops#{n}", "")
            tx.backfills.add(number, Found(other, NOON - timedelta(days=90)), state)
        tx.backfills.waits_for(number, "<b>github</b> allows no more")
    return number


def test_without_one_nothing_is_said_of_it(operator: FlaskClient) -> None:
    assert "Backfill" not in operator.get("/operation").text
    assert operator.get("/api/v1/operation").json["backfill"] is None  # type: ignore[index]


def test_the_page_and_the_api_tell_how_far_it_is(operator: FlaskClient, store: Store) -> None:
    number = begun(store, "payments")
    page = operator.get("/operation").text
    assert f"Backfill {number}" in page
    assert "running: 2 of 3; still looking for more; 1 wait for a person" in page
    assert "waits for &lt;b&gt;github&lt;/b&gt; allows no more" in page
    told = operator.get("/api/v1/operation").json["backfill"]  # type: ignore[index]
    assert (told["ended"], told["total"], told["state"]) == (2, 3, "running")
    assert (told["stuck"], told["listing"]) == (1, True)
    with store.write() as tx:
        tx.backfills.done(number)
    assert "done: 2 of 3" in operator.get("/operation").text


def test_places_that_could_not_be_listed_are_named(operator: FlaskClient, store: Store) -> None:
    number, place = begun(store, "payments"), Place("github", "acme/ops")
    with store.write() as tx:
        tx.backfills.not_listed(number, Unlisted(place, 1, lost=True, words="<i>Not Found</i>"))
        tx.backfills.done(number)
    page = operator.get("/operation").text
    assert "ended, 1 place failed: 2 of 3" in page
    assert "acme/ops of github could not be listed: &lt;i&gt;Not Found&lt;/i&gt;" in page
    told = operator.get("/api/v1/operation").json["backfill"]  # type: ignore[index]
    assert told["listing"] is False
    assert told["lost_places"] == [
        {"connection": "github", "place": "acme/ops", "reason": "<i>Not Found</i>"}
    ]


def test_who_sees_other_teams_only_is_told_nothing(operator: FlaskClient, store: Store) -> None:
    begun(store, "payments", "search")
    with store.read() as tx:
        assert shown_now(tx, frozenset({"payments"})) is None
        assert shown_now(tx, frozenset({"payments", "search"})) is not None
