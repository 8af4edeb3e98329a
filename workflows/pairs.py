"""Two incidents that may be one and the same fault again. See `workflows.recurrence`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from workflows.tickets import TicketRef


@dataclass(frozen=True, slots=True)
class Recurrence:
    """That the incident `other` (our id) has service and a factor or tag in common with this one.

    `ticket` is the other's, `earlier` says that the other was opened first, `opened` when (UTC) the
    later of the two was, and `found` when the two were first found to have something in common.
    `why` says in words what that is, "" where it may not be repeated; `withdrawn` that it is so no
    more, and `dismissed` who said that it never was, "" for nobody. `notes` are
    sentences that the journal does not have yet.
    """

    other: str
    ticket: TicketRef
    earlier: bool
    opened: datetime
    found: datetime
    why: str = ""
    withdrawn: bool = False
    notes: tuple[str, ...] = ()
    dismissed: str = ""
