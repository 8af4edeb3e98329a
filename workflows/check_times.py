"""When something that is watched is looked at again: made of the state and the rules alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from workflows.model import Incident, Phase
from workflows.policy import Team
from workflows.watched import Source, Watched

#: So often files are looked at, whatever webhooks told.
LOOKED_EVERY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Awaited:
    """What comes due at `due` (UTC) for something that is watched; `what` tells people."""

    watched: Watched
    what: str
    due: datetime


def silent_at(watched: Watched, team: Team) -> datetime | None:
    """When (UTC) it counts as silent if nothing is heard of it; None for what cannot be."""
    span = team.checks.silent_after.get(watched.name)
    if watched.source is not Source.CHECK or span is None:
        return None
    return heard_at(watched) + span


def heard_at(watched: Watched) -> datetime:
    """When (UTC) something was last heard of it, or it began to matter, whichever was later."""
    return max(watched.since, watched.at or watched.since)


def look_at(watched: Watched) -> datetime | None:
    """When (UTC) a file is to be looked at in any case; None for what is no file."""
    if watched.source is not Source.FILE:
        return None
    return watched.since if watched.at is None else watched.at + LOOKED_EVERY


def awaited(incident: Incident, team: Team) -> Iterator[Awaited]:
    """The silence of each check, and the next look at each file."""
    if incident.phase is Phase.GONE or incident.postmortem is None:
        return
    for watched in incident.watched:
        if (silent := silent_at(watched, team)) is not None:
            yield Awaited(watched, f"no result of the check {watched.name}", silent)
        if (look := look_at(watched)) is not None:
            yield Awaited(watched, f"the daily look at {watched.name}", look)
