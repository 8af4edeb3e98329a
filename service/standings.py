"""How each tracker stands: does it answer, what may still be asked of it, who waits for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from integrations.gate import Cost
from service.store import Transaction
from service.store.claims import Job
from service.store.traffic import Circuit, Paused
from workflows.budgets import Budget

#: Waiting jobs that are named one by one.
MOST_NAMED = 5


class Answers(StrEnum):
    """What can be said of a tracker in a word."""

    YES = "answers"
    NO = "down"
    LATER = "asked to wait"


@dataclass(frozen=True, slots=True)
class Used:
    """What of one window of a budget is used now."""

    budget: str
    used: int
    most: int
    length: timedelta


@dataclass(frozen=True, slots=True)
class Waits:
    """Work on the ticket that people call `ticket`, not before `until` (UTC)."""

    ticket: str
    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """One connection, or one account of it (``connection@account``). `pauses` are in force;
    `waiting` counts jobs that wait for a time, the first few of which are `next`."""

    connection: str
    answers: Answers
    circuit: Circuit
    used: tuple[Used, ...]
    pauses: tuple[Paused, ...]
    waiting: int
    next: tuple[Waits, ...]

    @property
    def again_at(self) -> datetime | None:
        """When something is asked of it next, where that is not now."""
        if self.circuit.probe_at is not None:
            return self.circuit.probe_at
        return max((p.until for p in self.pauses if p.wide or not p.scope), default=None)


def standings(tx: Transaction, limits: Mapping[str, tuple[Budget, ...]]) -> list[Standing]:
    """Every connection, with the budgets that count for its whole account, or for each of the
    accounts behind it."""
    pauses = tx.traffic.all_paused()
    return [
        _standing(tx, books, limits[name], tuple(p for p in pauses if p.connection == books))
        for name in sorted(limits)
        for books in (name, *tx.traffic.accounts(name))
    ]


def _standing(
    tx: Transaction, connection: str, budgets: tuple[Budget, ...], pauses: tuple[Paused, ...]
) -> Standing:
    circuit = tx.traffic.circuit(connection)
    jobs = tx.jobs.waiting(f"{connection}/")
    if circuit.probe_at is not None:
        answers = Answers.NO
    else:
        answers = Answers.LATER if any(not p.scope for p in pauses) else Answers.YES
    used = tuple(each for budget in budgets for each in _used(tx, connection, budget))
    waits = tuple(_waits(tx, connection, job) for job in jobs[:MOST_NAMED])
    return Standing(connection, answers, circuit, used, pauses, len(jobs), waits)


def _waits(tx: Transaction, connection: str, job: Job) -> Waits:
    ticket_id = job.subject.partition("/")[2]
    known = tx.incidents.by_ticket(connection, ticket_id)
    key = known.incident.ticket.key if known else tx.ledger.key(connection, ticket_id)
    return Waits(key or job.subject, job.due_at, job.reason or "")


def _used(tx: Transaction, connection: str, budget: Budget) -> Iterator[Used]:
    for window in budget.windows:
        used = tx.traffic.used(connection, Cost(budget), tx.now - window.length)
        yield Used(budget.name, used, window.most, window.length)
