"""Closes milestones together that tasks and their twins carry, for teams whose rules want it.

A job for each such team: a milestone is of a place, and not of an incident whose turn could write
it. It runs when a webhook tells of any, and each hour for what none told of; it looks at what the
places list by then, so that a delivery that comes twice, late or never leads to the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import structlog

from integrations.tracker import NotThere, Rejected, Tracker, TrackerError
from service.clock import Clock
from service.jobs import PROMPT, ClaimedJob, Done, Failed, JobEnd, Later
from service.lease import Lease
from service.outcomes import retry_at, sentence
from service.store import Store, Transaction
from service.store.journal import EntryKind
from workflows.closings import Closing, Milestone, Pair, followed, moved, pairs, rests_until
from workflows.model import TicketRef
from workflows.policy import Mode, Policy, Team

log = structlog.get_logger()

CLOSING_JOB = "milestones"
EVERY = timedelta(hours=1)

#: Of so many refusals the job tells; the journals tell of each.
MOST_TOLD = 3


def ask_for_closings(tx: Transaction, policy: Policy, why: str) -> bool:
    """Have every team look now that closes milestones together; whether there is one."""
    teams = _teams(policy)
    for team in teams:
        tx.jobs.touch(CLOSING_JOB, team, priority=PROMPT, reason=why)
    return bool(teams)


def _teams(policy: Policy) -> dict[str, Team]:
    return {
        name: team
        for name, team in policy.teams.items()
        if team.sync.close_milestones and team.mode is Mode.ACT
    }


class _Lists:
    """The milestones of each place, asked for once in a run; and what keeps a place from being
    looked at, which is then found once for all that stand there."""

    def __init__(self, trackers: Mapping[str, Tracker]) -> None:
        self._trackers = trackers
        self._known: dict[tuple[str, str], Mapping[str, bool] | TrackerError] = {}

    def closed(self, milestone: Milestone) -> bool | None:
        """None where there is no such milestone (any more). Raises TrackerError."""
        here = milestone.connection, milestone.place
        if here not in self._known:
            self._known[here] = self._ask(*here)
        known = self._known[here]
        if isinstance(known, TrackerError):
            raise known
        return known.get(milestone.name)

    def _ask(self, connection: str, place: str) -> Mapping[str, bool] | TrackerError:
        tracker = self._trackers.get(connection)
        if tracker is None:  # the rules have it no more
            return {}
        try:
            return tracker.milestones(place)
        except NotThere:  # what became of its tickets, each tells
            return {}
        except TrackerError as error:
            return error


class ClosingTogether:
    """Runs the jobs of kind ``milestones``, whose subject is a team."""

    def __init__(
        self, store: Store, policy: Policy, trackers: Mapping[str, Tracker], clock: Clock
    ) -> None:
        self._store = store
        self._teams = _teams(policy)
        self._trackers = trackers
        self._clock = clock

    def start(self) -> None:
        """Ask for a look of each team now, as at each start of a worker."""
        with self._store.write() as tx:
            for team in self._teams:
                tx.jobs.touch(CLOSING_JOB, team)

    def run(self, job: ClaimedJob) -> JobEnd:
        with Lease(self._store, job).held() as lease:
            return self._run(job, lease)

    def _run(self, job: ClaimedJob, lease: Lease) -> JobEnd:
        """Look at each pair, whatever becomes of the others. What a tracker refuses is tried again
        with each look: somebody may have mended it."""
        team = self._teams.get(job.subject)
        if team is None:
            return Done()
        with self._store.read() as tx:
            records = tx.incidents.mirrored(team.name)
        lists, refused, waits = _Lists(self._trackers), list[str](), list[Later]()
        for pair in pairs((record.incident for record in records), team, self._place_of):
            try:
                end = self._settle(lease, pair, lists, team)
            except (Rejected, NotThere) as error:
                refused.append(f"{_named(pair)}: {sentence(error)}")
                self._note_refusal(lease, pair, error)
            except TrackerError as error:
                at = retry_at(error, self._clock())
                waits.append(Later(at, f"{_named(pair)}: {sentence(error)}"))
            else:
                waits += [end] if end else []
        next_look = Later(self._clock() + EVERY, "milestones are looked at again")
        soonest = min([*waits, next_look], key=lambda each: each.at)
        if refused:
            return Failed(_first(refused), soonest.at)
        return soonest

    def _place_of(self, ref: TicketRef) -> str:
        tracker = self._trackers.get(ref.connection)
        return tracker.place_of(ref) if tracker else ""

    def _settle(self, lease: Lease, pair: Pair, lists: _Lists, team: Team) -> Later | None:
        """Bring the two to one. Returns when to look again, where they are left alone till then.
        Raises TrackerError."""
        one, other = lists.closed(pair.one), lists.closed(pair.other)
        if one is None or other is None:  # renamed or gone: its tasks are read for that
            return None
        with self._store.read() as tx:
            known = tx.closings.get(pair)
        first = moved(pair, known, {pair.one: one, pair.other: other})
        if first is None:
            if known != (agreed := replace(known, closed=one, words="")):
                self._save(lease, pair, agreed, _both(pair, one))
            return None
        if first not in pair.count:
            return None
        until = rests_until(known, team.sync)
        if until is not None and until > self._clock():
            return Later(until, f"{_named(pair)}: somebody keeps changing it back")
        last, closed = (pair.other, one) if first == pair.one else (pair.one, other)
        self._trackers[last.connection].close_milestone(last.place, last.name, closed)
        now = self._clock()
        self._save(lease, pair, followed(known, closed, team.sync, now), _one(first, last, closed))
        log.info("milestone closed" if closed else "milestone opened", place=last.place)
        return None

    def _note_refusal(self, lease: Lease, pair: Pair, error: TrackerError) -> None:
        """Told once in the journals, not each hour."""
        with self._store.read() as tx:
            known = tx.closings.get(pair)
        why = sentence(error)
        if known.words != why:
            told = f"{_named(pair)}: not brought to one: {why}"
            self._save(lease, pair, replace(known, words=why), told)

    def _save(self, lease: Lease, pair: Pair, closing: Closing, told: str) -> None:
        with self._store.write() as tx:
            lease.extend(tx)
            tx.closings.put(pair, closing)
            for incident in pair.incidents:
                tx.journal.add(incident, EntryKind.NOTE, told)


def _first(refused: list[str]) -> str:
    """The first few, for what one tracker refuses of one it refuses of all."""
    more = [f"and {len(refused) - MOST_TOLD} more"] if len(refused) > MOST_TOLD else []
    return "; ".join([*refused[:MOST_TOLD], *more])


def _named(pair: Pair) -> str:
    return f"milestone {pair.one.name} of {pair.one.place} and {pair.other.place}"


def _both(pair: Pair, closed: bool) -> str:
    return f"{_named(pair)}: {'closed' if closed else 'open'} in both"


def _one(first: Milestone, last: Milestone, closed: bool) -> str:
    what = "closed" if closed else "opened again"
    return f"milestone {first.name}: {what} in {first.place}, so {what} in {last.place} too"
