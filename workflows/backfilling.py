"""Incidents that were closed before their team's start, and which somebody asks to have taken up.

Such an incident is recorded as its ticket tells of it, and nothing is created for it but what was
asked for. It stays quiet: no comment, no roles, no dates of a review; without tasks of its own it
asks nobody for anything. Closed anew after the start, it is an incident like any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from workflows import timeline
from workflows.backfilled import Backfilled
from workflows.budgets import Budget, Haste, room
from workflows.model import Incident, Phase, Ticket
from workflows.policy import Policy, Team
from workflows.triage import phase_of, recognise

#: More of a ticket's history than these characters is not kept, so that all of them can be.
LONGEST_HISTORY = 30_000


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asked for `at` that moment: of the incidents that were closed from `since` on
    and before `until` (all UTC), and of these `teams`, to be recorded; and their `documents`, and
    the `tasks` of those, to be created."""

    at: datetime
    since: datetime
    until: datetime
    teams: tuple[str, ...]
    documents: bool = False
    tasks: bool = False

    def covers(self, team: str, closed: datetime) -> bool:
        return team in self.teams and self.since <= closed < self.until


@dataclass(frozen=True, slots=True)
class Place:
    """Where incidents of these teams stand: a project or repository of a connection."""

    connection: str
    place: str


def places(wish: Wish, policy: Policy, connection: str = "") -> tuple[Place, ...]:
    """Where to look for what is asked for, each once; of one connection only, if one is named.
    Names of repositories have no case."""
    found: dict[tuple[str, str], Place] = {}
    for name in wish.teams:
        for source in policy.teams[name].incidents:
            if connection in ("", source.connection):
                here = (source.connection, source.place.casefold())
                found.setdefault(here, Place(source.connection, source.place))
    return tuple(found.values())


def candidate(ticket: Ticket, wish: Wish, policy: Policy) -> str:
    """The team whose incident of the past this is, by what a list shows of the ticket; "" where it
    is none of those that are asked for. One that was closed since its team's start is followed in
    any case."""
    found = recognise(ticket, policy)
    if isinstance(found, str) or found.team.name not in wish.teams:
        return ""
    if phase_of(ticket, found.source) is Phase.OPEN:
        return ""
    closed = timeline.closed_at(ticket)
    asked = wish.covers(found.team.name, closed) and closed < found.team.start_from
    return found.team.name if asked else ""


def heard(incident: Incident, ticket: Ticket, wishes: Iterable[Wish], team: Team) -> Incident:
    """The incident, whose facts were read from this ticket just now, after it heard of all that was
    asked for. Of one that is followed already nothing changes."""
    closed, known = incident.closed, incident.backfilled
    if closed is None:
        return incident
    if closed >= team.start_from:
        return replace(incident, backfilled=None)
    if known is None and incident.postmortem is not None:
        return incident
    for wish in wishes:
        if wish.covers(incident.team, closed):
            known = known or Backfilled(wish.at)
            documents, tasks = known.documents or wish.documents, known.tasks or wish.tasks
            known = replace(known, documents=documents, tasks=tasks)
    if known is None:
        return incident
    return replace(incident, backfilled=replace(known, history=_history(incident, ticket)))


def is_done(incident: Incident, wish: Wish) -> bool:
    """Whether the incident heard of this wish already, or has nothing to hear of it: it is followed
    like any other."""
    known = incident.backfilled
    if known is None:
        followed = incident.postmortem is not None or incident.closed is None
        return followed or not wish.covers(incident.team, incident.closed or wish.since)
    return known.documents >= wish.documents and known.tasks >= wish.tasks


def refusal(incident: Incident, team: Team) -> str | None:
    """Why an incident that was closed before its team's start gets no document; None where it gets
    one, if its severity does."""
    before = f"closed before {team.name} starts ({team.start_from:%Y-%m-%d})"
    known = incident.backfilled
    if known is None:
        return f"{before}: left alone"
    if not known.documents:
        return f"{before}: recorded by a backfill, and nothing is created"
    if incident.severity is None and team.postmortem.severities:
        return f"{before}, and its severity is not known: no document"
    return None


def is_quiet(incident: Incident) -> bool:
    """Whether nobody is asked for anything: nobody follows the measures of the past unless they got
    tasks."""
    return incident.backfilled is not None and not incident.backfilled.tasks


def _history(incident: Incident, ticket: Ticket) -> str:
    if incident.postmortem is not None or incident.restricted:
        return ""
    rows = timeline.rows(ticket, incident.comment_id, incident.attached)
    table = timeline.render(rows)
    if len(table) <= LONGEST_HISTORY:
        return table
    whole = table[:LONGEST_HISTORY].rpartition("\n")[0]
    left = table.count("\n") - whole.count("\n")
    return f"{whole}\n\nThe ticket tells {left} more."


# --- how far it is --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pace:
    """`ended` tickets of `total`, and `lately` of them within `span`."""

    total: int
    ended: int
    lately: int = 0
    span: timedelta = timedelta()

    @property
    def per_hour(self) -> float:
        """As fast as it went lately; 0 where that is not known."""
        seconds = self.span.total_seconds()
        return self.lately * 3600 / seconds if seconds > 0 else 0.0

    @property
    def left(self) -> timedelta | None:
        """How long the rest takes at that pace; None where that is not known."""
        rest = self.total - self.ended
        return timedelta(hours=rest / self.per_hour) if self.per_hour else None


# --- how long it takes ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Load:
    """`units` that a backfill is going to use of a budget of this connection's account, or of one
    of its accounts (``connection@account``)."""

    connection: str
    budget: Budget
    units: int


def longest(loads: Iterable[Load], turns: timedelta) -> tuple[timedelta, str]:
    """How long it takes at least, within a backfill's part of each budget, and by what: the name of
    the connection and of the budget, or "" where nothing but its `turns` take so long."""
    span, bound = turns, ""
    for load in loads:
        for window in load.budget.windows:
            lots = max(load.units - 1, 0) // room(window, Haste.BACKFILL)
            if lots * window.length > span:
                span, bound = lots * window.length, f"{load.connection}: {load.budget.name}"
    return span, bound
