"""A section that is written anew, without harm to what people put into it.

A section's Markdown tells only what a reader sees, and the new one is made of its lines. So
what people wrote is looked for in it line by line, and what is still said stays as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import takewhile

from integrations.confluence import storage
from integrations.confluence.reading import is_block, items_of, markdown_of
from integrations.confluence.storage import Element, Part
from integrations.confluence.writing import from_markdown
from workflows.action_table import own_rows

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
    not count, and lines may have moved: the service drops and moves them. So do the items of a list
    of which not all is said any more: the table took the others. What else the text says comes in
    the place of what is no longer said.
    """
    lines = text.split("\n")
    keys = ["".join(line.split()) for line in lines]
    table = own_rows(lines)
    tabled = [keys[n] for n in table] if table else keys
    parts = [_Known(part, tabled) for part in there]
    taken = _in_order(parts, keys)
    for part in parts:
        if part.at is None:
            part.at = _elsewhere(part, keys, taken)
    for part in parts:
        if part.at and not part.stays and _grown(part.at, keys, taken):
            taken.difference_update(part.at)
            part.at = None
    for part in parts:
        if part.at is None:
            _thinned(part, keys, taken)
    return "".join(_woven(parts, lines, taken))


class _Known:
    """A part, the lines that it shows, and in which lines of the new text it is said: none where
    it just stays, None where it goes. `tabled` are the rows of our table."""

    def __init__(self, part: Part, tabled: Sequence[str]) -> None:
        shown = markdown_of(part.nodes).split("\n")
        self.part = part
        self.written = part.written
        self.keys = _keys(shown)
        self.stays = not self.keys or (_never_ours(part) and not _holds(self.keys, tabled))
        self.at: list[int] | None = None


def _keys(lines: Iterable[str]) -> list[str]:
    """What tells lines from each other: all but white space; an empty one has nothing."""
    return [key for key in ("".join(line.split()) for line in lines) if key]


def _never_ours(part: Part) -> bool:
    elements = [node for node in part.nodes if isinstance(node, Element)]
    if len(elements) != 1 or not is_block(elements[0]):
        return bool(elements)
    (one,) = elements
    return one.name not in _OURS and one.attributes.get("ac:name") != "code"


def _holds(keys: Sequence[str], tabled: Sequence[str]) -> bool:
    """Whether somebody put a table of ours in there: an old copy of it must not stay."""
    return any(key.startswith("|") and key.strip("|-") and key in tabled for key in keys)


def _in_order(parts: Sequence[_Known], keys: Sequence[str]) -> set[int]:
    """Find the parts that are said in the order in which they stand; returns their lines."""
    shown = [n for n, key in enumerate(keys) if key]
    old = [key for part in parts for key in part.keys]
    matcher = SequenceMatcher(None, old, [keys[n] for n in shown], autojunk=False)
    found = {
        block.a + n: shown[block.b + n]
        for block in matcher.get_matching_blocks()
        for n in range(block.size)
    }
    taken, first = set[int](), 0
    for part in parts:
        places = range(first, first + len(part.keys))
        first = places.stop
        if part.keys and all(place in found for place in places):
            part.at = [found[place] for place in places]
            taken.update(part.at)
    return taken


def _elsewhere(part: _Known, keys: Sequence[str], taken: set[int]) -> list[int] | None:
    """The lines that say the part, in whatever order, from the end, where people's lines come. They
    are `taken`, and so are those of a part that stays although not all of it is said."""
    found = list[int]()
    for key in part.keys:
        free = (n for n in range(len(keys) - 1, -1, -1) if keys[n] == key)
        place = next((n for n in free if n not in taken and n not in found), None)
        if place is not None:
            found.append(place)
        elif not part.stays:
            return None
    taken.update(found)
    return []


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
    free = [n for n, key in enumerate(keys) if key and n not in taken]
    here = after = 0
    while here < len(free):
        for place in range(after, len(items)):
            lines = free[here : here + len(items[place])]
            if lines and [keys[n] for n in lines] == items[place]:
                found[place], after = lines, place + 1
                here += len(lines) - 1
                break
        here += 1
    return found


def _joined(at: Sequence[int], keys: Sequence[str], taken: set[int]) -> bool:
    """Whether lines of a list that nobody said before stand among these, or right beside them."""
    new = [n for n, key in enumerate(keys) if key and n not in taken and n not in at]
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


def _woven(parts: Sequence[_Known], lines: Sequence[str], taken: set[int]) -> Iterator[str]:
    """What stays, and between it what is new."""
    left = [(n, "" if n in taken else line) for n, line in enumerate(lines)]

    def new(end: int) -> str:
        text = "\n".join(line for n, line in left if n < end)
        left[:] = [(n, line) for n, line in left if n >= end]
        return from_markdown(text, demoted=True)

    for place, part in enumerate(parts):
        if part.at != []:
            yield new(next((p.at[0] for p in parts[place:] if p.at), len(lines)))
        if part.at is not None:
            yield part.written
    yield new(len(lines))
