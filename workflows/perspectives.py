"""What an incident looked like from elsewhere: who is asked what, and who has answered.

The document holds the questions in a region of ours, and below it a place for each answer, which is
people's own text. An answer stands behind the name of its perspective (``Support: …``) or below a
heading that is that name, anywhere under the heading *Perspectives*.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from workflows.markup import cell
from workflows.model import DocumentStatus, Incident
from workflows.notices import PERSPECTIVES, Perspective, about
from workflows.participants import QUESTIONS, title
from workflows.policy import Team
from workflows.review import is_said
from workflows.sections import Line, sections, without_title

_LIVING = (DocumentStatus.DRAFT, DocumentStatus.IN_REVIEW)
_SECTION = re.compile(r"\bperspectives?\b", re.IGNORECASE)
_NAMES = "|".join(QUESTIONS)
_HEADING = re.compile(rf"^\W*(?P<name>{_NAMES})\b", re.IGNORECASE)
_LABEL = re.compile(
    rf"^ {{0,3}}(?:[-*+][ \t]+)?[*_]*(?P<name>{_NAMES})[*_]*[ \t]*:[*_]*(?P<said>.*)$",
    re.IGNORECASE,
)
_HELP = re.compile(r"^\s*([_*])[^_*].*\1\s*$")


def asked_of(incident: Incident, team: Team) -> Incident:
    """The incident with the perspectives that the rules name and it has not yet, as long as its
    postmortem is written. Later changes of the rules do not change what was asked, or whom."""
    document = incident.postmortem
    if document is not None and document.status not in _LIVING:
        return incident
    rules, known = team.participants, {each.name for each in incident.perspectives}
    new = [
        Perspective(name, rules.questions.get(name, question), rules.perspectives[name])
        for name, question in QUESTIONS.items()
        if name in rules.perspectives and name not in known
    ]
    return replace(incident, perspectives=(*incident.perspectives, *new)) if new else incident


def to_ask(incident: Incident) -> tuple[str, ...]:
    """The names of the perspectives that are to be asked now: those that never were, of a
    postmortem that is being written."""
    document = incident.postmortem
    if document is None or document.status not in _LIVING:
        return ()
    known = about(incident.notices, PERSPECTIVES)
    return tuple(each.name for each in incident.perspectives if each.name not in known)


def region(perspectives: Sequence[Perspective]) -> str:
    """The region `perspectives` of the document (Markdown)."""
    if not perspectives:
        return "Nobody is asked."
    rows = [
        f"| **{title(each.name)}** | {cell(', '.join(each.people))} | {cell(each.question)} |"
        for each in perspectives
    ]
    return "\n".join(["| Perspective | Asked | Question |", "| --- | --- | --- |", *rows])


def titles(perspectives: Sequence[Perspective]) -> list[str]:
    """What they are called, for the places of their answers in a template."""
    return [title(each.name) for each in perspectives]


def unheard(incident: Incident) -> tuple[str, ...]:
    """The titles of the perspectives that have not answered, as far as the document tells; none
    where it was not read, or is not being written."""
    document = incident.postmortem
    if document is None or document.text is None or document.status not in _LIVING:
        return ()
    heard = answered(document.text) if incident.perspectives else frozenset()
    return tuple(title(p.name) for p in incident.perspectives if p.name not in heard)


def advised(incident: Incident) -> list[str]:
    """The paragraph of the one comment (Markdown) on who has not answered, if anybody has not."""
    missing = unheard(incident)
    return [f"Not heard yet, as advice; it blocks nothing: {', '.join(missing)}."] * bool(missing)


@lru_cache(maxsize=64)
def answered(text: str) -> frozenset[str]:
    """The perspectives whose answers stand in this Markdown text."""
    said: dict[str, list[str]] = {}
    name = ""
    for line in _below(text):
        heading = isinstance(line, str)
        match = _HEADING.match(line) if isinstance(line, str) else _LABEL.match(line[1])
        if match is not None:
            name = match["name"].casefold()
        elif heading:
            name = ""
        words = "" if heading else match["said"] if match else line[1]
        if name and not _HELP.match(words):
            said.setdefault(name, []).append(words)
    return frozenset(each for each, lines in said.items() if any(map(is_said, lines)))


def _below(text: str) -> Iterator[str | Line]:
    """What stands under the heading: its lines, and the headings below it by their titles."""
    level = 0
    for section in without_title(sections(text)):
        if level and section.level > level:
            yield section.title
        elif _SECTION.search(section.title):
            level = section.level
        else:
            level = 0
        if level:
            yield from section.prose
