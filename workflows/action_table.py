"""The action table of the document: how it is written, and what people do to it.

Rows whose ID is empty (or is none that was given) and checklist lines beside the table are new
action items. Rows that people change stay as they wrote them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from workflows.actions import asking_line, read_line
from workflows.markup import as_said, cell, link
from workflows.model import ActionItem, ActionLine, Kind
from workflows.policy import same_word

_EMPTY = {"", "-", "—", "–", "tbd", "none", "?"}
_UNSTARTED = {"open", "waiting", "new", "to do"}

HEAD = ("ID", "Action", "Kind", "Owner", "Milestone", "Due", "Status")
_NAME = re.compile(r"\[?(?P<name>AI-\d+)\b")


def table(items: Iterable[ActionItem]) -> str:
    """The action items as the document's table, ready for a new row."""
    rows = [table_row(item) for item in items]
    return "\n".join([_row(HEAD), _row(["---"] * len(HEAD)), *rows])


def table_row(item: ActionItem) -> str:
    name = item.name if item.task is None else f"{item.name} · {link(item.task.key, item.task.url)}"
    return _row(
        [
            name,
            cell(item.title),
            item.kind.value,
            cell(item.owner or ""),
            cell(item.milestone or ""),
            item.due.isoformat() if item.due else "—",
            cell(item.status or _without_status(item)),
        ]
    )


def _without_status(item: ActionItem) -> str:
    if item.task is not None:
        return "open"
    return "given up" if item.given_up else "waiting"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


@dataclass(frozen=True, slots=True)
class Edited:
    """What people did to the table since we wrote it.

    `added` are action items, each with its row or line as it is to stand until it has an ID;
    `changed` rows (AI-n → the row as it stands now), `missing` rows (AI-n) that were deleted,
    `stray` text that is none of these. `ours` are the names of the rows that we wrote.
    """

    added: tuple[tuple[str, ActionLine], ...]
    changed: dict[str, str]
    missing: frozenset[str]
    stray: tuple[str, ...]
    ours: frozenset[str]

    def doubles(self, items: Iterable[ActionItem]) -> tuple[tuple[str, ActionItem], ...]:
        """Added rows that say what an item with a row of its own says already, with that item.
        They stay as they are: what else is in them belongs to nobody."""
        titles = {same_word(item.title): item for item in items if item.name in self.ours}
        found = [(row, titles.get(same_word(line.title))) for row, line in self.added]
        return tuple((row, item) for row, item in found if item is not None)


def read_table(base: str, seen: str) -> Edited:
    """What people changed between the table as we wrote it and as it is now."""
    ours = _named_rows(base)
    added: list[tuple[str, ActionLine]] = []
    changed: dict[str, str] = {}
    stray: list[str] = []
    for line in seen.splitlines():
        cells = _cells(line)
        if not line.strip() or cells[:2] == list(HEAD[:2]) or _is_rule(cells):
            continue
        name = _NAME.match(cells[0]) if cells else None
        if name is not None and name["name"] in ours:
            if cells != ours[name["name"]]:
                changed[name["name"]] = line.strip()
        elif item := _read_row(cells) if cells else asking_line(line):
            # An ID that we never gave is a person's guess: the item gets its own.
            row = _row(["", *cells[1:]]) if cells and cells[0] else line.strip()
            added.append((row, item))
        elif not cells or any(cells):
            stray.append(line)
    missing = frozenset(ours.keys() - _named_rows(seen).keys())
    return Edited(tuple(added), changed, missing, tuple(stray), frozenset(ours))


def _named_rows(text: str) -> dict[str, list[str]]:
    """The cells of each row that has an ID, by that ID."""
    rows = (_cells(line) for line in text.splitlines())
    return {match["name"]: row for row in rows if row and (match := _NAME.match(row[0]))}


def still_kept(kept: Mapping[str, str], base: str, seen: str) -> dict[str, str]:
    """The rows that a person wrote and that are to stay so: those just changed, and earlier ones
    unless the row was deleted or put back to how we had written it."""
    edited, ours = read_table(base, seen), _named_rows(base)
    earlier = {
        name: row
        for name, row in kept.items()
        if name not in edited.missing and ours.get(name) == _cells(row)
    }
    return {**earlier, **edited.changed}


def merge_table(ours: str, kept: Mapping[str, str], after: Iterable[str]) -> str:
    """`ours` with the rows that people wrote in the place of ours, and `after` it other lines of
    theirs."""
    lines = [
        kept.get(match["name"], line) if (match := _NAME.match("".join(_cells(line)[:1]))) else line
        for line in ours.splitlines()
    ]
    return "\n".join([*lines, *after])


def _cells(line: str) -> list[str]:
    """The cells of a table row; none when the line is not one."""
    line = line.strip()
    if not line.startswith("|"):
        return []
    parts = re.split(r"(?<!\\)\|", line[1:])
    if len(parts) > 1 and not parts[-1].strip():
        parts.pop()  # what stands after the closing bar
    return [part.strip() for part in parts]


def _is_rule(cells: list[str]) -> bool:
    return bool(cells) and all(re.fullmatch(r":?-{2,}:?", part) for part in cells)


def _read_row(cells: list[str]) -> ActionLine | None:
    """A row as an action item; fields in the title column count as in a line. None for a row
    without a title, or with more cells than the table has columns."""
    if len(cells) > len(HEAD):
        return None
    values = [as_said(part) for part in cells] + [""] * len(HEAD)
    _, title, kind, owner, milestone, due, status = values[: len(HEAD)]
    item = read_line(title)
    if item is None:
        return None
    problems = list(item.problems)
    if same_word(kind) in {k.value for k in Kind}:
        item = replace(item, kind=Kind(same_word(kind)))
    elif same_word(kind) not in _EMPTY:
        problems.append(f"kind: {kind!r} is none of {', '.join(Kind)}")
    if same_word(owner) not in _EMPTY:
        item = replace(item, owner=owner.removeprefix("@").strip('"“”'))
    if same_word(milestone) not in _EMPTY:
        item = replace(item, milestone=milestone)
    if same_word(due) not in _EMPTY:
        try:
            item = replace(item, due=date.fromisoformat(due))
        except ValueError:
            problems.append(f"due: {due!r} is not a date (write 2026-12-01)")
    if same_word(status) not in _EMPTY | _UNSTARTED:
        problems.append(f"status: {status!r} stands in the task, set it there")
    return replace(item, problems=tuple(problems))
