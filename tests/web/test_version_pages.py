"""What a postmortem lacks on its incident's page, the button that publishes it, its versions."""

from __future__ import annotations

import pytest
from builders import NOON, at
from flask.testing import FlaskClient
from web.history import History

from service.routing import INCIDENT_JOB, incident_subject
from service.store import Store
from workflows.action_table import table
from workflows.documents import marked
from workflows.model import DocumentRef, DocumentStatus, Incident, Postmortem
from workflows.versions import Publication, Version, digest

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
WHOLE = "## Contributing factors\n\n- Slow disk, evidence: graph 7\n\n## Action items\n\n{}\n\n{}\n"
NONE = "None, because it ends by itself."


def incident(history: History, text: str) -> Incident:
    ref = DocumentRef("git-directory", "/pm//a.md", "file:///pm/a.md", "b1")
    document = Postmortem("", ref, DocumentStatus.DRAFT, {}, {}, {}, {}, text=text)
    return history.closed(postmortem=document, actions=())


def whole(reason: str = NONE) -> str:
    return WHOLE.format(marked("actions", table(())), reason)


def publish(operator: FlaskClient, id: str = "k3v9") -> str:
    with operator.session_transaction() as session:
        form = {"csrf": str(session["csrf"])}
    answer = operator.post(f"/incidents/{id}/publish", data=form)
    assert answer.status_code == 303
    return operator.get(answer.location).text


def test_what_is_missing_stands_on_the_page_and_is_not_published(
    operator: FlaskClient, history: History, store: Store
) -> None:
    known = incident(history, whole(reason=""))
    shown = operator.get("/incidents/k3v9").text
    assert "Before this can be published" in shown
    assert "there is no action item" in shown
    assert "Not published." in publish(operator)
    with store.read() as tx:
        assert tx.versions.asked("k3v9") == []
        record = tx.incidents.get("k3v9")
        assert record is not None
        assert record.document_changed  # it is read again, in case it was mended
        assert tx.jobs.get(INCIDENT_JOB, incident_subject(known.ticket.connection, known.ticket.id))


def test_the_button_asks_for_it_once_nothing_is_missing(
    operator: FlaskClient, history: History, store: Store
) -> None:
    incident(history, whole())
    assert "Nothing is missing before it can be published." in operator.get("/incidents/k3v9").text
    assert "It is read once more, and published" in publish(operator)
    with store.read() as tx:
        (asked,) = tx.versions.asked("k3v9")
    assert asked.answer == ""


def test_only_a_form_of_ours_publishes(operator: FlaskClient, history: History) -> None:
    incident(history, whole())
    assert operator.post("/incidents/k3v9/publish").status_code in (400, 403)


@pytest.mark.parametrize("path", ["versions", "versions/1"])
def test_an_incident_that_there_is_not_has_no_versions(operator: FlaskClient, path: str) -> None:
    assert operator.get(f"/incidents/nothing/{path}").status_code == 404


def test_versions_are_shown_and_compared_as_text_whatever_they_hold(
    operator: FlaskClient, history: History, store: Store
) -> None:
    incident(history, whole())
    assert "Nothing was published yet." in operator.get("/incidents/k3v9/versions").text
    with store.write() as tx:
        for number, text in enumerate([f"## {HOSTILE}\n\none\n", f"## {HOSTILE}\n\ntwo\n"], 1):
            publication = Publication(text, at(number), HOSTILE, HOSTILE)
            tx.versions.add("k3v9", Version(number, publication, digest(text)))
    both = operator.get("/incidents/k3v9/versions").text
    assert ">-one\n" in both
    assert ">+two\n" in both
    first = operator.get("/incidents/k3v9/versions/1").text
    assert f"{NOON:%Y-%m-%d} 12:01" in first
    for shown in (both, first):
        assert "<script>" not in shown
        assert "<img src=x" not in shown
    assert operator.get("/incidents/k3v9/versions/3").status_code == 404
    odd = operator.get(f"/incidents/k3v9/versions?before={10**40}&after=x")
    assert odd.status_code == 200


def test_nobody_who_is_not_signed_in_sees_a_version(visitor: FlaskClient, history: History) -> None:
    incident(history, whole())
    for path in ("versions", "versions/1"):
        assert visitor.get(f"/incidents/k3v9/{path}").status_code in (302, 303, 401)
