"""What became known of audits, folded into the incident, and told in words."""

from __future__ import annotations

from dataclasses import replace

from workflows.audit_keys import place_in
from workflows.audits import changed, find, of_item
from workflows.events import (
    News,
    NotCreated,
    NoteWritten,
    TaskCreated,
    TaskLinked,
    TicketClosed,
)
from workflows.model import Incident
from workflows.rungs import Audit


def fold_audit(news: News, incident: Incident) -> Incident:
    """The incident with what became known of one of its audits."""
    match news:
        case TaskCreated(key, ref, sent=sent):
            audit = find(incident, place_in(key))
            if audit is None:
                return incident
            if sent is not None:
                owner = sent.owner or audit.owner
                audit = replace(audit, due=sent.due, reviewer=sent.reviewer, owner=owner)
            # whom it could not be assigned to, its text names
            return changed(incident, replace(audit, ticket=ref))
        case NotCreated(key):
            audit = find(incident, place_in(key))
            return incident if audit is None else _never_made(incident, audit)
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


def _never_made(incident: Incident, audit: Audit) -> Incident:
    """The incident after the ticket of an audit turned out not to have been made, when it was not
    to be made any more. Its key is spent: an effect is asked for once. So an audit that is wanted
    again gets another rung, and one that ended stays, that its round is not begun again."""
    planned = replace(audit, due=None)
    if audit.lives:
        own = [each for each in of_item(incident, audit.item) if each.round == audit.round]
        planned = replace(planned, rung=1 + max(each.rung for each in own))
    audits = tuple(planned if each is audit else each for each in incident.audits)
    return replace(incident, audits=audits)


def told_of_audit(news: News) -> str:
    """The same in a sentence for the journal."""
    match news:
        case TaskCreated(key, ref, _, unset):
            return f"{_name(key)} is {ref.key}: {ref.url}" + "".join(
                f"; not set: {u}" for u in unset
            )
        case NotCreated(key):
            return f"{_name(key)} was never opened, and is not wanted now"
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
