"""How the service itself stands: what failed, what waits, whether the trackers answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from flask import Blueprint, render_template

from service import dead_letters
from service.dead_letters import DeadLetter
from service.standings import standings
from service.store import Transaction
from service.store.jobs import Job
from service.web import WebContainer

MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Failing:
    """What waits for the operator; the lists hold the first few, the counts all."""

    letters: Sequence[DeadLetter]
    letters_count: int
    jobs: Sequence[Job]
    jobs_count: int

    def __bool__(self) -> bool:
        return bool(self.letters_count or self.jobs_count)


def failing(tx: Transaction) -> Failing:
    """Dead letters and jobs that fail."""
    letters = list(islice(dead_letters.dead_letters(tx), MOST_SHOWN))
    jobs = tx.jobs.failing()
    return Failing(letters, dead_letters.count(tx), jobs[:MOST_SHOWN], len(jobs))


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("operation", __name__)

    @routes.get("/operation")
    def summary() -> str:
        with container.store.read() as tx:
            found = failing(tx)
            counts = tx.deliveries.counts()
            drifts = tx.drifts.page(MOST_SHOWN)
            trackers = standings(tx, container.limits)
        return render_template(
            "operation.html",
            failing=found,
            deliveries={state.value: count for state, count in counts.items()},
            drifts=drifts,
            standings=trackers,
        )

    return routes
