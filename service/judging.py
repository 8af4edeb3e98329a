"""Judging a measure by the page or the command line: a row, which the incident's job answers."""

from __future__ import annotations

from collections.abc import Container, Sequence

from service.jobs import PROMPT
from service.routing import INCIDENT_JOB, incident_subject
from service.store import Transaction
from service.store.incidents import IncidentRecord
from service.store.journal import EntryKind
from workflows.audits import find
from workflows.judging import OWNER, cannot_be_answered, in_evidence, independent, not_open
from workflows.model import Incident
from workflows.policy import KnownPerson, same_word, written_words
from workflows.rungs import Audit, Verdict


class NotJudgeable(LookupError):
    """The verdict cannot be taken; the message says why, and what to do instead."""


def judge(
    tx: Transaction,
    record: IncidentRecord,
    place: tuple[int, int, int],
    verdict: Verdict,
    evidence: tuple[str, str],
    *,
    by: str,
    people: Sequence[KnownPerson],
    through: str,
) -> str:
    """Write down that `by`, one of the rules' `people` by any of their words, judged the audit of
    this item, round and rung so, from `evidence` in words and an address ("" for none), and ask
    for the incident's job. `through` says who writes it down, and where. Returns what comes of it,
    in words.

    Raises NotJudgeable, and writes nothing, where the audit is not open or judged already, `by` is
    nobody of the rules or owns the measure, or no evidence is given.
    """
    incident = record.incident
    audit = find(incident, place)
    if audit is None:
        name = Audit(*place, step=0, since=tx.now, opens=tx.now).name
        raise NotJudgeable(f"there is no {name} of {incident.ticket.key} (any more)")
    if why := not_open(incident, audit, tx.judgements.of_incident(incident.id)):
        raise NotJudgeable(f"{audit.name}: {why}")
    person = named(by, people)
    if person not in independent(incident, audit, people):
        raise NotJudgeable(f"{person.name} cannot judge {audit.name}: {OWNER}")
    try:
        kept = in_evidence(*evidence)
    except ValueError as error:
        raise NotJudgeable(str(error)) from error
    tx.judgements.add(incident.id, place, verdict, kept, by=person.name, through=through)
    text = f"{audit.name}: {person.name} judged it {verdict.value}, through {through}"
    tx.journal.add(incident.id, EntryKind.NOTE, text, {"audit": list(place)})
    subject = incident_subject(incident.ticket.connection, incident.ticket.id)
    tx.jobs.touch(INCIDENT_JOB, subject, priority=PROMPT, reason=text, whole=False)
    return f"{audit.name}: {verdict.value}, by {person.name}"


def until_then(incident: Incident, place: tuple[int, int, int], connections: Container[str]) -> str:
    """A sentence, after a space, on why the verdict on this audit waits longer than for its ticket
    to be read; "" where the rules, which know these `connections`, have all that it takes."""
    audit = find(incident, place)
    why = cannot_be_answered(incident, audit, connections) if audit else ""
    return f" Until then it waits: {why}." if why else ""


def named(by: str, people: Sequence[KnownPerson]) -> KnownPerson:
    """Whom of the rules' people somebody means. Raises NotJudgeable where nobody is called so."""
    wanted = same_word(by.strip().removeprefix("@"))
    found = next((person for person in people if wanted in written_words(person)), None)
    if found is None:
        names = ", ".join(person.name for person in people) or "nobody at all"
        raise NotJudgeable(f"the rules name nobody {by or 'without a name'}: they name {names}")
    return found
