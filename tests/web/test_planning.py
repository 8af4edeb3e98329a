"""What people and pipelines fetch to plan with."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest
from flask.testing import FlaskClient
from quarter import Kept, again, item
from sqlalchemy import Engine, event

from service.store import Store

PAST = date(2026, 12, 1)


@pytest.fixture
def kept(store: Store) -> Kept:
    return Kept(store)


@pytest.mark.parametrize(
    ("ending", "kind"),
    [("csv", "text/csv"), ("json", "application/json"), ("md", "text/markdown")],
)
def test_measures_are_fetched_as_a_file_of_each_kind(
    operator: FlaskClient, kept: Kept, ending: str, kind: str
) -> None:
    kept.incident(1, item(title="Grüße", due=PAST))
    kept.incident(2, item(), team="ads")
    answer = operator.get(f"/export/measures.{ending}?team=payments")
    assert (answer.status_code, answer.mimetype) == (200, kind)
    assert f'filename="measures.{ending}"' in answer.headers["Content-Disposition"]
    assert "INC-1" in answer.text
    assert "INC-2" not in answer.text


def test_only_with_all_those_that_ended_are_in_it(operator: FlaskClient, kept: Kept) -> None:
    kept.incident(1, item(), item(2, status="done"), item(3, status="won't do"))
    for address, count in (("/export/measures.csv", 1), ("/export/measures.csv?all", 3)):
        rows = csv.DictReader(io.StringIO(operator.get(address).text, newline=""))
        assert len(list(rows)) == count


def test_no_other_kind_of_file_is_there(operator: FlaskClient) -> None:
    assert operator.get("/export/measures.xlsx").status_code == 404


def test_whoever_is_not_signed_in_gets_nothing(visitor: FlaskClient) -> None:
    assert visitor.get("/export/measures.csv").status_code in (302, 303, 401)


# --- the pre-read ---------------------------------------------------------------------------------


def test_the_page_shows_the_pre_read_of_a_team_and_leads_to_its_incidents(
    operator: FlaskClient, kept: Kept
) -> None:
    kept.incident(1, item(due=date(2026, 11, 1), owner="Kim <b>"))
    page = operator.get("/preread?team=payments&quarter=2026Q4").text
    assert "<h1>Pre-read 2026Q4: the review of payments</h1>" in page
    assert "<bdi>Kim &lt;b&gt;: 1 late, the longest </bdi>" in page
    assert '<a href="/incidents/k1">AI-1 of INC-1</a>' in page
    assert '<option value="payments" selected>' in page


def test_without_a_team_it_asks_for_one(operator: FlaskClient, kept: Kept) -> None:
    assert "No team has an incident yet." in operator.get("/preread").text
    kept.incident(1)
    assert '<option value="payments">' in operator.get("/preread").text


@pytest.mark.parametrize(
    ("asked", "status"), [("team=nobody", 404), ("team=payments&quarter=Q9", 400)]
)
def test_what_there_is_not_is_said(
    operator: FlaskClient, kept: Kept, asked: str, status: int
) -> None:
    kept.incident(1)
    assert operator.get(f"/preread?{asked}").status_code == status


def test_the_number_of_queries_of_each_page_does_not_grow(
    operator: FlaskClient, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = (
        "/preread?team=payments&quarter=2026Q4",
        "/api/v1/preread?team=payments&quarter=2026Q4",
        "/api/v1/release-check?service=checkout",
        "/api/v1/patterns",
        "/api/v1/patterns/slow%20disk",
        "/api/v1/measures",
        "/api/v1/incidents/k1/related",
    )

    def came_again(n: int) -> None:
        kept.incident(n, item(due=PAST, owner=f"P{n}"), item(2), recurrences=(again("k1"),))

    kept.incident(1, item(due=PAST))
    came_again(2)
    few = [queries(operator, each) for each in addresses]
    for n in range(3, 30):
        came_again(n)
    assert [queries(operator, each) for each in addresses] == few


def queries(visitor: FlaskClient, address: str) -> int:
    """How many statements the page asked the database."""
    asked: list[str] = []

    def note(*arguments: object) -> None:
        asked.append(str(arguments[2]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert visitor.get(address).status_code == 200
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return len(asked)
