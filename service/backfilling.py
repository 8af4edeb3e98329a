"""The backfill's job: it finds the tickets of a period in lists, and asks for their incidents'
turns, a few at a time.

The turns themselves are those of all incidents (`service.processing`), under the same leases, and
at the backfill's part of what trackers allow (`workflows.budgets`). So nothing happens twice,
however often this one is stopped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from integrations.tracker import (
    NotThere,
    RateLimited,
    Rejected,
    SignInFailed,
    Tracker,
    TrackerError,
)
from service.clock import Clock
from service.comparing import chunks
from service.jobs import BACKFILL, PATIENCE, ClaimedJob, Done, JobEnd, Later, pause_after
from service.lease import Lease
from service.outcomes import RUNNABLE, retry_at, sentence
from service.routing import INCIDENT_JOB, incident_subject
from service.store import Store, Transaction
from service.store.backfills import (
    ENDED,
    JOB,
    Backfill,
    BackfillState,
    Found,
    TicketState,
    Unlisted,
)
from service.store.codec import Json
from service.store.effects import EffectState
from workflows.backfilling import Pace, Place, Wish, candidate, is_done, places
from workflows.model import Ticket, TicketRef
from workflows.policy import Policy
from workflows.rights import Actor, Teams, may_see
from workflows.timeline import closed_at

log = structlog.get_logger()

#: So many turns are asked for at a time. A worker has four threads: what is new always finds one
#: that does not wait for room.
IN_FLIGHT = 2

#: How soon it is looked whether they ended.
LOOK_AGAIN = timedelta(seconds=1)


class AlreadyRunning(Exception):
    """One backfill at a time: `running` is the one that goes on."""

    def __init__(self, running: Backfill) -> None:
        super().__init__(f"backfill {running.id} is running")
        self.running = running


def begin(tx: Transaction, wish: Wish, policy: Policy, connection: str, actor: Actor) -> int:
    """Ask for what is wished, of one connection only if one is named; returns its number. Raises
    AlreadyRunning."""
    _only_one(tx)
    number = tx.backfills.begin(wish, actor.signed, places(wish, policy, connection))
    tx.jobs.touch(JOB, str(number), priority=BACKFILL, reason=f"asked for by {actor.signed}")
    period = f"{wish.since:%Y-%m-%d} to {wish.until:%Y-%m-%d}"
    after: Json = {
        "period": period,
        "teams": list(wish.teams),
        "documents": wish.documents,
        "tasks": wish.tasks,
    }
    tx.changes.add(actor, "backfill begun", str(number), None, after)
    return number


def stop(tx: Transaction, backfill: Backfill, actor: Actor) -> None:
    """Have it ask for no more turns; those that it asked for end."""
    tx.backfills.stop(backfill.id)
    tx.changes.add(actor, "backfill stopped", str(backfill.id), backfill.state.value, "stopped")


def resume(tx: Transaction, backfill: Backfill, actor: Actor) -> None:
    """Have it go on where it was, and ask the places that it lost anew. Raises AlreadyRunning, also
    of itself."""
    _only_one(tx)
    tx.backfills.resume(backfill.id)
    tx.jobs.touch(JOB, str(backfill.id), priority=BACKFILL, reason=f"resumed by {actor.signed}")
    tx.changes.add(actor, "backfill resumed", str(backfill.id), backfill.state.value, "running")


def _only_one(tx: Transaction) -> None:
    running = tx.backfills.latest(BackfillState.RUNNING)
    if running is not None:
        raise AlreadyRunning(running)


class Backfilling:
    """Runs the jobs of kind ``backfill``, whose subject is the number of one."""

    def __init__(
        self, store: Store, policy: Policy, trackers: Mapping[str, Tracker], clock: Clock
    ) -> None:
        self._store = store
        self._policy = policy
        self._trackers = trackers
        self._clock = clock

    def run(self, job: ClaimedJob) -> JobEnd:
        with Lease(self._store, job).held() as lease:
            return self._run(int(job.subject), lease)

    def _run(self, number: int, lease: Lease) -> JobEnd:
        with self._store.read() as tx:
            backfill = tx.backfills.get(number)
            unlisted = tx.backfills.unlisted(number)
            due = [each for each in unlisted if _is_due(each, tx.now)]
        if backfill is None or backfill.state is not BackfillState.RUNNING:
            return Done()
        for each in due:
            try:
                if not self._list(lease, backfill, each.place):
                    return Done()
            except TrackerError as error:
                self._not_listed(lease, backfill, each, error)
        return self._go_on(lease, backfill)

    # --- finding ------------------------------------------------------------------------------

    def _list(self, lease: Lease, backfill: Backfill, place: Place) -> bool:
        """Find the tickets of one place; False where somebody stopped it meanwhile. A list that
        broke off is read again from its beginning: a hundred tickets are one call."""
        wish, number = backfill.wish, backfill.id
        tracker = self._trackers.get(place.connection)
        if tracker is None:
            raise Rejected(
                f"the rules have no connection {place.connection}",
                mend=f"Name it in the rules again, then resume backfill {number}.",
            )
        for tickets in chunks(tracker.history(place.place, wish.since, wish.until)):
            found = [each for each in tickets if candidate(each, wish, self._policy)]
            with self._store.write() as tx:
                lease.extend(tx)
                if not _is_running(tx, number):
                    return False
                for ticket in found:
                    _add(tx, backfill, ticket)
        with self._store.write() as tx:
            lease.extend(tx)
            tx.backfills.listed(number, place)
            log.info("listed", backfill=number, place=place.place)
        return True

    def _not_listed(
        self, lease: Lease, backfill: Backfill, before: Unlisted, error: TrackerError
    ) -> None:
        """Let a place rest whose list failed, longer each time so that the others do not wait for
        it again and again; one that was refused is lost until somebody resumes the backfill. What
        is not allowed for now is no failure. A sign-in that fails is mended for all places at once,
        and none of them is lost by it. Nothing is written of a list that began before somebody
        resumed: that asks anew."""
        failures = before.failures + (not isinstance(error, RateLimited))
        refused = isinstance(error, Rejected | NotThere)
        lost = refused and not isinstance(error, SignInFailed)
        with self._store.write() as tx:
            lease.extend(tx)
            now = tx.backfills.get(backfill.id)
            if now is None or now.resumed_at != backfill.resumed_at:
                return
            again_at = retry_at(error, tx.now)
            if not isinstance(error, RateLimited):
                again_at = max(again_at, tx.now + pause_after(failures))
            after = Unlisted(
                before.place, failures, None if lost else again_at, lost, sentence(error)
            )
            tx.backfills.not_listed(backfill.id, after)
        place, words = before.place.place, error.words
        log.warning("place not listed", backfill=backfill.id, place=place, words=words, lost=lost)

    # --- asking for turns ---------------------------------------------------------------------

    def _go_on(self, lease: Lease, backfill: Backfill) -> JobEnd:
        number, now = backfill.id, self._clock()
        with self._store.write() as tx:
            lease.extend(tx)
            if not _is_running(tx, number):
                return Done()
            resting = [each for each in tx.backfills.unlisted(number) if not each.lost]
            why = [f"{each.place.place}: {each.words}" for each in resting if each.words]
            under_way = tx.backfills.of(number, TicketState.ASKED, IN_FLIGHT)
            for ref in list(under_way):
                state, words = _ended(tx, ref, backfill.wish)
                if state is TicketState.ASKED:
                    why += [f"{ref.key}: {words}"] if words else []
                    continue
                tx.backfills.put(number, ref, state, words)
                under_way.remove(ref)
            for ref in tx.backfills.of(number, TicketState.LISTED, IN_FLIGHT - len(under_way)):
                subject = incident_subject(ref.connection, ref.id)
                tx.ledger.sighted(ref.connection, ref.id, ref.key)
                tx.jobs.touch(INCIDENT_JOB, subject, priority=BACKFILL, reason=f"backfill {number}")
                tx.backfills.put(number, ref, TicketState.ASKED)
                under_way.append(ref)
            tx.backfills.waits_for(number, "; ".join(why))
            if not under_way and not resting:
                tx.backfills.done(number)
                log.info("backfill done", backfill=number)
                return Done()
        if under_way:
            return Later(now + LOOK_AGAIN, "it looks whether they ended")
        return Later(min(each.again_at or now for each in resting), "; ".join(why))


def _is_due(place: Unlisted, now: datetime) -> bool:
    return not place.lost and (place.again_at is None or place.again_at <= now)


def _is_running(tx: Transaction, number: int) -> bool:
    backfill = tx.backfills.get(number)
    return backfill is not None and backfill.state is BackfillState.RUNNING


def _add(tx: Transaction, backfill: Backfill, ticket: Ticket) -> None:
    """What we made ourselves is no incident of the past, whatever the rules match."""
    ref = ticket.ref
    if tx.refs.find(ref.connection, ref.id) is not None:
        return
    known = tx.incidents.by_ticket(ref.connection, ref.id)
    done = known is not None and is_done(known.incident, backfill.wish)
    state = TicketState.KNOWN if done else TicketState.LISTED
    tx.backfills.add(backfill.id, Found(ref, closed_at(ticket)), state)


def _ended(tx: Transaction, ref: TicketRef, wish: Wish) -> tuple[TicketState, str]:
    """How the turn that was asked for ended, in words where they are needed; `ASKED` where it did
    not, with what it waits for."""
    job = tx.jobs.get(INCIDENT_JOB, incident_subject(ref.connection, ref.id))
    record = tx.incidents.by_ticket(ref.connection, ref.id)
    if job is not None and job.failures > PATIENCE:
        return TicketState.STUCK, job.reason or "it failed again and again"
    if job is not None and (job.lease_until is not None or job.due_at <= tx.now):
        return TicketState.ASKED, ""
    waits = job.reason or "" if job is not None else ""
    if record is None or not is_done(record.incident, wish):
        if job is not None:
            return TicketState.ASKED, waits
        return TicketState.LEFT, "read whole, it is none of those that were asked for"
    if record.incident.backfilled is None:
        return TicketState.LEFT, "it is followed like any other, or was closed at another time"
    effects = tx.effects.not_done(record.incident.id).values()
    if any(effect.state in RUNNABLE for effect in effects):
        return TicketState.ASKED, waits
    refused = [effect for effect in effects if effect.state is EffectState.REJECTED]
    if refused:
        return TicketState.STUCK, refused[0].words
    return TicketState.RECORDED, ""


# --- how far it is --------------------------------------------------------------------------------

#: The pace is that of so long: the longest window of a budget, after which it starts again.
LATELY = timedelta(hours=1)

#: For so long it is told on pages that one is done.
NEWS = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one is: its tickets by how far each is, and the `pace` of those that are to be read.
    `listing`: more may be found; `lost` are the places where not all was, and is not looked for any
    more."""

    backfill: Backfill
    counts: Mapping[TicketState, int]
    pace: Pace
    listing: bool
    lost: tuple[Unlisted, ...] = ()

    @property
    def ended_without(self) -> bool:
        """Whether it ended, and not all of its places could be listed."""
        return self.backfill.state is BackfillState.DONE and bool(self.lost)


def progress(tx: Transaction, backfill: Backfill) -> Progress:
    """How far it is now."""
    counts = tx.backfills.counts(backfill.id)
    to_read = {state: count for state, count in counts.items() if state is not TicketState.KNOWN}
    ended = sum(count for state, count in to_read.items() if state in ENDED)
    span = min(LATELY, tx.now - backfill.resumed_at)
    lately = tx.backfills.ended_since(backfill.id, tx.now - span)
    pace = Pace(sum(to_read.values()), ended, lately, span)
    unlisted = tx.backfills.unlisted(backfill.id)
    lost = tuple(each for each in unlisted if each.lost)
    return Progress(backfill, counts, pace, len(lost) < len(unlisted), lost)


def shown_now(tx: Transaction, teams: Teams) -> Progress | None:
    """How far the last one is, as long as that is news to somebody who sees these teams."""
    latest = tx.backfills.latest()
    if latest is None or not all(may_see(teams, each) for each in latest.wish.teams):
        return None
    old = latest.ended_at is not None and latest.ended_at < tx.now - NEWS
    return None if old else progress(tx, latest)


def in_words(told: Progress) -> str:
    """How far it is, in a line."""
    found, pace, counts = told.backfill, told.pace, told.counts
    lost = f"{len(told.lost)} place{'s' * (len(told.lost) > 1)} failed" if told.lost else ""
    state = f"ended, {lost}" if told.ended_without else found.state.value
    parts = [f"{state}: {pace.ended} of {pace.total}"]
    if lost and not told.ended_without:
        parts.append(lost)
    if told.listing:
        parts.append("still looking for more")
    for state, words in (
        (TicketState.KNOWN, "known already"),
        (TicketState.LEFT, "left alone"),
        (TicketState.STUCK, "wait for a person"),
    ):
        if counts.get(state):
            parts.append(f"{counts[state]} {words}")
    if found.state is BackfillState.RUNNING and pace.per_hour:
        parts.append(f"{pace.per_hour:.0f} an hour")
        if pace.left is not None and not told.listing:
            parts.append(f"about {span_in_words(pace.left)} left")
    if found.why:
        parts.append(f"waits for {found.why}")
    return "; ".join(parts)


def lost_in_words(place: Unlisted) -> str:
    """Which place is lost, and why."""
    return f"{place.place.place} of {place.place.connection} could not be listed: {place.words}"


def span_in_words(length: timedelta) -> str:
    """A length of time, in whole minutes that are enough for it."""
    minutes = max(math.ceil(length.total_seconds() / 60), 1)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest:02} min" if hours else f"{minutes} min"
