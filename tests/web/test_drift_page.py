"""The drift report on a page of its own."""

from __future__ import annotations

import pytest
from builders import at
from flask.testing import FlaskClient
from web.history import History

from service.store import Store
from service.store.refs import Ref, Role
from workflows.drift import TICKET, Became, Drift

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


def note(store: Store, *drifts: Drift, became: Became | None = None) -> None:
    """What was found of the task OPS-9, and what became of it."""
    ref = Ref("acme-jira", "10009", "k3v9", Role.TASK, "OPS-9")
    with store.write() as tx:
        tx.drifts.note(ref, "AI-1", drifts)
        for each in tx.drifts.open_of("acme-jira", "10009", at(10_000)) if became else ():
            tx.drifts.end(each.id, became)


def test_without_drift_the_page_says_so(operator: FlaskClient) -> None:
    page = operator.get("/drift").text
    assert "Nothing differed that had not been told of." in page
    assert '<a href="/drift" aria-current="page">Drift</a>' in page


def test_each_says_where_what_since_when_and_what_was_done(
    operator: FlaskClient, history: History, store: Store
) -> None:
    history.closed()
    note(store, Drift("owner", "5b10-kim", None, at(60)), became=Became.TAKEN_OVER)
    page = operator.get("/drift").text
    for shown in (
        "<bdi>OPS-9</bdi>",
        'AI-1 of <a href="/incidents/k3v9">acme/ops#42</a>',
        "owner: <bdi>5b10-kim</bdi> → <bdi>nothing</bdi>",
        'since <time datetime="2026-12-07T13:00:00Z">',
        '<span class="badge">taken over</span>',
        "acme-jira",
    ):
        assert shown in page


def test_what_was_not_read_again_yet_waits(
    operator: FlaskClient, history: History, store: Store
) -> None:
    history.closed()
    note(store, Drift("due", "2027-01-01", "2027-02-01", None))
    page = operator.get("/drift").text
    assert '<span class="badge waiting">waits to be read again</span>' in page
    assert "since <time" not in page


@pytest.mark.parametrize(
    ("now", "told"), [("NEW-4", "is <bdi>NEW-4</bdi> now"), (None, "is not where it was")]
)
def test_a_ticket_that_is_elsewhere_is_told_in_words(
    operator: FlaskClient, history: History, store: Store, now: str | None, told: str
) -> None:
    history.closed()
    note(store, Drift(TICKET, "OPS-9", now, None), became=Became.FOLLOWED)
    assert f"the ticket {told}" in operator.get("/drift").text


def test_a_long_report_goes_on_where_the_page_ended(
    operator: FlaskClient, history: History, store: Store
) -> None:
    history.closed()
    note(store, *(Drift("title", "a", f"title {n:02}", None) for n in range(60)))
    first = operator.get("/drift").text
    assert "title 59" in first
    assert "title 09" not in first
    assert 'href="/drift?before=11"' in first
    second = operator.get("/drift?before=11").text
    assert "title 09" in second
    assert "title 10" not in second
    assert "Show the latest" in operator.get("/drift?before=1").text


@pytest.mark.parametrize("cursor", ["x", "-1", str(10**30)])
def test_odd_cursors_are_harmless(operator: FlaskClient, cursor: str) -> None:
    assert operator.get(f"/drift?before={cursor}").status_code == 200


def test_hostile_and_endless_values_are_shown_and_do_nothing(
    operator: FlaskClient, history: History, store: Store
) -> None:
    history.closed()
    note(store, Drift("title", HOSTILE, "word " * 12_000, None))
    page = operator.get("/drift").text
    assert "<script>" not in page
    assert "<img src=x" not in page
    assert len(page) < 10_000


def test_the_report_is_only_for_who_is_signed_in(visitor: FlaskClient) -> None:
    assert visitor.get("/drift").status_code in (302, 303, 401)
