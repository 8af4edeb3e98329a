"""The action table of the document: how it is written, and what people do to it.

Rows whose ID is empty (or is none that was given) and checklist lines beside the table are new
action items. What people change in a row is taken over; what nobody can read stays as it is, and so
does what else stands beside the table, other tables among it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby

from workflows.actions import read_line
from workflows.beside import Beside, besides, joined, prose_lines, without
from workflows.markup import as_said, cell, link
from workflows.model import ActionItem, ActionLine, Kind
from workflows.policy import same_word
from workflows.remarks import with_remark, without_remark
from workflows.snapshots import Field, Progress, Side, Value
from workflows.statuses import read_word

_EMPTY = {"", "-", "—", "–", "tbd", "none", "?"}
_GIVEN_UP = "given up"
_UNSTARTED = {"open", "waiting", "new", "to do"}

OWNER = "Owner"
HEAD = ("ID", "Action", "Kind", OWNER, "Milestone", "Due", "Status")
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

    `rows` are new rows, each as it is to stand until it has an ID, with its action item; `changed`
    rows (AI-n → the row as it stands now), `missing` rows (AI-n) that were deleted, `odd` rows that
    are none of these. `above` and `below` is what stands beside the table. `ours` are the names of
    the rows that we wrote. `head` is the head of a table whose columns people moved, else "".
    """

    rows: tuple[tuple[str, ActionLine], ...]
    changed: dict[str, str]
    missing: frozenset[str]
    odd: tuple[str, ...]
    above: tuple[Beside, ...]
    below: tuple[Beside, ...]
    ours: frozenset[str]
    head: str

    @property
    def added(self) -> tuple[ActionLine, ...]:
        """All new action items, of rows and of lines beside them."""
        beside = (item for part in (*self.above, *self.below) for item in part.asks)
        return (*(item for _, item in self.rows), *beside)

    def doubles(self, items: Iterable[ActionItem]) -> tuple[tuple[str, ActionItem], ...]:
        """New rows that say what an item with a row of its own says already, with that item.
        They stay as they are: what else is in them belongs to nobody."""
        titles = self._titles(items)
        found = [(row, titles.get(same_word(line.title))) for row, line in self.rows]
        return tuple((row, item) for row, item in found if item is not None)

    def left(self, items: Iterable[ActionItem]) -> Edited:
        """What stays once the table has taken what asks for an action item: doubles, and what is
        more than that."""
        titles = self._titles(items)
        rows = tuple(new for new in self.rows if same_word(new[1].title) in titles)

        def goes(part: Beside) -> bool:
            return part.whole and not _any_in(titles, part)

        above, below = without(self.above, goes), without(self.below, goes)
        return replace(self, rows=rows, above=above, below=below)

    def _titles(self, items: Iterable[ActionItem]) -> dict[str, ActionItem]:
        named = [item for item in items if item.name in self.ours]
        return {same_word(title): item for item in named for title in item.titles}


def _any_in(titles: Mapping[str, ActionItem], part: Beside) -> bool:
    return any(same_word(item.title) in titles for item in part.asks)


def read_table(base: str, seen: str, items: Iterable[ActionItem] = ()) -> Edited:
    """What people changed between the table as we wrote it and as it is now. A row with the ID and
    the title of one of `items` is ours, though we do not know that we wrote it: we may have,
    before the database was put back to an older state."""
    ours = _named_rows(base)
    known = {(item.name, same_word(item.title)) for item in items}
    added: list[tuple[str, ActionLine]] = []
    changed: dict[str, str] = {}
    odd: list[str] = []
    above, rows, below = _around(seen)
    moved, there = _moved(seen), _named_rows(seen)
    for line in (rows[number] for number in item_rows(rows)):
        cells = row_cells(line)
        name = row_id(cells)
        if name in ours and cells == there[name]:
            if cells != ours[name]:
                changed[name] = line.strip()
        elif name not in ours and (name, same_word(as_said("".join(cells[1:2])))) in known:
            continue
        elif not moved and (item := _read_row(cells)):
            # An ID that we never gave, or gave to a row above, is a guess: the item gets its own.
            added.append((_row(["", *cells[1:]]) if cells[0] else line.strip(), item))
        elif any(cells):
            odd.append(line.strip())
    missing = frozenset(ours.keys() - there.keys())
    beside = besides(above), besides(below)
    return Edited(tuple(added), changed, missing, tuple(odd), *beside, frozenset(ours), moved)


def own_lines(text: str) -> range:
    """Which lines of this text are our table. What is hidden from readers, as code is, is none."""
    shown = zip(prose_lines(text), text.split("\n"), strict=True)
    return own_rows([prose.strip() or ("-" if line.strip() else "") for prose, line in shown])


def own_rows(lines: Sequence[str]) -> range:
    """Which of these lines are our table: that with our head, or, should somebody have deleted the
    head, the first with a row of ours; and rows that only empty lines part from it. Any other table
    is somebody's own, and begins with a head and a rule, without which it is none:
    https://github.github.com/gfm/#tables-extension-"""
    numbers = [number for number, line in enumerate(lines) if row_cells(line)]
    runs = groupby(enumerate(numbers), lambda each: each[1] - each[0])
    together = [[number for _, number in run] for _, run in runs]
    tables = [range(each[0], each[-1] + 1) for each in together]
    headed = (each for each in tables if _is_head(lines[each.start]))
    named = (each for each in tables if any(_is_ours(lines[number]) for number in each))
    ours = next(headed, None) or next(named, None) or range(len(lines), len(lines))
    for more in tables:
        parted = more.start >= ours.stop and not any(lines[ours.stop : more.start])
        if parted and all(_is_row(lines[number]) for number in more):
            ours = range(ours.start, more.stop)
    return ours


def item_rows(lines: Sequence[str]) -> Iterator[int]:
    """Which of these lines are rows of our table that may speak of an action item: no rule, and no
    head, whatever somebody made of its words."""
    ours = own_rows(lines)
    for number in ours:
        cells = row_cells(lines[number])
        if not cells or is_rule(cells) or _is_head(lines[number]):
            continue
        below = lines[number + 1 : ours.stop][:1]
        is_other_head = any(map(is_rule, map(row_cells, below))) and cells[0] and not row_id(cells)
        if not is_other_head:
            yield number


def _is_head(line: str) -> bool:
    return _heads(line)[:2] == list(HEAD[:2])


def _heads(line: str) -> list[str]:
    return [as_said(cell).strip("*") for cell in row_cells(line)]


def _moved(text: str) -> str:
    """The head of our table, where one of our columns stands in the place of another: what is in
    its rows cannot be told then. "" where they stand as we wrote them, whatever they are called."""
    head = next(filter(_is_head, _around(text)[1]), "")
    places = {name: place for place, name in enumerate(HEAD)}
    is_moved = any(places.get(name, place) != place for place, name in enumerate(_heads(head)))
    return head.strip() if is_moved else ""


def _is_ours(line: str) -> bool:
    return _named(line) is not None and _is_row(line)


def _is_row(line: str) -> bool:
    cells = row_cells(line)
    return len(cells) == len(HEAD) and not is_rule(cells)


def _around(text: str) -> tuple[str, list[str], str]:
    """What stands above our table, its rows, and what stands below it. Without one all is below."""
    lines, rows = text.split("\n"), own_lines(text)
    if not rows:
        return "", [], text
    above, below = lines[: rows.start], lines[rows.stop :]
    ours = [line for line in lines[rows.start : rows.stop] if line.strip()]
    return "\n".join(above), ours, "\n".join(below)


def _named_rows(text: str) -> dict[str, list[str]]:
    """The cells of each row of our table that has an ID, by that ID."""
    return {name: row_cells(line) for name, line in _named_lines(text).items()}


def _named_lines(text: str) -> dict[str, str]:
    """The same, as they stand. Of two rows with one ID the first has it: who copies a row to write
    another one puts that below it."""
    found: dict[str, str] = {}
    for line in _around(text)[1]:
        if match := _named(line):
            found.setdefault(match["name"], line)
    return found


def _named(line: str) -> re.Match[str] | None:
    return _NAME.match("".join(row_cells(line)[:1]))


def row_id(cells: Sequence[str]) -> str:
    """The ID of a row with these cells; "" where it has none."""
    named = _NAME.match("".join(cells[:1]))
    return named["name"] if named else ""


@dataclass(frozen=True, slots=True)
class Row:
    """What one row says. `problems` are cells that cannot be read, each with what would be right;
    such a row stays as its writer left it."""

    values: Mapping[Field, Value]
    kind: Kind | None
    problems: tuple[str, ...] = ()


def read_rows(text: str) -> dict[str, Row]:
    """Every row of our table that has an ID, by that ID (AI-n)."""
    if _moved(text):
        moved = Row({}, None, (f"the table's columns are not in their order: {', '.join(HEAD)}",))
        return dict.fromkeys(_named_rows(text), moved)
    return {name: _row_of(cells) for name, cells in _named_rows(text).items()}


def read_row(line: str) -> tuple[str, Row] | None:
    """A row of our table that has an ID, with that ID."""
    name = _named(line)
    return None if name is None else (name["name"], _row_of(row_cells(line)))


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
    lines = _named_lines(seen)
    return {n: lines[n].strip() for n, row in rows.items() if n in ours and row.problems}


def same_rows(one: str, other: str, names: Iterable[str]) -> bool:
    """Whether both tables say the same in the rows of these names, however it is laid out."""
    left, right = _named_rows(one), _named_rows(other)
    return all(left.get(name) == right.get(name) for name in names)


def merge_table(ours: str, kept: Mapping[str, str], theirs: Edited) -> str:
    """`ours` with the rows that people wrote in the place of ours, and what else is `theirs`: rows
    at its end, and what stands above and below it. An empty line keeps these apart: a line right
    below a table is one of its rows, https://github.github.com/gfm/#tables-extension-"""
    lines = [
        kept.get(match["name"], line) if (match := _named(line)) else line
        for line in ours.splitlines()
    ]
    if theirs.head:
        lines[:2] = theirs.head, _row(["---"] * len(row_cells(theirs.head)))
    rows = [*lines, *(row for row, _ in theirs.rows), *theirs.odd]
    parts = joined(theirs.above), "\n".join(rows), joined(theirs.below)
    return "\n\n".join(part for part in parts if part)


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


def new_row(line: str) -> ActionLine | None:
    """The action item that a row of our table without an ID asks for."""
    cells = row_cells(line)
    return _read_row(cells) if cells else None


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
