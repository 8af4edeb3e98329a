"""Excerpts of what was found: the words that were looked for, and what stands around them.

An excerpt is a row of segments, each a text and whether it is marked, and never markup: whoever
shows it escapes it. The marks of Markdown are left out of it, where what was looked for does not
stand in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from workflows.folded import folded
from workflows.plain import fields, plain
from workflows.projection import Part, Passage
from workflows.queries import Term

Segments = tuple[tuple[str, bool], ...]

#: So many characters of a passage are shown.
LONGEST = 240
#: In so much of a passage words are marked.
MOST_READ = 20_000


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What was found in a part of an incident."""

    part: Part
    title: str
    segments: Segments


def pattern_of(terms: Iterable[Term]) -> re.Pattern[str] | None:
    """What finds these in a folded text; None for none of them. Each term is a group."""
    found = [
        "(" + r"[\W_]+".join(map(re.escape, term.words)) + ("[^\\W_]*" if term.prefix else "") + ")"
        for term in terms
    ]
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(found)})(?![^\W_])") if found else None


def marked(text: str, pattern: re.Pattern[str] | None) -> Segments:
    """The whole text in segments, as it was written."""
    return _segments(text, _spans(text, pattern), 0, len(text))


def excerpts(passages: Sequence[Passage], pattern: re.Pattern[str] | None) -> tuple[Excerpt, ...]:
    """The best passage of each part in which anything was found: the one with the most different
    terms, then the first. The incident's own passage is its title, and left out."""
    if pattern is None:
        return ()
    best: dict[Part, tuple[int, Passage]] = {}
    for each in passages:
        if each.part is Part.INCIDENT:
            continue
        found = {m.lastindex for m in pattern.finditer(folded(each.words[:MOST_READ]))}
        titled = len({m.lastindex for m in pattern.finditer(folded(each.title))})
        score = 10 * len(found) + titled
        if score and (each.part not in best or score > best[each.part][0]):
            best[each.part] = (score, each)
    return tuple(_excerpt(best[part][1], pattern) for part in Part if part in best)


def _excerpt(passage: Passage, pattern: re.Pattern[str]) -> Excerpt:
    """What it says to a reader; as it was written, where only there stands what was looked for."""
    written = passage.words[:MOST_READ]
    said = (plain if passage.part is Part.SECTION else fields)(written)
    spans = _spans(said, pattern)
    if not spans and (as_written := _spans(written, pattern)):
        said, spans = written, as_written
    return Excerpt(passage.part, plain(passage.title), _around(said, spans))


def _spans(text: str, pattern: re.Pattern[str] | None) -> list[tuple[int, int]]:
    return [match.span() for match in pattern.finditer(folded(text))] if pattern else []


def _around(text: str, spans: Sequence[tuple[int, int]]) -> Segments:
    """The window in which the most was found, cut at blanks."""
    if not spans:
        start = 0
    else:
        within = [sum(1 for s in spans if b <= s[0] and s[1] <= b + LONGEST) for b, _ in spans]
        start = max(0, spans[within.index(max(within))][0] - LONGEST // 5)
    if start:
        blank = text.find(" ", start, start + LONGEST // 5)
        start = blank + 1 if blank >= 0 else start
    end = min(len(text), max([start + LONGEST, *(e for s, e in spans if s <= start + LONGEST < e)]))
    if end < len(text):
        blank = text.rfind(" ", start + LONGEST // 2, end)
        inside = any(s < blank < e for s, e in spans)
        end = end if blank < 0 or inside else blank
    shown = _segments(text, spans, start, end)
    before = (("… ", False),) if start else ()
    after = ((" …", False),) if end < len(text) else ()
    return (*before, *shown, *after)


def _segments(text: str, spans: Sequence[tuple[int, int]], start: int, end: int) -> Segments:
    """What stands there in one line, with what was found in it marked."""
    found: list[tuple[str, bool]] = []
    at = start
    for begins, ends in spans:
        if begins < at or ends > end:
            continue
        found += [(text[at:begins], False), (text[begins:ends], True)]
        at = ends
    found.append((text[at:end], False))
    lines = ((re.sub(r"\s+", " ", piece), is_marked) for piece, is_marked in found)
    return tuple((piece, is_marked) for piece, is_marked in lines if piece)
