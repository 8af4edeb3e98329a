"""Incidents that name contributing factors, and what came of their measures."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from builders import NOON

from service.store import Store
from workflows.model import ActionItem, Incident, Kind, Origin, Phase, TicketRef
from workflows.rungs import Audit, Verdict


def measure(number: int = 1, **values: Any) -> ActionItem:
    origin, title = Origin("ticket", "1", number), values.pop("title", f"Alert {number}")
    return ActionItem(number, origin, title, Kind.PREVENTIVE, **values)


def verdict(said: Verdict, at: datetime, item: int = 1, **values: Any) -> Audit:
    return Audit(item, 1, 1, 1, since=at, opens=at, verdict=said, at=at, by="Noor Aziz", **values)


def named(id: str, *factors: str, opened: datetime = NOON, **values: Any) -> Incident:
    """An incident of the service checkout whose ticket names these factors."""
    title = values.pop("title", "Down")
    key = f"acme/ops#{id.removeprefix('i')}"
    ref = TicketRef("acme-github", f"I_{id}", key, f"https://git.example/{key.replace('#', '/')}")
    wanted: dict[str, Any] = {
        "service": "checkout",
        "severity": "sev1",
        "tags": tuple(sorted(f"factor:{each}" for each in factors)),
        "opened": opened,
        **values,
    }
    return Incident(id, wanted.pop("team", "payments"), ref, title, Phase.CLOSED, **wanted)


def saved(store: Store, *incidents: Incident) -> None:
    with store.write() as tx:
        for each in incidents:
            tx.incidents.save(each, "policy-1")
