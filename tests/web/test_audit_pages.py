"""Audits on the incident's page: what is asked, the form that answers, and what was answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from builders import at, task_ref
from flask.testing import FlaskClient
from web.history import TOKEN, History, Web, action, document
from web.test_conflict_pages import HOSTILE, csrf

from service.app import create_app
from service.store import Store
from workflows.model import Incident, TicketRef
from workflows.policy import KnownPerson
from workflows.rungs import Audit, Verdict

PEOPLE = (
    KnownPerson("Kim Ito", "kim@acme.example", {"github": "kim"}),
    KnownPerson("Noor Aziz", None, {"github": "noor"}),
)
TICKET = TicketRef("acme-github", "I_50", "acme/ops#50", "https://git.example/acme/ops/issues/50")
OPENED = datetime(2026, 11, 6, tzinfo=UTC)
OPEN = Audit(
    item=1,
    round=1,
    rung=2,
    step=2,
    since=OPENED,
    opens=OPENED,
    reviewer="Noor Aziz",
    owner="Kim Ito",
    due=date(2026, 11, 21),
    ticket=TICKET,
)
JUDGED = replace(
    OPEN,
    rung=1,
    step=1,
    verdict=Verdict.EFFECTIVE,
    by="Noor Aziz",
    at=at(80),
    evidence="it fired twice https://graph.example/1",
    suspect="acme/ops#60 came later: same service checkout",
)


@pytest.fixture
def web(store: Store) -> Web:
    return Web(store, people=PEOPLE)


def audited(history: History, *audits: Audit, **values: Any) -> Incident:
    measure = action(
        1,
        "Alert on the error rate",
        task=task_ref(1),
        owner="Kim Ito",
        success_measure="it fires within two minutes",
        **values,
    )
    return history.closed(actions=(measure,), audits=audits, postmortem=document())


def section(operator: FlaskClient) -> str:
    page = operator.get("/incidents/k3v9").text
    return page.partition('<section aria-labelledby="audits">')[2].partition("</section>")[0]


def options(text: str) -> Sequence[str]:
    return [part.partition("</option>")[0] for part in text.split("<option>")[1:]]


def test_an_open_audit_shows_what_is_asked_and_a_form_for_those_who_may_judge(
    operator: FlaskClient, history: History
) -> None:
    audited(history, JUDGED, OPEN)
    text = section(operator)
    for shown in (
        "<bdi>it fires within two minutes</bdi>",
        "the success measure is missed; or it happened again",
        '<a href="https://git.example/acme/ops/issues/50"',
        "<dd><bdi>Noor Aziz</bdi></dd>",
        '<time datetime="2026-11-21">',
        "overdue",
        "may not judge it",
        'name="audit" value="1.1.2"',
    ):
        assert shown in text, shown
    assert options(text) == ["Noor Aziz"]
    assert text.count("<form") == 1


def test_what_was_judged_is_shown_with_its_evidence_its_doubt_and_what_it_led_to(
    operator: FlaskClient, history: History
) -> None:
    audited(history, JUDGED, replace(OPEN, ticket=None, due=None))
    text = section(operator)
    for shown in (
        '<span class="badge effective">effective</span>',
        "by <bdi>Noor Aziz</bdi>, ",
        'it fired twice <a href="https://graph.example/1" rel="noopener noreferrer">',
        "<bdi>suspect: acme/ops#60 came later: same service checkout</bdi>",
        "The next audit opens on 2026-11-06.",
        '<span class="badge planned">planned</span>',
    ):
        assert shown in text, shown
    assert "<form" not in text, "nothing is asked yet"


def test_an_incident_without_audits_asks_nothing(operator: FlaskClient, history: History) -> None:
    history.closed()
    assert "Do the measures work?" not in operator.get("/incidents/k3v9").text


def test_where_only_the_owner_is_known_there_is_no_form(store: Store, history: History) -> None:
    audited(history, OPEN)
    client = create_app(Web(store, people=PEOPLE[:1])).test_client()
    client.post("/sign-in", data={"token": TOKEN})
    text = section(client)
    assert "<form" not in text
    assert "The rules name nobody who may judge it here." in text


def test_a_verdict_is_a_row_and_until_it_holds_the_page_says_so(
    operator: FlaskClient, history: History, store: Store
) -> None:
    incident = audited(history, OPEN)
    form = {"audit": "1.1.2", "verdict": "partly", "by": "Noor Aziz", "evidence": "not in the EU"}
    given = {**form, "csrf": csrf(operator)}
    answer = operator.post("/incidents/k3v9/judge", data=given, follow_redirects=True)
    assert "AI-1, audit 1.2: partly, by Noor Aziz. It holds as soon as" in answer.text
    text = section(operator)
    assert "<strong>partly</strong>" in text
    assert "it holds as soon as the audit" in text
    assert "<form" not in text
    with store.read() as tx:
        [row] = tx.judgements.of_incident("k3v9")
        record = tx.incidents.get("k3v9")
    assert (row.place, row.by, row.through) == ((1, 1, 2), "Noor Aziz", "an admin (web page)")
    assert record is not None
    assert record.incident == incident, "its state is changed by its own turn"


def test_judging_needs_sign_in_and_a_form_of_ours(
    visitor: FlaskClient, history: History, store: Store
) -> None:
    audited(history, OPEN)
    form = {"audit": "1.1.2", "verdict": "partly", "by": "Noor Aziz", "evidence": "not in the EU"}
    assert visitor.post("/incidents/k3v9/judge", data=form).status_code == 401
    visitor.post("/sign-in", data={"token": TOKEN})
    assert visitor.post("/incidents/k3v9/judge", data=form).status_code == 403
    assert visitor.post("/incidents/none/judge", data=form).status_code == 403
    given = {**form, "csrf": csrf(visitor)}
    assert visitor.post("/incidents/none/judge", data=given).status_code == 404
    with store.read() as tx:
        assert tx.judgements.of_incident("k3v9") == []


def test_nothing_that_was_said_becomes_markup(operator: FlaskClient, history: History) -> None:
    hostile = replace(
        JUDGED, by=HOSTILE, evidence=f"{HOSTILE} https://x.example/{HOSTILE}", suspect=HOSTILE
    )
    asked = replace(OPEN, reviewer=HOSTILE, owner=HOSTILE)
    audited(history, hostile, asked)
    text = operator.get("/incidents/k3v9").text
    assert "alert(1)" in text
    assert "<script" not in text
    assert "<img src=x" not in text
