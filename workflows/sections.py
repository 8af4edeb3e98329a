"""A Markdown text by its headings and its tables: where in a document something stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile

from workflows.action_table import is_rule, row_cells
from workflows.actions import numbered_prose

_HEADING = re.compile(r"^ {0,3}(?P<marks>#{1,6})[ \t]+(?P<title>\S.*)$")

#: A line with its number in the whole text, counted from 1.
Line = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Section:
    """What stands below one heading, up to the next of any level.

    `line` is where the heading is, 0 for what comes before the first; `end` the number of the last
    line. `prose` are its lines without code, quotes and hidden comments.
    """

    title: str
    level: int
    line: int
    end: int
    prose: tuple[Line, ...]


@lru_cache(maxsize=16)
def sections(text: str) -> tuple[Section, ...]:
    """The sections in their order. A heading in code or in a hidden comment is none. Whoever looks
    at a document asks for them: so the last answers are kept."""
    heads: list[tuple[int, str, int]] = [(0, "", 0)]
    prose: list[list[Line]] = [[]]
    for number, line in numbered_prose(text):
        if match := _HEADING.match(line):
            title = match["title"]
            title = title[0] + title[1:].rstrip(" \t#")
            heads.append((number, title, len(match["marks"])))
            prose.append([])
        else:
            prose[-1].append((number, line))
    ends = [*(number - 1 for number, _, _ in heads[1:]), text.count("\n") + 1]
    return tuple(
        Section(title, level, line, end, tuple(lines))
        for (line, title, level), end, lines in zip(heads, ends, prose, strict=True)
    )


def by_heading(found: Sequence[Section], pattern: re.Pattern[str]) -> Section | None:
    """The first section whose heading says just this, but for numbers and marks; or else the first
    whose heading says it among other words, which the title of the whole text may do by chance."""
    just = re.compile(rf"[\W\d_]*(?:{pattern.pattern})[\W\d_]*", pattern.flags)
    exact = (each for each in found if just.fullmatch(each.title))
    among = (each for each in without_title(found) if pattern.search(each.title))
    return next(exact, None) or next(among, None)


def without_title(found: Sequence[Section]) -> Iterator[Section]:
    """The sections without that of the text's title: its first heading, if that is of level 1."""
    return (each for n, each in enumerate(found) if n != 1 or each.level != 1)


def below(found: Sequence[Section], section: Section) -> Iterator[Section]:
    """The sections of deeper levels that belong to this one, in their order."""
    rest = found[found.index(section) + 1 :]
    return takewhile(lambda each: each.level > section.level, rest)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: its cells by the heading of their column, in small letters."""

    line: int
    cells: Mapping[str, str]


def rows(lines: Iterable[Line]) -> Iterator[Row]:
    """The rows of every table, without their heads. A table is a head, a rule and rows; the bars
    at the ends of its lines may be left out."""
    head: list[str] | None = None
    before: list[str] = []
    for number, line in lines:
        cells = row_cells(line) or (row_cells(f"|{line}") if "|" in line else [])
        if not cells:
            head, before = None, []
        elif is_rule(cells) and before:
            head = [cell.casefold() for cell in before]
        elif head is not None:
            yield Row(number, dict(zip(head, cells, strict=False)))
        else:
            before = cells
