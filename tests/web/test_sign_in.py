"""Who is let in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from web.history import TOKEN, History, Web

from config.secrets import Secret
from service.app import create_app
from service.store import Store
from service.store.deliveries import DeliveryState
from service.web.sign_in import local_path

PRIVATE = ["/", "/deliveries", "/incidents/k3v9", "/deliveries/1", "/no-such-page", "/favicon.ico"]


@pytest.mark.parametrize("path", PRIVATE)
def test_a_stranger_is_sent_to_sign_in_and_back(visitor: FlaskClient, path: str) -> None:
    answer = visitor.get(path)
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/sign-in?next={path}"
    after = visitor.post("/sign-in", data={"token": TOKEN, "next": path})
    assert after.headers["Location"] == path


def test_the_token_opens_the_pages_and_a_wrong_one_does_not(visitor: FlaskClient) -> None:
    wrong = visitor.post("/sign-in", data={"token": TOKEN + "x"})
    assert wrong.status_code == 401
    assert "This token opens nothing" in wrong.text
    assert visitor.get("/").status_code == 302
    assert visitor.post("/sign-in", data={"token": TOKEN}).status_code == 303
    assert visitor.get("/").status_code == 200


def test_an_empty_token_never_opens(store: Store) -> None:
    visitor = create_app(Web(store, admin_token=Secret(""))).test_client()
    assert visitor.post("/sign-in", data={"token": ""}).status_code == 401
    assert visitor.get("/", headers={"Authorization": "Bearer "}).status_code in (302, 401)


def test_a_bearer_needs_no_cookie_and_no_form_token(visitor: FlaskClient, history: History) -> None:
    number = history.delivery(state=DeliveryState.UNKNOWN)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert visitor.get("/", headers=headers).status_code == 200
    assert visitor.post(f"/deliveries/{number}/replay", headers=headers).status_code == 303
    wrong = visitor.get("/", headers={"Authorization": "Bearer guess"})
    assert wrong.status_code == 401
    assert "Bearer" in wrong.headers["WWW-Authenticate"]


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(visitor: FlaskClient) -> None:
    plain = visitor.post("/sign-in", data={"token": TOKEN}).headers["Set-Cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=Lax" in plain
    assert "Secure" not in plain
    over_https = visitor.post(
        "/sign-in", data={"token": TOKEN}, base_url="https://followthrough.acme.example"
    )
    assert "Secure" in over_https.headers["Set-Cookie"]


def test_the_cookie_is_secure_behind_a_proxy_that_ends_https(web: Web) -> None:
    host = "followthrough.acme.example"
    visitor = create_app(replace(web, public_url=f"https://{host}")).test_client()
    answer = visitor.post("/sign-in", data={"token": TOKEN}, base_url=f"http://{host}")
    assert "Secure" in answer.headers["Set-Cookie"]


def test_a_new_token_signs_everyone_out(operator: FlaskClient, web: Web) -> None:
    cookie = operator.get_cookie("followthrough")
    assert cookie is not None
    other = create_app(replace(web, admin_token=Secret("another"))).test_client()
    other.set_cookie("followthrough", cookie.value)
    assert other.get("/").status_code == 302


def test_signing_out_ends_it(operator: FlaskClient) -> None:
    assert operator.post("/sign-out").status_code == 403, "another site could send that"
    with operator.session_transaction() as session:
        csrf = session["csrf"]
    assert operator.post("/sign-out", data={"csrf": csrf}).status_code == 303
    assert operator.get("/").status_code == 302


def test_a_form_from_elsewhere_changes_nothing(
    operator: FlaskClient, history: History, store: Store
) -> None:
    number = history.delivery(state=DeliveryState.UNREADABLE)
    for sent in ({}, {"csrf": ""}, {"csrf": "guess"}):
        answer = operator.post(f"/deliveries/{number}/drop", data={**sent, "why": "because"})
        assert answer.status_code == 403
    with store.read() as tx:
        delivery = tx.deliveries.get(number)
    assert delivery is not None
    assert delivery.state is DeliveryState.UNREADABLE


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "evil",
        "/ok\r\nX: y",
        "",
        None,
    ],
)
def test_signing_in_leads_nowhere_else(elsewhere: str | None) -> None:
    assert local_path(elsewhere) == "/"


def test_signing_in_leads_back_with_its_question() -> None:
    assert local_path("/?outlook=waiting&before=k3v9") == "/?outlook=waiting&before=k3v9"
