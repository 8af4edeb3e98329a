"""The figures as pages: pictures without a script or a style of their own, and CSV behind them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest
from builders import at
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.engine import Engine
from web.history import History, action

from service.web.drawing import drawn
from service.web.figures import FIGURES, table
from workflows.model import Incident
from workflows.periods import Period
from workflows.pictures import Bar, Bars, Cell, Columns, Dots, Figure, Tone

HOSTILE = "\"'><script>alert(1)</script><svg/onload=alert(1)>&"
#: What a page asks the database for, at most: with the badge of dead letters, and the teams.
MOST_QUERIES = 8

each_figure = pytest.mark.parametrize("name", FIGURES)


def filled(history: History, **values: Any) -> Incident:
    return history.closed(
        actions=(action(1, "Alert", done_at=at(60)), action(2, "Limit")), opened=at(0), **values
    )


def pictures(page: str) -> list[Element]:
    return [fromstring(svg) for svg in re.findall(r"<svg class=\"picture.*?</svg>", page, re.S)]


@pytest.fixture
def queries() -> Iterator[list[str]]:
    asked: list[str] = []

    def note(*args: object) -> None:
        asked.append(str(args[2]))

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)


@each_figure
def test_without_incidents_each_says_so(operator: FlaskClient, name: str) -> None:
    page = operator.get(f"/figures/{name}", follow_redirects=True).text
    assert "There is nothing to show in this time." in page
    assert "<svg class" not in page


@pytest.mark.parametrize("name", ["severities", "time-to-resolve", "actions-by-kind", "indicators"])
def test_a_picture_says_what_it_is_and_its_numbers_stand_below_and_in_the_csv(
    operator: FlaskClient, history: History, name: str
) -> None:
    filled(history)
    where = f"/figures/{name}?from=2026-10-01&to=2027-03-31"
    page = operator.get(where, follow_redirects=True).text
    found = pictures(page)
    assert found
    for picture in found:
        assert picture.get("role") == ("group" if name == "time-to-resolve" else "img")
        labels = [picture.find(kind) for kind in ("title", "desc")]
        assert picture.get("aria-labelledby") == " ".join(
            str(e.get("id")) for e in labels if e is not None
        )
        assert all(each is not None and each.text for each in labels)
        for element in picture.iter():
            assert element.tag not in ("style", "script")
            assert element.tag != "a" or element.get("tabindex") == "-1"
            assert not [key for key in element.attrib if key == "style" or key.startswith("on")]
    answer = operator.get(f"/figures/{name}.csv?from=2026-10-01&to=2027-03-31")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert len(rows) - 1 == page.count('role="rowheader"')
    assert all(len(row) == len(rows[0]) for row in rows)


def test_a_dot_leads_to_its_incident_and_the_list_below_does_too(
    operator: FlaskClient, history: History
) -> None:
    filled(history)
    page = operator.get("/figures/time-to-resolve").text
    (dot,) = (each for picture in pictures(page) for each in picture.iter("a"))
    assert dot.get("href") == "/incidents/k3v9"
    assert [each.text for each in dot.iter("title")] == [
        "acme/ops#42, opened 2026-12-07: 1 h 30 min"
    ]
    assert '<a class="key" href="/incidents/k3v9">acme/ops#42</a>' in page


def test_the_address_says_which_team_service_and_period(
    operator: FlaskClient, history: History
) -> None:
    filled(history)
    for asked, shown in (
        ("team=payments", True),
        ("team=search", False),
        ("service=Checkout", True),
        ("service=cart", False),
        ("from=2026-07-01&to=2026-09-30", False),
    ):
        page = operator.get(f"/figures/severities?{asked}").text
        assert ("<svg class" in page) is shown, asked
    page = operator.get("/figures/severities?from=2026-10-01&to=2026-12-31&team=payments").text
    assert 'value="2026-10-01"' in page
    assert "?from=2026-10-01&amp;to=2026-12-31&amp;team=payments" in page


def test_days_that_bound_no_period_are_refused_in_words(operator: FlaskClient) -> None:
    answer = operator.get("/figures?from=2026-13-01")
    assert answer.status_code == 400
    assert "is no day: write it as 2026-07-01" in answer.text
    assert operator.get("/figures/severities.csv?from=2026-07-01&to=2026-01-01").status_code == 400


@pytest.mark.parametrize("where", ["/figures/nothing", "/figures/nothing.csv", "/figures/.csv"])
def test_there_is_no_other_figure(operator: FlaskClient, where: str) -> None:
    assert operator.get(where).status_code == 404


def test_strangers_see_no_figure(visitor: FlaskClient) -> None:
    assert visitor.get("/figures").status_code == 302
    assert visitor.get("/figures/severities.csv").status_code == 302


@each_figure
def test_words_that_somebody_brought_are_text_and_nothing_else(
    operator: FlaskClient, history: History, name: str
) -> None:
    filled(history, team=HOSTILE, service=HOSTILE, severity=HOSTILE)
    page = operator.get(
        f"/figures/{name}",
        query_string={"team": HOSTILE, "to": "2027-03-31"},
        follow_redirects=True,
    ).text
    assert "<script" not in page
    assert "<svg/onload" not in page
    for picture in pictures(page):
        assert {each.tag for each in picture.iter()} <= {
            "svg",
            "title",
            "desc",
            "text",
            "rect",
            "line",
            "circle",
            "g",
            "a",
        }


@each_figure
def test_a_page_asks_the_database_a_bounded_number_of_times(
    operator: FlaskClient, history: History, queries: list[str], name: str
) -> None:
    for n in range(12):
        filled(history, id=f"i{n}", number=n + 1, team=f"team {n % 4}", service=f"service {n}")
    queries.clear()
    operator.get(f"/figures/{name}", query_string={"from": "2020-01-01"}, follow_redirects=True)
    assert 0 < len(queries) <= MOST_QUERIES


def test_a_cell_that_a_spreadsheet_would_run_is_text_in_the_csv() -> None:
    names = ("=1+1", "+1", "-1", "@sum", "\t=1", "\r=1", "\n=1", "a=1", "")
    rows = [[Cell(name, name), Cell(-3, "-3"), Cell(None, "—")] for name in names]
    figure = Figure("f", "F", "", (), (), ("=head", "n", "x"), ("", "s", ""), rows)
    head, *read = csv.reader(io.StringIO(table(figure), newline=""))
    assert head == ["'=head", "n (s)", "x"]
    assert [row[0] for row in read] == [f"'{name}" for name in names[:7]] + ["a=1", ""]
    assert {(row[1], row[2]) for row in read} == {("-3", "")}


BUCKETS = Period(at(0).date(), at(0).date()).buckets


@pytest.mark.parametrize(
    "picture",
    [
        Columns("C", BUCKETS, []),
        Bars("B", [Tone("a", "good")], []),
        Bars("B", [Tone("a", "good")], [Bar("none of it", [0], "")]),
        Dots("D", BUCKETS, [], [], 1),
    ],
)
def test_a_picture_of_nothing_can_be_drawn(picture: Columns | Bars | Dots) -> None:
    root = fromstring(drawn(picture, "p", str))
    assert int(str(root.get("height"))) > 0
