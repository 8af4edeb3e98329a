"""What CI and monitoring meet when they post the result of a check."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from builders import NOON, policy
from flask.testing import FlaskClient
from web.history import TOKEN, History, Web
from werkzeug.test import TestResponse

from config.secrets import Secret
from service.app import create_app
from service.checks import watch
from service.routing import INCIDENT_JOB
from service.store import Store
from service.store.checks import MOST_KEPT
from service.web import CheckDoor
from service.web.checks import LARGEST_BODY
from workflows.policy import CheckRules, Policy
from workflows.watched import Result, Source, Watched

OURS, THEIRS = "token-of-payments", "token-of-search"


@pytest.fixture
def visitor(store: Store) -> FlaskClient:
    doors = (
        CheckDoor(Secret(THEIRS), frozenset({"index"})),
        CheckDoor(Secret(OURS), frozenset({"drill"})),
    )
    return create_app(Web(store, check_doors=doors)).test_client()


def post(visitor: FlaskClient, told: Any = None, name: str = "drill", **how: Any) -> TestResponse:
    how = {"headers": {"Authorization": f"Bearer {OURS}"}, **how}
    if "data" not in how:
        how["json"] = {"status": "failed"} if told is None else told
    return visitor.post(f"/api/v1/checks/{name}", **how)


def latest(store: Store, name: str = "drill") -> Result | None:
    with store.read() as tx:
        return tx.checks.latest([name]).get(name)


def test_a_result_is_recorded_as_it_was_posted(visitor: FlaskClient, store: Store) -> None:
    told = {"status": "failed", "summary": "14 of 20", "url": "https://ci.example/7", "run": "7"}
    answer = post(visitor, {**told, "at": "2026-12-07T10:00:00+01:00"})
    assert (answer.status_code, answer.json) == (202, {"status": "recorded"})
    at = NOON - timedelta(hours=3)
    assert latest(store) == Result(False, at, at, "14 of 20", "https://ci.example/7", "7")


def test_each_incident_that_names_it_gets_its_turn_and_no_other(
    visitor: FlaskClient, store: Store, history: History
) -> None:
    for number, name in ((1, "drill"), (2, "index")):
        watched = Watched(Source.CHECK, name, NOON)
        incident = history.incident(f"incident-{number}", number, watched=(watched,))
        with store.write() as tx:
            tx.checks.watch(incident.id, [watched.place])
    assert post(visitor).status_code == 202
    with store.read() as tx:
        turns = [tx.jobs.get(INCIDENT_JOB, f"acme-github/I_{number}") for number in (1, 2)]
    assert [turn is not None for turn in turns] == [True, False]
    assert turns[0] is not None
    assert turns[0].reason == "the check drill failed"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer token-of-nobody"},
        {"Authorization": f"Bearer {TOKEN}"},
        {"Authorization": f"Basic {OURS}"},
    ],
)
def test_whoever_has_no_token_of_a_team_is_told_nothing(
    visitor: FlaskClient, store: Store, headers: dict[str, str]
) -> None:
    answers = [post(visitor, name=name, headers=headers) for name in ("drill", "nobody-knows")]
    assert [each.status_code for each in answers] == [401, 401]
    assert answers[0].json == answers[1].json
    assert latest(store) is None


def test_a_token_opens_the_checks_of_its_own_team_only(visitor: FlaskClient, store: Store) -> None:
    for name in ("index", "nobody-knows"):
        assert post(visitor, name=name).status_code == 404
    assert latest(store, "index") is None
    theirs = {"Authorization": f"Bearer {THEIRS}"}
    assert post(visitor, name="index", headers=theirs).status_code == 202


def test_a_token_of_checks_opens_no_page(visitor: FlaskClient) -> None:
    headers = {"Authorization": f"Bearer {OURS}"}
    assert visitor.get("/deliveries", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ({}, "status"),
        ({"status": "green"}, "status"),
        ({"status": "failed", "summary": "x" * 501}, "summary"),
        ({"status": "failed", "summary": 7}, "summary"),
        ({"status": "failed", "url": "javascript:alert(1)"}, "url"),
        ({"status": "failed", "url": "https://ci.example/) [x](y"}, "url"),
        ({"status": "failed", "url": "https://[::1"}, "url"),
        ({"status": "failed", "at": "2026-12-07T10:00:00"}, "at"),
        ({"status": "failed", "at": "yesterday"}, "at"),
        ({"status": "failed", "run": ""}, "run"),
        ({"status": "failed", "<script>": "x"}, "others"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_of_it_repeated(
    visitor: FlaskClient, store: Store, told: dict[str, Any], wrong: str
) -> None:
    answer = post(visitor, told)
    assert answer.status_code == 400
    assert answer.json is not None
    assert list(answer.json["errors"]) == [wrong]
    assert "script" not in answer.text
    assert "alert" not in answer.text
    assert latest(store) is None


@pytest.mark.parametrize(
    "at", ["2026-12-07T13:00:00Z", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"]
)
def test_a_time_that_cannot_be_is_400(visitor: FlaskClient, at: str) -> None:
    answer = post(visitor, {"status": "passed", "at": at})
    assert (answer.status_code, answer.text[:13]) == (400, '{"status": "a')


def test_a_clock_that_is_a_little_ahead_counts_as_now(visitor: FlaskClient, store: Store) -> None:
    assert post(visitor, {"status": "passed", "at": "2026-12-07T12:00:30Z"}).status_code == 202
    found = latest(store)
    assert found is not None
    assert found.at == NOON


def test_bodies_that_are_no_json_or_too_large_are_refused(
    visitor: FlaskClient, store: Store
) -> None:
    assert post(visitor, data="status=failed").status_code == 415
    json = "application/json"
    assert post(visitor, data=b"{", content_type=json).status_code == 400
    assert post(visitor, data=b"[]", content_type=json).status_code == 400
    assert post(visitor, data=b"[" * 9000, content_type=json).status_code == 400
    large = b'{"status": "failed", "summary": "' + b"x" * LARGEST_BODY + b'"}'
    assert post(visitor, data=large, content_type=json).status_code == 413
    assert visitor.get("/api/v1/checks/drill").status_code == 405
    assert latest(store) is None


def test_a_run_counts_once_and_cannot_say_two_things(visitor: FlaskClient, store: Store) -> None:
    failed, passed = {"status": "failed", "run": "7"}, {"status": "passed", "run": "7"}
    answers = [post(visitor, each).status_code for each in (failed, failed, passed)]
    assert answers == [202, 200, 409]
    found = latest(store)
    assert found is not None
    assert not found.passed


def test_what_no_database_keeps_is_left_out(visitor: FlaskClient, store: Store) -> None:
    body = b'{"status": "failed", "summary": "a\\u0000b\\ud800c"}'
    assert post(visitor, data=body, content_type="application/json").status_code == 202
    found = latest(store)
    assert found is not None
    assert found.summary == "abc"


# --- how results are kept ---------------------------------------------------------------------


def test_since_when_it_fails_is_known_however_many_came_since(store: Store) -> None:
    hours = [NOON + timedelta(hours=n) for n in range(MOST_KEPT + 20)]
    with store.write() as tx:
        tx.checks.add("drill", Result(True, hours[0], hours[0]))
        for at in hours[1:]:
            tx.checks.add("drill", Result(False, at, at))
        late = hours[2] - timedelta(minutes=1)
        tx.checks.add("drill", Result(True, late, late))
    assert latest(store) == Result(False, hours[-1], hours[1])
    with store.write() as tx:
        passed = hours[-1] + timedelta(hours=1)
        tx.checks.add("drill", Result(True, passed, passed))
    assert latest(store) == Result(True, passed, passed)


def test_what_an_incident_watches_is_written_down_once(store: Store, history: History) -> None:
    incident = history.incident(watched=(Watched(Source.CHECK, "drill", NOON),))
    with store.write() as tx:
        watch(tx, incident, policy())
        watch(tx, incident, policy())
        assert tx.checks.watching(Source.CHECK, "drill") == [incident.id]
        [told] = tx.checks.to_look_at(incident.id)
        tx.checks.heard(told)
        assert tx.checks.to_look_at(incident.id) == []
        tx.checks.watch(incident.id, [])
        assert tx.checks.watching(Source.CHECK, "drill") == []


def test_a_connection_that_the_rules_call_otherwise_is_watched_under_its_new_name(
    store: Store, history: History
) -> None:
    incident = history.incident(watched=(Watched(Source.FILE, "acme/ops:a.md", NOON),))

    def called(name: str) -> Policy:
        team = policy().teams[incident.team]
        return replace(
            policy(), teams={team.name: replace(team, checks=CheckRules({}, {"acme/ops": name}))}
        )

    for name in ("github", "hub"):
        with store.write() as tx:
            watch(tx, incident, called(name))
            assert tx.checks.watching(Source.FILE, f"{name}/acme/ops") == [incident.id]
    with store.read() as tx:
        assert tx.checks.watching(Source.FILE, "github/acme/ops") == []
