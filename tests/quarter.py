"""A quarter of a team as the service keeps it: measures late, done, judged and in doubt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from builders import task_ref

from service.store import Store
from workflows.model import (
    ActionItem,
    DocumentRef,
    DocumentStatus,
    Incident,
    Kind,
    Origin,
    Phase,
    Postmortem,
    TicketRef,
)
from workflows.moments import Moments
from workflows.pairs import Recurrence
from workflows.rungs import Audit, Verdict

#: The day on which the quarter is looked at, and its quarter.
TODAY = date(2026, 12, 20)
NOW = datetime(2026, 12, 20, 12, tzinfo=UTC)


def on(month: int, day: int, year: int = 2026) -> datetime:
    return datetime(year, month, day, 9, tzinfo=UTC)


def item(number: int = 1, title: str = "Alert on queue depth", **values: Any) -> ActionItem:
    base = ActionItem(number, Origin("rule", str(number)), title, Kind.PREVENTIVE, status="open")
    return replace(base, **values)


def done(number: int = 1, title: str = "Alert on queue depth", **values: Any) -> ActionItem:
    return item(number, title, **{"status": "done", "done_at": on(10, 20), **values})


def verdict(number: int, which: Verdict, rung: int = 1, **values: Any) -> Audit:
    base = Audit(number, 1, rung, rung, since=on(10, 20), opens=on(11, 20))
    ticket = task_ref(90 + rung)
    judged = replace(base, verdict=which, at=on(11, 25), by="Noor Aziz", ticket=ticket)
    return replace(judged, **{"due": date(2026, 12, 1), **values})


def asks(number: int, due: date, **values: Any) -> Audit:
    base = Audit(number, 1, 1, 1, since=on(10, 20), opens=on(11, 20))
    return replace(base, **{"due": due, "ticket": task_ref(99), "reviewer": "Noor Aziz", **values})


def again(earlier: str) -> Recurrence:
    ref = TicketRef("jira", "1", "INC-1", "https://jira.example/INC-1")
    return Recurrence(earlier, ref, True, on(11, 2), on(11, 3), "the same service")


def postmortem(*factors: str) -> Postmortem:
    """A published document that names these contributing factors."""
    rows = "\n".join(f"- {factor}; evidence: a log" for factor in factors)
    text = f"# Postmortem\n\n## Contributing factors\n\n{rows}\n"
    ref = DocumentRef("git-directory", "p.md", "https://docs.example/p.md", "v1")
    return Postmortem("", ref, DocumentStatus.PUBLISHED, {}, {}, {}, {}, text)


@dataclass
class Kept:
    """Incidents as they are kept, in this store."""

    store: Store

    def incident(self, number: int, *items: ActionItem, **values: Any) -> Incident:
        ref = TicketRef("jira", str(number), f"INC-{number}", f"https://jira.example/INC-{number}")
        base = Incident(
            id=f"k{number}",
            team="payments",
            ticket=ref,
            title=f"Checkout is slow {number}",
            phase=Phase.CLOSED,
            severity="sev2",
            service="checkout",
            moments=Moments(detected=on(11, 2)),
            opened=on(11, 2),
            closed=on(11, 3),
            postmortem=postmortem("Slow disk"),
            actions=items,
        )
        made = replace(base, **values)
        with self.store.write() as tx:
            tx.incidents.save(made, "policy-1")
        return made
