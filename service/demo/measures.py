"""A measure of the demo, as it stands whenever somebody looks."""

from __future__ import annotations

from dataclasses import dataclass

from service.demo.watching import Watch, WentWrong
from workflows.model import ActionItem, TicketRef
from workflows.rungs import Audit


@dataclass(frozen=True, slots=True)
class Measure:
    """The action item `title` of the incident `key`, as it stands whenever somebody looks."""

    watch: Watch
    key: str
    title: str

    @property
    def item(self) -> ActionItem:
        found = [i for i in self.watch.incident(self.key).actions if i.title == self.title]
        self.need(len(found) == 1, f"there are {len(found)} action items “{self.title}”")
        return found[0]

    @property
    def task(self) -> TicketRef:
        task = self.item.task
        if task is None:
            raise WentWrong(f"“{self.title}” has no task.", self.key)
        return task

    @property
    def audits(self) -> list[Audit]:
        number = self.item.number
        return [a for a in self.watch.incident(self.key).audits if a.item == number]

    @property
    def asked(self) -> tuple[Audit, TicketRef]:
        """The audit that is open, with its ticket. Raises WentWrong where there is not one."""
        found = [(a, a.ticket) for a in self.audits if a.lives and a.ticket is not None]
        self.need(len(found) == 1, f"{len(found)} audits of “{self.title}” are open, not one")
        return found[0]

    def need(self, holds: bool, otherwise: str) -> None:
        """Raises WentWrong unless it `holds`."""
        if not holds:
            raise WentWrong(f"Not as it should be: {otherwise}", self.key)
