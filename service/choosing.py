"""Settling what the sides of an action item do not agree on, by the page or the command line: a
row, which the incident's job takes in."""

from __future__ import annotations

from service.jobs import PROMPT
from service.routing import INCIDENT_JOB, incident_subject
from service.store import Transaction
from service.store.incidents import IncidentRecord
from service.store.journal import EntryKind
from workflows.choices import (
    claim_of,
    conflict_of,
    in_words,
    item_in,
    may_resume,
    not_open,
    not_said,
    nothing_rests,
)
from workflows.model import ActionItem, Incident
from workflows.snapshots import Field, Side, Value
from workflows.voices import record as values_of


class NotChoosable(LookupError):
    """There is nothing to settle, or not so; the message says why, and what can be chosen."""


def choose(
    tx: Transaction,
    record: IncidentRecord,
    item: int,
    field: Field,
    value: Value | int,
    *,
    by: str,
) -> str:
    """Write down that `by` chose this value, or the claim of this number (from 1), where a field
    of ``AI-item`` is in conflict, and ask for the incident's job, which makes it hold. Returns
    what comes of it, in words; what holds already is left so.

    Raises NotChoosable, and writes nothing, when nobody said that value or nothing is in conflict.
    """
    found = _item(record.incident, item)
    conflict = conflict_of(found, field)
    if conflict is None:
        if value == values_of(found)[field]:
            return f"{found.name} {field} is {in_words(values_of(found)[field])} already."
        raise NotChoosable(not_open(found, field))
    if isinstance(value, int):
        claim = conflict.claims[value - 1] if 0 < value <= len(conflict.claims) else None
        value = f"number {value}"
    else:
        claim = claim_of(conflict, value)
    if claim is None:
        raise NotChoosable(not_said(found, conflict, value))
    chosen = claim.said.value
    tx.choices.add(record.incident.id, item, field, chosen, by, resumes=False)
    _ask(tx, record.incident, found, field, f"{by} chose {in_words(chosen)}")
    return f"{found.name} {field}: {in_words(chosen)} is chosen."


def resume(tx: Transaction, record: IncidentRecord, item: int, field: Field, *, by: str) -> str:
    """Write down that `by` wants a field of ``AI-item`` kept in sync again where it is left alone,
    and its value tried again where it was refused, and ask for the incident's job. Returns what
    comes of it, in words. Raises NotChoosable, and writes nothing, when neither is so."""
    found = _item(record.incident, item)
    if not may_resume(found, field):
        raise NotChoosable(nothing_rests(found, field))
    tx.choices.add(record.incident.id, item, field, None, by, resumes=True)
    for side, ref in ((Side.TASK, found.task), (Side.TWIN, found.twin)):
        agreement = found.sides.get(side)
        if ref is not None and agreement is not None and field in agreement.resting:
            tx.refs.say_changed(ref.connection, ref.id)  # while left alone, it was not taken in
    _ask(tx, record.incident, found, field, f"{by} wants it tried again")
    return f"{found.name} {field} is tried again, and kept in sync."


def _item(incident: Incident, number: int) -> ActionItem:
    found = item_in(incident, number)
    if found is None:
        raise NotChoosable(f"there is no AI-{number} of {incident.ticket.key}")
    return found


def _ask(tx: Transaction, incident: Incident, item: ActionItem, field: Field, text: str) -> None:
    """Journal it, and ask for a turn. Nothing is new of the incident ticket."""
    data = {"item": item.number, "field": field.value}
    tx.journal.add(incident.id, EntryKind.NOTE, f"{item.name} {field}: {text}", data)
    subject = incident_subject(incident.ticket.connection, incident.ticket.id)
    tx.jobs.touch(INCIDENT_JOB, subject, priority=PROMPT, reason=text, whole=False)
