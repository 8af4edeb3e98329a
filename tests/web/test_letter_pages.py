"""Dead letters on their pages: seen, replayed, given up."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from web.history import History

from service.store import Store
from service.store.deliveries import DeliveryState
from service.store.effects import EffectState

LETTER = "/dead-letters/e2"  # the task that `History.closed` has refused


def form(operator: FlaskClient, **values: str) -> dict[str, str]:
    with operator.session_transaction() as session:
        return {"csrf": str(session["csrf"]), **values}


def state(store: Store) -> EffectState:
    with store.read() as tx:
        effect = tx.effects.get("task:k3v9:2")
    assert effect is not None
    return effect.state


def test_without_dead_letters_the_page_says_so_and_the_bar_counts_nothing(
    operator: FlaskClient,
) -> None:
    page = operator.get("/dead-letters").text
    assert "<h2>None.</h2>" in page
    assert '<span class="badge waiting">' not in page


def test_each_is_listed_with_its_incident_the_vendors_words_and_the_mend(
    operator: FlaskClient, history: History
) -> None:
    history.closed()
    number = history.delivery(state=DeliveryState.STRANDED)
    page = operator.get("/dead-letters").text
    for shown in (
        'href="/dead-letters/e2">e2</a>',
        f'href="/dead-letters/d{number}">d{number}</a>',
        "could not create the task “Limit what one tenant can queue” in OPS",
        'href="/incidents/k3v9">acme/ops#42</a>',
        "Field &#39;duedate&#39; cannot be set",
        "Put the field on the create screen of OPS.",
        "Give the rules the connection acme-github, under this name",
        '<span class="unseen">dead letters: </span>2</span>',
    ):
        assert shown in page


def test_the_first_page_and_the_incidents_lead_to_the_letter(
    operator: FlaskClient, history: History
) -> None:
    history.closed()
    assert f'href="{LETTER}"' in operator.get("/").text
    assert f'href="{LETTER}"' in operator.get("/incidents/k3v9").text


def test_replayed_once_and_the_second_press_is_told_that_there_is_nothing_to_do(
    operator: FlaskClient, history: History, store: Store
) -> None:
    history.closed()
    first = operator.post(f"{LETTER}/replay", data=form(operator), follow_redirects=True)
    assert "It is tried again now." in first.text
    assert "no longer a dead letter" in first.text
    assert state(store) is EffectState.WANTED
    with store.read() as tx:
        job = tx.jobs.get("incident", "acme-github/I_42")
    assert job is not None
    again = operator.post(f"{LETTER}/replay", data=form(operator), follow_redirects=True)
    assert "Nothing to do: it is to be done." in again.text


def test_dropped_with_a_reason_and_not_without_one(
    operator: FlaskClient, history: History, store: Store
) -> None:
    history.closed()
    without = operator.post(f"{LETTER}/drop", data=form(operator, why=" "))
    assert without.status_code == 400
    assert "Say why" in without.text
    data = form(operator, why="tenants are gone")
    page = operator.post(f"{LETTER}/drop", data=data, follow_redirects=True).text
    assert "It is given up." in page
    assert "given up by an admin (web page): tenants are gone" in page
    assert state(store) is EffectState.DROPPED
    assert "tenants are gone" in operator.get("/incidents/k3v9").text
    assert "Given up by mistake?" in page
    assert f'action="{LETTER}/drop"' not in page
    operator.post(f"{LETTER}/replay", data=form(operator))
    assert state(store) is EffectState.WANTED


@pytest.mark.parametrize("act", ["replay", "drop"])
def test_a_form_that_another_site_sends_changes_nothing(
    operator: FlaskClient, history: History, store: Store, act: str
) -> None:
    history.closed()
    answer = operator.post(f"{LETTER}/{act}", data={"csrf": "guessed", "why": "evil"})
    assert answer.status_code == 403
    assert state(store) is EffectState.REJECTED


def test_a_stranger_is_asked_to_sign_in(visitor: FlaskClient, history: History) -> None:
    history.closed()
    assert visitor.get("/dead-letters").status_code == 302
    assert visitor.post(f"{LETTER}/replay").status_code in (401, 403)


def test_a_delivery_shows_what_was_sent_and_how_often_it_came(
    operator: FlaskClient, history: History
) -> None:
    number = history.delivery(state=DeliveryState.UNREADABLE, body=b'{"odd": true}')
    page = operator.get(f"/dead-letters/d{number}").text
    assert "&#34;odd&#34;: true" in page
    assert "1 time" in page
    answer = operator.post(
        f"/dead-letters/d{number}/replay", data=form(operator), follow_redirects=True
    )
    assert "It is tried again now." in answer.text
