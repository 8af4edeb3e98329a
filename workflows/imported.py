"""Postmortems that were written elsewhere, as files in Markdown: what can be told from them, and
everything else as it stands.

Headings vary from house to house, and nobody follows a form for long. So what is recognised is
little (title, day, severity, service, tags, factors, actions), and nothing is taken out for it: the
whole file stays, passage by passage.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time

from workflows.kinds import Kind
from workflows.markup import as_said
from workflows.projection import (
    Facts,
    Measure,
    Part,
    Passage,
    Projection,
    What,
    labels_of,
    severity_words,
)
from workflows.quarters import quarter_of
from workflows.recurrence import LONGEST_NAME, normal
from workflows.sections import Line, Section, rows, sections

#: A longer statement is a paragraph, and names no factor.
LONGEST_FACTOR = 160
#: Lines that say "severity: 2" are looked for above the second heading, so far down at most.
MOST_KEY_LINES = 60

_FRONT = re.compile(r"\A\ufeff?---[ \t]*\n(?P<body>.*?)^(?:---|\.\.\.)[ \t]*$\n?", re.S | re.M)
_KEYS = {
    "day": r"date|incident date|date of incident|day|occurred|started|start|detected|opened|when",
    "severity": r"severity|sev|priority|incident severity|severity level",
    "service": r"services?|affected services?|component|system|product",
    "tags": r"tags?|labels?|keywords|categories|category",
    "title": r"title|incident|summary title",
}
_KEY_LINE = re.compile(
    r"^[\s>*+|-]*(?P<key>[A-Za-z][A-Za-z ]{1,30}?)\s*[*_]*\s*[:|]\s*[*_]*\s*"
    r"(?P<value>[^|\n]+?)\s*\|?\s*$"
)
_DAY = re.compile(r"\b(\d{4})[-/](\d{2})[-/](\d{2})\b")
_FACTORS = re.compile(
    r"\b(root causes?|causes?|contributing|factors?|triggers?|why (did )?(it|this) happen)", re.I
)
_ACTIONS = re.compile(
    r"\b(actions?( items)?|follow[- ]?ups?|remediations?|next steps|to-?dos?|tasks|corrective|"
    r"preventi(ve|on)|prevent)\b",
    re.I,
)
_ITEM = re.compile(
    r"^(?P<indent>\s*)(?:[-*+]|\d{1,3}[.)])\s+(?:\[(?P<done>[ xX])\]\s*)?(?P<text>\S.*)$"
)
_TICKED = re.compile(r"\((done|closed|fixed|completed)\b|✅|\bdone\s*$", re.I)
_OWNER = re.compile(r"(?:^|[\s(\[])(?:@|owner:\s*@?|assignee:\s*@?)(?P<name>[\w.-]*\w)", re.I)
_ENDED = re.compile(r"\b(done|closed|completed?|fixed|resolved|shipped)\b|✅|☑", re.I)
_COLUMNS = {
    "title": ("action", "action item", "task", "item", "title", "description", "what", "follow-up"),
    "owner": ("owner", "assignee", "who", "responsible", "dri"),
    "due": ("due", "due date", "deadline", "by", "when", "target date"),
    "kind": ("type", "kind", "category"),
    "status": ("status", "state", "done"),
}
_FACTOR_COLUMNS = ("factor", "contributing factor", "cause", "root cause", "what")
_KIND_WORDS = (
    (Kind.PREVENTIVE, re.compile(r"prevent", re.I)),
    (Kind.DETECTIVE, re.compile(r"detect|alert|monitor", re.I)),
    (Kind.CORRECTIVE, re.compile(r"correct|mitigat|repair|fix", re.I)),
)


@dataclass(frozen=True, slots=True)
class Action:
    """An action as the file tells it. `kind` is "" where it does not."""

    title: str
    owner: str = ""
    due: date | None = None
    kind: str = ""
    done: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """What a file tells of an incident, as far as it was understood; `passages` are all of it."""

    title: str
    day: date | None = None
    severity: str = ""
    service: str = ""
    tags: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    passages: tuple[Passage, ...] = field(default=())


#: How our ids of files begin. No incident's has a hyphen in it.
IS_FILE = "file-"


def id_of(path: str) -> str:
    """Our id for the file at this path: always the same, and never that of an incident."""
    return f"{IS_FILE}{hashlib.blake2b(path.encode(), digest_size=8).hexdigest()}"


def read(path: str, text: str) -> Written:
    """What the file at `path` (as people name it) tells. Never raises."""
    body, front = text, _FRONT.match(text)
    said: dict[str, str] = {}
    if front:
        body = text[front.end() :]
        said = _front_matter(front["body"])
    parts = sections(body)
    said = {**_key_lines(parts), **said}
    day = _day(said.get("day", "")) or _day(path)
    passages = list(_passages(body, parts))
    if front:
        passages.insert(0, Passage(Part.SECTION, 0, "", front[0].strip("\ufeff\n")))
    return Written(
        title=said.get("title") or _title(parts) or path.rpartition("/")[2],
        day=day,
        severity=said.get("severity", ""),
        service=said.get("service", ""),
        tags=tuple(_listed(said.get("tags", ""))),
        factors=tuple(dict.fromkeys(_factors(parts))),
        actions=tuple(_actions(parts)),
        passages=tuple(replace(each, ordinal=n) for n, each in enumerate(passages)),
    )


def project_file(path: str, team: str, text: str, synonyms: Mapping[str, str]) -> Projection:
    """The file as rows, like an incident's. Nobody follows its actions here, so none counts as
    open."""
    written = read(path, text)
    labels = [(What.FACTOR, each) for each in written.factors]
    labels += [(What.TAG, each) for each in written.tags]
    found = sorted(labels_of(labels, synonyms), key=lambda each: (each.what, each.name))
    measures = tuple(_measure(n, each, team, written) for n, each in enumerate(written.actions, 1))
    return Projection(
        facts=_facts(path, team, written),
        labels=tuple(found),
        measures=measures,
        audits=(),
        passages=(Passage(Part.INCIDENT, 0, path, written.title), *written.passages),
    )


def _facts(path: str, team: str, written: Written) -> Facts:
    opened = datetime.combine(written.day, time(0), UTC) if written.day else None
    return Facts(
        id=id_of(path),
        key=path,
        url="",
        title=written.title,
        team=team,
        team_words=normal(team),
        service=written.service[:LONGEST_NAME],
        service_words=normal(written.service),
        severity=written.severity[:LONGEST_NAME],
        severity_words=severity_words(written.severity),
        restricted=False,
        imported=True,
        phase="",
        outlook="",
        opened=opened,
        closed=None,
        started=None,
        detected=None,
        acknowledged=None,
        mitigated=None,
        resolved=None,
        to_detect=None,
        to_acknowledge=None,
        to_mitigate=None,
        to_resolve=None,
        quarter=str(quarter_of(written.day)) if written.day else "",
        felt=False,
        document="",
        document_url="",
        published=None,
        review_due=None,
        recurrence_of="",
    )


def _measure(number: int, action: Action, team: str, written: Written) -> Measure:
    return Measure(
        item=number,
        title=action.title,
        title_words=normal(action.title),
        kind=action.kind,
        area="",
        owner=action.owner,
        team=team,
        service_words=normal(written.service),
        priority=written.severity,
        due=action.due,
        milestone="",
        success_measure="",
        status="done" if action.done else "",
        open=False,
        done_at=None,
        proven=None,
        waived_until=None,
        task_key="",
        task_url="",
        verdict="",
        suspect="",
        origin="file",
    )


# --- what it says of itself -----------------------------------------------------------------------


def _front_matter(body: str) -> dict[str, str]:
    """Keys with a value on their line, or a list below it; anything else is only text."""
    said: dict[str, str] = {}
    key = ""
    for line in body.split("\n"):
        name, colon, value = line.partition(":")
        if colon and (known := _known(name)):
            key = known
            said.setdefault(key, value.strip().strip("\"'"))
        elif key and line.lstrip().startswith("- "):
            said[key] = ", ".join(part for part in (said[key], line.lstrip()[2:].strip()) if part)
        elif colon:
            key = ""
    return {key: value for key, value in said.items() if value}


def _key_lines(parts: Sequence[Section]) -> dict[str, str]:
    """Lines like ``**Severity:** SEV2`` and rows of a table of two columns, near the top."""
    said: dict[str, str] = {}
    near = [part for part in parts if part.title or part.prose][:3]
    for _, line in [line for part in near for line in part.prose][:MOST_KEY_LINES]:
        match = _KEY_LINE.match(as_said(line).replace("**", ""))
        if match and (key := _known(match["key"])) and key != "title":
            said.setdefault(key, match["value"].strip(" *_`"))
    return said


def _known(name: str) -> str:
    word = " ".join(name.split()).casefold().strip("*_ ")
    return next((key for key, words in _KEYS.items() if re.fullmatch(words, word)), "")


def _day(said: str) -> date | None:
    match = _DAY.search(said)
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None


def _listed(said: str) -> Iterator[str]:
    for each in said.strip("[]").split(","):
        if word := each.strip(" `'\"#*_"):
            yield word


def _title(parts: Sequence[Section]) -> str:
    title = next((part.title for part in parts if part.title), "")
    return re.sub(r"^(post-?mortem|incident report|incident)\s*[:–—-]\s*", "", title, flags=re.I)


# --- what it holds --------------------------------------------------------------------------------


def _passages(body: str, parts: Sequence[Section]) -> Iterator[Passage]:
    """All of it: a heading and every line below it, also code, quotes and what is hidden."""
    lines = body.split("\n")
    for part in parts:
        title = lines[part.line - 1].strip().lstrip("#").strip() if part.line else ""
        words = "\n".join(lines[part.line : part.end]).strip()
        if title or words:
            yield Passage(Part.SECTION, 0, title, words)


def _below(parts: Sequence[Section], pattern: re.Pattern[str]) -> Iterator[tuple[str, Section]]:
    """The sections under a heading that says this, those under its sub-headings too, each with
    the headings above it."""
    above: tuple[int, str] | None = None
    for part in parts:
        if above is not None and part.level > above[0]:
            yield f"{above[1]} {part.title}", part
        elif part.title and pattern.search(part.title):
            above = (part.level, part.title)
            yield part.title, part
        else:
            above = None


def _factors(parts: Sequence[Section]) -> Iterator[str]:
    for _, part in _below(parts, _FACTORS):
        table = list(rows(part.prose))
        items = [text for indent, text, _ in _items(part.prose) if indent < 2]
        if table:
            for row in table:
                said = next((row.cells[c] for c in _FACTOR_COLUMNS if row.cells.get(c)), "")
                yield from _factor(said or next(iter(row.cells.values()), ""))
        elif items:
            for text in items:
                yield from _factor(text)
        else:
            said = " ".join(line.strip() for _, line in part.prose if line.strip())
            yield from _factor(re.split(r"(?<=[.!?])\s", said)[0])


def _factor(said: str) -> Iterator[str]:
    """A statement without what explains it: "**Slow disk**: it was old" names the slow disk."""
    bold = re.match(r"\*\*(?P<name>[^*]+)\*\*", said.strip())
    words = bold["name"] if bold else re.split(r"\s[–—]\s|:\s", said)[0]
    words = as_said(words).strip(" .:*_")
    if words and len(words) <= LONGEST_FACTOR:
        yield words


def _actions(parts: Sequence[Section]) -> Iterator[Action]:
    for headings, part in _below(parts, _ACTIONS):
        table = list(rows(part.prose))
        for row in table:
            yield from _in_row(row.cells, headings)
        for indent, text, done in _items(part.prose):
            if indent < 2 and not (table and text.lstrip().startswith("|")):
                yield _in_item(text, done, headings)


def _items(lines: Sequence[Line]) -> Iterator[tuple[int, str, bool]]:
    """The items of lists, each with its indent and whether it is ticked; with the lines that go on
    below it."""
    item: tuple[int, str, bool] | None = None
    for _, line in lines:
        if match := _ITEM.match(line):
            if item:
                yield item
            item = (len(match["indent"]), match["text"], (match["done"] or "").lower() == "x")
        elif item and line.startswith("  ") and line.strip():
            item = (item[0], f"{item[1]} {line.strip()}", item[2])
        elif item and not line.strip():
            continue
        elif item:
            yield item
            item = None
    if item:
        yield item


def _in_row(cells: Mapping[str, str], headings: str) -> Iterator[Action]:
    def cell(name: str) -> str:
        return next((as_said(cells[c]) for c in _COLUMNS[name] if cells.get(c)), "")

    title = cell("title") or as_said(next(iter(cells.values()), ""))
    if title.strip(" -–—"):
        yield Action(
            title=title,
            owner=cell("owner").lstrip("@"),
            due=_day(cell("due")),
            kind=_kind(cell("kind")) or _kind(headings),
            done=bool(_ENDED.search(cell("status"))),
        )


def _in_item(text: str, done: bool, headings: str) -> Action:
    words = as_said(text)
    owner = _OWNER.search(words)
    ticked = done or bool(_TICKED.search(words))
    return Action(words, owner["name"] if owner else "", _day(words), _kind(headings), ticked)


def _kind(said: str) -> str:
    return next((kind.value for kind, pattern in _KIND_WORDS if pattern.search(said)), "")
