"""A section that is written anew, without harm to what people put into it.

A section's Markdown tells only what a reader sees, and the new one is made of its lines. So
what people wrote is looked for in it line by line, and what is still said stays as it is written.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import islice, takewhile

from integrations.confluence import storage
from integrations.confluence.mentions import Mentions
from integrations.confluence.reading import is_block, is_unseen, items_of, markdown_of
from integrations.confluence.rows import with_rows
from integrations.confluence.storage import Element, Part
from integrations.confluence.writing import cell_from_markdown, from_markdown
from workflows.action_table import OWNER, is_rule, own_lines, row_cells
from workflows.markup import as_said

#: What our own writing makes of Markdown, a macro of code besides, and what may be a line that asks
#: for an action item, which goes into the table.
_OURS = frozenset({"p", "ul", "ol", "blockquote", "table", "hr", "ac:task-list"})

_LISTS = ("ul", "ol", "ac:task-list")
_ITEM = re.compile(r"-|\d{1,9}\.")


def rewritten(body: str, texts: Mapping[str, str]) -> str:
    """The page's body with these sections (heading → Markdown) saying what they are to say.
    Raises NoStorage."""
    there = storage.parts_under(body, is_block)
    new = {heading: merged(text, there.get(heading, ())) for heading, text in texts.items()}
    return storage.replace_sections(body, new)


def merged(text: str, there: Sequence[Part]) -> str:
    """The Markdown `text` as a section in which these parts stand.

    A part of which each line is still said stays byte for byte, and so does one that shows
    nothing, and what we can never have made: panels, pictures, people's macros. Blank lines do
    not count, and lines may have moved: the service drops and moves them. So do the rows of
    our table, and the items of a list of which not all is said any more: the table took the others.
    What else the text says comes in the place of what is no longer said.
    """
    lines = text.split("\n")
    keys = [_key(line) for line in lines]
    parts = [_Known(part) for part in there]
    mentions = Mentions(there)

    def cell(said: str, column: str) -> str:
        owner = mentions.of_owner(as_said(said)) if column == OWNER else ""
        return f"<p>{owner}</p>" if owner else mentions.put_back(cell_from_markdown(said))

    taken = _tabled(parts, text, cell)
    _in_order(parts, keys, taken)
    _elsewhere(parts, keys, taken)
    for part in parts:
        if part.at and not part.stays and _grown(part.at, keys, taken):
            taken.difference_update(part.at)
            part.at = None
    for part in parts:
        if part.at is None:
            _thinned(part, keys, taken)
    woven = _woven(parts, lines, taken)
    return "".join(piece if is_kept else mentions.put_back(piece) for is_kept, piece in woven)


class _Known:
    """A part, the lines that it shows but for those of our table, and in which lines of the new
    text it is said: none where it just stays, None where it goes. `rows` are those of our table,
    where it holds that."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.written = part.written
        self.keys = _keys(markdown_of(part.nodes).split("\n"))
        self.stays = not self.keys or _never_ours(part)
        self.rows = range(0)
        self.at: list[int] | None = None


def _keys(lines: Iterable[str]) -> list[str]:
    """What tells lines from each other; an empty one has nothing."""
    return [key for key in map(_key, lines) if key]


def _key(line: str) -> str:
    """A line, however far it is set in."""
    return " ".join(line.split())


def _never_ours(part: Part) -> bool:
    elements = [node for node in part.nodes if isinstance(node, Element)]
    if len(elements) != 1 or not is_block(elements[0]):
        return bool(elements)
    (one,) = elements
    return one.name not in _OURS and one.attributes.get("ac:name") != "code"


def _tabled(parts: Sequence[_Known], text: str, cell: Callable[[str, str], str]) -> set[int]:
    """Write the rows of our table where the table stands, perhaps in somebody's macro; returns
    their lines. `cell` makes of Markdown what a cell holds."""
    tables = [(part, table) for part in parts for table in _tables(part)]
    shown, ends = list[str](), list[int]()
    for _, table in tables:
        shown += (*markdown_of([table]).split("\n"), "-")
        ends.append(len(shown))
    new, old = own_lines(text), own_lines("\n".join(shown))
    if not (old and new):
        return set()
    part, table = tables[bisect_right(ends, old.start)]
    lines = text.split("\n")
    rows = [cells for n in new if (cells := row_cells(lines[n])) and not is_rule(cells)]
    part.written = with_rows(part.part, table, rows, cell)
    part.rows = new
    part.stays = part.stays or table is not part.part.nodes[-1]
    gone = Counter(_keys(shown[old.start : old.stop]))
    left = list[str]()
    for key in part.keys:
        if gone[key]:
            gone[key] -= 1
        else:
            left.append(key)
    part.keys = left
    return set(new)


def _tables(part: _Known) -> Iterator[Element]:
    """The tables that it shows line by line: it is one, or a list or a macro of somebody's that
    holds some. One that stands in another table, or in a quotation, is none."""
    left = [node for node in part.part.nodes if isinstance(node, Element)]
    shown = set(part.keys)
    while left:
        one = left.pop()
        if one.name == "table":
            if set(_keys(markdown_of([one]).split("\n"))) <= shown:
                yield one
        elif not is_unseen(one):
            left += reversed(one.elements)


def _in_order(parts: Sequence[_Known], keys: Sequence[str], taken: set[int]) -> None:
    """Find the parts that are said in the order in which they stand, and take their lines."""
    shown = [n for n, key in enumerate(keys) if key and n not in taken]
    old = [key for part in parts for key in part.keys]
    matcher = SequenceMatcher(None, old, [keys[n] for n in shown], autojunk=False)
    found = {
        block.a + n: shown[block.b + n]
        for block in matcher.get_matching_blocks()
        for n in range(block.size)
    }
    first = 0
    for part in parts:
        places = range(first, first + len(part.keys))
        first = places.stop
        if (part.keys or part.rows) and all(place in found for place in places):
            part.at = sorted([*(found[place] for place in places), *part.rows])
            taken.update(part.at)


def _elsewhere(parts: Sequence[_Known], keys: Sequence[str], taken: set[int]) -> None:
    """Find the other parts that are said, in whatever order, from the end, where people's lines
    come. Their lines are taken, and so are those of a part that stays though not all is said."""
    free: dict[str, list[int]] = {}
    for n, key in enumerate(keys):
        if n not in taken:
            free.setdefault(key, []).append(n)
    for part in parts:
        many = Counter(part.keys) if part.at is None else {}
        if part.at is None and (
            part.stays or all(len(free.get(key, ())) >= many[key] for key in many)
        ):
            taken.update(free[key].pop() for key in part.keys if free.get(key))
            part.at = []


def _grown(at: Sequence[int], keys: Sequence[str], taken: set[int]) -> bool:
    """Whether the part got lines in between, or, as a table, rows at its end."""
    rows = takewhile(lambda n: keys[n].startswith("|"), range(at[-1], len(keys)))
    return any(keys[n] and n not in taken for n in (*range(at[0], at[-1]), *rows))


def _thinned(part: _Known, keys: Sequence[str], taken: set[int]) -> None:
    """Of a list that goes, what stays: the items that are still said, unless there are new ones
    among them, and those that hold what no line can tell."""
    elements = [node for node in part.part.nodes if isinstance(node, Element)]
    if len(elements) != 1 or elements[0].name not in _LISTS:
        return
    items = list(items_of(elements[0]))
    found = _said_of([_keys(said.split("\n")) for _, said in items], keys, taken)
    at = [n for lines in found for n in lines]
    joined = bool(at) and _joined(at, keys, taken)
    going = list[Element]()
    for (item, _), lines in zip(items, found, strict=True):
        if _untold(item) or (lines and not joined):
            taken.update(lines)
        else:
            going.append(item)
    if len(going) < len(items):
        part.written = part.part.without(going)
        part.at = []


def _said_of(
    items: Sequence[Sequence[str]], keys: Sequence[str], taken: set[int]
) -> list[Sequence[int]]:
    """For each of the items, the lines that say it one below the other, in their order; none for
    what is not said. Of two that are alike, either may be the one that is left."""
    found: list[Sequence[int]] = [()] * len(items)
    beginning: dict[str, list[int]] = {}
    for place, item in enumerate(items):
        beginning.setdefault("".join(item[:1]), []).append(place)
    free = [n for n, key in enumerate(keys) if key and n not in taken]
    here = after = 0
    while here < len(free):
        places = beginning.get(keys[free[here]], [])
        for place in islice(places, bisect_left(places, after), None):
            lines = free[here : here + len(items[place])]
            if [keys[n] for n in lines] == items[place]:
                found[place], after = lines, place + 1
                here += len(lines) - 1
                break
        here += 1
    return found


def _joined(at: Sequence[int], keys: Sequence[str], taken: set[int]) -> bool:
    """Whether lines of a list that nobody said before stand among these, or right beside them."""
    new = {n for n, key in enumerate(keys) if key} - taken - set(at)
    if any(at[0] < n < at[-1] for n in new):
        return True
    shown = [n for n, key in enumerate(keys) if key]
    first, last = shown.index(at[0]), shown.index(at[-1])
    beside = [*shown[max(first - 1, 0) : first], *shown[last + 1 : last + 2]]
    return any(n in new and _ITEM.match(keys[n]) for n in beside)


def _untold(item: Element) -> bool:
    """Whether it holds a macro, a picture, or a mention, by which Confluence gives a person the
    task. A block of code is told."""
    return any(
        e.name in ("ac:image", "ri:user")
        or (e.name in ("ac:structured-macro", "ac:macro") and e.attributes.get("ac:name") != "code")
        for e in item.walk()
    )


def _woven(
    parts: Sequence[_Known], lines: Sequence[str], taken: set[int]
) -> Iterator[tuple[bool, str]]:
    """What stays, and between it what is new; each with whether it stays."""

    def new(start: int, end: int) -> str:
        text = "\n".join("" if n in taken else lines[n] for n in range(start, end))
        return from_markdown(text, demoted=True)

    begins = [len(lines)]
    for part in reversed(parts):
        begins.append(part.at[0] if part.at else begins[-1])
    at = 0
    for part, end in zip(parts, reversed(begins), strict=False):
        if part.at != []:
            yield False, new(at, end)
            at = max(at, end)
        if part.at is not None:
            yield True, part.written
    yield False, new(at, len(lines))
