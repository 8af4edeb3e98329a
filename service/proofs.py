"""The tickets of action items that ended, read whole: their words say what proves it, or why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from integrations.tracker import NotThere, Tracker, TrackerError
from service.jobs import Later
from service.outcomes import retry_at, sentence
from service.store import Store
from service.tasks import Looked, Ticket
from workflows.events import ProofRead, TaskGone
from workflows.model import Incident, TicketRef
from workflows.policy import Policy
from workflows.proof_notes import to_read

log = structlog.get_logger()


@dataclass(slots=True)
class Fetched:
    """What was read, and when what could not be read is tried again."""

    readings: list[ProofRead] = field(default_factory=list)
    failed: dict[Ticket, Later] = field(default_factory=dict)


class ProofTickets:
    """Reads the tickets of items that ended. Nothing is read of others."""

    def __init__(self, store: Store, trackers: Mapping[str, Tracker], policy: Policy) -> None:
        self._store = store
        self._trackers = trackers
        self._policy = policy

    def look(self, incident: Incident | None, looked: Looked) -> Fetched:
        """Each that ended and was not read whole since, or that was `looked` at in this turn. What
        cannot be read now stays marked as changed."""
        fetched = Fetched()
        told = {(ref.connection, ref.ticket_id) for ref in looked.heard}
        for number, side, ref in to_read(incident, told, self._policy) if incident else ():
            tracker = self._trackers.get(ref.connection)
            if tracker is None or (ref.connection, ref.id) in looked.failed:
                continue
            try:
                fetched.readings.append(ProofRead(number, side, tracker.fetch(ref)))
            except NotThere as error:
                looked.readings.append(TaskGone(number, side, error.words))
            except TrackerError as error:
                log.warning("task not read whole", task=ref.key, words=error.words)
                at = retry_at(error, self._store.clock())
                fetched.failed[ref.connection, ref.id] = Later(at, f"{ref.key}: {sentence(error)}")
                _not_heard(looked, ref)
        return fetched

    def waits(self, incident: Incident, failed: Mapping[Ticket, Later]) -> bool:
        """Whether a ticket is to be read whole that was not tried in this turn."""
        return any(
            (ref.connection, ref.id) not in failed and ref.connection in self._trackers
            for _, _, ref in to_read(incident, set(), self._policy)
        )


def _not_heard(looked: Looked, ref: TicketRef) -> None:
    """What was told of a ticket is heard only once it was read whole."""
    here = (ref.connection, ref.id)
    ours = [each for each in looked.heard if (each.connection, each.ticket_id) == here]
    looked.heard = [each for each in looked.heard if each not in ours]
    looked.unread += ours
