"""The measures that a team took, over all its incidents, as lists of them are made and shown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from workflows.calendars import Calendar
from workflows.markup import excerpt, inert, link
from workflows.model import ActionItem, Incident, Phase
from workflows.rungs import Audit
from workflows.snapshots import Agreement, Field, Progress, Side

T = TypeVar("T")

#: So much of a title, or of a name, is shown in a list.
LONGEST_TITLE, LONGEST_NAME = 80, 40

#: What stands for the words of a measure that not all who read the list may read.
ONLY_SOME = "(only some may read it)"

_ENDED = frozenset({Progress.DONE.value, Progress.WONT_DO.value, Progress.DUPLICATE.value})


@dataclass(frozen=True, slots=True)
class Taken:
    """A measure that was taken after an incident. `told`: its words may be repeated where the list
    is read; otherwise only its number and the incident's key."""

    incident: Incident
    item: ActionItem
    told: bool

    @property
    def is_open(self) -> bool:
        return self.item.status not in _ENDED

    @property
    def is_waived(self) -> bool:
        """Whether somebody decided that it shall not be done, and that is not because another does
        the same."""
        return self.item.status == Progress.WONT_DO.value

    @property
    def is_done(self) -> bool:
        return self.item.status == Progress.DONE.value

    @property
    def audits(self) -> list[Audit]:
        """Its audits, the first one first."""
        return [audit for audit in self.incident.audits if audit.item == self.item.number]

    def is_late(self, today: date) -> bool:
        return self.is_open and self.item.due is not None and self.item.due < today

    def done_on(self, calendar: Calendar) -> date | None:
        """The day on which it was done; None where it is not, or nobody can tell."""
        if not self.is_done:
            return None
        at, claim = self.item.done_at, self.item.said.get(Field.STATUS)
        if at is None and claim is not None and claim.said.at.year > 1:
            at = claim.said.at
        return calendar.day_of(at) if at is not None else None

    @property
    def name(self) -> str:
        """``AI-2 of INC-7``, as Markdown."""
        ticket = self.incident.ticket
        return f"{self.item.name} of {link(ticket.key, ticket.url)}"

    @property
    def title(self) -> str:
        return inert(excerpt(self.item.title, LONGEST_TITLE)) if self.told else ONLY_SOME

    @property
    def owner(self) -> str:
        if not self.told:
            return "—"
        return inert(excerpt(self.item.owner or "nobody", LONGEST_NAME))

    @property
    def due(self) -> str:
        return self.item.due.isoformat() if self.told and self.item.due else "—"

    def days_late(self, today: date) -> str:
        late = self.told and self.item.due is not None and self.item.due < today
        return str((today - self.item.due).days) if late and self.item.due else "—"


def taken(incidents: Iterable[Incident], tellable: Collection[str]) -> list[Taken]:
    """All measures of these incidents that are there, those that are due first before the others.
    `tellable` are the incidents, by our id, of which words may be repeated."""
    found = [
        Taken(incident, item, incident.id in tellable)
        for incident in incidents
        if incident.phase is not Phase.GONE
        for item in incident.actions
        if not item.given_up and not item.sides.get(Side.TASK, Agreement()).gone
    ]
    return sorted(found, key=_order)


def _order(each: Taken) -> tuple[date, str, int]:
    return each.item.due or date.max, each.incident.ticket.key, each.item.number


def overdue(audit: Audit, today: date) -> bool:
    """Whether an audit was asked, and should have been answered before `today`."""
    return audit.lives and audit.due is not None and audit.due < today


@dataclass(frozen=True, slots=True)
class Listed:
    """The first of some rows, and how many there are of them."""

    rows: tuple[str, ...]
    count: int

    @property
    def more(self) -> int:
        return self.count - len(self.rows)


def listed(some: Sequence[T], row: Callable[[T], str], most: int | None) -> Listed:
    """The rows of the first `most`, of all where that is None."""
    shown = some if most is None else some[:most]
    return Listed(tuple(map(row, shown)), len(some))
