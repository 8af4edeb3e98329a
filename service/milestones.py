"""Milestones that were renamed or went: which tasks are to be read for it.

A renamed version changes nothing in its issues, not even when they were updated, and of a GitHub
milestone nothing says that it does; so of tasks that carry one, nothing else would tell before the
whole of their place is looked through.
"""

from __future__ import annotations

from collections.abc import Mapping

from integrations.tracker import NotThere, Rejected, Tracker
from service.store import Store
from service.store.refs import Ref
from workflows.hearing import ticket_of
from workflows.model import TicketRef
from workflows.snapshots import Agreement, Field


def outdated(
    store: Store, tracker: Tracker, connection: str, place: str | None = None
) -> list[Ref]:
    """Tasks that are known to carry a milestone of a name that their place has no more; one call
    for each place where tasks carry any (only `place`, where it is given). Raises TrackerError."""
    found: list[Ref] = []
    for where, carried in _carriers(store, tracker, connection).items():
        if place is not None and where.casefold() != place.casefold():
            continue
        try:
            names = tracker.milestones(where)
        except (NotThere, Rejected):  # what became of its tickets, each tells
            names = {}
        found += [ref for ref, name in carried if name not in names]
    return found


def _carriers(
    store: Store, tracker: Tracker, connection: str
) -> Mapping[str, list[tuple[Ref, str]]]:
    """Each task with the milestone that it was last known to carry, by place."""
    found: dict[str, list[tuple[Ref, str]]] = {}
    with store.read() as tx:
        for ref in tx.refs.tasks(connection):
            record = tx.incidents.get(ref.incident_id)
            whose = record and ticket_of(record.incident, connection, ref.ticket_id)
            if not record or not whose:
                continue
            number, side = whose
            item = next(i for i in record.incident.actions if i.number == number)
            name = item.sides.get(side, Agreement()).base.get(Field.MILESTONE)
            if name is not None:
                ticket = TicketRef(connection, ref.ticket_id, ref.key, "")
                found.setdefault(tracker.place_of(ticket), []).append((ref, name))
    return found
