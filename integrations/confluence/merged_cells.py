"""Cells of a table that people merged: where they stand, and the table with each cell by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from integrations.confluence.storage import Edit, Element, Part, parse

#: https://html.spec.whatwg.org/multipage/tables.html#attr-tdth-colspan
_WIDEST = 1000
_SPAN = re.compile(r"\s(?:row|col)span\s*=\s*(?:\"[^\"]*\"|'[^']*')")


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a row, and the cell that takes it. `beside`: the cell begins further left, and
    says nothing here; one that begins further up says the same in each row."""

    cell: Element
    beside: bool


#: What reaches down into a row, by its column, and into how many rows from there on.
_Above = dict[int, tuple[Place, int]]


def places_of(table: Element) -> Iterator[tuple[Element, list[Place]]]:
    """The rows of a table, each with its places from left to right."""
    above: _Above = {}
    for child in table.elements:
        if child.name == "tr":
            places, above = _places(child, above)
            yield child, places
        elif child.name in ("thead", "tbody", "tfoot"):
            yield from places_of(child)


def _places(row: Element, above: _Above) -> tuple[list[Place], _Above]:
    below = {column: (place, more - 1) for column, (place, more) in above.items() if more > 1}
    places = list[Place]()
    for cell in (each for each in row.elements if each.name in ("th", "td")):
        while len(places) in above:
            places.append(above[len(places)][0])
        down = _spanned(cell, "rowspan") - 1
        for n in range(min(_spanned(cell, "colspan"), _WIDEST)):
            place = Place(cell, beside=n > 0)
            if down:
                below[len(places)] = place, down
            places.append(place)
    while len(places) in above:
        places.append(above[len(places)][0])
    return places, below


def _spanned(cell: Element, name: str) -> int:
    said = cell.attributes.get(name, "").strip()
    return max(int(said), 1) if said.isdecimal() and len(said) < 6 else 1


def has_merged(table: Element) -> bool:
    """Whether a cell takes more than one place."""
    cells = (place.cell for _, places in places_of(table) for place in places)
    return any(_spanned(cell, "rowspan") * _spanned(cell, "colspan") > 1 for cell in cells)


def parted(part: Part, table: Element) -> tuple[Part, Element]:
    """The table of this part as one by itself, in which each cell takes one place: what was merged
    is said in each row that it reached into."""
    edits = list[Edit]()
    for row, places in places_of(table):
        cells = "".join(_alone(part, place) for place in places)
        start = row.inner if row.inner < row.end else row.start
        opened = "" if row.inner < row.end else "<tr>"
        edits.append((start, row.end, f"{opened}{cells}</tr>"))
    written = part.edited(edits, of=table)
    (alone,) = parse(written).elements
    return Part([alone], written.encode(), alone.start), alone


def _alone(part: Part, place: Place) -> str:
    cell = place.cell
    if place.beside:
        return f"<{cell.name}></{cell.name}>"
    tag = part.edited([(cell.inner, cell.end, "")], of=cell)
    return _SPAN.sub("", tag) + part.edited([(cell.start, cell.inner, "")], of=cell)
