"""Publishing by asking, by the page or the command line: a row that the incident's job answers."""

from __future__ import annotations

from dataclasses import dataclass

from service.jobs import PROMPT
from service.routing import INCIDENT_JOB, incident_subject
from service.store import Transaction
from service.store.incidents import IncidentRecord
from service.store.journal import EntryKind
from workflows.publishing import has_signal, refusal
from workflows.review import Missing, missing


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes of asking: granted, or `words` why not, with what is `missing`."""

    granted: bool
    words: str
    missing: tuple[Missing, ...] = ()


def publish(tx: Transaction, record: IncidentRecord, *, by: str) -> Answer:
    """Write down that `by` wants the incident's document published, and ask for the incident's
    job, which reads the document again, looks through it, and publishes it or says why not.

    What is known to be missing is answered at once, and nothing is written down but that the
    document is to be read again: it may have been mended since it was read.
    """
    incident, document = record.incident, record.incident.postmortem
    why = refusal(incident)
    if document is None or has_signal(document.ref):
        return Answer(False, f"Nothing was done: {why}.")
    lacks = missing(incident) or ()
    if lacks:
        words = "Not published. It is read again now: if this was mended since, publish it again."
        answer = Answer(False, words, lacks)
    elif why:
        return Answer(False, f"Nothing was done: {why}.")
    else:
        tx.versions.ask(incident.id, by)
        tx.journal.add(incident.id, EntryKind.NOTE, f"{by} asked to publish the postmortem")
        answer = Answer(True, "It is read once more, and published unless something is missing.")
    tx.incidents.set_document_changed(incident.id, True)
    subject = incident_subject(incident.ticket.connection, incident.ticket.id)
    tx.jobs.touch(INCIDENT_JOB, subject, priority=PROMPT, reason="to be published", whole=False)
    return answer
