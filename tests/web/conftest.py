"""The web process over a real store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import at
from flask.testing import FlaskClient
from web.history import TOKEN, History, Web

from service.app import create_app
from service.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path}/followthrough.db", lambda: at(95))
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def web(store: Store) -> Web:
    return Web(store)


@pytest.fixture
def visitor(web: Web) -> FlaskClient:
    """Somebody who is not signed in."""
    return create_app(web).test_client()


@pytest.fixture
def operator(visitor: FlaskClient) -> FlaskClient:
    """Somebody who is."""
    answer = visitor.post("/sign-in", data={"token": TOKEN})
    assert answer.status_code == 303
    return visitor


@pytest.fixture
def history(store: Store) -> History:
    return History(store)
