"""A table that gets other rows, without harm to what people put into the others: to mentions,
statuses, colours and macros, of which its Markdown tells only the words."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import repeat

from integrations.confluence.merged_cells import has_merged, parted
from integrations.confluence.reading import is_number, rows_of
from integrations.confluence.storage import Edit, Element, Part
from workflows.action_table import HEAD, row_id
from workflows.markup import as_said
from workflows.policy import same_word

_Cells = list[tuple[Element, str]]


def with_rows(
    part: Part, table: Element, rows: Sequence[Sequence[str]], cell: Callable[[str, str], str]
) -> str:
    """The part as it is written, but that the table in it has these rows: each its cells in
    Markdown, the first is the head. `cell` makes of Markdown what a cell holds, in the
    column that is called so.

    A row that is still said stays byte for byte, and so does each cell of one that changed: a row
    is known by its ID, or else by its title. Cells that the table has beyond these are people's.
    Merged cells stay so until something changes, and rows that show nothing stay as they are.
    """
    there = list(rows_of(table))
    numbered = any(is_number(each) for row, _ in there for each in row.elements)
    known = _known([[text for _, text in cells] for _, cells in there], rows)
    shown = [n for n, (_, cells) in enumerate(there) if any(text for _, text in cells)]
    if has_merged(table):
        if known == shown and all(map(_are_said, rows, (there[n][1] for n in shown))):
            return part.written
        return part.edited([(table.start, table.end, with_rows(*parted(part, table), rows, cell))])
    standing = _in_order(known)
    texts = [[part.edited((), of=row)] for row, _ in there]
    for number in shown:
        texts[number] = []
    waiting: list[str] = []
    last = 0
    for number, (said, old) in enumerate(zip(rows, known, strict=True)):
        columns = [*rows[0], *[""] * len(said)]
        held = list(map(partial, repeat(cell), said, columns))
        if old is None:
            waiting.append(_new([each() for each in held], number, numbered=numbered))
        else:
            row, cells = there[old]
            waiting.append(part.edited(_changes(part, row, cells, said, held), of=row))
        if number in standing and old is not None:
            texts[old], waiting, last = waiting, [], old
    texts[last] += waiting
    edits = zip((row for row, _ in there), map("".join, texts), strict=True)
    return part.edited((row.start, row.end, text) for row, text in edits)


def _known(there: Sequence[Sequence[str]], rows: Sequence[Sequence[str]]) -> list[int | None]:
    """For each of the rows, the one `there` that it was. A head is one, whatever it is called."""
    found: list[int | None] = [None] * len(rows)
    free = dict(enumerate(there))
    for tell in (_said, row_id, _title):
        told: dict[str, deque[int]] = {}
        for old, cells in free.items():
            told.setdefault(tell(cells), deque()).append(old)
        for number, cells in enumerate(rows):
            if found[number] is None and (key := tell(cells)) and told.get(key):
                found[number] = old = told[key].popleft()
                del free[old]
    first = "".join(there[0][:1]) if 0 in free else ""
    if found[:1] == [None] and first and not row_id([first]):
        found[0] = 0
    return found


def _said(cells: Sequence[str]) -> str:
    return "|".join(map(_key, cells)).rstrip("|")


def _title(cells: Sequence[str]) -> str:
    return _key("".join(cells[1:2])).strip("*")


def _key(text: str) -> str:
    """What a cell says. Ours say it with everything escaped."""
    return " ".join(as_said(text).split())


def _in_order(known: Sequence[int | None]) -> set[int]:
    """The numbers of the rows that may stay where they are, as many as there can be; the others
    come between them. https://en.wikipedia.org/wiki/Longest_increasing_subsequence"""
    lasts, numbers = list[int](), list[int]()
    before: dict[int, int | None] = {}
    for number, old in enumerate(known):
        if old is not None:
            place = bisect_left(lasts, old)
            before[number] = numbers[place - 1] if place else None
            lasts[place : place + 1] = [old]
            numbers[place : place + 1] = [number]
    standing = set[int]()
    at = numbers[-1] if numbers else None
    while at is not None:
        standing.add(at)
        at = before[at]
    return standing


def _changes(
    part: Part,
    row: Element,
    there: _Cells,
    texts: Sequence[str],
    held: Sequence[Callable[[], str]],
) -> Iterator[Edit]:
    for (one, said), text, new in zip(there, texts, held, strict=False):
        if _is_said(text, one, said):
            continue
        if one.inner < one.end:
            yield one.inner, one.inner_end, new()
        else:  # written as <td />
            tag = part.edited((), of=one).removesuffix("/>").rstrip()
            yield one.start, one.end, f"{tag}>{new()}</{one.name}>"
    if any(texts[len(there) :]):
        name = there[-1][0].name if there else "td"
        added = "".join(f"<{name}>{new()}</{name}>" for new in held[len(there) :])
        yield row.inner_end, row.inner_end, added


def _are_said(texts: Sequence[str], there: _Cells) -> bool:
    cells = zip(texts, there, strict=False)
    return all(_is_said(text, *held) for text, held in cells) and not any(texts[len(there) :])


def _is_said(text: str, cell: Element, said: str) -> bool:
    """Whether the cell says the text. A status is shown in capitals; people make a head bold."""
    if text in HEAD:
        return _key(said).strip("*") == text
    is_status = any(each.attributes.get("ac:name") == "status" for each in cell.walk())
    return _key(said) == _key(text) or (is_status and same_word(said) == same_word(text))


def _new(cells: Sequence[str], number: int, *, numbered: bool) -> str:
    name = "td" if number else "th"
    column = f'<{name} class="numberingColumn">{number or ""}</{name}>' if numbered else ""
    return f"<tr>{column}{''.join(f'<{name}>{held}</{name}>' for held in cells)}</tr>"
