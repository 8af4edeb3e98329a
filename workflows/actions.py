"""How action items are written by people, and how their lines become action items.

In an incident ticket or a comment on it, outside of quotes and code::

    ACTION: Alert on queue depth @kim due:2026-12-01 [preventive] milestone:"Q1" measure:"2 min"
    - [ ] Write the failover runbook @noor

A checklist counts unless it stands under a heading that is not about actions, and a line that
begins with ``AI-n`` speaks of an action item that there is. In the document,
rows of the action table whose ID is empty, and checklist lines beside it, are new action items.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from workflows.markup import cell, link
from workflows.model import ActionItem, ActionLine, Area, Kind, Origin
from workflows.policy import same_word

_ACTION = re.compile(
    r"^\s*(?:[-*+]\s+)?[*_]{0,2}ACTION[*_]{0,2}\s*:[*_]{0,2}\s*(?P<rest>\S.*)$", re.I
)
_CHECK = re.compile(r"^\s*[-*+]\s+\\?\[(?P<tick>[ xX])\\?\]\s+(?P<rest>\S.*)$")
_KNOWN = re.compile(r"\**AI-\d+\b")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(?P<text>.+?)\s*#*\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_ABOUT_ACTIONS = re.compile(
    r"\b(actions?|follow[- ]?ups?|remediation|next steps|to[- ]?dos?)\b", re.I
)

_DUE = re.compile(r"(?<!\S)due:(?P<value>\S+)", re.I)
_KIND = re.compile(r"(?<!\S)\\?\[(?P<value>[A-Za-z]+)\\?\](?!\()")
_QUOTED = r"(?:\"(?P<q>[^\"]*)\"|“(?P<c>[^”]*)”|(?P<w>\S+))"
_MILESTONE = re.compile(rf"(?<!\S)milestone:{_QUOTED}", re.I)
_MEASURE = re.compile(rf"(?<!\S)measure:{_QUOTED}", re.I)
_OWNER = re.compile(r"(?<!\S)@(?:\"(?P<q>[^\"]+)\"|(?P<w>[\w][\w.:+@-]*[\w]|\w))")

_EMPTY = {"", "-", "—", "–", "tbd", "none", "?"}


def read_line(text: str) -> ActionLine | None:
    """One action item from the words after ``ACTION:`` or after the box; None without a title.

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
    if not title:
        return None
    return ActionLine(title, owner, due, kind, area, milestone, measure, tuple(problems))


def lines_of(text: str) -> list[ActionLine]:
    """The action items that a ticket's text or a comment asks for, in order."""
    found: list[ActionLine] = []
    heading: str | None = None
    for line in _prose(text):
        if match := _HEADING.match(line):
            heading = match["text"]
        elif match := _ACTION.match(line):
            found += filter(None, [_new(match["rest"])])
        elif (match := _CHECK.match(line)) and match["tick"] == " " and _is_asked(heading):
            words = re.sub(r"^ACTION\s*:\s*", "", match["rest"], flags=re.I)
            found += filter(None, [_new(words)])
    return found


def without_actions(text: str) -> str:
    """The text without the lines that ask for an action item."""
    return "\n".join(line for line in text.splitlines() if not lines_of(line))


def _new(words: str) -> ActionLine | None:
    """A line that begins with AI-n speaks of that action item and asks for no other."""
    return None if _KNOWN.match(words) else read_line(words)


def _is_asked(heading: str | None) -> bool:
    """A checklist under another heading is somebody's working list, or an issue form's boxes."""
    return heading is None or _ABOUT_ACTIONS.search(heading) is not None


def _prose(text: str) -> Iterator[str]:
    """The lines that are neither quoted nor code."""
    fenced = False
    for line in text.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        elif (
            not fenced and not line.startswith(("    ", "\t")) and not line.lstrip().startswith(">")
        ):
            yield line


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
    people repeat themselves. Otherwise a line that stands where one stood is that one, edited.
    """
    everything = list(known)
    titles = {same_word(item.title) for item in everything}
    here = {
        i.origin.ordinal: i for i in everything if (i.origin.source, i.origin.id) == (source, id)
    }
    asked = list(lines)
    present = {same_word(line.title) for line in asked}
    new: list[tuple[Origin, ActionLine]] = []
    edited: list[tuple[ActionItem, ActionLine]] = []
    fresh = max(here, default=-1) + 1
    for ordinal, line in enumerate(asked):
        title = same_word(line.title)
        if title in titles:
            continue
        titles.add(title)
        stood = here.get(ordinal)
        if stood is not None and same_word(stood.title) not in present:
            edited.append((stood, line))
            continue
        new.append((Origin(source, id, fresh), line))
        fresh += 1
    return Matched(tuple(new), tuple(edited))


# --- the action table of the document -----------------------------------------------------------

HEAD = ("ID", "Action", "Kind", "Owner", "Milestone", "Due", "Status")
_NAME = re.compile(r"\[?(?P<name>AI-\d+)\b")


def table(items: Iterable[ActionItem]) -> str:
    """The action items as the document's table, ready for a new row."""
    rows = [table_row(item) for item in items]
    return "\n".join([_row(HEAD), _row(["---"] * len(HEAD)), *rows])


def table_row(item: ActionItem) -> str:
    name = item.name if item.task is None else f"{item.name} · {link(item.task.key, item.task.url)}"
    return _row(
        [
            name,
            cell(item.title),
            item.kind.value,
            cell(item.owner or ""),
            cell(item.milestone or ""),
            item.due.isoformat() if item.due else "—",
            cell(item.status or ("waiting" if item.task is None else "open")),
        ]
    )


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


@dataclass(frozen=True, slots=True)
class Edited:
    """What people did to the table: action items they `added` (each with the row or line as it
    was written), rows they `changed` (AI-n → the row as it stands now), rows that are `missing`
    (AI-n), and the text that is neither (`stray`)."""

    added: tuple[tuple[str, ActionLine], ...]
    changed: dict[str, str]
    missing: frozenset[str]
    stray: tuple[str, ...]


def read_table(base: str, seen: str) -> Edited:
    """What people changed between the table as we wrote it and as it is now."""
    ours = _named_rows(base)
    added: list[tuple[str, ActionLine]] = []
    changed: dict[str, str] = {}
    stray: list[str] = []
    for line in seen.splitlines():
        cells = _cells(line)
        if not line.strip() or cells[:2] == list(HEAD[:2]) or _is_rule(cells):
            continue
        name = _NAME.match(cells[0]) if cells else None
        if name is not None:
            if cells != ours.get(name["name"]):
                changed[name["name"]] = line.strip()
        elif item := _read_row(cells) if cells else _read_asking(line):
            added.append((line.strip(), item))
        elif not cells or any(cells):
            stray.append(line)
    missing = frozenset(ours.keys() - _named_rows(seen).keys())
    return Edited(tuple(added), changed, missing, tuple(stray))


def _read_asking(line: str) -> ActionLine | None:
    match = _CHECK.match(line) or _ACTION.match(line)
    return read_line(match["rest"]) if match else None


def _named_rows(text: str) -> dict[str, list[str]]:
    """The cells of each row that has an ID, by that ID."""
    rows = (_cells(line) for line in text.splitlines())
    return {match["name"]: row for row in rows if row and (match := _NAME.match(row[0]))}


def merge_table(ours: str, kept: Mapping[str, str], after: Iterable[str]) -> str:
    """`ours` with the rows that people wrote in the place of ours, and `after` it other lines of
    theirs."""
    lines = [
        kept.get(match["name"], line) if (match := _NAME.match("".join(_cells(line)[:1]))) else line
        for line in ours.splitlines()
    ]
    return "\n".join([*lines, *after])


def _cells(line: str) -> list[str]:
    """The cells of a table row; none when the line is not one."""
    line = line.strip()
    if not line.startswith("|"):
        return []
    return [part.strip() for part in re.split(r"(?<!\\)\|", line.strip("|"))]


def _is_rule(cells: list[str]) -> bool:
    return bool(cells) and all(re.fullmatch(r":?-{2,}:?", part) for part in cells)


def _read_row(cells: list[str]) -> ActionLine | None:
    """A row without an ID as an action item; fields in the title column count as in a line."""
    values = [_unescape(part) for part in cells] + [""] * len(HEAD)
    _, title, kind, owner, milestone, due, _status = values[: len(HEAD)]
    item = read_line(title)
    if item is None:
        return None
    problems = list(item.problems)
    if same_word(kind) in {k.value for k in Kind}:
        item = replace(item, kind=Kind(same_word(kind)))
    elif same_word(kind) not in _EMPTY:
        problems.append(f"kind: {kind!r} is none of {', '.join(Kind)}")
    if same_word(owner) not in _EMPTY:
        item = replace(item, owner=owner.removeprefix("@").strip('"“”'))
    if same_word(milestone) not in _EMPTY:
        item = replace(item, milestone=milestone)
    if same_word(due) not in _EMPTY:
        try:
            item = replace(item, due=date.fromisoformat(due))
        except ValueError:
            problems.append(f"due: {due!r} is not a date (write 2026-12-01)")
    return replace(item, problems=tuple(problems))


def _unescape(text: str) -> str:
    return re.sub(r"\\([\\`*_{}\[\]<>|~!$#+\-.@])", r"\1", text).replace("\u2060", "")
