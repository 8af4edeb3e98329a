"""What people write beside a table of ours: whole paragraphs and list items, each with what it asks
for. The table can take one that only asks; any other stays as it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from workflows.actions import asking_line, numbered_prose
from workflows.model import ActionLine

_BULLET = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?:\s|$)")
_FENCE = re.compile(r"`{3,}|~{3,}")


@dataclass(frozen=True, slots=True)
class Beside:
    """Lines that belong together, with the empty ones behind them, and the action items that they
    `ask` for. `whole`: they say nothing else, so that they may go once all have their rows."""

    text: str
    asks: tuple[ActionLine, ...] = ()
    whole: bool = False


def besides(text: str) -> tuple[Beside, ...]:
    """The text in its parts; together they are all of it but for empty lines around it."""
    shown = dict(numbered_prose(text))
    return tuple(_read(part, shown) for part in _parts(text.split("\n"), shown))


def prose_lines(text: str) -> list[str]:
    """As many lines as the text has, empty where it is code, quoted or hidden."""
    shown = dict(numbered_prose(text))
    return [shown.get(n + 1, "") for n in range(text.count("\n") + 1)]


_Lines = list[tuple[int, str]]


def _parts(lines: Sequence[str], shown: dict[int, str]) -> Iterator[_Lines]:
    """What is indented belongs to the line above it, and so does a line that goes on in the same
    paragraph. https://spec.commonmark.org/0.31.2/#list-items"""
    part = _Lines()
    for number, line in enumerate(lines, 1):
        begins = bool(line.strip()) and not line[0].isspace() and number in shown
        if begins and part and (not part[-1][1].strip() or _starts(line) or _starts_anew(part)):
            yield part
            part = []
        if line.strip() or part:
            part.append((number, line))
    if part:
        yield part


def _starts(line: str) -> bool:
    return line.startswith(("|", "#", ">")) or _BULLET.match(line) is not None


def _starts_anew(part: _Lines) -> bool:
    """Whether what stands below these lines is none of them: they are rows, or end with code."""
    last = part[-1][1].strip()
    return last.startswith("|") or _FENCE.fullmatch(last) is not None


def _read(part: _Lines, shown: dict[int, str]) -> Beside:
    text = "\n".join(line for _, line in part)
    said = [(line, shown.get(number, "")) for number, line in part if line.strip()]
    found = [asking_line(prose) for _, prose in said]
    asks = tuple(item for item in found if item is not None)
    return Beside(text, asks, whole=len(asks) == len(said))


def without(parts: Sequence[Beside], goes: Callable[[Beside], bool]) -> tuple[Beside, ...]:
    """What stays of the parts. An empty line behind one that goes still keeps its neighbours apart:
    a paragraph right below a list item would become a part of it.
    https://spec.commonmark.org/0.31.2/#paragraph-continuation-text"""
    left: list[Beside] = []
    for part in parts:
        if not goes(part):
            left.append(part)
        elif left and _is_apart(part.text) and not _is_apart(left[-1].text):
            left[-1] = replace(left[-1], text=f"{left[-1].text}\n")
    return tuple(left)


def _is_apart(text: str) -> bool:
    """Whether it ends with an empty line."""
    return not text.rpartition("\n")[2].strip()


def joined(parts: Sequence[Beside]) -> str:
    """These parts one below the other; "" for none."""
    return "\n".join(part.text for part in parts).strip("\n")
