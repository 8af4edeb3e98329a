"""A measure with the incident that it came of, as lists over many incidents show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Measured:
    """A measure. `incident` is our id of its incident, `key` and `url` are the incident's ticket,
    `document_url` is its postmortem, "" without one. The rest is as in
    `workflows.projection.Measure`."""

    incident: str
    key: str
    url: str
    document_url: str
    service: str
    severity: str
    item: int
    title: str
    kind: str
    area: str
    owner: str
    team: str
    due: date | None
    milestone: str
    success_measure: str
    status: str
    open: bool
    done_at: datetime | None
    waived_until: date | None
    task_key: str
    task_url: str
    verdict: str
    suspect: str

    @property
    def name(self) -> str:
        """``AI-3 of INC-7``."""
        return f"AI-{self.item} of {self.key}"

    @property
    def leads_to(self) -> str:
        """Where one reads more of it: its task, else its postmortem, else its incident."""
        return self.task_url or self.document_url or self.url


@dataclass(frozen=True, slots=True)
class Judged:
    """An audit of a measure; each as in `workflows.projection.Audited`."""

    of: Measured
    reviewer: str
    due: date | None
    verdict: str
    at: datetime | None
    by: str
    suspect: str
    ticket_url: str

    @property
    def leads_to(self) -> str:
        """Where one reads more of it: its ticket, else what the measure leads to."""
        return self.ticket_url or self.of.leads_to


@dataclass(frozen=True, slots=True)
class Some(Generic[T]):
    """The first of a list, and how many there are in all of it."""

    rows: tuple[T, ...] = ()
    count: int = 0

    @property
    def more(self) -> int:
        return self.count - len(self.rows)


@dataclass(frozen=True, slots=True)
class Factor:
    """A contributing factor, how often it came, and the incident in which it came last: its day,
    None where that is not known, its key and address, and our id ("" for an imported file)."""

    name: str
    count: int
    last: date | None
    key: str
    url: str
    incident: str


@dataclass(frozen=True, slots=True)
class Again:
    """An incident that may be another one again. That is "" where it may not be told."""

    incident: str
    key: str
    url: str
    title: str
    earlier: str
    earlier_key: str
    earlier_url: str


@dataclass(frozen=True, slots=True)
class LateOf:
    """How many measures of one owner are late, and the one that has been for longest."""

    count: int
    oldest: Measured
