"""A table that gets other rows, without harm to what people put into the others: to mentions,
statuses, colours and macros, of which its Markdown tells only the words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher

from integrations.confluence.reading import is_number, rows_of
from integrations.confluence.storage import Edit, Element, Part
from workflows.action_table import row_id
from workflows.markup import as_said
from workflows.policy import same_word

_Cells = list[tuple[Element, str]]


def with_rows(
    part: Part, table: Element, rows: Sequence[Sequence[str]], cell: Callable[[str], str]
) -> str:
    """The part as it is written, but that the table in it has these rows: each its cells in
    Markdown, the first is the head. `cell` makes of Markdown what a cell holds.

    A row that is still said stays byte for byte, and so does each cell of one that changed: a row
    is known by its ID, or else by its title. Cells that the table has beyond these are people's.
    """
    there = list(rows_of(table))
    numbered = any(is_number(each) for row, _ in there for each in row.elements)
    known = _known([[text for _, text in cells] for _, cells in there], rows)
    standing = _in_order(known)
    texts: list[list[str]] = [[] for _ in there]
    waiting: list[str] = []
    last = 0
    for number, (said, old) in enumerate(zip(rows, known, strict=True)):
        held = list(map(cell, said))
        if old is None:
            waiting.append(_new(held, number, numbered=numbered))
        else:
            row, cells = there[old]
            changes = _changes(part, row, cells, list(zip(said, held, strict=True)))
            waiting.append(part.edited(changes, of=row))
        if number in standing and old is not None:
            texts[old], waiting, last = waiting, [], old
    texts[last] += waiting
    edits = zip((row for row, _ in there), map("".join, texts), strict=True)
    return part.edited((row.start, row.end, text) for row, text in edits)


def _known(there: Sequence[Sequence[str]], rows: Sequence[Sequence[str]]) -> list[int | None]:
    """For each of the rows, the one `there` that it was."""
    found: list[int | None] = [None] * len(rows)
    free = dict(enumerate(there))
    for tell in (_said, row_id, _title):
        for number, cells in enumerate(rows):
            told = tell(cells)
            if found[number] is None and told:
                old = next((n for n, other in free.items() if tell(other) == told), None)
                if old is not None:
                    found[number] = old
                    del free[old]
    return found


def _said(cells: Sequence[str]) -> str:
    return "|".join(map(_key, cells)).rstrip("|")


def _title(cells: Sequence[str]) -> str:
    return _key("".join(cells[1:2]))


def _key(text: str) -> str:
    """What a cell says. Ours say it with everything escaped, and people make a head bold."""
    return "".join(as_said(text).split()).strip("*")


def _in_order(known: Sequence[int | None]) -> set[int]:
    """The numbers of the rows that may stay where they are; the others come between them."""
    old = sorted(n for n in known if n is not None)
    matcher = SequenceMatcher(None, old, list(known), autojunk=False)
    return {b.b + n for b in matcher.get_matching_blocks() for n in range(b.size)}


def _changes(
    part: Part, row: Element, there: _Cells, cells: Sequence[tuple[str, str]]
) -> Iterator[Edit]:
    for (cell, said), (text, held) in zip(there, cells, strict=False):
        if _key(said) == _key(text) or (_is_lozenge(cell) and same_word(said) == same_word(text)):
            continue
        if cell.inner < cell.end:
            yield cell.inner, cell.inner_end, held
        else:  # written as <td />
            tag = part.edited((), of=cell).removesuffix("/>").rstrip()
            yield cell.start, cell.end, f"{tag}>{held}</{cell.name}>"
    more = cells[len(there) :]
    if any(text for text, _ in more):
        yield row.inner_end, row.inner_end, "".join(f"<td>{held}</td>" for _, held in more)


def _is_lozenge(cell: Element) -> bool:
    """Whether it holds a status, which Confluence shows in capitals."""
    return any(each.attributes.get("ac:name") == "status" for each in cell.walk())


def _new(cells: Sequence[str], number: int, *, numbered: bool) -> str:
    name = "td" if number else "th"
    column = f'<{name} class="numberingColumn">{number or ""}</{name}>' if numbered else ""
    return f"<tr>{column}{''.join(f'<{name}>{held}</{name}>' for held in cells)}</tr>"
