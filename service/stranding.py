"""Deliveries of a connection that the worker's rules do not have: they wait for rules that have it,
are dead letters after a while, and are taken up by themselves once such rules are in force.

Whoever took one had the connection in its rules: it may be ahead of the worker.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta

import structlog

from service.jobs import PROMPT, ClaimedJob, Done, JobEnd, Later
from service.store import Store, Transaction
from service.store.deliveries import JOB, DeliveryState

log = structlog.get_logger()

#: How long after it came in one waits for rules that have its connection, where a process has read
#: others; and how long, at least, until it is looked at again. A roll-out of rules takes no longer,
#: and a machine that was forgotten is no reason to keep from people what nobody will work on.
WAIT_FOR = timedelta(minutes=10)
AGAIN = timedelta(seconds=5)

#: So many are taken up in one transaction: it is to be short.
AT_ONCE = 100


class Stranding:
    """For a worker whose rules have this hash and these connections."""

    def __init__(self, store: Store, rules: str, connections: Collection[str]) -> None:
        self._store = store
        self._rules = rules
        self._connections = connections

    def start(self) -> None:
        """Take up what stranded for want of a connection that these rules have, as they come in
        force, and look at once at what waits for one; what people gave up stays so."""
        taken = self._in_steps(lambda tx: tx.deliveries.take_up(self._connections, AT_ONCE))
        if taken:
            log.info("deliveries taken up that the rules before had no connection for", count=taken)
        waited = [_lacking(each) for each in self._connections]
        hurried = self._in_steps(lambda tx: tx.deliveries.hurry(waited, AT_ONCE))
        if hurried:
            log.info(
                "deliveries looked at that waited for rules with their connection", count=hurried
            )

    def _in_steps(self, step: Callable[[Transaction], int]) -> int:
        """Until it finds no more, each step in a transaction of its own. Returns how many."""
        found = 0
        while True:
            with self._store.write() as tx:
                some = step(tx)
            if not some:
                return found
            found += some

    def of_delivery(self, number: int, connection: str) -> JobEnd:
        """How the job of a delivery ends whose connection these rules do not have."""
        with self._store.read() as tx:
            found, other = tx.deliveries.get(number), tx.ruling.other(self._rules)
        now = self._store.clock()
        if other is not None and found is not None and now < found.received_at + WAIT_FOR:
            why = f"{_lacking(connection)} and {other} has read others"
            age = now - found.received_at  # many that wait are not to keep workers from the others
            return Later(now + max(AGAIN, age / 4), why)

        def save(tx: Transaction) -> None:
            if self._overtaken(tx):  # whoever put those in force has taken up what there was
                tx.jobs.touch(JOB, str(number), priority=PROMPT)
                return
            why = f"the rules in force do not have the connection {connection}"
            tx.deliveries.mark(number, DeliveryState.STRANDED, why)

        return Done(save)

    def of_incident(self, job: ClaimedJob, connection: str) -> Done | Later:
        """How the turn of an incident ends whose connection the rules lost: with what told of it
        stranded."""
        why = f"the rules no longer have the connection {connection}"
        with self._store.write() as tx:
            tx.jobs.fence(job)
            if self._overtaken(tx):
                return Later(tx.now, "other rules are in force by now")
            tx.deliveries.explain(job.subject, why, DeliveryState.STRANDED)
        log.info("not an incident", subject=job.subject, reason=why)
        return Done()

    def _overtaken(self, tx: Transaction) -> bool:
        """Whether other rules came in force while the job ran, which began under these."""
        return tx.ruling.hash_in_force() not in (None, self._rules)


def _lacking(connection: str) -> str:
    """What the reason begins with for which one waits; by it they are found."""
    return f"these rules have no connection {connection},"
