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
from service.lease import held
from service.store import Store, Transaction
from service.store.traffic import Circuit, Paused
from workflows.budgets import Window, free_at, room

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

#: "Wait for at least one minute", then ever longer: what a tracker asks for that names no time.
#: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
UNTOLD, LONGEST_UNTOLD = timedelta(minutes=1), timedelta(hours=1)


#: What the scope of a pause begins with that is none for what somebody waits for.
OLD_WORK = "old work: "


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
        number = self._admitted(call, urgent=lease is not None and lease.urgent)
        answer: Answered | None = None

        def report(told: Answered) -> None:
            nonlocal answer
            answer = told

        try:
            if lease is not None:
                lease.outlast(self._longest)
            yield report
        finally:
            self._record(call, number, answer)

    # --- before -------------------------------------------------------------------------------

    def _admitted(self, call: Call, urgent: bool) -> str:
        """Wait until there is room, and take it. Returns what the call is known by in the books.
        Raises RateLimited or Unavailable when that takes too long."""
        give_up_at = self._store.clock() + PATIENCE
        while True:
            with self._store.write() as tx:
                refused = self._refusal(tx, call, urgent)
                if refused is None:
                    number = uuid.uuid4().hex
                    tx.traffic.begin(number, call.connection, call.costs, self._longest)
                    return number
                if refused.until > give_up_at:
                    tx.traffic.pause(refused if urgent else _of_old_work(refused))
            now = self._store.clock()
            if refused.until > give_up_at:
                raise RateLimited(refused.why, retry_at=refused.until)
            self._wait(min(max(refused.until - now, timedelta()), LOOK_AGAIN).total_seconds())

    def _refusal(self, tx: Transaction, call: Call, urgent: bool) -> Paused | None:
        """What stands against the call now. Raises Unavailable when its tracker is down."""
        self._ask_circuit(tx, call)
        paused = tx.traffic.paused(call.connection, _scopes(call, urgent))
        if paused is not None:
            return paused
        for cost in call.costs:
            at_once = cost.budget.at_once
            if at_once and tx.traffic.under_way(call.connection, cost) >= at_once:
                why = f"{at_once} {cost.budget.name} are under way"
                return Paused(call.connection, cost.scope, tx.now + LOOK_AGAIN, why)
            for window in cost.budget.windows:
                full = self._full(tx, call, cost, window, urgent)
                if full is not None:
                    return full
        return None

    def _full(
        self, tx: Transaction, call: Call, cost: Cost, window: Window, urgent: bool
    ) -> Paused | None:
        most = room(window, urgent)
        used = tx.traffic.used(call.connection, cost, tx.now - window.length)
        if used + cost.units <= most:
            return None
        spent = tx.traffic.spent(call.connection, cost)
        until = free_at(window, spent, cost.units, tx.now, most)
        why = (
            f"{call.connection} allows {window.most} {cost.scope} in {_length(window.length)},"
            f" {used} are used"
        )
        return Paused(call.connection, cost.scope, until, why, wide=not cost.subject)

    def _ask_circuit(self, tx: Transaction, call: Call) -> None:
        """Let the call through when the tracker answers, or as the one probe when it is due. Only
        a read may probe: what a lost write did would have to be looked up from a tracker that
        does not answer."""
        circuit = tx.traffic.circuit(call.connection)
        if circuit.probe_at is None:
            return
        due = circuit.probe_at <= tx.now
        if (
            due
            and not call.writes
            and tx.traffic.claim_probe(call.connection, tx.now + max(self._longest, FIRST_REST))
        ):
            return
        again = tx.now + LOOK_AGAIN if due else circuit.probe_at
        since = f" since {circuit.since:%H:%M:%S} UTC" if circuit.since else ""
        words = f"{call.connection} is down{since} ({circuit.why})"
        mend = "Nothing to do here: one call looks now and then whether it is back."
        raise Unavailable(words, mend=mend, retry_at=again)

    # --- after --------------------------------------------------------------------------------

    def _record(self, call: Call, number: str, answer: Answered | None) -> None:
        with self._store.write() as tx:
            tx.traffic.end(number)
            if answer is None:  # not sent after all, or broken off by us
                return
            if answer.pause is not None:
                self._pause(tx, call.connection, answer.pause)
            elif not answer.failing:
                tx.traffic.went_through(call.connection, _scopes(call, urgent=False))
            circuit = tx.traffic.circuit(call.connection)
            after = _after(circuit, answer, tx.now)
            if after != circuit:
                tx.traffic.put_circuit(after)
            if after.quota and answer.quota and after.quota.left == 0:
                why = f"{call.connection} allows {after.quota.limit} requests an hour, all are used"
                tx.traffic.pause(Paused(call.connection, "", after.quota.reset, why, wide=True))
        if (after.probe_at is None) is not (circuit.probe_at is None):
            state = "answers again" if after.probe_at is None else "is taken to be down"
            log.warning("tracker", connection=call.connection, state=state, why=answer.why)

    def _pause(self, tx: Transaction, connection: str, pause: Pause) -> None:
        strikes = 0
        until = pause.told
        if until is None:
            strikes = tx.traffic.strikes(connection, pause.scope) + 1
            until = tx.now + min(UNTOLD * 2 ** (strikes - 1), LONGEST_UNTOLD)
        why = f"{connection} asks to wait: {pause.why}"
        wide = pause.scope == ""
        tx.traffic.pause(Paused(connection, pause.scope, until, why, strikes, wide))


def _scopes(call: Call, urgent: bool) -> list[str]:
    """The scopes whose pauses stand against the call: those of old work against old work only."""
    scopes = ["", *(cost.scope for cost in call.costs)]
    return scopes if urgent else [*scopes, *(f"{OLD_WORK}{scope}" for scope in scopes)]


def _of_old_work(refused: Paused) -> Paused:
    """What is used up for old work leaves room yet for what somebody waits for."""
    bare = refused.scope.removeprefix(OLD_WORK)
    return replace(refused, scope=f"{OLD_WORK}{bare}")


def _after(before: Circuit, answer: Answered, now: datetime) -> Circuit:
    """How the tracker stands after this answer."""
    quota = answer.quota or before.quota
    if not answer.failing:
        return Circuit(before.connection, quota=quota)
    failures = before.failures + 1
    after = replace(
        before, failures=failures, since=before.since or now, why=answer.why, quota=quota
    )
    if failures < TRIPS_AFTER:
        return after
    rest = min(FIRST_REST * 2 ** min(failures - TRIPS_AFTER, 10), LONGEST_REST)
    return replace(after, probe_at=now + rest)


def _length(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds >= size:
            return unit if seconds == size else f"{seconds // size} {unit}s"
    return "a second" if seconds == 1 else f"{seconds} seconds"
