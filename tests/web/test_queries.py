"""How much a page asks the database: so often at most, however much there is to show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from web.inhabited import OWN, World
from web.test_access import address
from werkzeug.routing import Rule

from service.store import Store

#: So many statements a page, or an answer of the API, may ask.
MOST_ASKED = 30

#: What some are asked with, by endpoint.
ASKED_WITH = {
    "api-incidents.difference": "before=1&after=2",
    "planning.preread": "team=payments",
    "search.search": "q=alone",
}

#: Only GitHub leads here, once: `test_app_setup` goes there.
FROM_ELSEWHERE = "setup.made"


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is asked of the database."""
    asked: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


def asked(world: World, rule: Rule) -> int:
    with statements() as found:
        path = address(world, rule, OWN)
        if query := ASKED_WITH.get(rule.endpoint):
            path = f"{path}?{query}"
        assert world.ask(path).status_code < 400, path
    return len(found)


def come(world: World, first: int, last: int) -> None:
    """Further incidents with something of everything."""
    for number in range(first, last):
        world.incident(f"x{number}", number, "payments")


def test_no_page_asks_the_database_more_when_there_is_more_to_show(world: World) -> None:
    """Every route that reads is walked: a new one is in here without being named."""
    rules = [
        rule
        for rule in world.client.application.url_map.iter_rules()
        if "GET" in (rule.methods or set())
        and not rule.rule.startswith("/static")
        and rule.endpoint != FROM_ELSEWHERE
    ]
    come(world, 100, 106)
    few = {rule.rule: asked(world, rule) for rule in rules}
    come(world, 106, 130)
    more = {rule.rule: asked(world, rule) for rule in rules}
    assert {path: n for path, n in more.items() if n > MOST_ASKED} == {}
    assert {path: (few[path], n) for path, n in more.items() if n > few[path]} == {}
