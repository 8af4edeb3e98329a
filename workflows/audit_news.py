"""What became known of audits, folded into the incident, and told in words."""

from __future__ import annotations

from dataclasses import replace

from workflows.audit_keys import place_in
from workflows.audits import changed, find
from workflows.events import (
    News,
    NotCreated,
    NoteWritten,
    TaskCreated,
    TaskLinked,
    TicketClosed,
)
from workflows.model import Incident


def fold_audit(news: News, incident: Incident) -> Incident:
    """The incident with what became known of one of its audits."""
    match news:
        case TaskCreated(key, ref):
            audit = find(incident, place_in(key))
            # whom it could not be assigned to, its text names
            return incident if audit is None else changed(incident, replace(audit, ticket=ref))
        case NotCreated(key):
            gone = find(incident, place_in(key))
            kept = tuple(each for each in incident.audits if each is not gone)
            return replace(incident, audits=kept)
        case TaskLinked(key) | NoteWritten(key):
            audit = find(incident, place_in(key))
            if audit is None:
                return incident
            name = key.rsplit(":", 1)[1]
            if isinstance(news, TaskLinked):
                return changed(incident, replace(audit, linked=(*audit.linked, name)))
            return changed(incident, replace(audit, told=(*audit.told, name)))
        case TicketClosed(key, refused):
            audit = find(incident, place_in(key))
            if audit is None:
                return incident
            return changed(incident, replace(audit, closed=not refused))
        case _:
            return incident


def told_of_audit(news: News) -> str:
    """The same in a sentence for the journal."""
    match news:
        case TaskCreated(key, ref, _, unset):
            return f"{_name(key)} is {ref.key}: {ref.url}" + "".join(
                f"; not set: {u}" for u in unset
            )
        case NotCreated(key):
            return f"{_name(key)} was never opened, and is wanted no more"
        case TaskLinked(key):
            return f"{_name(key)}: shown on its {key.rsplit(':', 1)[1]}"
        case NoteWritten(key):
            return f"{_name(key)}: the note “{key.rsplit(':', 1)[1]}” is written"
        case TicketClosed(key, refused):
            return (
                f"{_name(key)}: its ticket is {f'not closed: {refused}' if refused else 'closed'}"
            )
        case _:
            return "nothing of an audit"


def _name(key: str) -> str:
    item, round, rung = place_in(key)
    return f"AI-{item}, audit {round}.{rung}"
