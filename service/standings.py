"""How each tracker stands: does it answer, what may still be asked of it, who waits for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from integrations.gate import Cost
from service.store import Transaction
from service.store.traffic import Circuit, Paused
from service.store.waits import Waits
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
class Standing:
    """One connection, or one account of it (``connection@account``). `pauses` are in force;
    `waiting` counts the jobs on its tickets that wait for a time, the first few of which are
    `next`; those on an account's are counted for its connection as well."""

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
        _standing(tx, books, limits[name], tuple(p for p in pauses if p.connection == books), waits)
        for name in sorted(limits)
        for books, waits in _waiting(tx, name)
    ]


def _waiting(tx: Transaction, name: str) -> Iterator[tuple[str, Sequence[Waits]]]:
    """What a connection's books are kept under, and those of each of its accounts, with what waits
    on the tickets there: an account's are those of its owner (``acme/ops#1`` of ``acme``)."""
    found = tx.waiting.on(name)
    yield name, [waits for _, waits in found]
    owned: dict[str, list[Waits]] = {}
    for key, waits in found:
        owned.setdefault(key.partition("/")[0].casefold(), []).append(waits)
    for books in tx.traffic.accounts(name):
        yield books, owned.get(books.removeprefix(f"{name}@").casefold(), [])


def _standing(
    tx: Transaction,
    connection: str,
    budgets: tuple[Budget, ...],
    pauses: tuple[Paused, ...],
    waits: Sequence[Waits],
) -> Standing:
    circuit = tx.traffic.circuit(connection)
    if circuit.probe_at is not None:
        answers = Answers.NO
    else:
        answers = Answers.LATER if any(not p.scope for p in pauses) else Answers.YES
    used = tuple(each for budget in budgets for each in _used(tx, connection, budget))
    first = tuple(waits[:MOST_NAMED])
    return Standing(connection, answers, circuit, used, pauses, len(waits), first)


def _used(tx: Transaction, connection: str, budget: Budget) -> Iterator[Used]:
    for window in budget.windows:
        used = tx.traffic.used(connection, Cost(budget), tx.now - window.length)
        yield Used(budget.name, used, window.most, window.length)
