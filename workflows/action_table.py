"""The action table of the document: how it is written, and what people do to it.

Rows whose ID is empty (or is none that was given) and checklist lines beside the table are new
action items. What people change in a row is taken over; what nobody can read stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from workflows.actions import asking_line, read_line
from workflows.markup import as_said, cell, link
from workflows.model import ActionItem, ActionLine, Kind
from workflows.policy import same_word
from workflows.remarks import with_remark, without_remark
from workflows.snapshots import Field, Progress, Side, Value
from workflows.statuses import read_word

_EMPTY = {"", "-", "—", "–", "tbd", "none", "?"}
_GIVEN_UP = "given up"
_UNSTARTED = {"open", "waiting", "new", "to do"}

HEAD = ("ID", "Action", "Kind", "Owner", "Milestone", "Due", "Status")
_NAME = re.compile(r"\[?(?P<name>AI-\d+)\b")


def table(items: Iterable[ActionItem]) -> str:
    """The action items as the document's table, ready for a new row."""
    rows = [table_row(item) for item in items]
    return "\n".join([_row(HEAD), _row(["---"] * len(HEAD)), *rows])


def table_row(item: ActionItem) -> str:
    return _row(
        [
            " · ".join([item.name, *_tickets(item)]),
            cell(item.title),
            item.kind.value,
            cell(item.owner or ""),
            cell(item.milestone or ""),
            item.due.isoformat() if item.due else "—",
            cell(with_remark(item) or _without_status(item)),
        ]
    )


def _tickets(item: ActionItem) -> Iterator[str]:
    """Its ticket and that one's twin; a link to one that is gone leads nowhere."""
    for side, ref in ((Side.TASK, item.task), (Side.TWIN, item.twin)):
        if ref is not None:
            is_gone = side in item.sides and item.sides[side].gone
            yield link(ref.key, ref.url) + (" (gone)" if is_gone else "")


def _without_status(item: ActionItem) -> str:
    if item.task is not None:
        return "open"
    return _GIVEN_UP if item.given_up else "waiting"


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


def read_table(base: str, seen: str, items: Iterable[ActionItem] = ()) -> Edited:
    """What people changed between the table as we wrote it and as it is now. A row with the ID and
    the title of one of `items` is ours, though we do not know that we wrote it: we may have,
    before the database was put back to an older state."""
    ours = _named_rows(base)
    known = {(item.name, same_word(item.title)) for item in items}
    added: list[tuple[str, ActionLine]] = []
    changed: dict[str, str] = {}
    stray: list[str] = []
    for line in seen.splitlines():
        cells = row_cells(line)
        if not line.strip() or cells[:2] == list(HEAD[:2]) or is_rule(cells):
            continue
        name = _NAME.match(cells[0]) if cells else None
        if name is not None and name["name"] in ours:
            if cells != ours[name["name"]]:
                changed[name["name"]] = line.strip()
        elif name is not None and (name["name"], same_word(as_said("".join(cells[1:2])))) in known:
            continue
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
    lines = text.splitlines()
    return {match["name"]: row_cells(line) for line in lines if (match := _named(line))}


def _named(line: str) -> re.Match[str] | None:
    """The ID of a row, where it has one."""
    return _NAME.match("".join(row_cells(line)[:1]))


@dataclass(frozen=True, slots=True)
class Row:
    """What one row says. `problems` are cells that cannot be read, each with what would be right;
    such a row stays as its writer left it."""

    values: Mapping[Field, Value]
    kind: Kind | None
    problems: tuple[str, ...] = ()


def read_rows(text: str) -> dict[str, Row]:
    """Every row that has an ID, by that ID (AI-n)."""
    return {name: _row_of(cells) for name, cells in _named_rows(text).items()}


def _row_of(cells: list[str]) -> Row:
    said = [as_said(part) for part in cells] + [""] * len(HEAD)
    _, title, kind, owner, milestone, due, status = said[: len(HEAD)]
    status = without_remark(status)
    values: dict[Field, Value] = {
        Field.OWNER: None if same_word(owner) in _EMPTY else owner.removeprefix("@").strip('"“”'),
        Field.MILESTONE: None if same_word(milestone) in _EMPTY else milestone,
    }
    problems: list[str] = []
    if title.strip():
        values[Field.TITLE] = title
    else:
        problems.append("the action is empty: say what is to be done")
    try:
        values[Field.DUE] = None if same_word(due) in _EMPTY else _date(due)
    except ValueError:
        problems.append(f"due: {due!r} is not a date (write 2026-12-01)")
    progress = Progress.OPEN if same_word(status) in _EMPTY else read_word(status)
    if progress is not None:
        values[Field.STATUS] = progress.value
    elif same_word(status) != _GIVEN_UP:
        problems.append(f"status: {status!r} is none of {', '.join(Progress)}")
    known = next((k for k in Kind if k.value == same_word(kind)), None)
    if known is None:
        problems.append(f"kind: {kind!r} is none of {', '.join(Kind)}")
    if len(cells) > len(HEAD):
        problems.append(f"it has more cells than the table's {len(HEAD)}")
    return Row(values, known, tuple(problems))


def _date(text: str) -> str:
    return date.fromisoformat(text).isoformat()


def still_kept(base: str, seen: str) -> dict[str, str]:
    """The rows that a person wrote and that nobody can read: they stay so until they are mended,
    also once they were written back as they were. A row of ours can be read."""
    ours, rows = _named_rows(base), read_rows(seen)
    lines = {match["name"]: line for line in seen.splitlines() if (match := _named(line))}
    return {n: lines[n].strip() for n, row in rows.items() if n in ours and row.problems}


def same_rows(one: str, other: str, names: Iterable[str]) -> bool:
    """Whether both tables say the same in the rows of these names, however it is laid out."""
    left, right = _named_rows(one), _named_rows(other)
    return all(left.get(name) == right.get(name) for name in names)


def merge_table(ours: str, kept: Mapping[str, str], after: Iterable[str]) -> str:
    """`ours` with the rows that people wrote in the place of ours, and `after` it other lines of
    theirs."""
    lines = [
        kept.get(match["name"], line) if (match := _named(line)) else line
        for line in ours.splitlines()
    ]
    return "\n".join([*lines, *after])


def row_cells(line: str) -> list[str]:
    """The cells of a table row; none when the line is not one."""
    line = line.strip()
    if not line.startswith("|"):
        return []
    parts = re.split(r"(?<!\\)\|", line[1:])
    if len(parts) > 1 and not parts[-1].strip():
        parts.pop()  # what stands after the closing bar
    return [part.strip() for part in parts]


def is_rule(cells: list[str]) -> bool:
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
