"""How action items are written by people, and how their lines become action items.

In an incident ticket or a comment on it, outside of quotes and code::

    ACTION: Alert on queue depth @kim due:2026-12-01 [preventive] milestone:"Q1" measure:"2 min"
    - [ ] Rehearse the failover @noor check:nightly-drill keeps:acme/ops:runbooks/failover.md

A checklist counts unless it stands under a heading that is not about actions, and a line that
begins with ``AI-n`` speaks of an action item that there is. The document's own table is in
`workflows.action_table`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher

from workflows.markup import as_said
from workflows.model import ActionItem, ActionLine, Area, Kind, Origin
from workflows.policy import same_word
from workflows.watched import Named, Source, kept

_ACTION = re.compile(
    r"^\s*(?:[-*+]\s+)?[*_]{0,2}ACTION[*_]{0,2}\s*:[*_]{0,2}\s*(?P<rest>\S.*)$", re.I
)
_CHECK = re.compile(r"^\s*[-*+]\s+\\?\[(?P<tick>[ xX])\\?\]\s+(?P<rest>\S.*)$")
_KNOWN = re.compile(r"\**(?P<name>AI-\d+)\b")

#: How much of two titles must agree for one to be the other, edited.
_ALIKE = 0.6

_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(?P<text>\S.*)$")
_FENCE = re.compile(
    r"^(?P<indent>\s*(?P<item>(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*))(?P<marks>`{3,}|~{3,})(?P<info>.*)$"
)
_HIDES = re.compile(r"(?<![\\`])<!--(?P<empty>-?>)?")
_ABOUT_ACTIONS = re.compile(
    r"\b(actions?|follow[- ]?ups?|remediation|next steps|to[- ]?dos?)\b", re.I
)

_DUE = re.compile(r"(?<!\S)due:(?P<value>\S+)", re.I)
_KIND = re.compile(r"(?<!\S)\\?\[(?P<value>[A-Za-z]+)\\?\](?!\()")
_QUOTED = r"(?:\"(?P<q>[^\"]*)\"|“(?P<c>[^”]*)”|(?P<w>\S+))"
_MILESTONE = re.compile(rf"(?<!\S)milestone:{_QUOTED}", re.I)
_MEASURE = re.compile(rf"(?<!\S)measure:{_QUOTED}", re.I)
_NAMED = re.compile(rf"(?<!\S)(?P<what>check|keeps):{_QUOTED}", re.I)
_OWNER = re.compile(r"(?<!\S)@(?:\"(?P<q>[^\"]+)\"|(?P<w>[\w][\w.:+@-]*[\w]|\w))")


def read_line(text: str) -> ActionLine | None:
    """One action item from the words after ``ACTION:`` or after the box; None without a title
    that shows anything: no tracker takes one of control or zero-width characters only.

    What looks like a field and cannot be read stays in the title and is told in `problems`.
    """
    rest, problems = text, []
    owner = milestone = measure = None
    due: date | None = None
    kind: Kind | None = None
    area: Area | None = None
    if match := _MEASURE.search(rest):
        measure, rest = _value(match), _without(rest, match)
    if match := _MILESTONE.search(rest):
        milestone, rest = _value(match), _without(rest, match)
    named, rest = _named_in(rest)
    if match := _DUE.search(rest):
        try:
            due = date.fromisoformat(match["value"].rstrip(".,;"))
            rest = _without(rest, match)
        except ValueError:
            problems.append(f"due: {match['value']!r} is not a date (write due:2026-12-01)")
    for match in list(_KIND.finditer(rest)):
        word = same_word(match["value"])
        if word in {k.value for k in Kind}:
            kind, rest = Kind(word), rest.replace(match[0], "", 1)
        elif word in {a.value for a in Area}:
            area, rest = Area(word), rest.replace(match[0], "", 1)
    if match := _OWNER.search(rest):
        owner, rest = match["q"] or match["w"], _without(rest, match)
    title = " ".join(rest.split()).strip(" .;,-–—")
    if not any(each.isprintable() and not each.isspace() for each in title):
        return None
    return ActionLine(title, owner, due, kind, area, milestone, measure, tuple(problems), named)


def _named_in(text: str) -> tuple[tuple[Named, ...], str]:
    """The checks and files that a line names, as far as they are kept, and the line without any."""
    found: list[Named] = []

    def taken(match: re.Match[str]) -> str:
        name = (_value(match) or "").rstrip(".,;")
        if not name:
            return match[0]
        source = Source.CHECK if match["what"].casefold() == "check" else Source.FILE
        found.append(Named(source, name))
        return ""

    text = _NAMED.sub(taken, text)
    return kept(found), text


def lines_of(text: str) -> list[ActionLine]:
    """The action items that a ticket's text or a comment asks for, in order."""
    found: list[ActionLine] = []
    heading: str | None = None
    for line in prose(text):
        if match := _HEADING.match(line):
            heading = match["text"]
        elif match := _ACTION.match(line):
            found += filter(None, [read_line(as_said(match["rest"]))])
        elif (match := _CHECK.match(line)) and match["tick"] == " " and _is_asked(heading):
            words = re.sub(r"^ACTION\s*:\s*", "", match["rest"], flags=re.I)
            found += filter(None, [read_line(as_said(words))])
    return found


def asking_line(line: str) -> ActionLine | None:
    """The action item that one line asks for, as ``ACTION:`` or an open or ticked box."""
    match = _CHECK.match(line) or _ACTION.match(line)
    return read_line(as_said(match["rest"])) if match else None


def without_actions(text: str) -> str:
    """The text without the lines that ask for an action item."""
    return "\n".join(line for line in text.splitlines() if not lines_of(line))


def _is_asked(heading: str | None) -> bool:
    """A checklist under another heading is somebody's working list, or an issue form's boxes."""
    return heading is None or _ABOUT_ACTIONS.search(heading) is not None


def prose(text: str) -> Iterator[str]:
    """The lines that are neither quoted nor code, without hidden comments."""
    return (line for _, line in numbered_prose(text))


def numbered_prose(text: str) -> Iterator[tuple[int, str]]:
    """The same, each with its number, counted from 1.

    A fence ends with one of the same marks, at least as long and with nothing behind it: what
    looks like a fence inside of it is code, https://spec.commonmark.org/0.31.2/#fenced-code-blocks
    A line ends with a line feed only. Python knows ten more ends, U+2028 for one, and trackers
    quote by putting ">" before what they take for lines: what a stranger wrote behind one of
    the others would count as written by whoever quotes it.
    """
    opened: re.Match[str] | None = None
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    last_end = max((n for n, line in enumerate(lines) if "-->" in line), default=-1)
    hidden = False
    for number, line in enumerate(lines):
        if opened is not None and _is_below(line, opened):
            opened = None
        if opened is None:
            line, hidden = _without_hidden(line, hidden, number < last_end)
        fence = _FENCE.match(line)
        if opened is not None:
            opened = None if fence and _closes(fence, opened) else opened
        elif fence and not ("`" in fence["marks"] and "`" in fence["info"]):
            opened = fence
        elif not line.startswith(("    ", "\t")) and not line.lstrip().startswith(">"):
            yield number + 1, line


def _without_hidden(line: str, hidden: bool, ends_below: bool) -> tuple[str, bool]:
    """The line without hidden comments, and whether one goes on below. One that never ends hides
    all that follows where it begins a line, and is text elsewhere,
    https://spec.commonmark.org/0.31.2/#html-blocks"""
    shown = ""
    while True:
        if hidden:
            _, end, line = line.partition("-->")
            if not end:
                return shown, True
        match = _HIDES.search(line)
        if match is None:
            return shown + line, False
        before, line = line[: match.start()], line[match.end() :]
        shown += before
        hidden = match["empty"] is None
        if hidden and shown.strip() and not ends_below and "-->" not in line:
            return f"{shown}<!--{line}", False


def _is_below(line: str, opened: re.Match[str]) -> bool:
    """Whether the list item that begins with this code has ended, and the code with it."""
    indent = len(line) - len(line.lstrip())
    return bool(opened["item"]) and bool(line.strip()) and indent < len(opened["indent"])


def _closes(fence: re.Match[str], opened: re.Match[str]) -> bool:
    return (
        fence["marks"].startswith(opened["marks"])
        and not fence["item"]
        and not fence["info"].strip()
        and len(fence["indent"].expandtabs(4)) <= len(opened["indent"].expandtabs(4)) + 3
    )


def _value(match: re.Match[str]) -> str | None:
    return (match["q"] or match["c"] or match["w"] or "").strip() or None


def _without(text: str, match: re.Match[str]) -> str:
    return text[: match.start()] + " " + text[match.end() :]


# --- matching lines with the action items that are known ----------------------------------------


@dataclass(frozen=True, slots=True)
class Matched:
    """What the lines of one place are: `new` with the origin each gets, and `edited` lines of
    action items that exist already, with the item each belongs to."""

    new: tuple[tuple[Origin, ActionLine], ...]
    edited: tuple[tuple[ActionItem, ActionLine], ...]


def match_lines(
    source: str, id: str, lines: Iterable[ActionLine], known: Iterable[ActionItem]
) -> Matched:
    """Tell new lines of one place (a ticket's text, one comment) from known and edited ones.

    A title that some action item of the incident has already is known, wherever it stands:
    people repeat themselves. A line that begins with the name of an item (``AI-2 …``) speaks of
    that one. Otherwise, where an item of this place is no longer said, a line that stands in its
    place or reads much like it is that one, edited.
    """
    everything = list(known)
    names = {item.name for item in everything}
    titles = {same_word(title) for item in everything for title in item.titles}
    here = [i for i in everything if (i.origin.source, i.origin.id) == (source, id)]
    asked = [line for line in lines if _named(line.title) not in names]
    present = {same_word(line.title) for line in asked}
    unsaid = [item for item in here if not {same_word(t) for t in item.titles} & present]
    new: list[tuple[Origin, ActionLine]] = []
    edited: list[tuple[ActionItem, ActionLine]] = []
    fresh = max((item.origin.ordinal for item in here), default=-1) + 1
    for ordinal, line in enumerate(asked):
        title = same_word(line.title)
        if title in titles:
            continue
        titles.add(title)
        before = _edited_from(line, ordinal, unsaid)
        if before is not None:
            unsaid.remove(before)
            edited.append((before, line))
            continue
        new.append((Origin(source, id, fresh), line))
        fresh += 1
    return Matched(tuple(new), tuple(edited))


def _named(title: str) -> str | None:
    match = _KNOWN.match(title)
    return match["name"] if match else None


def _edited_from(line: ActionLine, ordinal: int, unsaid: Iterable[ActionItem]) -> ActionItem | None:
    """Which of the items that are no longer said this line was, if any."""

    def likeness(item: ActionItem) -> float:
        before, now = same_word(item.title), same_word(line.title)
        if item.origin.ordinal == ordinal or before in now or now in before:
            return 1.0
        return SequenceMatcher(None, before, now).ratio()

    best = max(unsaid, key=likeness, default=None)
    return best if best is not None and likeness(best) >= _ALIKE else None
