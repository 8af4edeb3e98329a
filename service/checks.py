"""What is watched for measures: results as they come in, files as they are looked at.

Who posts a result, or pushes, only says that something changed, for all incidents that watch it.
Each hears of it in its own turn, from what holds by then (see `service.recurrences`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import structlog

from integrations.files import Files
from integrations.tracker import NotThere, Rejected, TrackerError
from service.clock import Clock
from service.jobs import AWAITED, PROMPT, ClaimedJob, Later
from service.outcomes import retry_at, sentence
from service.rereading import note
from service.routing import INCIDENT_JOB, incident_subject
from service.store import Store, Transaction
from service.store.checks import Recorded, kept_in
from workflows import checks
from workflows.check_times import look_at
from workflows.model import Incident
from workflows.policy import Policy, Team
from workflows.watched import Result, Source, Watched

log = structlog.get_logger()


def record(tx: Transaction, name: str, result: Result) -> Recorded:
    """Keep a result that was posted, and ask for a turn of each incident whose measures name the
    check."""
    recorded = tx.checks.add(name, result)
    if recorded is Recorded.NEW:
        why = f"the check {name} {'passed' if result.passed else 'failed'}"
        for incident_id in tx.checks.watching(Source.CHECK, name):
            if (known := tx.incidents.get(incident_id)) is not None:
                _touch(tx, known.incident, PROMPT, why)
    return recorded


def watch(tx: Transaction, incident: Incident, policy: Policy) -> None:
    """Write down what the incident, which this transaction saves, watches. Of what is new it hears
    in a turn of its own."""
    wanted = _names(incident, policy.teams.get(incident.team))
    if tx.checks.watch(incident.id, list(wanted)):
        _touch(tx, incident, AWAITED, "what its measures name is looked at")


def _names(incident: Incident, team: Team | None) -> dict[tuple[Source, str], None]:
    found: dict[tuple[Source, str], None] = {}
    for watched in incident.watched:
        if watched.source is Source.CHECK:
            found[watched.source, watched.name] = None
        elif (where := _where(watched, team)) is not None:
            connection, place, _ = where
            found[watched.source, kept_in(connection, place)] = None
    return found


def _where(watched: Watched, team: Team | None) -> tuple[str, str, str] | None:
    """Connection, repository and path of a file; None where the rules know it no more."""
    place, _, path = watched.name.partition(":")
    connection = team.checks.repositories.get(place) if team else None
    return None if connection is None else (connection, place, path)


def _touch(tx: Transaction, incident: Incident, priority: int, why: str) -> None:
    subject = incident_subject(incident.ticket.connection, incident.ticket.id)
    tx.jobs.touch(INCIDENT_JOB, subject, priority=priority, reason=why, whole=False)


class Checks:
    """What each incident hears at the beginning of its turn."""

    def __init__(
        self, store: Store, policy: Policy, files: Mapping[str, Files], clock: Clock
    ) -> None:
        self._store = store
        self._policy = policy
        self._files = files
        self._clock = clock

    def hear(
        self, job: ClaimedJob, incident: Incident | None
    ) -> tuple[Incident | None, list[Later]]:
        """The incident with the last results of its checks, and its files looked at where somebody
        pushed or a day is over; and when those that could not be looked at are tried again."""
        if incident is None or not incident.watched:
            return incident, []
        names = [each.name for each in incident.watched if each.source is Source.CHECK]
        with self._store.read() as tx:
            results = tx.checks.latest(names)
            told = tx.checks.to_look_at(incident.id)
        incident = checks.heard(incident, results)
        pushed = {watch.name for watch in told}
        team = self._policy.teams.get(incident.team)
        files = [each for each in incident.watched if self._is_due(each, team, pushed)]
        if not files and not told:
            return incident, []
        seen, failed = dict[tuple[Source, str], Watched](), list[Later]()
        for each in files:
            looked = self._look(each, team)
            if isinstance(looked, Later):
                failed.append(looked)
            else:
                seen[each.place] = looked
        watched = tuple(seen.get(each.place, each) for each in incident.watched)
        incident = replace(incident, watched=watched)
        with self._store.write() as tx:
            tx.jobs.fence(job)
            tx.incidents.save(incident, self._policy.hash)
            if failed:
                words = "; ".join(each.reason for each in failed)
                note(tx, incident.id, f"files that its measures keep were not looked at: {words}")
            else:
                for watch in told:
                    tx.checks.heard(watch)
        return incident, failed

    def _is_due(self, watched: Watched, team: Team | None, pushed: set[str]) -> bool:
        where, due = _where(watched, team), look_at(watched)
        if where is None or due is None:
            return False
        return kept_in(*where[:2]) in pushed or due <= self._clock()

    def _look(self, watched: Watched, team: Team | None) -> Watched | Later:
        """The file as it is now. Where its repository is hidden or gone that is noted with it, and
        it is looked at again a day later: nobody knows what became of the file."""
        where = _where(watched, team)
        files = self._files.get(where[0]) if where else None
        if where is None or files is None:
            return watched
        now = self._clock()
        try:
            seen = files.look(*where[1:])
        except (NotThere, Rejected) as error:
            log.warning("file not looked at", file=watched.name, words=error.words)
            return replace(watched, at=now, unread=sentence(error))
        except TrackerError as error:
            log.warning("file not looked at", file=watched.name, words=error.words)
            return Later(retry_at(error, now), f"{watched.name}: {sentence(error)}")
        return checks.looked(watched, seen.fault, seen.words, seen.url, now)
