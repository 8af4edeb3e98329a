"""API tokens: what opens, until when, and what a session is worth after that."""

from __future__ import annotations

from datetime import timedelta

import pytest
from builders import at
from flask.testing import FlaskClient
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError
from web.inhabited import OPERATOR, World

from service import tokens
from service.store import Store
from workflows.rights import Role


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def signed_in(world: World, token: str) -> FlaskClient:
    visitor = world.visitor()
    assert visitor.post("/sign-in", data={"token": token}).status_code == 303
    return visitor


def test_only_a_digest_of_a_token_is_kept(world: World, store: Store) -> None:
    given = world.token("ci", Role.VIEWER)
    assert given.startswith("ft_")
    assert len(given) == len("ft_") + 43, "256 bits in base64"
    with create_engine(store.url).connect() as connection:
        for table in ("tokens", "changes"):
            kept = connection.execute(text(f"SELECT * FROM {table}")).all()
            assert kept
            assert given not in str(kept)
            assert given.removeprefix("ft_") not in str(kept)


def test_a_token_opens_pages_and_api_and_stands_on_record_by_its_name(world: World) -> None:
    given = world.token("Kim's laptop", Role.ADMIN)
    visitor = signed_in(world, given)
    with visitor.session_transaction() as session:
        csrf = session["csrf"]
    number = world.ids["k3v9"]["number"]
    visitor.post(f"/deliveries/{number}/replay", data={"csrf": csrf})
    world.post(f"/deliveries/{number}/replay", {}, token=given)
    assert [change.who for change in world.changes()][:2] == [
        "Kim's laptop (API)",
        "Kim's laptop (web page)",
    ]


def test_a_session_ends_when_its_token_is_revoked(world: World, store: Store) -> None:
    visitor = signed_in(world, world.token("lost", Role.VIEWER))
    assert visitor.get("/").status_code == 200
    with store.write() as tx:
        assert tokens.revoke(tx, OPERATOR, 1)
        assert not tokens.revoke(tx, OPERATOR, 1), "once is enough"
    assert visitor.get("/").status_code == 302
    assert visitor.get("/sign-in").status_code == 200, "and not led round in circles"


def test_a_session_ends_when_its_token_expires(world: World, store: Store) -> None:
    given = world.token("short", Role.VIEWER, days=2)
    visitor = signed_in(world, given)
    store.clock = lambda: at(95) + timedelta(days=2) - timedelta(seconds=1)
    assert visitor.get("/").status_code == 200
    store.clock = lambda: at(95) + timedelta(days=2)
    assert visitor.get("/").status_code == 302
    assert world.ask("/api/v1/incidents", given).status_code == 401


def test_what_is_wrong_with_a_token_is_said(world: World, store: Store) -> None:
    world.token("ci", Role.VIEWER)
    wrong = {
        "still opens": ("ci", None, 1),
        "printable": ("a\x1b[31m", None, 1),
        "at all": ("b", frozenset[str](), 1),
        "366 days": ("c", None, 367),
    }
    for words, (name, teams, days) in wrong.items():
        with store.write() as tx, pytest.raises(tokens.NotGiven, match=words):
            tokens.create(tx, OPERATOR, name, Role.VIEWER, teams, timedelta(days=days))


def test_that_it_was_used_is_written_down_now_and_then(world: World, store: Store) -> None:
    given = world.token("ci", Role.VIEWER)
    for minutes, used in ((95, 95), (99, 95), (106, 106)):
        store.clock = lambda minutes=minutes: at(minutes)  # type: ignore[misc]
        world.ask("/api/v1/incidents", given)
        with store.read() as tx:
            [token] = tx.tokens.page(1)
        assert token.used == at(used)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE changes SET who = 'nobody'",
        "DELETE FROM changes",
        pytest.param(
            "INSERT OR REPLACE INTO changes SELECT * FROM changes",
            marks=pytest.mark.sqlite("PostgreSQL has no such statement"),
        ),
    ],
)
def test_the_audit_log_is_never_changed(world: World, store: Store, statement: str) -> None:
    world.token("ci", Role.VIEWER)
    with (
        create_engine(store.url).begin() as connection,
        pytest.raises(IntegrityError, match="never changed"),
    ):
        connection.execute(text(statement))


def test_a_viewer_is_shown_no_button_that_would_be_refused(world: World) -> None:
    visitor = signed_in(world, world.token("reader", Role.VIEWER))
    number, letter = world.ids["k3v9"]["number"], world.ids["k3v9"]["id"]
    for path in ("/incidents/k3v9", f"/deliveries/{number}", f"/dead-letters/{letter}"):
        page = visitor.get(path).text
        assert page.count('method="post"') == page.count('action="/sign-out"') + page.count(
            'action="/incidents/k3v9/choose"'  # whose buttons are disabled
        )
    assert 'href="/changes"' not in page
