"""What a Markdown text says to whoever reads it in one line: its words, without the marks that
shape them. It is for showing only, and is escaped like any other text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from workflows.action_table import is_rule, row_cells
from workflows.markup import as_said

#: What tells lines apart that are no sentence together.
DOT = " · "

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_FENCE = re.compile(r"^\s{0,3}(?:```|~~~).*$", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\[\]\n]*)\]\([^()\s]*(?:\s+\"[^\"\n]*\")?\)")
_STRONG = re.compile(r"(?<![\\*])(\*\*|__)(?=\S)([^\n]{1,300}?)(?<=\S)\1")
_STRESSED = re.compile(r"(?<![\\*_\w])([*_])(?=[^\s*_])([^*_\n]{1,300})(?<=\S)\1(?![*_\w])")
_CODE = re.compile(r"(?<![`\\])(`{1,3})([^`\n]+)\1(?!`)")
_QUOTED = re.compile(r"^\s*(?:>\s?)+")
_HEADING = re.compile(r"^ {0,3}#{1,6}\s+")
_ITEM = re.compile(r"^\s*\\?(?:[-*+]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?")


def plain(markdown: str) -> str:
    """The words in one line. Rows of tables and items of lists are told apart by a dot, cells by
    commas; of a link its words stay; comments that nobody sees go."""
    text = _FENCE.sub("", _COMMENT.sub(" ", markdown))
    said: list[str] = []
    after_alone = False
    for words, alone in _lines(text):
        if said:
            said.append(DOT if alone or after_alone else " ")
        said.append(words)
        after_alone = alone
    return "".join(said)


def fields(text: str) -> str:
    """Lines that each say something else, in one line."""
    return DOT.join(words for line in text.split("\n") if (words := plain(line)))


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Each line that says something, and whether it stands alone: as a row or an item does."""
    for line in text.split("\n"):
        line = _QUOTED.sub("", line)
        if cells := row_cells(line):
            told = [] if is_rule(cells) else [words for cell in cells if (words := _inline(cell))]
            words, alone = (": " if len(cells) == len(told) == 2 else ", ").join(told), True
        else:
            item = _ITEM.match(line)
            bare = line[item.end() :] if item else _HEADING.sub("", line)
            words, alone = _inline(bare), item is not None
        if words:
            yield words, alone


def _inline(text: str) -> str:
    """The words of one line. What is code keeps what stands in it."""
    said = _STRESSED.sub(r"\2", _STRONG.sub(r"\2", _LINK.sub(r"\1", text)))
    return " ".join(as_said(_CODE.sub(r"\2", said)).split())
