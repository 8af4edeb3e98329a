"""Attaching evidence from elsewhere to an incident: a row, which the incident's job takes in."""

from __future__ import annotations

from datetime import UTC, datetime

from service.jobs import PROMPT
from service.routing import INCIDENT_JOB, incident_subject
from service.store import Transaction
from service.store.incidents import IncidentRecord
from service.store.journal import EntryKind
from workflows.attached import MOST, Attached, EvidenceKind


class NotAttachable(LookupError):
    """The evidence cannot be attached; the message says why, and what to do instead."""


def attach(
    tx: Transaction,
    record: IncidentRecord,
    kind: EvidenceKind,
    link: tuple[str, str],
    at: datetime,
    source: str,
    *,
    by: str,
) -> Attached:
    """Write down that `by` attached this `link`, its title and address, and ask for the incident's
    job, which puts it into the timeline. `at` is when what it shows happened, `source` where it is
    from, "" where nobody said. Nobody follows the link.

    Raises NotAttachable, and writes nothing, where the incident has `MOST` of them.
    """
    incident = record.incident
    if tx.evidence.count(incident.id) >= MOST:
        key = incident.ticket.key
        raise NotAttachable(f"{key} has {MOST} links already: put further ones into the document")
    title, url = link
    found = tx.evidence.add(incident.id, kind, url, title, at.astimezone(UTC), source, by)
    text = f"{by} attached evidence ({kind}): {title}"
    tx.journal.add(incident.id, EntryKind.NOTE, text, {"evidence": found.id})
    subject = incident_subject(incident.ticket.connection, incident.ticket.id)
    tx.jobs.touch(INCIDENT_JOB, subject, priority=PROMPT, reason=f"{by} attached evidence")
    return found
