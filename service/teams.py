"""A team's turn: it gets the portfolio audits, pre-reads and the digest that are due, each once.

As in an incident's turn, the job's lease is the team's: read, decide, save, execute, again until
nothing new is wanted. Incidents are read from the store alone; no turn of theirs is kept from
going on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from integrations.tracker import NotThere, Tracker, TrackerError
from service import owners, traces
from service.audience import Audiences
from service.clock import Clock
from service.executor import Executor
from service.jobs import ClaimedJob, Done, JobEnd, Later
from service.lease import Lease
from service.outcomes import batch, held, retry_at, sentence
from service.reviews import Reviews
from service.settling import may_have_happened
from service.store import Store, Transaction
from service.store.effects import EffectRecord
from service.store.journal import EntryKind
from service.store.owners import OfTeam
from service.store.refs import Ref, Role
from service.tick import put_team_plan
from workflows.audience import Spot
from workflows.model import Incident
from workflows.policy import Mode, Policy, Team, same_word
from workflows.portfolio import destination
from workflows.postmortem import MUTE_LABEL
from workflows.preread import Preread
from workflows.quarters import Quarter
from workflows.sight import Sight
from workflows.team_books import TeamBook
from workflows.team_schedule import digest_rules
from workflows.team_turn import Due, Heard, TeamDecision, decide_team, due
from workflows.tickets import TicketRef

log = structlog.get_logger()

#: More than any team has quarters behind it that nobody opened.
ROUNDS = 100


@dataclass(frozen=True, slots=True)
class Standing:
    """The ticket for digests as it was just read: what it is called and where it stands by now,
    which need not be where the rules would open it today; and what speaks against a comment on it,
    "" for nothing. None where no comment is to be written, or it could not be read; `unread` says
    why, and when that is tried again, where it may be read yet."""

    ticket: TicketRef | None = None
    spot: Spot | None = None
    no_comment: str = ""
    unread: Later | None = None


class TeamTurns:
    """Runs the jobs of kind ``team``, whose subject is the team's name."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        trackers: Mapping[str, Tracker],
        executor: Executor,
        audiences: Audiences,
        clock: Clock,
    ) -> None:
        self._store = store
        self._policy = policy
        self._trackers = trackers
        self._executor = executor
        self._audiences = audiences
        self._clock = clock
        self._reviews = Reviews(store, policy, trackers, audiences, clock)

    def run(self, job: ClaimedJob) -> JobEnd:
        with Lease(self._store, job).held() as lease:
            return self._run(job, lease)

    def _run(self, job: ClaimedJob, lease: Lease) -> JobEnd:
        traces.note(team=job.subject)
        team = self._policy.teams.get(job.subject)
        with self._store.read() as tx:
            book = tx.teams.get(job.subject)
            records = tx.effects.not_done(OfTeam(job.subject))
        if team is None or team.mode is Mode.PLAN or book is None:
            return Done()
        incidents: list[Incident] | None = None
        for _ in range(ROUNDS):
            found = due(book, team, uncertain(records), self._clock())
            reviews = self._reviews.due(book, team)
            if not found and not reviews:
                again = min(filter(None, (found.again_at, reviews.again_at)), default=None)
                return self._rest(job, book, team, again)
            if incidents is None and found:
                with self._store.read() as tx:
                    incidents = tx.incidents.of_team(team.name)
            standing = self._standing(book, team) if found.until is not None else Standing()
            decision = self._decide(book, found, incidents or (), team, records, standing)
            holds = Heard(held(records, self._clock()), uncertain(records))
            decision = self._reviews.decide(decision, reviews, team, holds)
            before, book = book, decision.book
            records = self._save(job, team, before, decision)
            ready = batch(decision.effects, records, self._clock())
            if ready:
                book = self._executor.execute(lease, ready, book, decision.effects)
                with self._store.read() as tx:
                    records = tx.effects.not_done(OfTeam(team.name))
            elif book == before:
                unread = [until for _, until in reviews.unread]
                unread += [standing.unread] if standing.unread else []
                return _waits(decision, records, unread)
        raise RuntimeError(f"{team.name} was asked for something {ROUNDS} times in a row")

    def _rest(self, job: ClaimedJob, book: TeamBook, team: Team, again: datetime | None) -> JobEnd:
        with self._store.write() as tx:
            tx.jobs.fence(job)
            put_team_plan(tx, book, team)
        return Later(again, "quiet hours") if again else Done()

    def _decide(
        self,
        book: TeamBook,
        found: Due,
        incidents: Sequence[Incident],
        team: Team,
        records: Mapping[str, EffectRecord],
        standing: Standing,
    ) -> TeamDecision:
        to = destination(team)
        opened = Spot(to.connection, to.place)
        if standing.ticket is not None:
            book = replace(book, digests=standing.ticket)
        tellable = self._tellable(incidents, opened)
        heard = Heard(
            held(records, self._clock()),
            uncertain(records),
            tellable,
            self._tellable(incidents, standing.spot or opened),
            standing.no_comment,
            standing.unread.reason if standing.unread else "",
            self._preread(found.preread, incidents, tellable, team) if found.preread else None,
        )
        return decide_team(book, found, incidents, team, self._policy, heard, self._clock())

    def _preread(
        self,
        quarter: Quarter,
        incidents: Sequence[Incident],
        tellable: frozenset[str],
        team: Team,
    ) -> Preread:
        """Of what may not be told in the ticket nothing is read."""
        untold = frozenset(each.id for each in incidents) - tellable
        with self._store.read() as tx:
            return tx.prereads.of(
                team.name, quarter, tx.now.date(), Sight(frozenset({team.name})), untold
            )

    def _tellable(self, incidents: Sequence[Incident], end: Spot) -> frozenset[str]:
        return frozenset(i.id for i in incidents if self._audiences.tellable(i, end))

    def _standing(self, book: TeamBook, team: Team) -> Standing:
        """The ticket for digests, which is read before a comment is written on it."""
        rules, ticket = digest_rules(team), book.digests
        if rules is None or rules.as_ticket or ticket is None:
            return Standing()
        tracker = self._trackers.get(ticket.connection)
        if tracker is None:
            why = f"the rules have no connection {ticket.connection!r} for {ticket.key} any more"
            return Standing(no_comment=why)
        try:
            state = tracker.look(ticket)
        except NotThere:
            why = f"{ticket.key} is deleted or hidden, and is not made again"
            return Standing(no_comment=why)
        except TrackerError as error:
            return Standing(unread=Later(retry_at(error, self._clock()), sentence(error)))
        muted = same_word(MUTE_LABEL) in {same_word(label) for label in state.labels}
        why = f"{state.ref.key} is muted" if muted else ""
        return Standing(state.ref, Spot(ticket.connection, state.place), why)

    def _save(
        self, job: ClaimedJob, team: Team, before: TeamBook, decision: TeamDecision
    ) -> dict[str, EffectRecord]:
        """The book, what is asked for, why, and what comes next, in one transaction."""
        owner = OfTeam(team.name)
        with self._store.write() as tx:
            tx.jobs.fence(job)
            if decision.book != before:
                tx.teams.save(decision.book)
            if (ticket := decision.book.digests) and ticket != before.digests:  # transferred
                ref = Ref(ticket.connection, ticket.id, "", Role.TEAM, ticket.key, team=team.name)
                tx.refs.put(ref)
            tx.effects.ask(owner, decision.effects)
            put_team_plan(tx, decision.book, team)
            _write_down(tx, owner, decision)
            return tx.effects.not_done(owner, [each.key for each in decision.effects])


def uncertain(records: Mapping[str, EffectRecord]) -> frozenset[str]:
    """The keys of effects that may have come true unknown to us."""
    return frozenset(
        key
        for key, record in records.items()
        if may_have_happened(record) or record.uncertain_since is not None
    )


def _write_down(tx: Transaction, owner: OfTeam, decision: TeamDecision) -> None:
    """Why, in the journal; not what the last line says already."""
    last = tx.journal.of_team(owner.name, 20)
    said = {entry.text for entry in last if entry.kind is EntryKind.DECISION}
    for reason in decision.reasons:
        if reason not in said:
            owners.note(tx, owner, EntryKind.DECISION, reason)
            log.info("decision", of=owner.name, reasons=reason)


def _waits(
    decision: TeamDecision, records: Mapping[str, EffectRecord], unread: Sequence[Later]
) -> JobEnd:
    """Again when the first of what waits, or of the tickets that are `unread`, may be tried again;
    done where all waits for a person."""
    waiting = list(unread)
    waiting += [
        Later(record.due_at, record.words)
        for effect in decision.effects
        if (record := records[effect.key]).due_at is not None
    ]
    return min(waiting, key=lambda each: each.at, default=Done())
