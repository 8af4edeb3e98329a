"""Tickets that are known by another id by now.

GitHub gives an issue that is transferred a new id, and the old address goes on to lead there. One
job, and so one lease, belongs to an incident: that of its ticket's present id. So when the id turns
out to have changed, nothing is done but to note it, and to ask for the job of the new one.
"""

from __future__ import annotations

from dataclasses import replace

from integrations.tracker import NotThere, Tracker
from service.jobs import PROMPT, ClaimedJob, Done
from service.routing import INCIDENT_JOB, incident_subject
from service.store import Store, Transaction
from service.store.incidents import IncidentRecord
from service.store.journal import EntryKind
from service.store.refs import Ref, Role
from workflows.effects import CreateDocument, Effect
from workflows.events import Reading, TicketGone, TicketRead
from workflows.model import DocumentState, Incident, TicketRef


def read(tracker: Tracker, ref: TicketRef) -> Reading:
    """The ticket as it is now, or that it is gone. Raises TrackerError for anything else."""
    try:
        return TicketRead(tracker.fetch(ref))
    except NotThere as error:
        return TicketGone(ref, error.words)


def follow(
    store: Store, policy_hash: str, job: ClaimedJob, reading: Reading, known: IncidentRecord | None
) -> Reading | Done:
    """The reading, to go on with; or that this job is done, because another's turn it is."""
    if not isinstance(reading, TicketRead):
        return reading
    connection, _, ticket_id = job.subject.partition("/")
    now = reading.ticket.ref
    if known is not None and now.id == ticket_id:
        return reading
    with store.write() as tx:
        tx.jobs.fence(job)
        if known is not None:
            if tx.incidents.by_ticket(connection, now.id) is not None:
                why = f"it was transferred, and {now.key} is an incident of its own"
                return TicketGone(known.incident.ticket, why)
            _rename(tx, known.incident, now, policy_hash)
            return _turn_of(tx, job, known.incident.id, now)
        if (owner := _owner(tx, connection, ticket_id, reading)) is not None:
            return _turn_of(tx, job, owner.id, owner.ticket)
        if now.id != ticket_id:
            tx.ledger.sighted(connection, now.id, now.key)
            return _turn_of(tx, job, None, now)
    return reading


def remember_document(tx: Transaction, incident: Incident) -> None:
    """A document that is a ticket is told of by the id that it has now."""
    ticket = incident.postmortem.ref.ticket if incident.postmortem else None
    if ticket is not None:
        tx.refs.put(Ref(ticket.connection, ticket.id, incident.id, Role.DOCUMENT, ticket.key))


def _rename(tx: Transaction, incident: Incident, now: TicketRef, policy_hash: str) -> None:
    old = incident.ticket
    tx.refs.put(Ref(old.connection, old.id, incident.id, Role.INCIDENT, old.key))
    tx.ledger.sighted(now.connection, now.id, now.key)
    tx.incidents.save(replace(incident, ticket=now), policy_hash)
    tx.journal.add(incident.id, EntryKind.NOTE, f"{old.key} was transferred: it is {now.key} now")


def _owner(
    tx: Transaction, connection: str, ticket_id: str, reading: TicketRead
) -> Incident | None:
    """The incident that an unknown ticket is: one that had this id before, or one whose comment
    of ours came along with it."""
    former = tx.refs.find(connection, ticket_id)
    ids = [former.incident_id] if former is not None and former.role is Role.INCIDENT else []
    marks = (mark.partition(":") for mark in reading.ticket.marks)
    ids += [id for kind, _, id in marks if kind == "comment"]
    found = (tx.incidents.get(id) for id in ids)
    return next((record.incident for record in found if record is not None), None)


def _turn_of(tx: Transaction, job: ClaimedJob, incident_id: str | None, ticket: TicketRef) -> Done:
    subject = incident_subject(ticket.connection, ticket.id)
    if incident_id is not None:
        tx.deliveries.belong_to(job.subject, incident_id)
    tx.jobs.touch(INCIDENT_JOB, subject, priority=PROMPT, reason=f"{ticket.key} was transferred")
    return Done()


def remember_created(
    tx: Transaction, wish: Effect, document: DocumentState, incident_id: str, connection: str
) -> None:
    """Note where news of a document that was just created will come from."""
    ticket = document.ref.ticket
    if ticket is not None:
        ref = Ref(ticket.connection, ticket.id, incident_id, Role.DOCUMENT, ticket.key)
        tx.refs.put(ref)
    elif isinstance(wish, CreateDocument):
        place, path = wish.target.place, wish.target.path
        tx.refs.put_document(connection, place, path, incident_id, document.ref.branch)
