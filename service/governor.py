"""The keeper of the gate to the trackers: nothing is sent by a worker whose lease might end first,
over a budget, into a pause that a tracker asked for, or to a tracker that is down.

All of its memory is rows, so that every thread of every process keeps to the same.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from integrations.gate import Answered, Call, Cost, Pause, Report
from integrations.tracker import RateLimited, Unavailable
from service.lease import Lease, held
from service.store import Store, Transaction
from service.store.traffic import Circuit, Paused
from workflows.budgets import BACKFILL_PART, Haste, Window, free_at, room

log = structlog.get_logger()

#: How long a thread waits for room instead of giving its job back: to begin a job again costs
#: reads, so a short wait is the cheaper one.
PATIENCE = timedelta(seconds=10)

#: How often a waiting thread looks again: room may come sooner than was to be expected.
LOOK_AGAIN = timedelta(seconds=1)

#: A tracker is taken to be down after so many failing calls in a row, and is then looked at once
#: in a while, less and less often.
TRIPS_AFTER = 5
FIRST_REST, LONGEST_REST = timedelta(seconds=30), timedelta(minutes=5)

#: For so long it is left to a read to look whether a tracker is back.
WRITES_WAIT = timedelta(seconds=30)

#: A later end of a pause than this is a clock that is wrong.
LONGEST_TOLD = timedelta(days=1)

#: "Wait for at least one minute", then ever longer: what a tracker asks for that names no time.
#: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
UNTOLD, LONGEST_UNTOLD = timedelta(minutes=1), timedelta(hours=1)


#: What the scope of a pause begins with that stands only against calls of this haste, and less.
_ONLY_FOR = {Haste.OLD_WORK: "old work: ", Haste.BACKFILL: "backfill: "}


class Governor:
    """The `integrations.gate.Gate` of a service. `longest` is what one call can take at most;
    `wait` lets seconds pass."""

    def __init__(self, store: Store, longest: timedelta, wait: Callable[[float], None]) -> None:
        self._store = store
        self._longest = longest
        self._wait = wait

    @contextmanager
    def passing(self, call: Call) -> Iterator[Report]:
        """See `Gate`. Raises LostLease as well, where the caller's lease is over."""
        lease = held()
        haste = Haste.OLD_WORK if lease is None else lease.haste
        clear = self._clear(call, haste)
        number, probes = ("", False) if clear else self._admitted(call, lease, haste)
        answer: Answered | None = None

        def report(told: Answered) -> None:
            nonlocal answer
            answer = told

        try:
            if lease is not None:
                lease.outlast(self._longest)
            yield report
        finally:
            if clear is None or _is_news(clear, answer, self._store.clock()):
                self._record(call, number, answer, probes)

    # --- before -------------------------------------------------------------------------------

    def _clear(self, call: Call, haste: Haste) -> Circuit | None:
        """How the tracker stands, where the call counts against no budget and nothing is on record
        that it could run into or clear away: then nothing need be written before it, and
        afterwards only what is news. A backfill keeps to its part of what the tracker allows in
        an hour besides."""
        if call.costs or haste is Haste.BACKFILL:
            return None
        with self._store.read() as tx:
            circuit = tx.traffic.circuit(call.books)
            paused = tx.traffic.any_pause(call.books, _scopes(call, Haste.BACKFILL))
        return None if circuit.failures or paused else circuit

    def _admitted(self, call: Call, lease: Lease | None, haste: Haste) -> tuple[str, bool]:
        """Wait until there is room, and take it. Returns what the call is known by in the books,
        and whether it is the one that looks whether its tracker is back. Raises RateLimited or
        Unavailable when that takes too long."""
        give_up_at = self._store.clock() + PATIENCE
        while True:
            with self._store.write(beside=True) as tx:
                tx.traffic.alone(call.books)
                down = _down(tx, call)
                refused = _refusal(tx, call, haste)
                if refused is None:
                    if down:  # only now: whoever may not call must not keep others from looking
                        until = tx.now + max(self._longest, FIRST_REST)
                        tx.traffic.claim_probe(call.books, until)
                    number = uuid.uuid4().hex
                    tx.traffic.begin(number, call.books, call.costs, self._longest)
                    return number, down
                if refused.until > give_up_at and not _known(tx, refused):
                    tx.traffic.pause(_only_for(haste, refused))
            now = self._store.clock()
            if refused.until > give_up_at:
                raise RateLimited(refused.why, retry_at=refused.until)
            if lease is not None:
                lease.outlast(PATIENCE)
            self._wait(min(max(refused.until - now, timedelta()), LOOK_AGAIN).total_seconds())

    # --- after --------------------------------------------------------------------------------

    def _record(self, call: Call, number: str, answer: Answered | None, probes: bool) -> None:
        with self._store.write(beside=True) as tx:
            tx.traffic.alone(call.books)
            tx.traffic.end(number)
            if answer is None:  # not sent after all, or broken off by us
                return
            if answer.pause is not None:
                self._pause(tx, call.books, answer.pause)
            elif not answer.failing:
                # A read that is served says nothing of the writes that were refused.
                everything = _scopes(call, Haste.BACKFILL)
                served = [scope for scope in everything if scope or call.writes]
                tx.traffic.went_through(call.books, served)
            circuit = tx.traffic.circuit(call.books)
            after = _after(circuit, answer, tx.now, probes)
            if after != circuit:
                tx.traffic.put_circuit(after)
            if after.quota and answer.quota and after.quota.left == 0:
                why = f"{call.books} allows {after.quota.limit} requests an hour, all are used"
                until = min(after.quota.reset, tx.now + LONGEST_TOLD)
                tx.traffic.pause(Paused(call.books, "", until, why, wide=True))
        if (after.probe_at is None) is not (circuit.probe_at is None):
            state = "answers again" if after.probe_at is None else "is taken to be down"
            log.warning("tracker", connection=call.books, state=state, why=answer.why)

    def _pause(self, tx: Transaction, connection: str, pause: Pause) -> None:
        strikes = 0
        until = pause.told
        known = tx.traffic.paused(connection, [pause.scope])
        if until is None and known is not None and known.strikes:
            return  # it was sent before that was asked for: of one burst one refusal counts
        if until is None:
            strikes = tx.traffic.strikes(connection, pause.scope, tx.now - LONGEST_UNTOLD) + 1
            until = tx.now + min(UNTOLD * 2 ** (strikes - 1), LONGEST_UNTOLD)
        why = f"{connection} asks to wait: {pause.why}"
        wide = pause.scope == ""
        tx.traffic.pause(Paused(connection, pause.scope, until, why, strikes, wide))


def not_for(haste: Haste) -> tuple[str, ...]:
    """What the scopes of those pauses begin with that are none for work of this haste."""
    return tuple(mark for only, mark in _ONLY_FOR.items() if only < haste)


def _refusal(tx: Transaction, call: Call, haste: Haste) -> Paused | None:
    """What stands against the call now, the longest of it."""
    paused = tx.traffic.paused(call.books, _scopes(call, haste))
    if paused is not None:
        return paused
    if haste is Haste.BACKFILL and (over := _over_its_part(tx, call.books)) is not None:
        return over
    full = [
        refused
        for cost in call.costs
        for refused in (
            _too_many_at_once(tx, call, cost),
            *(_full(tx, call, cost, window, haste) for window in cost.budget.windows),
        )
        if refused is not None
    ]
    return max(full, key=lambda refused: refused.until, default=None)


def _down(tx: Transaction, call: Call) -> bool:
    """Whether the tracker is down and this call may look whether it is back. Raises Unavailable
    when it is down and may not be asked now.

    A read looks, as long as there are any: what a lost write did would have to be looked up from
    a tracker that does not answer. But there may be none, where only tasks are created.
    """
    circuit = tx.traffic.circuit(call.books)
    if circuit.probe_at is None:
        return False
    at = circuit.probe_at + (WRITES_WAIT if call.writes else timedelta())
    if at <= tx.now:
        return True
    since = f" since {circuit.since:%H:%M:%S} UTC" if circuit.since else ""
    words = f"{call.books} is down{since} ({circuit.why})"
    mend = "Nothing to do here: one call looks now and then whether it is back."
    raise Unavailable(words, mend=mend, retry_at=at)


def _too_many_at_once(tx: Transaction, call: Call, cost: Cost) -> Paused | None:
    most = cost.budget.at_once
    if not most or tx.traffic.under_way(call.books, cost) < most:
        return None
    why = f"{most} {cost.budget.name} are under way"
    return Paused(call.books, cost.scope, tx.now + LOOK_AGAIN, why)


def _over_its_part(tx: Transaction, connection: str) -> Paused | None:
    """What stands against a backfill where more than its part is used of what the tracker allows in
    an hour, as its last answer told."""
    quota = tx.traffic.circuit(connection).quota
    if quota is None or quota.reset <= tx.now:
        return None
    used, most = quota.limit - quota.left, quota.limit // BACKFILL_PART
    if used < most:
        return None
    why = f"{connection} allows {quota.limit} requests an hour, {used} are used"
    why += f"; a backfill takes {most} at most"
    return Paused(connection, "", min(quota.reset, tx.now + LONGEST_TOLD), why, wide=True)


def _full(tx: Transaction, call: Call, cost: Cost, window: Window, haste: Haste) -> Paused | None:
    most = room(window, haste)
    used = tx.traffic.used(call.books, cost, tx.now - window.length)
    if used + cost.units <= most:
        return None
    spent = tx.traffic.spent(call.books, cost)
    until = free_at(window, spent, cost.units, tx.now, most)
    allowed = f"{window.most} {cost.scope} in {_length(window.length)}"
    why = f"{call.books} allows {allowed}, {used} are used"
    if haste is Haste.BACKFILL:
        why += f"; a backfill takes {most} at most"
    return Paused(call.books, cost.scope, until, why, wide=not cost.subject)


def _scopes(call: Call, haste: Haste) -> list[str]:
    """The scopes whose pauses stand against the call: some against what is less urgent only."""
    scopes = ["", *(cost.scope for cost in call.costs)]
    marks = [mark for only, mark in _ONLY_FOR.items() if only >= haste]
    return [*scopes, *(f"{mark}{scope}" for mark in marks for scope in scopes)]


def _known(tx: Transaction, refused: Paused) -> bool:
    """Whether it is a pause that is written down already."""
    return tx.traffic.paused(refused.connection, [refused.scope]) == refused


def _only_for(haste: Haste, refused: Paused) -> Paused:
    """What is used up for old work leaves room yet for what somebody waits for. A pause that
    somebody else ran into stays what it is."""
    bare, mark = refused.scope, _ONLY_FOR.get(haste, "")
    for each in _ONLY_FOR.values():
        bare = bare.removeprefix(each)
    return replace(refused, scope=f"{mark}{bare}")


def _after(before: Circuit, answer: Answered, now: datetime, probes: bool) -> Circuit:
    """How the tracker stands after this answer; whether the call `probes` it."""
    quota = answer.quota or before.quota
    if not answer.failing:
        return Circuit(before.connection, quota=quota)
    if before.probe_at is not None and not probes:
        return before  # it was on its way already when the others failed: no news
    failures = before.failures + 1
    after = replace(
        before, failures=failures, since=before.since or now, why=answer.why, quota=quota
    )
    if failures < TRIPS_AFTER:
        return after
    rest = min(FIRST_REST * 2 ** min(failures - TRIPS_AFTER, 10), LONGEST_REST)
    return replace(after, probe_at=now + rest)


def _is_news(before: Circuit, answer: Answered | None, now: datetime) -> bool:
    """Whether the answer changes how the tracker stands."""
    if answer is None:
        return False
    return answer.pause is not None or _after(before, answer, now, probes=False) != before


def _length(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    words = {1: "a second", 60: "a minute", 3600: "an hour"}
    return words.get(seconds, f"{seconds} seconds")
