"""Accepting a proposal by the page or the command line: a row, which the incident's job answers."""

from __future__ import annotations

from service.jobs import PROMPT
from service.routing import INCIDENT_JOB, incident_subject
from service.store import Transaction
from service.store.incidents import IncidentRecord
from service.store.journal import EntryKind
from workflows.model import Proposal, Way
from workflows.proposals import find


class NotAcceptable(LookupError):
    """The proposal cannot be accepted; the message says why, and what to do instead."""


def accept(tx: Transaction, record: IncidentRecord, number: int, *, by: str, way: Way) -> Proposal:
    """Write down that `by` accepted the incident's proposal of this number, and ask for the
    incident's job, which makes the action item. Returns what was accepted.

    Raises NotAcceptable, and writes nothing, when no such proposal stands.
    """
    incident = record.incident
    found = find(number, incident)
    if isinstance(found, str):
        raise NotAcceptable(found)
    tx.acceptances.add(incident.id, number, by, way)
    text = f"{by} accepted {found.name} by {way}: {found.title}"
    tx.journal.add(incident.id, EntryKind.NOTE, text, {"proposal": number})
    ticket = incident.ticket
    tx.jobs.touch(INCIDENT_JOB, incident_subject(ticket.connection, ticket.id), priority=PROMPT)
    return found
