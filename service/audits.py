"""The tickets of an incident's audits, read again when something was told of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from integrations.tracker import NotThere, Tracker, TrackerError
from service.jobs import Done, Failed, JobEnd, Later
from service.outcomes import retry_at, sentence
from service.store import Store, Transaction
from service.store.refs import Ref, Role
from workflows.audits import to_be_withdrawn
from workflows.events import AuditGone, AuditRead, AuditReading
from workflows.judging import stuck, to_be_read
from workflows.model import Incident, TicketRef
from workflows.policy import Policy
from workflows.rungs import Audit, Place

log = structlog.get_logger()

#: How long a verdict or an opening rests whose connection the rules have lost: they are read when a
#: worker starts, and only somebody who changes them mends it.
REST = timedelta(minutes=10)


@dataclass(slots=True)
class LookedAt:
    """What was read, of which hints, and when what could not be read is tried again. `asked`: which
    audits were to be read whether somebody told of them or not. `stuck`: which verdicts wait for a
    connection that the rules have lost, in sentences."""

    asked: frozenset[Place] = frozenset()
    readings: list[AuditReading] = field(default_factory=list)
    heard: list[Ref] = field(default_factory=list)
    failed: list[Later] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)

    def remember(self, tx: Transaction, incident: Incident) -> None:
        """Note that these hints are dealt with, in the transaction that saves what they led to.
        A ticket that was transferred is known by its new id as well."""
        for ref in self.heard:
            tx.refs.heard(ref)
        for reading in self.readings:
            if isinstance(reading, AuditRead):
                now = reading.ticket.ref
                tx.refs.put(Ref(now.connection, now.id, incident.id, Role.AUDIT, now.key))


class AuditTickets:
    """Reads the tickets of audits that changed: each whole, because labels, comments and their
    authors say the verdict."""

    def __init__(self, store: Store, trackers: Mapping[str, Tracker], policy: Policy) -> None:
        self._store = store
        self._trackers = trackers
        self._policy = policy

    def look(self, incident: Incident | None) -> LookedAt:
        """Each changed one in one read; each that was judged elsewhere, because what its own ticket
        says sooner comes first; and each that is to be withdrawn, because what was said there
        before its measure changed still counts. What cannot be read now stays to be read."""
        if incident is None or not any(audit.stands for audit in incident.audits):
            return LookedAt()
        besides = [*to_be_read(incident), *self._to_be_withdrawn(incident)]
        looked = LookedAt(frozenset(audit.place for audit in besides))
        with self._store.read() as tx:
            refs = tx.refs.audits_to_read(incident.id)
            tickets = dict.fromkeys(audit.ticket for audit in besides if audit.ticket)
            also = [tx.refs.find(ticket.connection, ticket.id) for ticket in tickets]
        looked.stuck += stuck(incident, self._trackers)
        refs += [ref for ref in also if ref is not None and ref not in refs]
        for ref in refs:
            audit, tracker = _of(incident, ref), self._trackers.get(ref.connection)
            if audit is None:
                looked.heard.append(ref)
            elif tracker is not None:
                self._look(looked, tracker, ref, audit)
        return looked

    def waits(self, incident: Incident, looked: LookedAt) -> bool:
        """Whether an audit is to be withdrawn whose ticket this look did not ask for."""
        return any(each.place not in looked.asked for each in self._to_be_withdrawn(incident))

    def _to_be_withdrawn(self, incident: Incident) -> list[Audit]:
        team = self._policy.teams.get(incident.team)
        over = to_be_withdrawn(incident, team) if team else []
        return [each for each in over if each.ticket and each.ticket.connection in self._trackers]

    def _look(self, looked: LookedAt, tracker: Tracker, ref: Ref, audit: Audit) -> None:
        known = audit.ticket or TicketRef(ref.connection, ref.ticket_id, ref.key, "")
        try:
            looked.readings.append(AuditRead(audit.place, tracker.fetch(known)))
        except NotThere as error:
            looked.readings.append(AuditGone(audit.place, error.words))
        except TrackerError as error:
            log.warning("audit not read", audit=ref.key, words=error.words)
            at = retry_at(error, self._store.clock())
            looked.failed.append(Later(at, f"{ref.key}: {sentence(error)}"))
            return
        looked.heard.append(ref)


def until_given_back(stuck: Sequence[str], end: Done | Later, now: datetime) -> JobEnd:
    """How a turn ends that would have ended so, where verdicts or openings are `stuck`: somebody
    has to mend that, and is told so for as long as it lasts."""
    if not stuck:
        return end
    at = now + REST
    return Failed("; ".join(stuck), min(at, end.at) if isinstance(end, Later) else at)


def _of(incident: Incident, ref: Ref) -> Audit | None:
    for audit in incident.audits:
        ticket = audit.ticket
        if ticket and (ticket.connection, ticket.id) == (ref.connection, ref.ticket_id):
            return audit
    return None
