"""One incident's turn: read its ticket, decide, save, execute; again until nothing new is wanted.

One worker at a time: the job's lease is the incident's lease, and everything that is saved is
fenced by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

import structlog

from integrations.tracker import NotThere, Tracker, TrackerError
from service.clock import Clock
from service.executor import Executor
from service.jobs import ClaimedJob, Done, JobEnd, Later
from service.outcomes import batch, held, retry_at, sentence
from service.store import Store, Transaction
from service.store.codec import Json
from service.store.effects import EffectRecord
from service.store.incidents import IncidentRecord, new_id
from service.store.journal import EntryKind
from workflows.effects import Effect
from workflows.events import Reading, TicketGone, TicketRead
from workflows.lifecycle import Decision, decide, fold
from workflows.model import Incident, TicketRef
from workflows.policy import Mode, Policy

log = structlog.get_logger()

#: A turn that decides more often than this is going in circles (a document that people and we
#: write at the same moment, again and again): it rests and says so.
ROUNDS = 50
REST = timedelta(minutes=1)


class Processing:
    """Runs the jobs of kind ``incident``, whose subject is ``<connection>/<ticket id>``."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        trackers: Mapping[str, Tracker],
        executor: Executor,
        clock: Clock,
        make_id: Callable[[], str] = new_id,
    ) -> None:
        self._store = store
        self._policy = policy
        self._trackers = trackers
        self._executor = executor
        self._clock = clock
        self._make_id = make_id

    def run(self, job: ClaimedJob) -> JobEnd:
        connection, _, ticket_id = job.subject.partition("/")
        tracker = self._trackers.get(connection)
        if tracker is None:
            return self._unwatched(job, f"the rules no longer have the connection {connection}")
        with self._store.read() as tx:
            known = tx.incidents.by_ticket(connection, ticket_id)
            key = tx.ledger.key(connection, ticket_id) or ticket_id
        ref = known.incident.ticket if known else TicketRef(connection, ticket_id, key, "")
        try:
            reading = read(tracker, ref)
            incident = self._with_document(job, known)
        except TrackerError as error:
            return self._later(job, known, error)
        return self._turn(job, reading, incident)

    def _turn(self, job: ClaimedJob, reading: Reading, incident: Incident | None) -> JobEnd:
        """Decide and execute until nothing more can be done now."""
        make_id = self._make_id()
        records = self._records(incident)
        for _ in range(ROUNDS):
            holds = held(records, self._clock())
            decision = decide(reading, incident, self._policy, new_id=make_id, held=holds)
            incident = decision.incident
            if incident is None:
                return self._unwatched(job, "; ".join(decision.reasons))
            records = self._save(job, incident, decision)
            ready = batch(decision.effects, records, self._clock())
            if not ready:
                return self._rest(decision.effects, records)
            incident = self._executor.execute(job, ready, incident)
            records = self._records(incident)
        return Later(self._clock() + REST, "it kept changing while it was worked on")

    def _with_document(self, job: ClaimedJob, known: IncidentRecord | None) -> Incident | None:
        """The incident, with its document read again if somebody changed that."""
        if known is None:
            return None
        incident = known.incident
        if not known.document_changed or incident.postmortem is None:
            return incident
        incident = fold(self._executor.read_document(incident), incident)
        with self._store.write() as tx:
            tx.jobs.fence(job)
            tx.incidents.save(incident, self._policy.hash)
            tx.incidents.set_document_changed(incident.id, False)
            tx.journal.add(incident.id, EntryKind.NOTE, "document read again: it was changed")
        return incident

    def _save(
        self, job: ClaimedJob, incident: Incident, decision: Decision
    ) -> dict[str, EffectRecord]:
        """State, effects and reasons in one transaction; returns the incident's effects."""
        planned = self._policy.teams[incident.team].mode is Mode.PLAN
        with self._store.write() as tx:
            tx.jobs.fence(job)
            tx.incidents.save(incident, self._policy.hash)
            tx.deliveries.belong_to(job.subject, incident.id)
            tx.effects.ask(incident.id, decision.effects, planned=planned)
            self._write_down(tx, incident, decision, planned)
            return {record.key: record for record in tx.effects.of_incident(incident.id)}

    def _write_down(
        self, tx: Transaction, incident: Incident, decision: Decision, planned: bool
    ) -> None:
        """The decision in the journal, unless it gives no reason or those of the last one."""
        text = "; ".join(decision.reasons)
        if not text:
            return
        data: dict[str, Json] = {
            "policy": self._policy.hash,
            "effects": [effect.key for effect in decision.effects],
            "planned": planned,
        }
        last = tx.journal.last(incident.id, EntryKind.DECISION)
        if last is None or (last.text, dict(last.data)) != (text, data):
            tx.journal.add(incident.id, EntryKind.DECISION, text, data)
            log.info("decision", incident=incident.ticket.key, reasons=text)

    def _rest(self, wished: tuple[Effect, ...], records: Mapping[str, EffectRecord]) -> JobEnd:
        """Done, or again when the first of the waiting effects is due."""
        waiting = [
            record for effect in wished if (record := records[effect.key]).due_at is not None
        ]
        times = [record.due_at for record in waiting if record.due_at is not None]
        if not times:
            return Done()
        return Later(min(times), waiting[0].words)

    def _records(self, incident: Incident | None) -> dict[str, EffectRecord]:
        if incident is None:
            return {}
        with self._store.read() as tx:
            return {record.key: record for record in tx.effects.of_incident(incident.id)}

    def _unwatched(self, job: ClaimedJob, why: str) -> JobEnd:
        with self._store.write() as tx:
            tx.jobs.fence(job)
            tx.deliveries.explain(job.subject, why)
        log.info("not an incident", subject=job.subject, reason=why)
        return Done()

    def _later(self, job: ClaimedJob, known: IncidentRecord | None, error: TrackerError) -> JobEnd:
        """The ticket could not be read: when it is tried again, and why."""
        at = retry_at(error, self._clock())
        why = sentence(error)
        if known is not None:
            with self._store.write() as tx:
                tx.jobs.fence(job)
                text = f"could not be read, tried again at {at:%H:%M:%S} UTC: {why}"
                tx.journal.add(known.incident.id, EntryKind.NOTE, text)
        return Later(at, why)


def read(tracker: Tracker, ref: TicketRef) -> Reading:
    """The ticket as it is now, or that it is gone. Raises TrackerError for anything else."""
    try:
        return TicketRead(tracker.fetch(ref))
    except NotThere as error:
        return TicketGone(ref, error.words)
