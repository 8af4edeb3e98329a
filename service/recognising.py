"""Our own comment on a ticket that nobody remembers, because the database was put back to a state
from before it was written. It lists action items, and would be read as asking for them."""

from __future__ import annotations

from dataclasses import replace

from integrations.tracker import Tracker
from service.store import Store
from service.store.incidents import IncidentRecord
from workflows.events import Reading, TicketRead
from workflows.set_up import comment_key


def without_own_comment(
    store: Store, tracker: Tracker, reading: Reading, known: IncidentRecord | None, subject: str
) -> Reading:
    """The reading, without the comment that we may have written before a restoration; `subject` is
    that of the incident's job. It is found by its key when it is to be written. Raises
    TrackerError."""
    remembered = known is not None and known.incident.comment_id is not None
    if remembered or not isinstance(reading, TicketRead):
        return reading
    ticket = reading.ticket
    with store.read() as tx:
        if tx.restorations.since(ticket.created) is None:
            return reading
        name = known.incident.id if known else tx.restorations.name_of(subject)
    ours = tracker.find_comment(ticket.ref, comment_key(name))
    others = tuple(each for each in ticket.comments if each.id != ours)
    return TicketRead(replace(ticket, comments=others))
