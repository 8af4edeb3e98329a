"""What changed between two texts of a postmortem, section by section."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff

from workflows.sections import sections

#: Lines of context around a change, and the longest section that is compared line by line:
#: difflib takes the square of it.
CONTEXT, MOST_LINES = 2, 2_000


@dataclass(frozen=True, slots=True)
class Changed:
    """A section that differs: `lines` as of a unified diff, each with its mark ("+", "-", " ", or
    "@" where some were left out)."""

    title: str
    lines: tuple[str, ...]


#: A heading, and which of several alike it is.
_Key = tuple[str, int]


def changed(before: str, after: str) -> tuple[Changed, ...]:
    """The sections that differ, in the order of `after`, and last those that it has no more."""
    old, new = _by_heading(before), _by_heading(after)
    keys = [*new, *(key for key in old if key not in new)]
    found = ((key[0], old.get(key, []), new.get(key, [])) for key in keys)
    return tuple(Changed(title, tuple(_lines(a, b))) for title, a, b in found if a != b)


def _by_heading(text: str) -> dict[_Key, list[str]]:
    lines = text.replace("\r\n", "\n").split("\n")
    seen: Counter[str] = Counter()
    found: dict[_Key, list[str]] = {}
    for section in sections("\n".join(lines)):
        body = lines[max(section.line - 1, 0) : section.end]
        while body and not body[-1].strip():  # blank lines between sections belong to none
            body.pop()
        if section.line or body:
            found[section.title, seen[section.title]] = body
            seen[section.title] += 1
    return found


def _lines(before: list[str], after: list[str]) -> Iterator[str]:
    if max(len(before), len(after)) > MOST_LINES:
        yield f"@ too long to compare: {len(before):,} lines before, {len(after):,} after"
        return
    compared = unified_diff(before, after, lineterm="", n=CONTEXT)
    for number, line in enumerate(compared):
        if number < 2:  # the names of two files, which there are none of
            continue
        yield "@" if line.startswith("@@") else line
