"""One incident's turn: read its ticket, decide, save, execute; again until nothing new is wanted.

One worker at a time: the job's lease is the incident's lease, and everything that is saved is
fenced by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

import structlog

from integrations.tracker import Tracker, TrackerError
from service import traces
from service.audits import AuditTickets, LookedAt, until_given_back
from service.checks import Checks, watch
from service.clock import Clock
from service.executor import Executor
from service.governor import PATIENCE, not_for
from service.jobs import ClaimedJob, Done, JobEnd, Later
from service.lease import Lease
from service.outcomes import (
    RUNNABLE,
    batch,
    built_on,
    goes_to,
    held,
    lapsed,
    new_apart,
    retry_at,
    sentence,
)
from service.people import Directory
from service.proofs import ProofTickets
from service.recognising import without_own_comment
from service.recurrences import Recurrences, compare
from service.related import AtSetUp
from service.reminders import within_limits
from service.rereading import Rereading, Unread, feasible, note
from service.reviews import ask_for_review
from service.rota import judge_fairly
from service.settling import may_have_happened
from service.store import Store, Transaction
from service.store.codec import Json
from service.store.effects import EffectRecord
from service.store.incidents import IncidentRecord
from service.store.journal import EntryKind
from service.stranding import Stranding
from service.tasks import Looked, Tasks
from service.tasks import Ticket as Task
from service.tick import put_plan
from service.transfers import follow, read
from workflows import attaching, choices, judging, outside, publishing
from workflows.backfilling import Wish
from workflows.budgets import Haste
from workflows.effects import Effect, Hold, WriteRegions
from workflows.events import ProofRead, Reading, TaskReading, TicketUnchanged
from workflows.lifecycle import decide
from workflows.model import Incident, TicketRef
from workflows.policy import Mode, Policy
from workflows.proposals import hear
from workflows.standing import Decision

log = structlog.get_logger()

#: A turn that decides more often than this is going in circles (a document that people and we
#: write at the same moment, again and again): it rests and says so.
ROUNDS = 50
REST = timedelta(minutes=1)

_UNREADABLE = "could not be read"


class Processing:
    """Runs the jobs of kind ``incident``, whose subject is ``<connection>/<ticket id>``."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        trackers: Mapping[str, Tracker],
        executor: Executor,
        recurrences: Recurrences,
        checks: Checks,
        related: AtSetUp,
        stranding: Stranding,
        clock: Clock,
    ) -> None:
        self._store = store
        self._policy = policy
        self._trackers = trackers
        self._executor = executor
        self._documents = Rereading(store, policy, executor, clock)
        self._people = Directory(store, policy, trackers)
        self._tasks = Tasks(store, trackers, policy, self._people)
        self._audits = AuditTickets(store, trackers, policy)
        self._proofs = ProofTickets(store, trackers, policy)
        self._recurrences = recurrences
        self._checks = checks
        self._related = related
        self._stranding = stranding
        self._clock = clock

    def run(self, job: ClaimedJob) -> JobEnd:
        with Lease(self._store, job).held() as lease:
            return self._run(job, lease)

    def _run(self, job: ClaimedJob, lease: Lease) -> JobEnd:
        connection, _, ticket_id = job.subject.partition("/")
        tracker = self._trackers.get(connection)
        if tracker is None:
            return self._without_tracker(job, connection, ticket_id)
        with self._store.read() as tx:
            known = tx.incidents.by_ticket(connection, ticket_id)
            key = tx.ledger.key(connection, ticket_id) or ticket_id
            last = known and tx.journal.last(known.incident.id, EntryKind.NOTE)
            accepted = tx.acceptances.of_incident(known.incident.id) if known else []
            chosen = tx.choices.of_incident(known.incident.id) if known else []
            asked = tx.versions.asked(known.incident.id) if known else []
            judged = tx.judgements.of_incident(known.incident.id) if known else []
            attached = tx.evidence.of_incident(known.incident.id) if known else []
            backfills = tx.backfills.wishes(connection, ticket_id)
        traces.note(connection=connection, **({"incident": known.incident.id} if known else {}))
        ref = known.incident.ticket if known else TicketRef(connection, ticket_id, key, "")
        if known and not lease.prompt and (end := self._held_up(known.incident, lease.haste)):
            return end
        whole = job.whole or not known or outside.must_read(known.incident, self._policy)
        try:
            reading = read(tracker, ref) if whole else TicketUnchanged()
            reading = without_own_comment(self._store, tracker, reading, known, job.subject)
        except TrackerError as error:
            return self._later(job, known, error)
        followed = follow(self._store, self._policy.hash, job, reading, known)
        if isinstance(followed, Done):
            return followed
        reading = followed
        if known and last and last.text.startswith(_UNREADABLE):
            with self._store.write() as tx:
                tx.jobs.fence(job)
                tx.journal.add(known.incident.id, EntryKind.NOTE, "can be read again")
        if known:
            begun = outside.begun(known.incident, self._policy, self._clock())
            known = replace(known, incident=begun)
        incident, unread = self._documents.again(job, known)
        incident = incident and choices.hear(hear(incident, accepted), chosen)
        incident = incident and attaching.hear(judging.hear(incident, judged), attached)
        if unread is None:  # who asks to publish a text that cannot be read waits as well
            incident = incident and publishing.hear(incident, asked)
        incident = incident and self._recurrences.hear(incident)
        return self._turn(job, lease, reading, incident, unread, backfills)

    def _turn(
        self,
        job: ClaimedJob,
        lease: Lease,
        reading: Reading,
        incident: Incident | None,
        unread: Unread | None,
        backfills: Sequence[Wish],
    ) -> JobEnd:
        """Decide and execute until nothing more can be done now. In a team that only plans,
        nothing is executed: not even what was left over when it still acted."""
        make_id = self._name_of(job)
        incident, later = self._checks.hear(job, incident)
        records = self._records(incident)
        failed: dict[Task, Later] = {("checks", each.reason): each for each in later}
        saved = None
        for _ in range(ROUNDS):
            holds = held(records, self._clock())
            looked = self._tasks.look(incident)
            audits = self._audits.look(incident)
            proofs = self._proofs.look(incident, looked)
            failed |= looked.failed | proofs.failed
            found = (looked.readings, audits, proofs.readings, backfills)
            judge = partial(self._decide, reading, incident, make_id, holds, unread, *found)
            with traces.step("decide"):
                decision, later = self._people.judge(judge, reading, looked.readings)
            decision = self._related.proposed(decision)
            failed |= {("people", each.reason): each for each in later}
            before, incident = incident, decision.incident
            if incident is None:
                return self._unwatched(job, "; ".join(decision.reasons))
            traces.note(incident=incident.id)
            decision, records = self._save(job, before, incident, saved, decision, looked, audits)
            saved = incident
            if self._tasks.waits(incident, looked) or self._audits.waits(incident, audits):
                continue  # read before anything is done: it may change what that is
            possible = [] if self._only_plans(incident) else feasible(decision.effects, unread)
            going = self._not_behind(possible, records, incident, lease.haste)
            going = [effect for effect in going if built_on(effect) not in failed]
            ready = batch(going, records, self._clock())
            if not ready and self._proofs.waits(incident, failed):
                continue
            if not ready:
                waiting = [*failed.values(), *audits.failed, *_later(decision)]
                end = self._rest(possible, records, unread, waiting)
                stuck = [*looked.stuck, *audits.stuck]
                return until_given_back(stuck, end, self._clock())
            incident = saved = self._executor.execute(lease, ready, incident, possible)
            records = self._records(incident)
        return Later(self._clock() + REST, "it kept changing while it was worked on")

    def _name_of(self, job: ClaimedJob) -> str:
        """What the ticket's incident is called if it is not known yet."""
        with self._store.read() as tx:
            return tx.restorations.name_of(job.subject)

    def _held_up(self, incident: Incident, haste: Haste) -> Later | None:
        """When to look again at an incident that only waits for a budget which is still used up:
        to read its ticket before that would spend for nothing. What waits for something else,
        to be looked up or for another tracker, is not kept waiting by it."""
        now, besides = self._clock(), not_for(haste)
        records = [r for r in self._records(incident).values() if r.state in RUNNABLE]
        with self._store.read() as tx:
            pauses = {
                there: tx.traffic.held_up(*there, now + PATIENCE, besides)
                for there in {goes_to(record.wish, incident) for record in records}
            }
        if not any(pauses.values()):
            return None
        waiting: list[Later] = []
        for record in records:
            pause = pauses[goes_to(record.wish, incident)]
            if pause is not None and not may_have_happened(record):
                waiting.append(Later(pause.until, pause.why))
            elif record.due_at is not None and record.due_at > now:
                waiting.append(Later(record.due_at, record.words))
            else:
                return None
        return min(waiting, key=lambda each: each.at)

    def _not_behind(
        self,
        wished: Sequence[Effect],
        records: Mapping[str, EffectRecord],
        incident: Incident,
        haste: Haste,
    ) -> list[Effect]:
        """The wishes, without those that would overtake another which waits for a budget of the
        same tracker. A table of tasks that is written between two of them is written twice."""
        now, besides = self._clock(), not_for(haste)
        wait = {
            goes_to(effect, incident)[0]
            for effect in wished
            if (due := records[effect.key].due_at) is not None and due > now
        }
        if not wait:
            return list(wished)
        with self._store.read() as tx:
            there = {goes for each in wished if (goes := goes_to(each, incident))[0] in wait}
            behind = {each for each in there if tx.traffic.held_up(*each, now, besides)}
        return [effect for effect in wished if goes_to(effect, incident) not in behind]

    def _decide(
        self,
        reading: Reading,
        incident: Incident | None,
        make_id: str,
        holds: Mapping[str, Hold],
        unread: Unread | None,
        tasks: Sequence[TaskReading],
        audits: LookedAt,
        proofs: Sequence[ProofRead],
        backfills: Sequence[Wish],
        policy: Policy,
    ) -> Decision:
        """The decision; with a document that cannot be read, writing it is held."""
        known = partial(decide, reading, incident, tasks=tasks, audits=audits.readings)
        known = partial(known, proofs=proofs, backfills=backfills)
        judge = partial(known, new_id=make_id, now=self._clock())
        decision, policy = judge_fairly(self._store, partial(judge, held=holds), incident, policy)
        if unread is None:
            return decision
        writes = [each.key for each in decision.effects if isinstance(each, WriteRegions)]
        return judge(policy, held={**holds, **dict.fromkeys(writes, unread.why)})

    def _only_plans(self, incident: Incident) -> bool:
        """Whether the team is in plan mode, or gone from the rules."""
        team = self._policy.teams.get(incident.team)
        return team is None or team.mode is Mode.PLAN

    def _save(
        self,
        job: ClaimedJob,
        before: Incident | None,
        incident: Incident,
        saved: Incident | None,
        decision: Decision,
        looked: Looked,
        audits: LookedAt,
    ) -> tuple[Decision, dict[str, EffectRecord]]:
        """State, effects and reasons in one transaction, with what was heard of tasks; the
        decision within limits, and the effects wished or not done; what is wished no more has
        lapsed. `saved`: by this turn last."""
        planned = self._only_plans(incident)
        with self._store.write() as tx:
            tx.jobs.fence(job)
            decision = within_limits(tx, decision, self._policy)
            if incident != saved:
                tx.incidents.save(incident, self._policy.hash)
            if saved is None:
                ask_for_review(tx, incident, self._policy)
                tx.deliveries.belong_to(job.subject, incident.id)
            tx.effects.ask(incident.id, decision.effects, planned=planned)
            looked.remember(tx, incident)
            audits.remember(tx, incident)
            put_plan(tx, incident, self._policy)
            compare(tx, incident)
            watch(tx, incident, self._policy)
            self._write_down(tx, incident, decision, planned)
            for text, data in new_apart(before, incident, tx.now):
                tx.journal.add(incident.id, EntryKind.CONFLICT, text, data)
            records = tx.effects.not_done(incident.id, [e.key for e in decision.effects])
            if gone := lapsed(records, decision.effects):
                tx.effects.lapse(gone)
            return decision, {key: each for key, each in records.items() if key not in gone}

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

    def _rest(
        self,
        wished: Sequence[Effect],
        records: Mapping[str, EffectRecord],
        unread: Unread | None,
        besides: Sequence[Later],
    ) -> Done | Later:
        """Done, or again when the first of the waiting effects, the document, or what waits
        `besides`, is due."""
        waiting = [
            *besides,
            *(
                Later(record.due_at, record.words)
                for effect in wished
                if (record := records[effect.key]).due_at is not None
            ),
        ]
        if unread is not None:
            waiting.append(Later(unread.at, unread.why.why))
        return min(waiting, key=lambda each: each.at, default=Done())

    def _records(self, incident: Incident | None) -> dict[str, EffectRecord]:
        """Its effects that are not done."""
        with self._store.read() as tx:
            return tx.effects.not_done(incident.id) if incident else {}

    def _unwatched(self, job: ClaimedJob, why: str) -> Done:
        with self._store.write() as tx:
            tx.jobs.fence(job)
            tx.deliveries.explain(job.subject, why)
        log.info("not an incident", subject=job.subject, reason=why)
        return Done()

    def _without_tracker(self, job: ClaimedJob, connection: str, ticket_id: str) -> JobEnd:
        """The rules have lost the connection: what it told is kept, and so are the verdicts that
        were given here."""
        end = self._stranding.of_incident(job, connection)
        with self._store.read() as tx:
            known = tx.incidents.by_ticket(connection, ticket_id)
            said = tx.judgements.of_incident(known.incident.id) if known else []
        if known is None:
            return end
        stuck = judging.stuck(judging.hear(known.incident, said), self._trackers)
        return until_given_back(stuck, end, self._clock())

    def _later(self, job: ClaimedJob, known: IncidentRecord | None, error: TrackerError) -> JobEnd:
        """The ticket could not be read: when it is tried again, and why."""
        at = retry_at(error, self._clock())
        why = sentence(error)
        if known is not None:
            with self._store.write() as tx:
                tx.jobs.fence(job)
                note(tx, known.incident.id, f"{_UNREADABLE}, and is tried again: {why}")
        return Later(at, why)


def _later(decision: Decision) -> list[Later]:
    why = "its document, a field that kept flipping, or a reminder"
    return [Later(decision.again_at, why)] if decision.again_at else []
