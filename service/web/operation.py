"""How the service itself stands: what failed, what waits, whether the trackers answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template

from service import backfilling, dead_letters
from service.dead_letters import DeadLetter
from service.processes import processes
from service.routing import INCIDENT_JOB
from service.rules_standing import rules_standing
from service.standings import standings
from service.store import Transaction
from service.store.claims import Job
from service.web import WebContainer
from service.web.sign_in import actor, may
from workflows.rights import Teams, may_see

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


def failing(tx: Transaction, teams: Teams) -> Failing:
    """Dead letters and jobs that fail, of these teams."""
    letters = dead_letters.first(tx, MOST_SHOWN, teams)
    jobs = _of_teams(tx, tx.jobs.failing(), teams)
    return Failing(letters, dead_letters.count(tx, teams), jobs[:MOST_SHOWN], len(jobs))


def _of_teams(tx: Transaction, jobs: Sequence[Job], teams: Teams) -> Sequence[Job]:
    """Those of these jobs that work on an incident of these teams; all, for every team."""
    if teams is None:
        return jobs
    worked_on = {job.id: _ticket(job) for job in jobs if job.kind == INCIDENT_JOB}
    whose = tx.incidents.teams_of(worked_on.values())
    return [job for job in jobs if may_see(teams, whose.get(worked_on.get(job.id, ("", ""))))]


def _ticket(job: Job) -> tuple[str, str]:
    connection, _, ticket = job.subject.partition("/")
    return connection, ticket


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("operation", __name__)

    @routes.get("/operation")
    def summary() -> str:
        teams = actor().teams
        with container.store.read() as tx:
            found = failing(tx, teams)
            counts = tx.deliveries.counts(teams)
            drifts = tx.drifts.page(MOST_SHOWN, teams=teams)
            backfill = backfilling.shown_now(tx, teams)
            trackers = standings(tx, container.limits) if may("trackers.trackers") else None
            rules = rules_standing(tx) if teams is None else None  # its words name all teams
            workers = processes(tx) if teams is None else None
        return render_template(
            "operation.html",
            failing=found,
            deliveries={state.value: count for state, count in counts.items()},
            drifts=drifts,
            standings=trackers,
            backfill=backfill,
            backfill_told=backfilling.in_words(backfill) if backfill else "",
            lost_in_words=backfilling.lost_in_words,
            rules=rules,
            workers=workers,
        )

    return routes
