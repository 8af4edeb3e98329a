"""The page Operation and the API say which worker processes are alive."""

from __future__ import annotations

from datetime import timedelta

from builders import at
from flask.testing import FlaskClient
from web.history import TOKEN

from service.ruling import process_name
from service.store import Store
from service.store.ruling import Reading
from service.store.workers import ALIVE_FOR, WorkerProcess
from service.tokens import create
from workflows.rights import Actor, Role

RULES = "a" * 64


def worker(host: str, threads: int = 4) -> WorkerProcess:
    return WorkerProcess(f"id of {host}", host, 7, "0.1.0", threads, at(60))


def alive(store: Store, *workers: WorkerProcess) -> None:
    with store.write() as tx:
        for each in workers:
            tx.workers.beat(each)


def has_read(store: Store, host: str) -> None:
    name = process_name("worker", host, 7)
    with store.write() as tx:
        tx.ruling.say(Reading(f"{name} (0a1b2c3d)", True, RULES, store.clock()))


def test_each_that_is_alive_is_named_with_since_when_and_its_rules(
    operator: FlaskClient, store: Store
) -> None:
    alive(store, worker("one"), worker("<b>two</b>", threads=1))
    has_read(store, "one")
    page = " ".join(operator.get("/operation").text.split())
    two, one = page.partition('<h2 id="workers">')[2].split("<li>")[1:3]
    assert "<strong>one</strong>, process 7" in one
    assert f"has read the rules <code>{RULES[:12]}</code>" in one
    assert "4 jobs at once" in one
    assert "<strong>&lt;b&gt;two&lt;/b&gt;</strong>" in two
    assert "1 job at once; has not said which rules it has read" in two


def test_where_none_is_alive_that_is_said(operator: FlaskClient, store: Store) -> None:
    now = store.clock()
    store.clock = lambda: now - ALIVE_FOR - timedelta(seconds=1)
    alive(store, worker("one"))
    store.clock = lambda: now
    page = operator.get("/operation").text
    assert "None is alive. What comes in is recorded, and is worked on once one runs." in page
    assert "process 7" not in page


def test_the_api_tells_the_same(visitor: FlaskClient, store: Store) -> None:
    alive(store, worker("one"))
    has_read(store, "one")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    told = visitor.get("/api/v1/operation", headers=headers).json
    assert told is not None
    [only] = told["workers"]
    assert only == {
        "host": "one",
        "pid": 7,
        "version": "0.1.0",
        "threads": 4,
        "since": at(60).isoformat(),
        "heard_at": store.clock().isoformat(),
        "rules": RULES,
    }


def test_who_sees_some_teams_only_is_told_of_no_machines(
    visitor: FlaskClient, store: Store
) -> None:
    alive(store, worker("one"))
    admin = Actor("an admin", Role.ADMIN, None, "command line")
    with store.write() as tx:
        a_day = timedelta(days=1)
        token, _ = create(tx, admin, "ci", Role.VIEWER, frozenset({"payments"}), a_day)
    headers = {"Authorization": f"Bearer {token}"}
    shown = visitor.get("/operation", headers=headers)
    assert shown.status_code == 200
    assert "process 7" not in shown.text
    told = visitor.get("/api/v1/operation", headers=headers).json
    assert told is not None
    assert told["workers"] == []
