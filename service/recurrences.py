"""Which incidents may be the same again: found when one is saved, acted on by each in its own turn.

Two incidents are two jobs, and neither writes into the other. Who finds that both have something in
common writes a row and asks for both turns, in the transaction that saves what it was found by. A
turn begins with what the rows say by then. So it does not matter which of the two was read first,
or what was lost in between.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from service.audience import Audiences
from service.clock import Clock
from service.routing import INCIDENT_JOB, incident_subject
from service.store import Store, Transaction
from service.store.dismissals import Dismissal
from service.store.jobs import AWAITED
from service.store.recurrences import Pair
from workflows import recurrence
from workflows.model import Incident
from workflows.pairs import Recurrence
from workflows.policy import Policy


def compare(tx: Transaction, incident: Incident) -> None:
    """Compare the incident, which this transaction saves, with all others, and ask for the turns of
    those for which something changed by that. Where nothing did, it only reads."""
    own = recurrence.traits(incident)
    if own is None:
        return
    pairs = {pair.other_than(incident.id): pair for pair in tx.recurrences.of_incident(incident.id)}
    others = list(pairs)
    if tx.recurrences.traits(incident.id) != own:
        tx.recurrences.put_traits(incident.id, own)
        others += [each for each in tx.recurrences.like(incident.id, own) if each not in pairs]
    for other_id in others:
        if (record := tx.incidents.get(other_id)) is not None:
            _compare(tx, incident, record.incident, own, pairs.get(other_id))


def compare_two(tx: Transaction, incident: Incident, other: Incident) -> None:
    """Compare the two once more, since a dismissal was taken back."""
    own = recurrence.traits(incident)
    pairs = {pair.other_than(incident.id): pair for pair in tx.recurrences.of_incident(incident.id)}
    if own is not None:
        _compare(tx, incident, other, own, pairs.get(other.id))


def _compare(
    tx: Transaction,
    incident: Incident,
    other: Incident,
    own: recurrence.Traits,
    known: Pair | None,
) -> None:
    pair = _pair(tx, incident, other, own, known)
    if pair != known and (known or pair.shared):
        tx.recurrences.put(pair)
        _ask(tx, incident)
        _ask(tx, other)


def withdraw(tx: Transaction, incident: Incident, other: Incident) -> bool:
    """Have the two count as a recurrence no more, since somebody dismissed that; whether they
    did."""
    pairs = {pair.other_than(incident.id): pair for pair in tx.recurrences.of_incident(incident.id)}
    pair = pairs.get(other.id)
    if pair is None or not pair.shared:
        return False
    tx.recurrences.put(replace(pair, shared=()))
    _ask(tx, incident)
    _ask(tx, other)
    return True


def _pair(
    tx: Transaction,
    incident: Incident,
    other: Incident,
    own: recurrence.Traits,
    known: Pair | None,
) -> Pair:
    shared = recurrence.shared(own, tx.recurrences.traits(other.id))
    if shared and tx.dismissals.of_pair(incident.id, other.id):
        shared = ()
    bare = incident.restricted or other.restricted
    if known is not None:
        return Pair(known.earlier, known.later, known.found, shared, bare)
    earlier, later = sorted((incident, other), key=lambda each: (_opened(each, tx.now), each.id))
    return Pair(earlier.id, later.id, tx.now, shared, bare)


def _opened(incident: Incident, now: datetime) -> datetime:
    return incident.opened or now


def _ask(tx: Transaction, incident: Incident) -> None:
    subject = incident_subject(incident.ticket.connection, incident.ticket.id)
    tx.jobs.touch(INCIDENT_JOB, subject, priority=AWAITED, reason="it may have happened before")


class Recurrences:
    """What each incident hears at the beginning of its turn."""

    def __init__(self, store: Store, policy: Policy, audiences: Audiences, clock: Clock) -> None:
        self._store = store
        self._policy = policy
        self._audiences = audiences
        self._clock = clock

    def hear(self, incident: Incident) -> Incident:
        """The incident after it heard of all pairs that it is in."""
        team = self._policy.teams.get(incident.team)
        with self._store.read() as tx:
            pairs = tx.recurrences.of_incident(incident.id)
            known = [(pair, tx.incidents.get(pair.other_than(incident.id))) for pair in pairs]
            dismissed = tx.dismissals.of_incident(incident.id) if pairs else {}
        if team is None or not known:
            return incident
        found = [
            self._seen(incident, pair, other.incident, dismissed.get(other.incident.id))
            for pair, other in known
            if other
        ]
        return recurrence.hear(incident, found, team, self._clock())

    def _seen(
        self, incident: Incident, pair: Pair, other: Incident, dismissed: Dismissal | None
    ) -> Recurrence:
        """The pair as this incident may speak of it: words are repeated only where all that is said
        of both is read by the same people."""
        later = other if pair.later == other.id else incident
        may_be_told = not pair.bare and self._audiences.are_one(incident, other)
        common = recurrence.in_words(incident.service or "", pair.shared)
        return Recurrence(
            other=other.id,
            ticket=other.ticket,
            earlier=pair.earlier == other.id,
            opened=later.opened or pair.found,
            found=pair.found,
            why=common if pair.shared and may_be_told else "",
            withdrawn=not pair.shared,
            dismissed=dismissed.by if dismissed else "",
        )
