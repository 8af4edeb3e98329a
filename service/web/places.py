"""Where one can go: the navigation of all pages, and that within the operation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the navigation: its templates say that they belong to this `section`."""

    section: str
    name: str
    path: str


#: In this order at the top of each page.
PLACES: Final = (
    Place("overview", "Overview", "/"),
    Place("incidents", "Incidents", "/incidents"),
    Place("actions", "Actions", "/actions"),
    Place("audits", "Audits", "/audits"),
    Place("operation", "Operation", "/operation"),
)

#: In this order at the top of each page of the operation.
OPERATION: Final = (
    Place("summary", "Summary", "/operation"),
    Place("deliveries", "Deliveries", "/deliveries"),
    Place("letters", "Dead letters", "/dead-letters"),
    Place("drift", "Drift", "/drift"),
    Place("trackers", "Trackers", "/trackers"),
)

#: In this order at the top of the pages of action items.
ACTIONS: Final = (
    Place("actions", "Action items", "/actions"),
    Place("conflicts", "Conflicts", "/conflicts"),
)
