"""How it stands with the rules: which are in force, who waits under others, what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.store import Transaction
from service.store.journal import Entry
from service.store.ruling import InForce, Reading

#: So many lines of the journal are shown.
MOST_LINES = 5


@dataclass(frozen=True, slots=True)
class RulesStanding:
    """`in_force` is None before any worker ran. `agreed` counts the processes that have read them,
    and `works` says whether a worker is among these; `apart` are those that have read others, and
    `wrong` those beside which rules stand that cannot be used; `lines` tell what became of the
    rules lately, the earliest first."""

    in_force: InForce | None
    agreed: int
    works: bool
    apart: Sequence[Reading]
    wrong: Sequence[Reading]
    lines: Sequence[Entry] = ()

    @property
    def waits(self) -> bool:
        """Whether workers are there, and none of them may work."""
        return not self.works and any(each.decides for each in self.apart)


def rules_standing(tx: Transaction) -> RulesStanding:
    """How it stands now, by what the processes that are alive have said."""
    in_force = tx.ruling.in_force()
    alive = tx.ruling.alive()
    agreed = [each for each in alive if in_force is not None and each.hash == in_force.hash]
    apart = [each for each in alive if each not in agreed]
    return RulesStanding(
        in_force,
        len(agreed),
        any(each.decides for each in agreed),
        apart,
        [each for each in alive if each.problems],
        tx.journal.of_rules(MOST_LINES),
    )
