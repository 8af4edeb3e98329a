"""Where one can go: the navigation of all pages, and that within the operation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the navigation, for those who may use its `endpoint`: its templates say that they
    belong to this `section`."""

    section: str
    name: str
    path: str
    endpoint: str


#: In this order at the top of each page.
PLACES: Final = (
    Place("overview", "Overview", "/", "overview.overview"),
    Place("incidents", "Incidents", "/incidents", "pages.incidents"),
    Place("actions", "Actions", "/actions", "boards.actions"),
    Place("audits", "Audits", "/audits", "boards.audits"),
    Place("patterns", "Patterns", "/patterns", "patterns.patterns"),
    Place("search", "Search", "/search", "search.search"),
    Place("figures", "Figures", "/figures", "figures.figure"),
    Place("operation", "Operation", "/operation", "operation.summary"),
    Place("changes", "Changes", "/changes", "changes.changes"),
    Place("api", "API", "/api", "api.page"),
)

#: In this order at the top of each page of the operation.
OPERATION: Final = (
    Place("summary", "Summary", "/operation", "operation.summary"),
    Place("deliveries", "Deliveries", "/deliveries", "pages.deliveries"),
    Place("letters", "Dead letters", "/dead-letters", "letters.letters"),
    Place("drift", "Drift", "/drift", "drift.drift"),
    Place("trackers", "Trackers", "/trackers", "trackers.trackers"),
)

#: In this order at the top of the pages of action items.
ACTIONS: Final = (
    Place("actions", "Action items", "/actions", "boards.actions"),
    Place("conflicts", "Conflicts", "/conflicts", "conflicts.conflicts"),
)
