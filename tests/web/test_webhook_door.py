"""What a tracker meets when it delivers."""

from __future__ import annotations

import hashlib
import hmac
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import create_engine, text
from web.history import HOOK_SECRET, Web
from werkzeug.test import TestResponse

from service.app import create_app
from service.store import Store
from service.store.deliveries import JOB, DeliveryState
from service.store.doors import Door
from service.web.webhooks import LARGEST_BODY

BODY = b'{"action": "closed", "issue": {"number": 42}}'


def deliver(
    visitor: FlaskClient, body: bytes = BODY, path: str = "/webhooks/acme-github", **headers: str
) -> TestResponse:
    signature = hmac.new(HOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
    told = {
        "X-Hub-Signature-256": f"sha256={signature}",
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-GitHub-Event": "issues",
        "Content-Type": "application/json",
    }
    told.update({name.replace("_", "-"): value for name, value in headers.items()})
    return visitor.post(path, data=body, headers=told)


def recorded(store: Store) -> int:
    with store.read() as tx:
        return sum(tx.deliveries.counts().values())


def test_a_signed_delivery_is_recorded_byte_for_byte_with_a_job_to_work_on_it(
    visitor: FlaskClient, store: Store
) -> None:
    answer = deliver(visitor)
    assert (answer.status_code, answer.json) == (202, {"status": "recorded"})
    with store.read() as tx:
        [delivery] = tx.deliveries.page()
        envelope = tx.deliveries.envelope(delivery.id)
        job = tx.jobs.get(JOB, str(delivery.id))
    assert (delivery.connection, delivery.event) == ("acme-github", "issues")
    assert delivery.state is DeliveryState.RECEIVED
    assert envelope is not None
    assert envelope.body == BODY
    assert job is not None


def test_a_slash_at_the_end_of_the_address_leads_to_the_same_door(
    visitor: FlaskClient, store: Store
) -> None:
    assert deliver(visitor, path="/webhooks/acme-github/").status_code == 202
    assert recorded(store) == 1


def test_the_same_delivery_again_is_acknowledged_and_recorded_once(
    visitor: FlaskClient, store: Store
) -> None:
    deliver(visitor)
    answer = deliver(visitor)
    assert (answer.status_code, answer.json) == (200, {"status": "recorded before"})
    assert recorded(store) == 1


def test_one_changed_byte_is_401_and_leaves_nothing(visitor: FlaskClient, store: Store) -> None:
    right = hmac.new(HOOK_SECRET.encode(), BODY, hashlib.sha256).hexdigest()
    changed = BODY.replace(b"42", b"43")
    answer = deliver(visitor, changed, X_Hub_Signature_256=f"sha256={right}")
    assert answer.status_code == 401
    assert recorded(store) == 0


def test_of_what_is_refused_the_time_is_kept_once_a_minute(store: Store) -> None:
    begin, told = datetime(2026, 12, 1, 12, 0, tzinfo=UTC), list[datetime]()
    store.clock = lambda: told[-1]
    app = create_app(Web(store, clock=lambda: told[-1]))
    for minutes, kept in ((0, 0), (0.5, 0), (1, 1), (90, 90)):
        told.append(begin + timedelta(minutes=minutes))
        deliver(app.test_client(), b"{}", X_Hub_Signature_256="sha256=00")
        with store.read() as tx:
            door = tx.doors.get("acme-github")
        assert door == Door(refused_at=begin + timedelta(minutes=kept))


def test_a_refusal_is_answered_the_same_while_the_database_is_away(
    visitor: FlaskClient, store: Store
) -> None:
    store.migrate()
    with create_engine(store.url).begin() as connection:
        connection.execute(text("DROP TABLE refused"))
    assert deliver(visitor, b"{}", X_Hub_Signature_256="sha256=00").status_code == 401


def test_a_signed_body_that_is_no_webhook_is_400(visitor: FlaskClient, store: Store) -> None:
    answer = deliver(visitor, b"[]")
    assert answer.status_code == 400
    assert recorded(store) == 0


def test_a_body_that_says_it_is_too_large_is_413_before_it_is_read(visitor: FlaskClient) -> None:
    class Unread:
        def read(self, *_: Any) -> bytes:
            raise AssertionError("it was read")

        readline = read

    answer = visitor.post(
        "/webhooks/acme-github",
        environ_overrides={"wsgi.input": Unread(), "CONTENT_LENGTH": str(2 * LARGEST_BODY)},
    )
    assert answer.status_code == 413
    assert answer.is_json


def test_a_body_that_does_not_say_its_length_is_cut_off_at_the_limit(
    visitor: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Endless:
        given = 0

        def read(self, size: int = -1) -> bytes:
            Endless.given += max(size, 0)
            return b"x" * max(size, 0)

    monkeypatch.setattr("service.web.webhooks.LARGEST_BODY", 1000)
    answer = visitor.post(
        "/webhooks/acme-github",
        environ_overrides={
            "wsgi.input": Endless(),
            "wsgi.input_terminated": True,
            "HTTP_TRANSFER_ENCODING": "chunked",
        },
    )
    assert answer.status_code == 413
    assert Endless.given < 100_000


def test_a_large_body_within_the_limit_is_taken(visitor: FlaskClient) -> None:
    body = b'{"action": "closed", "text": "' + b"x" * 3_000_000 + b'"}'
    assert deliver(visitor, body).status_code == 202


def test_an_unknown_connection_is_404(visitor: FlaskClient) -> None:
    answer = visitor.post("/webhooks/nobody", data=BODY)
    assert (answer.status_code, answer.json) == (404, {"status": "no such connection"})


def test_a_connection_without_a_secret_takes_nothing_and_says_so(visitor: FlaskClient) -> None:
    answer = visitor.post("/webhooks/acme-silent", data=BODY)
    assert answer.status_code == 403
    assert answer.json is not None
    assert "no webhook secret" in answer.json["status"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_told_to_post(visitor: FlaskClient, method: str) -> None:
    answer = visitor.open("/webhooks/acme-github", method=method)
    assert answer.status_code == 405
    assert answer.is_json
    assert answer.headers["Allow"] == "POST"


def test_no_answer_repeats_what_was_sent(visitor: FlaskClient) -> None:
    path = "/webhooks/<b>leak</b>"
    for answer in (
        visitor.post(path, data=b"leak"),
        visitor.get(path + "/deeper"),
        deliver(visitor, b"leak"),
        deliver(visitor, X_GitHub_Event=""),
    ):
        assert b"leak" not in answer.data
        assert answer.is_json


def test_when_the_row_cannot_be_written_the_sender_is_asked_to_come_again(store: Store) -> None:
    class Broken(Store):
        @contextmanager
        def write(self, *, beside: bool = False) -> Any:
            raise OSError("disk full")
            yield

    app = create_app(Web(Broken(store.url)))
    answer = deliver(app.test_client())
    assert answer.status_code == 503
    assert answer.is_json
    assert "disk" not in answer.get_data(as_text=True)
    assert "Retry-After" in answer.headers


def test_health_tells_nothing_private_and_needs_nothing(visitor: FlaskClient) -> None:
    answer = visitor.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})
