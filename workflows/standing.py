"""What the service is doing about an incident, as people are told it: it watches, waits for
something that it names, or is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from workflows.effects import Effect, Hold
from workflows.model import Incident, Outlook

#: What an incident waits for while its team does not act.
PLANNED = "mode: act (the team only plans, nothing is written)"


@dataclass(frozen=True, slots=True)
class Decision:
    """What should be: the incident's new state (None: not an incident), the effects wanted, in
    the order in which they should happen, and the reasons for people to read."""

    incident: Incident | None
    effects: tuple[Effect, ...] = ()
    reasons: tuple[str, ...] = ()
    again_at: datetime | None = None


def watching(incident: Incident) -> Incident:
    return replace(incident, outlook=Outlook.WATCHING, waiting_for=None, waiting_until=None)


def waiting(incident: Incident, why: str, until: datetime | None = None) -> Incident:
    return replace(incident, outlook=Outlook.WAITING, waiting_for=why, waiting_until=until)


def done(incident: Incident) -> Incident:
    return replace(incident, outlook=Outlook.DONE, waiting_for=None, waiting_until=None)


def standing(incident: Incident, stuck: Sequence[Hold]) -> Incident:
    """Done, or waiting: for what, and until when if time alone will tell."""
    if not stuck:
        return done(incident)
    why = stuck[0].why if len(stuck) == 1 else f"{stuck[0].why} (and {len(stuck) - 1} more)"
    return waiting(incident, why, stuck[0].until)
