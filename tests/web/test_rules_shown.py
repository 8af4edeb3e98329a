"""The page Operation says which rules are in force, who waits, and what is wrong with others."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from flask.testing import FlaskClient
from web.history import TOKEN, Web

from service.app import create_app
from service.rules_standing import rules_standing
from service.store import Store
from service.store.journal import ABOUT_RULES, EntryKind
from service.store.ruling import Reading
from service.tokens import create
from workflows.rights import Actor, Role

OLD, NEW = "a" * 64, "b" * 64


def say(store: Store, *readings: Reading) -> None:
    with store.write() as tx:
        for reading in readings:
            tx.ruling.say(reading)


def in_force(store: Store, hash: str, by: str) -> None:
    with store.write() as tx:
        tx.ruling.put(hash, by, "they were changed")
        text = f"{by} put the rules {hash[:12]} in force: they were changed."
        tx.journal.add(None, EntryKind.NOTE, text, {ABOUT_RULES: hash})


def worker(store: Store, host: str, hash: str) -> Reading:
    return Reading(f"worker 7 on {host}", True, hash, store.clock())


def test_before_any_worker_ran_no_rules_are_in_force(operator: FlaskClient) -> None:
    assert "None are in force: no worker has started yet." in operator.get("/operation").text


def test_where_all_have_read_the_same_rules_it_says_which_and_since_when(
    operator: FlaskClient, store: Store
) -> None:
    in_force(store, OLD, "worker 7 on one")
    say(store, worker(store, "one", OLD), replace(worker(store, "web", OLD), decides=False))
    page = operator.get("/operation").text
    assert "<code>aaaaaaaaaaaa</code> in force since" in page
    assert "worker 7 on one: they were changed" in page
    assert "2 processes have read them" in page
    assert "has read others" not in page


def test_who_has_read_others_is_named_and_whether_it_waits(
    operator: FlaskClient, store: Store
) -> None:
    in_force(store, NEW, "worker 7 on one")
    web = replace(worker(store, "web", OLD), process="web 8 on web", decides=False)
    say(store, worker(store, "one", NEW), worker(store, "two", OLD), web)
    page = operator.get("/operation").text
    assert "1 process has read them" in page
    assert page.count("has read others, <code>aaaaaaaaaaaa</code>") == 2
    assert page.count("and waits") == 1
    with store.read() as tx:
        standing = rules_standing(tx)
    assert [each.process for each in standing.apart] == ["worker 7 on two", "web 8 on web"]
    assert not standing.waits


def test_rules_that_cannot_be_used_are_told_with_since_when_and_nothing_of_them_is_markup(
    operator: FlaskClient, store: Store
) -> None:
    in_force(store, OLD, "worker 7 on one")
    problems = tuple(f"rules/<b>{n}</b>.yaml:1: is missing" for n in range(7))
    wrong = replace(worker(store, "one", OLD), problems=problems, wrong_since=store.clock())
    say(store, wrong)
    page = operator.get("/operation").text
    assert "rules/&lt;b&gt;0&lt;/b&gt;.yaml:1: is missing" in page
    assert "… and 2 more" in page
    assert "works on with what it has" in page


def test_the_api_tells_the_same(store: Store) -> None:
    in_force(store, NEW, "worker 7 on one")
    wrong = replace(worker(store, "two", OLD), problems=("rules.yaml:1: no",))
    say(store, worker(store, "one", NEW), replace(wrong, wrong_since=store.clock()))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    told = create_app(Web(store)).test_client().get("/api/v1/operation", headers=headers).json
    assert told is not None
    rules = told["rules"]
    assert (rules["in_force"]["hash"], rules["in_force"]["by"]) == (NEW, "worker 7 on one")
    assert rules["agreed"] == 1
    assert [(each["process"], each["hash"]) for each in rules["apart"]] == [
        ("worker 7 on two", OLD)
    ]
    assert rules["wrong"][0]["problems"] == ["rules.yaml:1: no"]


def test_who_sees_some_teams_only_is_not_shown_the_words_of_all(store: Store) -> None:
    in_force(store, OLD, "worker 7 on one")
    admin = Actor("Kim", Role.ADMIN, None, "page")
    with store.write() as tx:
        token, _ = create(tx, admin, "ci", Role.VIEWER, frozenset({"payments"}), timedelta(days=1))
    page = create_app(Web(store)).test_client()
    page.post("/sign-in", data={"token": token})
    shown = page.get("/operation")
    assert shown.status_code == 200
    assert "in force since" not in shown.text
    told = page.get("/api/v1/operation", headers={"Authorization": f"Bearer {token}"})
    assert told.json is not None
    assert told.json["rules"] is None


def test_where_every_worker_has_read_others_nobody_works_and_that_is_known(store: Store) -> None:
    in_force(store, NEW, "worker 7 on one")
    web = replace(worker(store, "web", NEW), process="web 8 on web", decides=False)
    say(store, worker(store, "two", OLD), web)
    with store.read() as tx:
        assert rules_standing(tx).waits
