"""What a postmortem still lacks before it can be published, read from its own text.

Sections are found by their headings, wherever a template puts them. Everything that is said here
is in our own words and numbers: none of the document's, so that it may stand anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from workflows.action_table import item_rows, new_row, read_row, row_cells
from workflows.actions import asking_line
from workflows.documents import region_line, regions
from workflows.markup import as_said
from workflows.model import Incident, Kind
from workflows.sections import Line, Section, below, by_heading, rows, sections
from workflows.snapshots import Field, Progress

FACTORS, HYPOTHESES, ACTIONS = "Contributing factors", "Hypotheses", "Action items"

#: Until somebody names one, nobody began to write.
NO_FACTOR = "no factor is named"

_FACTORS = re.compile(r"\b(contributing (factors?|causes?)|(root )?causes)\b", re.IGNORECASE)
_HYPOTHESES = re.compile(r"\bhypothes[ie]s\b", re.IGNORECASE)
_ACTIONS = re.compile(r"\b(action items?|actions|remediations?|follow[- ]ups?)\b", re.IGNORECASE)

_LINK = re.compile(r"https?://[^\s|)>\]]+|\[[^\[\]]+\]\([^\s)\[]+\)")
_URL = re.compile(r"https?://", re.IGNORECASE)

#: Words that only hold a place.
_HOLDS_A_PLACE = re.compile(
    r"\?|add (?:evidence|link)|coming soon|evidence|fill in|here|later|link|missing|n/?a|"
    r"none(?: at all| so far| yet)?|not (?:known|yet)|pending|see(?: above| below)?|"
    r"still (?:missing|open|pending)|tb[ad]|to ?do|to follow|unknown|url|wip|xxx|"
    r"(?:still |yet )?to be (?:added|announced|checked|collected|confirmed|decided|defined|"
    r"determined|discussed|done|filled|found|linked|provided|written)\b.*"
)
#: Words that begin to say that there is no evidence.
_NOT_SHOWN = re.compile(
    r"(?:no (?:evidence|links?|proof)|none(?! of)|not yet|nobody (?:looked|knows)|"
    r"still (?:being|looking|missing|open|pending|to|unknown|waiting))\b"
)

#: A line that says why there is none: "None: the vendor's own outage ended by itself".
_REASON = re.compile(r"^\W*(none|no|nothing)\b\W*(?P<why>.*)$", re.IGNORECASE)
_FEWEST_WORDS = 3

#: A column that is called so names factors or hypotheses; a cell that is only a number names none.
_CLAIM = re.compile(r"\b(factors?|causes?|claims?|hypothes[ie]s)\b")
_NUMBER = re.compile(r"\W*\d[\W\d_]*")

_MEASURE = re.compile(
    r"^\s*(?:[-*+]\s+)?[*_]*(?P<name>AI-\d+)[*_]*\s*+[:,·–—-]?\s*+"
    r"(?:success\s+)?measure[*_]*\s*:\s*(?P<said>\S.*)$",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^ {0,1}(?:[-*+]|\d{1,3}[.)])[ \t]+(?P<words>\S.*)$")
_LABEL = re.compile(
    r"(?i)(?<!\bno )\b(evidence|falsif\w*+|would prove it wrong|state|status)[*_]*\s*:[*_]*\s*"
)

#: Actions that nobody is going to do need no owner.
_SET_ASIDE = (Progress.WONT_DO.value, Progress.DUPLICATE.value)


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that the document lacks: in which `section` and `line` (None where it has none
    that a reader could look up), `what` is missing of what, and what to `write`."""

    section: str
    line: int | None
    what: str
    write: str

    @property
    def where(self) -> str:
        return self.section if self.line is None else f"{self.section}, line {self.line}"


def missing(incident: Incident) -> tuple[Missing, ...] | None:
    """What the incident's document lacks; None where there is no text to tell by."""
    document = incident.postmortem
    if document is None or document.text is None:
        return None
    known = frozenset(i.name for i in incident.actions if is_said(i.success_measure or ""))
    return look(document.text, known)


@lru_cache(maxsize=64)
def look(text: str, measured: frozenset[str] = frozenset()) -> tuple[Missing, ...]:
    """What this Markdown text lacks, in the order of its checks. `measured` are the action items
    (AI-n) whose success measure is known from elsewhere: their ticket, or the rules.

    Asked again and again of one text, within a turn: so the last answers are kept.
    """
    found = sections(text)
    said = [*_factors(found), *_hypotheses(found)]
    said += _actions(_with_actions(text, found), measured | measures(text).keys())
    if regions(text):
        return tuple(said)
    # Read from a format that is not Markdown: there are no lines that its author could count.
    return tuple(Missing(m.section, None, m.what, m.write) for m in said)


def measures(text: str) -> dict[str, str]:
    """The success measures that the document gives: AI-n → the words of a line
    ``AI-2 measure: the alert fires within two minutes``. The first of an item counts."""
    found: dict[str, str] = {}
    lines = [line for section in sections(text) for _, line in section.prose]
    for line in lines:
        if (match := _MEASURE.match(line)) and is_said(match["said"]):
            found.setdefault(match["name"].upper(), as_said(match["said"]).strip())
    return found


def is_said(words: str) -> bool:
    """Whether something is said there: a link, or words that do not only hold a place."""
    if _LINK.search(words) and _URL.search(words):
        return True
    plain = _plain(words)
    return any(map(str.isalnum, plain)) and not _HOLDS_A_PLACE.fullmatch(plain)


def _plain(words: str) -> str:
    """The words without markup, in small letters."""
    plain = re.sub(r"\[([^\[\]]*)\]\([^)\[]*\)", r"\1", as_said(words))
    plain = re.sub(r"[*_`\"'“”<>()\[\]]", "", plain).strip(" .…:;,!-–—\t").casefold()
    return " ".join(plain.split())


def _is_shown(words: str) -> bool:
    """Whether evidence, or what would be, is said: a link, or words that do not say that there is
    none."""
    return is_said(words) and bool(_URL.search(words) or not _NOT_SHOWN.match(_plain(words)))


# --- factors and hypotheses ---------------------------------------------------------------------


def factors(text: str) -> tuple[str, ...]:
    """The contributing factors that the document names, each in its own words (Markdown)."""
    return tuple(entry.claim for entry in _entries(sections(text), _FACTORS))


@dataclass(frozen=True, slots=True)
class _Entry:
    """A factor or a hypothesis: a row of a table, or an item of a list or a heading with labelled
    parts."""

    line: int
    claim: str
    evidence: str
    falsifier: str
    state: str


def _factors(found: Sequence[Section]) -> Iterator[Missing]:
    section = by_heading(found, _FACTORS)
    if section is None:
        yield _no_section(FACTORS, "each factor with its evidence")
        return
    entries = _entries(found, _FACTORS)
    if not entries and not _has_reason(section.prose):
        yield Missing(
            FACTORS,
            section.line,
            NO_FACTOR,
            "name at least one with its evidence, in a table or a list right below the heading, "
            "or a line “None, because …”",
        )
    for number, entry in enumerate(entries, 1):
        if not _is_shown(entry.evidence):
            what = f"factor {number} has no evidence"
            yield Missing(FACTORS, entry.line, what, "write a link, or what was seen where")


def _hypotheses(found: Sequence[Section]) -> Iterator[Missing]:
    for number, entry in enumerate(_entries(found, _HYPOTHESES), 1):
        if not re.match(r"\W*confirmed\b", entry.state, re.IGNORECASE):
            continue
        if not _is_shown(entry.evidence):
            what = f"hypothesis {number} is confirmed and has no evidence"
            write = "write a link, or what was seen where; or set its state to open"
            yield Missing(HYPOTHESES, entry.line, what, write)
        if not _is_shown(entry.falsifier):
            what = f"hypothesis {number} is confirmed and has no falsifier"
            write = "write what would have proved it wrong; or set its state to open"
            yield Missing(HYPOTHESES, entry.line, what, write)


def _entries(found: Sequence[Section], pattern: re.Pattern[str]) -> list[_Entry]:
    """What is named in a section. Rows count first, of those below its sub-headings only where a
    column is called what is looked for: beside filled ones, lists are notes. Without either, a
    sub-heading is named where evidence is given below it."""
    section = by_heading(found, pattern)
    if section is None:
        return []
    deeper = list(below(found, section))
    named = [_of_row(row.line, [*row.cells.items()]) for row in rows(section.prose)]
    for each in deeper:
        tabled = (row for row in rows(each.prose) if any(map(_CLAIM.search, row.cells)))
        named += [_of_row(row.line, [*row.cells.items()]) for row in tabled]
    entries = [entry for entry in named if entry] or list(_listed(section.prose))
    return entries or [entry for each in deeper if (entry := _of_heading(each))]


def _of_row(line: int, cells: Sequence[tuple[str, str]]) -> _Entry | None:
    """None where the claim itself is empty, or only a number: a row of the template. It stands in
    the column that is called so, otherwise in the first that does not count the rows."""
    called = (n for n, (name, _) in enumerate(cells) if _CLAIM.search(name))
    words = (n for n, (_, said) in enumerate(cells) if not _NUMBER.fullmatch(said))
    at = next(called, next(words, 0))
    claim, others = cells[at][1], [*cells[:at], *cells[at + 1 :]]
    if not is_said(claim) or _NUMBER.fullmatch(claim):
        return None

    def column(pattern: str) -> str | None:
        return next((said for name, said in others if re.search(pattern, name)), None)

    links = " ".join(_LINK.findall(" ".join([claim, *(said for _, said in others)])))
    evidence = column(r"evidence")
    state = column(r"^(state|status)\b")
    falsifier = column(r"falsif|prove.* wrong")
    return _Entry(
        line, claim, links if evidence is None else evidence, falsifier or "", state or ""
    )


def _listed(lines: Iterable[Line]) -> Iterator[_Entry]:
    """The items of a list, each with the lines that are indented below it."""
    items: list[tuple[int, list[str]]] = []
    open_item = False
    for number, line in lines:
        if match := _BULLET.match(line):
            items.append((number, [match["words"]]))
            open_item = True
        elif open_item and line.startswith((" ", "\t")):
            items[-1][1].append(line.strip())
        elif line.strip():
            open_item = False
    for number, words in items:
        said = "\n".join(words)
        parts = dict(_labelled(said))
        if is_said(said):
            evidence = parts.get("evidence") or " ".join(_LINK.findall(said))
            yield _Entry(
                number,
                _LABEL.split(said)[0].rstrip(" \n;,"),
                evidence,
                parts.get("falsifier", ""),
                parts.get("state", ""),
            )


def _of_heading(section: Section) -> _Entry | None:
    """What a sub-heading names, if it is one of those that evidence is given for."""
    lines = [line.strip() for _, line in section.prose]
    first = next((n for n, line in enumerate(lines) if _LABEL.match(line.lstrip("-*+_ "))), None)
    if first is None:
        return None
    parts = dict(_labelled("\n".join(lines[first:])))
    given = [parts.get(name, "") for name in ("evidence", "falsifier", "state")]
    return _Entry(section.line, section.title, *given) if "evidence" in parts else None


def _labelled(text: str) -> Iterator[tuple[str, str]]:
    """The parts behind "evidence:", "falsifier:", "state:", each up to the next label."""
    marks = list(_LABEL.finditer(text))
    ends = [*(mark.start() for mark in marks[1:]), len(text)] if marks else []
    for mark, end in zip(marks, ends, strict=True):
        word = mark[1].casefold()
        name = "evidence" if word == "evidence" else "state" if word[:2] == "st" else "falsifier"
        yield name, text[mark.end() : end].strip()


def _has_reason(lines: Sequence[Line]) -> bool:
    """Whether a paragraph, or an item of a list, begins with why there is none."""
    tabled = {row.line for row in rows(lines)}
    before = -1
    for number, line in lines:
        begins = number != before + 1 or _BULLET.match(line) is not None
        if row_cells(line) or number in tabled or not line.strip():
            continue
        before = number
        match = _REASON.match(line) if begins else None
        if match and len(match["why"].split()) >= _FEWEST_WORDS:
            return True
    return False


def _no_section(name: str, write: str) -> Missing:
    return Missing(name, None, "the section is not there", f"add the heading {name}, and {write}")


# --- action items -------------------------------------------------------------------------------


def _with_actions(text: str, found: Sequence[Section]) -> Section | None:
    """The section that holds the table which is ours; without one, that whose heading says so."""
    line = region_line(text, "actions")
    if line is None:
        return by_heading(found, _ACTIONS)
    return next(each for each in found if each.line <= line <= each.end)


def _actions(section: Section | None, measured: Collection[str]) -> Iterator[Missing]:
    if section is None:
        yield _no_section(ACTIONS, "the table of action items")
        return
    count = 0
    for number, line in _asking(section.prose):
        name, lacks = _action(line, measured)
        if lacks is None:
            continue
        count += 1
        for what in lacks:
            in_row = what == _MEASURED and not name
            how = _IN_A_NEW_ROW if in_row else _TO_WRITE[what].format(name)
            yield Missing(ACTIONS, number, f"{name or 'a new action'} has no {what}", how)
    if not count and not _has_reason(section.prose):
        write = "add at least one, or a line “None, because …” below the table"
        yield Missing(ACTIONS, section.line or None, "there is no action item", write)


_MEASURED = "success measure"
_IN_A_NEW_ROW = 'write how we will know that it worked, behind its title as measure:"…"'
_TO_WRITE = {
    "kind": "write corrective, preventive or detective",
    "owner": "name the one person who answers for it",
    "milestone": "write the milestone or version that it belongs to",
    _MEASURED: "write how we will know that it worked, in a line “{} measure: …”",
}


def _asking(prose: Sequence[Line]) -> Iterator[Line]:
    """The rows of the table that is ours, and the lines beside it. Another table is no plan."""
    numbered = dict(prose)
    first = min(numbered, default=0)
    lines = [numbered.get(n, "") for n in range(first, max(numbered, default=-1) + 1)]
    ours = {first + number for number in item_rows(lines)}
    return ((number, line) for number, line in prose if number in ours or not row_cells(line))


def _action(line: str, measured: Collection[str]) -> tuple[str, list[str] | None]:
    """The name of an action item ("" before it has one), and what it lacks; None where the line is
    none, or is one that is not going to be done."""
    cells = row_cells(line)
    if (known := read_row(line)) is not None:
        name, row = known
        unread = any(problem.startswith("status") for problem in row.problems)
        given_up = Progress.OPEN if unread else Progress.WONT_DO  # what else has no status
        status = row.values.get(Field.STATUS, given_up.value)
        if status in _SET_ASIDE or Field.TITLE not in row.values:
            return name, None
        owner, milestone = row.values.get(Field.OWNER), row.values.get(Field.MILESTONE)
        return name, _lacks(row.kind, owner, milestone, name in measured)
    if item := new_row(line) if cells else asking_line(line):
        lacks = _lacks(item.kind, item.owner, item.milestone, is_said(item.success_measure or ""))
        return "", lacks
    return "", None


def _lacks(
    kind: Kind | None, owner: str | None, milestone: str | None, measured: bool
) -> list[str]:
    given = {
        "kind": kind is not None,
        "owner": is_said(owner or ""),
        "milestone": is_said(milestone or ""),
        _MEASURED: measured,
    }
    return [what for what, is_given in given.items() if not is_given]
