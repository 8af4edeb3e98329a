"""What is not agreed on, on the incident's page and on one of its own, and the forms for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import at, task_ref
from flask.testing import FlaskClient
from web.history import History, action, document

from service.routing import INCIDENT_JOB, incident_subject
from service.store import Store
from service.store.journal import EntryKind
from workflows.model import ActionItem, Incident, TicketRef
from workflows.snapshots import (
    Agreement,
    Choice,
    Claim,
    Conflict,
    Field,
    Said,
    Side,
    Stuck,
)

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'

TWIN = TicketRef("acme-jira", "10009", "OPS-9", "https://jira.example/browse/OPS-9")
CLAIMS = (
    Claim(Side.TASK, Said("Noor Aziz", at(80), "noor")),
    Claim(Side.DOCUMENT, Said(None, at(85))),
)


def apart() -> ActionItem:
    """An owner in conflict, a due date that the twin refused, a status that kept flipping."""
    task = Agreement(
        base={Field.OWNER: "noor", Field.STATUS: "open"},
        ours={Field.OWNER: "Noor Aziz"},
        replaced={Field.STATUS: "done"},
        resting={Field.STATUS: at(150)},
    )
    stuck = {Field.DUE: Stuck("2027-01-06", "Field 'duedate' cannot be set")}
    twin = Agreement(base={Field.DUE: None}, stuck=stuck)
    return action(
        1,
        "Alert on the error rate",
        task=task_ref(1),
        twin=TWIN,
        owner=None,
        linked=True,
        sides={Side.TASK: task, Side.TWIN: twin},
        conflicts=(Conflict(Field.OWNER, CLAIMS, None),),
    )


def with_conflicts(history: History) -> Incident:
    row = (
        "| ID | Action | Kind | Owner | Milestone | Due | Status |\n|---|---|---|---|---|---|---|\n"
        "| AI-1 | Alert on the error rate | preventive | — | — | 2027-01-06 | open |"
    )
    seen = replace(document(), seen={"actions": row})
    return history.closed(actions=(apart(),), postmortem=seen)


def csrf(operator: FlaskClient) -> str:
    with operator.session_transaction() as session:
        return str(session["csrf"])


@pytest.mark.parametrize("page", ["/incidents/k3v9", "/conflicts"])
def test_what_waits_for_somebody_is_shown_with_both_values_and_a_button_for_each(
    operator: FlaskClient, history: History, page: str
) -> None:
    with_conflicts(history)
    text = operator.get(page).text
    for shown in (
        "Changed on two sides. <bdi>(empty)</bdi> holds until somebody chooses:",
        'name="value" value="Noor Aziz"',
        "the task, noor, 2026-12-07 13:20 UTC",
        'name="nothing" value="1"',
        "the document, 2026-12-07 13:25 UTC",
        "The twin would not take <bdi>“2027-01-06”</bdi>: <q>Field &#39;duedate&#39; cannot be set",
        "It kept being changed back on the task to <bdi>“done”</bdi>",
        "Mended: try again",
        "Keep in sync again",
    ):
        assert shown in text, shown


def test_a_small_table_shows_what_each_side_says_where_they_differ(
    operator: FlaskClient, history: History
) -> None:
    with_conflicts(history)
    table = operator.get("/incidents/k3v9").text.partition('aria-labelledby="differ"')[2]
    rows = table.partition("</table>")[0].split("<tr ")[2:]
    assert [[cell.partition("</td>")[0] for cell in row.split("<td ")[1:]] for row in rows] == [
        [
            'role="cell" data-label="Holds"><bdi><span class="none">empty</span></bdi>',
            'role="cell" data-label="Task"><bdi>noor</bdi>',
            'role="cell" data-label="Twin"><span class="none">—</span>',
            'role="cell" data-label="Document"><bdi><span class="none">empty</span></bdi>',
        ],
        [
            'role="cell" data-label="Holds"><bdi>open</bdi>',
            'role="cell" data-label="Task"><bdi>done</bdi>',
            'role="cell" data-label="Twin"><span class="none">—</span>',
            'role="cell" data-label="Document"><bdi>open</bdi>',
        ],
        [
            'role="cell" data-label="Holds"><bdi>2027-01-06</bdi>',
            'role="cell" data-label="Task"><span class="none">—</span>',
            'role="cell" data-label="Twin"><bdi><span class="none">empty</span></bdi>',
            'role="cell" data-label="Document"><bdi>2027-01-06</bdi>',
        ],
    ]


def test_where_all_agree_nothing_is_shown(operator: FlaskClient, history: History) -> None:
    history.closed()
    page = operator.get("/incidents/k3v9").text
    assert "Not agreed on" not in page
    assert "where they differ" not in page
    assert "Nothing waits for somebody to choose." in operator.get("/conflicts").text


@pytest.mark.parametrize(
    ("form", "value", "told"),
    [
        ({"value": "Noor Aziz"}, "Noor Aziz", "AI-1 owner: “Noor Aziz” is chosen."),
        ({"nothing": "1"}, None, "AI-1 owner: (empty) is chosen."),
    ],
)
def test_choosing_writes_a_row_and_asks_for_the_incidents_job(
    operator: FlaskClient,
    history: History,
    store: Store,
    form: dict[str, str],
    value: str | None,
    told: str,
) -> None:
    incident = with_conflicts(history)
    answer = operator.post(
        "/incidents/k3v9/choose",
        data={"csrf": csrf(operator), "item": "1", "field": "owner", **form},
        follow_redirects=True,
    )
    assert told in answer.text
    with store.read() as tx:
        [row] = tx.choices.of_incident("k3v9")
        subject = incident_subject(incident.ticket.connection, incident.ticket.id)
        assert tx.jobs.get(INCIDENT_JOB, subject) is not None
        last = tx.journal.last("k3v9", EntryKind.NOTE)
        record = tx.incidents.get("k3v9")
    assert (row.item, row.field, row.value, row.resumes) == (1, Field.OWNER, value, False)
    assert row.by == "an admin (web page)"
    assert last is not None
    assert "an admin (web page) chose" in last.text
    assert record is not None
    assert record.incident == incident, "its state is changed by its own turn"


def test_trying_again_writes_a_row(operator: FlaskClient, history: History, store: Store) -> None:
    with_conflicts(history)
    form = {"csrf": csrf(operator), "item": "1", "field": "due"}
    answer = operator.post("/incidents/k3v9/resume", data=form, follow_redirects=True)
    assert "AI-1 due is tried again, and kept in sync." in answer.text
    with store.read() as tx:
        assert [row.resumes for row in tx.choices.of_incident("k3v9")] == [True]


@pytest.mark.parametrize(
    ("path", "form", "status", "words"),
    [
        ("k3v9/choose", {"item": "1", "field": "owner"}, 400, "Say which value is to hold."),
        ("k3v9/choose", {"item": "1", "field": "mood", "value": "x"}, 400, "Say which field"),
        ("k3v9/choose", {"item": "one", "field": "owner", "value": "x"}, 400, "Say which field"),
        ("none/choose", {"item": "1", "field": "owner", "value": "x"}, 404, "no incident"),
        (
            "k3v9/choose",
            {"item": "1", "field": "owner", "value": "Mallory"},
            409,
            "choose “Noor Aziz” (1) or (empty) (2)",
        ),
        ("k3v9/choose", {"item": "1", "field": "title", "value": "x"}, 409, "nothing is in confl"),
        ("k3v9/choose", {"item": "7", "field": "owner", "value": "x"}, 409, "there is no AI-7"),
        ("k3v9/resume", {"item": "1", "field": "owner"}, 409, "neither left alone nor refused"),
        ("none/resume", {"item": "1", "field": "due"}, 404, "no incident"),
    ],
)
def test_what_cannot_be_settled_is_answered_with_the_reason_and_writes_nothing(
    operator: FlaskClient,
    history: History,
    store: Store,
    path: str,
    form: dict[str, str],
    status: int,
    words: str,
) -> None:
    with_conflicts(history)
    answer = operator.post(f"/incidents/{path}", data={"csrf": csrf(operator), **form})
    assert answer.status_code == status
    assert words in answer.text
    with store.read() as tx:
        assert tx.choices.of_incident("k3v9") == []


@pytest.mark.parametrize("act", ["choose", "resume"])
def test_settling_needs_sign_in_and_a_form_of_ours(
    visitor: FlaskClient, history: History, store: Store, act: str
) -> None:
    with_conflicts(history)
    form = {"item": "1", "field": "owner" if act == "choose" else "due", "value": "Noor Aziz"}
    assert visitor.post(f"/incidents/k3v9/{act}", data=form).status_code == 401
    visitor.post("/sign-in", data={"token": "correct horse battery staple"})
    assert visitor.post(f"/incidents/k3v9/{act}", data=form).status_code == 403
    with store.read() as tx:
        assert tx.choices.of_incident("k3v9") == []


def test_what_somebody_chose_is_shown_with_what_came_of_it(
    operator: FlaskClient, history: History
) -> None:
    one = Choice(1, 1, Field.OWNER, "Noor Aziz", "sam (command line)", at(94))
    answered = replace(one, answer="chosen: “Noor Aziz” holds")
    history.closed(choices=(answered, replace(one, id=2, field=Field.DUE)))
    page = operator.get("/incidents/k3v9").text
    assert "AI-1 owner by sam (command line), " in page
    assert "<bdi>chosen: “Noor Aziz” holds</bdi>" in page
    assert "<bdi>not worked on yet</bdi>" in page


@pytest.mark.parametrize("page", ["/incidents/k3v9", "/conflicts"])
def test_nothing_that_a_side_says_becomes_markup(
    operator: FlaskClient, history: History, page: str
) -> None:
    claims = tuple(
        Claim(side, Said(HOSTILE + side, at(80), HOSTILE)) for side in (Side.TASK, Side.DOCUMENT)
    )
    stuck = {Field.MILESTONE: Stuck(HOSTILE, HOSTILE)}
    side = Agreement(base={Field.OWNER: HOSTILE}, stuck=stuck, resting={Field.OWNER: at(150)})
    item = replace(
        apart(),
        sides={Side.TASK: side},
        conflicts=(Conflict(Field.OWNER, claims, HOSTILE),),
    )
    answered = Choice(1, 1, Field.OWNER, HOSTILE, HOSTILE, at(94), answer=HOSTILE)
    history.closed(actions=(item,), choices=(answered,))
    text = operator.get(page).text
    assert "alert(1)" in text
    assert "<script" not in text
    assert "<img src=x" not in text
