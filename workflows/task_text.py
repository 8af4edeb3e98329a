"""What the description of a task says, and what in one is not ours.

A task is described once, when it is made: what stands there leads to where its incident, its
document and its twin were then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from workflows.actions import prose
from workflows.audits import follows
from workflows.documents import link_to
from workflows.markup import cell, excerpt, inert, link
from workflows.model import ActionItem, Incident, Postmortem
from workflows.rungs import Audit

_ROWS = (
    "Incident",
    "Postmortem",
    "Asked for by",
    "Action item",
    "Kind",
    "Area",
    "Owner",
    "Due",
    "Success measure",
)
_ABOUT, _MIRRORS = "Remediation of", "Mirrors"
_KEPT = "owner, milestone, status and due date are kept equal."

_TICKET = r"(?:\[.+?\]\(\S+?\)|\S+)"
_OURS = re.compile(
    rf"\s*(?:\|\s*\*\*(?:{'|'.join(_ROWS)})\*\*\s*\|"
    rf"|{_ABOUT} {_TICKET}:"
    rf"|{_MIRRORS} {_TICKET}: {_KEPT})"
)


def about(incident: Incident, item: ActionItem, document: Postmortem) -> str:
    """The description (Markdown) of the item's task."""
    measure = inert(excerpt(item.success_measure or "", 2000))
    audit = follows(incident, item)
    values = (
        link(incident.ticket.key, incident.ticket.url),
        link_to("document", document.ref.url),
        _audit_of(incident, audit) if audit else "",
        item.name,
        item.kind.value,
        item.area.value if item.area else "",
        cell(item.owner or "nobody yet"),
        item.due.isoformat() if item.due else "not set",
        measure or "not stated yet: say how we will know it worked",
    )
    rows = (f"| **{name}** | {said} |" for name, said in zip(_ROWS, values, strict=True) if said)
    first = f"{_ABOUT} {link(incident.ticket.key, incident.ticket.url)}: {brief(item.title)}"
    return "\n".join((first, "", "| | |", "| --- | --- |", *rows))


def mirrors(item: ActionItem) -> str:
    """What the description of its twin says besides."""
    first = link(item.task.key, item.task.url) if item.task else item.name
    return f"{_MIRRORS} {first}: {_KEPT}"


def by_people(text: str) -> Iterator[str]:
    """The lines of a description that are not of our kind, outside of quotes and code."""
    return (line for line in prose(text) if not _OURS.match(line))


def brief(title: str) -> str:
    """A title as tasks and the comment show it: however long it is, the rest must fit too."""
    return inert(excerpt(title, 200))


def _audit_of(incident: Incident, audit: Audit) -> str:
    """The audit that an action item comes from, and the measure that it was of."""
    measure = next(each for each in incident.actions if each.number == audit.item)
    ticket = link(audit.ticket.key, audit.ticket.url) if audit.ticket else "an audit"
    task = f" ({link(measure.task.key, measure.task.url)})" if measure.task else ""
    return f"{ticket}, the audit of {measure.name}{task}"
