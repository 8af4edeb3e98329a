"""A measure with the incident that it came of, as lists over many incidents show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


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
