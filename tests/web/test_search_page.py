"""The page that finds incidents, and the command that does the same."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from in_force import payloads
from web.history import History

from service.commands.all import followthrough


def test_the_page_begins_with_an_empty_field_and_finds_nothing(operator: FlaskClient) -> None:
    page = operator.get("/search").text
    assert 'name="q" value=""' in page
    assert 'id="found"' not in page


def test_what_was_found_is_marked_and_leads_to_the_incident(
    operator: FlaskClient, history: History
) -> None:
    history.closed()
    page = operator.get("/search?q=checkout").text
    assert '<a href="/incidents/k3v9"><bdi><mark>Checkout</mark> answers 500</bdi></a>' in page
    assert "Alert on the error rate of <mark>checkout</mark>" in page
    assert "Nothing was found" in operator.get("/search?q=nowhere").text


def test_the_page_says_which_filters_it_understood_and_what_it_did_not(
    operator: FlaskClient, history: History
) -> None:
    history.closed()
    page = operator.get("/search?q=service:checkout+error:x+before:2030").text
    assert "Only service: checkout, opened before 2030-01-01" in page
    assert "“error:” is no filter, and looked for as a word" in page


def test_whoever_is_not_signed_in_finds_nothing(visitor: FlaskClient, history: History) -> None:
    history.closed()
    answer = visitor.get("/search?q=checkout")
    assert "answers 500" not in answer.text
    assert answer.status_code != 200


@pytest.mark.parametrize("skip", ["-1", "x", "99999999999999999999", "401"])
def test_any_place_in_the_list_is_a_page(operator: FlaskClient, skip: str) -> None:
    assert operator.get(f"/search?q=checkout&skip={skip}").status_code == 200


class Elements(HTMLParser):
    """The names of all elements and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names |= {tag, *(f"{tag} {name}" for name, _ in attrs)}


def test_nothing_that_is_typed_or_found_is_markup(operator: FlaskClient, history: History) -> None:
    history.incident(id="i1", title="disk")
    plain = Elements(operator.get("/search?q=disk").text).names | {"p", "p class", "p role"}
    for payload in payloads()[:60]:
        history.incident(id="i1", title=f"disk {payload}")
        page = operator.get("/search", query_string={"q": f"disk {payload}"})
        assert Elements(page.text).names <= plain


def test_more_than_a_page_is_leafed_through(operator: FlaskClient, history: History) -> None:
    for n in range(25):
        history.incident(id=f"i{n}", number=n)
    first = operator.get("/search?q=checkout").text
    assert first.count("<h3>") == 20
    assert "/search?q=checkout&amp;skip=20" in first
    second = operator.get("/search?q=checkout&skip=20").text
    assert second.count("<h3>") == 5
    assert 'rel="next"' not in second


# --- the command ------------------------------------------------------------------------------


def typed(tmp_path: Path, *words: str) -> tuple[int, str]:
    environ = {"FOLLOWTHROUGH_DATABASE_URL": f"sqlite:///{tmp_path}/followthrough.db"}
    result = CliRunner().invoke(followthrough, ["search", *words], env=environ)
    return result.exit_code, result.output


def test_the_command_says_the_same_and_fails_where_nothing_is_found(
    tmp_path: Path, history: History
) -> None:
    history.closed()
    code, said = typed(tmp_path, "nowhere")
    assert code == 1
    assert "Nothing was found." in said
    code, said = typed(tmp_path, "check*", "error:nowhere")
    assert code == 0
    assert "“error:” is no filter" in said
    assert "None has all words; these have some:" in said
    code, said = typed(tmp_path, "check*")
    assert code == 0
    assert said.startswith("acme/ops#42  Checkout answers 500  (checkout, sev1, payments, 2026-12")
    assert "AI-1: Alert on the error rate of checkout" in said


def test_a_program_is_told_which_words_were_looked_for(tmp_path: Path, history: History) -> None:
    history.closed()
    code, said = typed(tmp_path, "checkout", "--json")
    (line,) = said.splitlines()
    assert code == 0
    assert json.loads(line)["title"] == [["Checkout", True], [" answers 500", False]]
