"""Readiness and metrics, as whoever watches the service asks for them."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from builders import at
from conftest import needs
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import create_engine
from web.history import TOKEN, History, Web

from config.secrets import Secret
from integrations.gate import Cost, Quota
from integrations.github.budgets import CONTENT
from service import metrics, tokens
from service.app import create_app
from service.calls import Tally
from service.heartbeat import Heartbeat
from service.readiness import Readiness, redis_answers
from service.store import Store
from service.store.calls import Called
from service.store.deliveries import DeliveryState
from service.store.ruling import Reading
from service.store.traffic import Circuit, Paused
from service.store.workers import ALIVE_FOR
from workflows.rights import Actor, Role

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Moving:
    """A clock that stands still until it is told to move."""

    def __init__(self) -> None:
        self.now = at(95)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Broker:
    """Answers, or does not."""

    answers: bool

    def __call__(self) -> bool:
        return self.answers


@pytest.fixture
def clock() -> Moving:
    return Moving()


@pytest.fixture
def store(tmp_path: Path, clock: Moving) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path}/followthrough.db", clock)
    store.migrate()
    yield store
    store.close()


def a_worker(store: Store, threads: int = 4) -> Heartbeat:
    heart = Heartbeat(store, Tally(), threads)
    heart.beat()
    return heart


def scraped(visitor: FlaskClient, token: str = TOKEN) -> Samples:
    answer = visitor.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert answer.content_type == metrics.CONTENT_TYPE
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[f"followthrough_{name}", frozenset(labels.items())]


# --- readiness ------------------------------------------------------------------------------------


def test_with_a_database_and_a_worker_it_is_ready(store: Store, visitor: FlaskClient) -> None:
    a_worker(store)
    answer = visitor.get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {
        "ready": True,
        "parts": {each: {"ready": True} for each in ("database", "schema", "worker", "rules")},
    }


def test_without_a_worker_it_says_that_there_is_none(store: Store, visitor: FlaskClient) -> None:
    answer = visitor.get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["ready"] is False
    assert answer.json["parts"]["database"] == {"ready": True}
    assert answer.json["parts"]["worker"] == {
        "ready": False,
        "words": "none was heard of in the last 30 seconds",
    }


def test_who_only_wants_to_deliver_need_not_wait_for_a_worker(visitor: FlaskClient) -> None:
    assert visitor.get("/readyz?exclude=worker&exclude=broker").status_code == 200


def test_where_every_worker_has_read_other_rules_than_those_in_force_it_is_said(
    store: Store, visitor: FlaskClient, clock: Moving
) -> None:
    a_worker(store)
    with store.write() as tx:
        tx.ruling.put("a" * 64, "worker 1 on one", "they were changed")
        tx.ruling.say(Reading("worker 2 on two", True, "b" * 64, store.clock()))
    answer = visitor.get("/readyz")
    assert answer.json is not None
    assert answer.status_code == 503
    words = "every worker waits: it has read others"
    assert answer.json["parts"]["rules"] == {"ready": False, "words": words}
    assert visitor.get("/readyz?exclude=rules").status_code == 200
    with store.write() as tx:
        tx.ruling.say(Reading("worker 1 on one", True, "a" * 64, store.clock()))
    clock.now += timedelta(seconds=2)
    assert visitor.get("/readyz").status_code == 200


def test_a_worker_that_was_killed_is_missed_after_three_beats(
    store: Store, visitor: FlaskClient, clock: Moving
) -> None:
    heart = a_worker(store)
    clock.now += ALIVE_FOR - timedelta(seconds=1)
    assert visitor.get("/readyz").status_code == 200
    clock.now += timedelta(seconds=2)
    assert visitor.get("/readyz").status_code == 503
    heart.beat()
    clock.now += timedelta(seconds=2)
    assert visitor.get("/readyz").status_code == 200


def test_an_older_schema_is_not_ready_and_a_later_one_is(
    store: Store, visitor: FlaskClient, clock: Moving
) -> None:
    a_worker(store)
    found = {}
    for number in ("0001", "9999"):
        engine = create_engine(store.url)
        with engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{number}'")
        engine.dispose()
        clock.now += timedelta(seconds=2)
        answer = visitor.get("/readyz")
        assert answer.json is not None
        found[number] = (answer.status_code, answer.json["parts"]["schema"]["ready"])
    assert found == {"0001": (503, False), "9999": (200, True)}


@pytest.mark.sqlite("a server has no file that can be moved away")
def test_a_database_that_is_away_is_said_without_telling_where_it_was(
    store: Store, visitor: FlaskClient, tmp_path: Path
) -> None:
    store.close()
    shutil.move(tmp_path / "followthrough.db", tmp_path / "elsewhere")
    (tmp_path / "followthrough.db").mkdir()
    answer = visitor.get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert not any(part["ready"] for part in answer.json["parts"].values())
    assert str(tmp_path) not in answer.text


def test_a_broker_that_does_not_answer_is_said(store: Store) -> None:
    a_worker(store)
    for answers in (True, False):
        broker = Broker(answers)
        visitor = create_app(replace(Web(store), broker_answers=broker)).test_client()
        answer = visitor.get("/readyz")
        assert answer.status_code == (200 if answers else 503)
        assert answer.json is not None
        assert answer.json["parts"]["broker"]["ready"] is answers


def test_whoever_asks_while_a_slow_broker_is_waited_for_gets_the_same_answer(
    store: Store, clock: Moving
) -> None:
    asked: list[datetime] = []

    def slow() -> bool:
        asked.append(clock.now)
        clock.now += timedelta(seconds=5)
        return False

    readiness = Readiness(store, slow)
    assert readiness.look() is readiness.look()
    assert len(asked) == 1


def test_redis_answers_while_it_runs_and_with_its_password_only() -> None:
    needs("redis-server")
    with redis("--requirepass", "redis-password-4d2f") as port:
        assert redis_answers(Secret(f"redis://:redis-password-4d2f@127.0.0.1:{port}/0"))
        assert not redis_answers(Secret(f"redis://:wrong-password-99@127.0.0.1:{port}/0"))
    assert not redis_answers(Secret(f"redis://:redis-password-4d2f@127.0.0.1:{port}/0"))


@contextmanager
def redis(*options: str) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--save", "", "--bind", "127.0.0.1", *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd="/")
    try:
        give_up_at = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < give_up_at, "Redis did not start"
                time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(20)


# --- metrics --------------------------------------------------------------------------------------


def test_metrics_take_the_token_of_somebody_who_sees_all_teams(
    store: Store, visitor: FlaskClient
) -> None:
    with store.write() as tx:
        admin = Actor("an admin", Role.ADMIN, None, "a test")
        day = timedelta(days=1)
        all_teams, _ = tokens.create(tx, admin, "prometheus", Role.VIEWER, None, day)
        one, _ = tokens.create(tx, admin, "one", Role.ADMIN, frozenset({"payments"}), day)
    assert visitor.get("/metrics").status_code == 302
    assert visitor.get("/metrics", headers={"Authorization": "Bearer no"}).status_code == 401
    assert visitor.get("/metrics", headers={"Authorization": f"Bearer {one}"}).status_code == 404
    assert scraped(visitor, all_teams)


def test_the_token_of_the_metrics_opens_nothing_else(store: Store) -> None:
    scraper = "scrape-token-61ab"
    visitor = create_app(replace(Web(store), metrics_token=Secret(scraper))).test_client()
    assert scraped(visitor, scraper)
    for path in ("/", "/incidents", "/api/v1/incidents", "/operation"):
        answer = visitor.get(path, headers={"Authorization": f"Bearer {scraper}"})
        assert answer.status_code == 401
    assert visitor.post("/sign-in", data={"token": scraper}).status_code == 401
    for wrong in ("", scraper[:-1], f"{scraper}x"):
        answer = visitor.get("/metrics", headers={"Authorization": f"Bearer {wrong}"})
        assert answer.status_code == 401


def test_without_a_token_for_metrics_an_empty_one_opens_nothing(visitor: FlaskClient) -> None:
    assert visitor.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401


def test_workers_and_what_is_ready_are_told(store: Store, visitor: FlaskClient) -> None:
    a_worker(store, threads=4)
    a_worker(store, threads=2)
    samples = scraped(visitor)
    assert value(samples, "workers") == 2
    assert value(samples, "worker_threads") == 6
    assert value(samples, "ready", part="worker") == 1


@pytest.mark.sqlite("a server has no file that can be moved away")
def test_without_the_database_metrics_say_that_it_is_not_ready(
    store: Store, visitor: FlaskClient, tmp_path: Path
) -> None:
    store.close()
    shutil.move(tmp_path / "followthrough.db", tmp_path / "elsewhere")
    (tmp_path / "followthrough.db").mkdir()
    samples = scraped(visitor)
    assert value(samples, "ready", part="database") == 0
    assert not [name for name, _ in samples if name == "followthrough_workers"]


def test_deliveries_are_counted_by_connection_and_state_and_the_oldest_is_the_lag(
    store: Store, visitor: FlaskClient, history: History, clock: Moving
) -> None:
    for state in (DeliveryState.RECEIVED, DeliveryState.IGNORED, DeliveryState.UNREADABLE):
        history.delivery(state=state)
    clock.now = at(91) + timedelta(seconds=90)
    samples = scraped(visitor)
    assert value(samples, "deliveries", connection="acme-github", state="received") == 1
    assert value(samples, "deliveries", connection="acme-github", state="ignored") == 1
    assert value(samples, "deliveries", connection="acme-silent", state="received") == 0
    assert value(samples, "delivery_lag_seconds", connection="acme-github") == 90
    assert value(samples, "delivery_lag_seconds", connection="acme-silent") == 0
    assert value(samples, "dead_letters", kind="delivery") == 1


def test_effects_conflicts_and_dead_letters_are_counted(
    store: Store, visitor: FlaskClient, history: History
) -> None:
    history.closed()
    with store.read() as tx:
        rejected = tx.effects.count_dead_letters()
        conflicts = tx.conflicts.count()
    samples = scraped(visitor)
    assert rejected
    assert value(samples, "effects", state="rejected") == rejected
    assert value(samples, "dead_letters", kind="effect") == rejected
    assert value(samples, "conflicts") == conflicts
    assert value(samples, "effects", state="unknown") == 0


def test_jobs_are_told_by_kind_and_how_long_the_first_is_due(
    store: Store, visitor: FlaskClient, clock: Moving
) -> None:
    with store.write() as tx:
        running = tx.jobs.touch("incident", "acme-github/1")
        tx.jobs.touch("incident", "acme-github/2")
        tx.jobs.touch("incident", "acme-github/3", clock.now + timedelta(hours=1))
        tx.jobs.claim(running, timedelta(minutes=2))
    clock.now += timedelta(seconds=50)
    samples = scraped(visitor)
    for state in ("running", "due", "waiting"):
        assert value(samples, "jobs", kind="incident", state=state) == 1
    assert value(samples, "job_age_seconds", kind="incident") == 50
    clock.now += timedelta(minutes=2)  # its lease is over: due again
    assert value(scraped(visitor), "jobs", kind="incident", state="due") == 2


def test_a_tracker_that_is_down_or_asks_to_wait_is_told(
    store: Store, visitor: FlaskClient, clock: Moving
) -> None:
    soon = clock.now + timedelta(minutes=5)
    samples = scraped(visitor)
    assert value(samples, "tracker_up", connection="acme-github") == 1
    assert value(samples, "tracker_paused", connection="acme-github") == 0
    with store.write() as tx:
        quota = Quota(5000, 17, soon)
        tx.traffic.put_circuit(Circuit("acme-github", 5, clock.now, soon, "503", quota))
        tx.traffic.pause(Paused("acme-silent", "", soon, "slower"))
    samples = scraped(visitor)
    assert value(samples, "tracker_up", connection="acme-github") == 0
    assert value(samples, "tracker_paused", connection="acme-silent") == 1
    assert value(samples, "quota_limit", connection="acme-github") == 5000
    assert value(samples, "quota_left", connection="acme-github") == 17
    clock.now += timedelta(minutes=6)
    assert value(scraped(visitor), "quota_left", connection="acme-github") == 5000


def test_what_is_left_of_a_budget_is_told(store: Store, visitor: FlaskClient) -> None:
    window = CONTENT.windows[0]
    labels = {
        "connection": "acme-github",
        "budget": CONTENT.name,
        "window_seconds": f"{window.length.total_seconds():.0f}",
    }
    assert value(scraped(visitor), "rate_limit", **labels) == window.most
    with store.write() as tx:
        tx.traffic.begin("a call", "acme-github", [Cost(CONTENT, 3)], timedelta(seconds=45))
    assert value(scraped(visitor), "rate_left", **labels) == window.most - 3


def test_calls_of_all_processes_are_summed(store: Store, visitor: FlaskClient) -> None:
    for _ in range(2):
        tally = Tally()
        tally.add([Called("acme-github", "GET", 200, 3, 0.5)])
        tally.add([Called("acme-github", "GET", 0, 1, 20.0)])
        Heartbeat(store, tally, 4).beat()
    samples = scraped(visitor)
    answered = {"connection": "acme-github", "method": "GET", "status": "200"}
    assert value(samples, "tracker_calls_total", **answered) == 6
    assert value(samples, "tracker_call_seconds_total", **answered) == 1
    assert value(samples, "tracker_calls_total", **{**answered, "status": "0"}) == 2


def test_no_label_holds_what_there_is_no_end_of(
    store: Store, visitor: FlaskClient, history: History
) -> None:
    """A label value is a row in Prometheus for ever: with more incidents there are no more."""
    history.closed("k3v9", 42)
    before = set(scraped(visitor))
    for number in range(43, 50):
        history.closed(f"k3v{number}", number)
    assert set(scraped(visitor)) == before


def test_names_and_units_are_as_prometheus_wants_them() -> None:
    for each in metrics.METRICS:
        assert each.name.startswith("followthrough_")
        assert each.name.endswith("_total") is each.grows
        assert each.says.endswith(".")


def test_promtool_finds_nothing_to_object_to(store: Store, history: History) -> None:
    needs("promtool")
    a_worker(store)
    history.closed()
    visitor = create_app(Web(store)).test_client()
    told = visitor.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).data
    checked = subprocess.run(["promtool", "check", "metrics"], input=told, capture_output=True)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
