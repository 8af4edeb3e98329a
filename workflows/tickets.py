"""Where a ticket is: what everything that belongs to a ticket is known by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TicketRef:
    """Where a ticket is. Two references are the same ticket when connection and id are equal.

    `key` is what people call it (``INC-42``, ``acme/ops#42``) and may change; `link_id` is the
    second id that some trackers want when tickets are linked, empty where there is none.
    """

    connection: str
    id: str
    key: str
    url: str
    link_id: str = ""
