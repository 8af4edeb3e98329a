"""What is answered while the database is away: a server that is restarted, a file out of reach."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from builders import NOON
from databases import without
from flask.testing import FlaskClient
from stage import free_port
from structlog.testing import capture_logs
from web.history import TOKEN, Web
from web.test_webhook_door import deliver

from config.secrets import Secret
from service.app import create_app
from service.store import Store
from service.web import CheckDoor
from service.web.outage import SAID_EVERY

PASSWORD = "correct-horse-9d2f"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SAID = "the database is away: requests are answered 503"


class Moving:
    now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(params=["a server", "a file"])
def away(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = f"postgresql+psycopg://bot:{PASSWORD}@127.0.0.1:{free_port()}/ft"
    if request.param == "a file":
        url = f"sqlite:////proc/nowhere/{tmp_path.name}.db"
    store = Store(url)
    yield store
    store.close()


@pytest.fixture
def clock() -> Moving:
    return Moving()


@pytest.fixture
def visitor(away: Store, clock: Moving) -> FlaskClient:
    doors = (CheckDoor(Secret("check-token-9d2f"), frozenset({"probe"})),)
    return create_app(Web(away, clock=clock, check_doors=doors)).test_client()


def test_a_page_says_in_words_that_it_can_be_had_again_soon(visitor: FlaskClient) -> None:
    answer = visitor.get("/", headers=BEARER)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "Not at the moment" in answer.text
    assert "The database cannot be used at the moment." in answer.text
    assert "127.0.0.1" not in answer.text


def test_who_is_not_known_without_the_database_is_told_the_same(visitor: FlaskClient) -> None:
    answer = visitor.get("/", headers={"Authorization": "Bearer ft_somebody"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_a_program_is_told_by_a_problem(visitor: FlaskClient) -> None:
    answer = visitor.get("/api/v1/incidents", headers=BEARER)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.mimetype == "application/problem+json"
    assert answer.json is not None
    assert answer.json["detail"].startswith("The database cannot be used at the moment.")


def test_who_delivers_is_asked_to_send_it_again(visitor: FlaskClient) -> None:
    token = {"Authorization": "Bearer check-token-9d2f"}
    result = visitor.post("/api/v1/checks/probe", json={"status": "passed"}, headers=token)
    for answer in (deliver(visitor), result):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.json == {"status": "could not be recorded; please send it again"}


def test_one_line_tells_it_now_and_then_and_none_is_a_traceback(
    visitor: FlaskClient, clock: Moving, caplog: pytest.LogCaptureFixture
) -> None:
    with capture_logs() as lines:
        for _ in range(3):
            visitor.get("/", headers=BEARER)
            deliver(visitor)
            visitor.get("/api/v1/incidents", headers=BEARER)
        [line] = lines
        assert (line["log_level"], line["event"]) == ("warning", SAID)
        assert PASSWORD not in str(line)
        clock.now += SAID_EVERY
        visitor.get("/", headers=BEARER)
        assert len(lines) == 2
    assert not [each for each in caplog.records if each.exc_info]


def test_a_table_that_is_missing_is_still_a_fault_of_ours(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    without(store, "drifts")
    answer = create_app(Web(store)).test_client().get("/drift", headers=BEARER)
    assert answer.status_code == 500
    assert [each for each in caplog.records if each.exc_info]
