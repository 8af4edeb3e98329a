"""The export of measures for planning elsewhere: one row for each, in columns that stay.

The order is that in which they are planned: by team, then milestone (none comes last), then
priority, which is the severity of the incident, then the due date (none comes last).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from enum import StrEnum
from itertools import groupby
from operator import attrgetter

from workflows.markup import cell, inert, link, one_line
from workflows.measured import Measured
from workflows.projection import severity_words


class Format(StrEnum):
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "md"


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


#: What each column says. New ones are added at the end, none is renamed or taken out.
COLUMNS: Mapping[str, Callable[[Measured], str]] = {
    "team": lambda each: each.team,
    "milestone": lambda each: each.milestone,
    "priority": lambda each: each.severity,
    "due": lambda each: _day(each.due),
    "incident": lambda each: each.key,
    "item": lambda each: f"AI-{each.item}",
    "title": lambda each: each.title,
    "kind": lambda each: each.kind,
    "area": lambda each: each.area,
    "owner": lambda each: each.owner,
    "status": lambda each: each.status,
    "service": lambda each: each.service,
    "task": lambda each: each.task_key,
    "task_url": lambda each: each.task_url,
    "incident_url": lambda each: each.url,
    "document_url": lambda each: each.document_url,
    "success_measure": lambda each: each.success_measure,
    "verdict": lambda each: each.verdict,
    "suspect": lambda each: each.suspect,
}


def in_order(some: Iterable[Measured], severities: Sequence[str]) -> list[Measured]:
    """In the order of the export. `severities` are those of the rules, the gravest first; others
    come after them by name, and what has none at last."""
    ranks = {severity_words(name): rank for rank, name in enumerate(severities)}

    def key(each: Measured) -> tuple[object, ...]:
        words = severity_words(each.severity)
        return (
            *(each.team, not each.milestone, each.milestone),
            *(not words, ranks.get(words, len(ranks)), words),
            *(each.due or date.max, each.key, each.incident, each.item),
        )

    return sorted(some, key=key)


def written(some: Sequence[Measured], as_: Format) -> Iterator[str]:
    """The export, piece by piece, as UTF-8 text."""
    match as_:
        case Format.CSV:
            return as_csv(some)
        case Format.JSON:
            return as_json(some)
        case Format.MARKDOWN:
            return as_markdown(some)


# --- CSV ------------------------------------------------------------------------------------------

#: What a spreadsheet takes for a formula at the beginning of a cell, in the wide form too; a blank
#: before it is passed over. https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]")


def defused(text: str) -> str:
    """`text` as a cell that no spreadsheet runs: one line, with an apostrophe before what would be
    a formula."""
    line = one_line(text)
    return f"'{line}" if _FORMULA.match(line) else line


def as_csv(some: Iterable[Measured]) -> Iterator[str]:
    """RFC 4180, each cell in quotes: so no text of a cell begins another, whatever separates."""
    yield _line(COLUMNS)
    for each in some:
        yield _line(defused(says(each)) for says in COLUMNS.values())


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL).writerow(list(cells))
    return line.getvalue()


# --- JSON -----------------------------------------------------------------------------------------


def as_json(some: Iterable[Measured]) -> Iterator[str]:
    """A list of objects; what is unknown is null. Texts are as people wrote them."""
    before = "[\n"
    for each in some:
        row = {name: says(each) or None for name, says in COLUMNS.items()}
        yield before + json.dumps(row, ensure_ascii=True)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


# --- Markdown -------------------------------------------------------------------------------------

_HEAD = ("Measure", "What", "Priority", "Due", "Owner", "Status", "Task")


def as_markdown(some: Iterable[Measured]) -> Iterator[str]:
    """A table for each milestone of each team."""
    yield "# Measures\n"
    empty = True
    for (team, milestone), rows in groupby(some, attrgetter("team", "milestone")):
        empty = False
        yield f"\n## {inert(team)}: {inert(milestone) or 'no milestone'}\n\n"
        yield f"| {' | '.join(_HEAD)} |\n|{' --- |' * len(_HEAD)}\n"
        for each in rows:
            yield f"| {' | '.join(_cells(each))} |\n"
    if empty:
        yield "\nNone.\n"


def _cells(each: Measured) -> Iterator[str]:
    yield f"AI-{each.item} of {link(each.key, each.url)}"
    yield cell(each.title)
    yield cell(each.severity)
    yield _day(each.due) or "—"
    yield cell(each.owner)
    yield cell(each.status)
    yield link(each.task_key, each.task_url) if each.task_key else "—"
