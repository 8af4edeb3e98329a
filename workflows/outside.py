"""Those who were not in the room: what they are asked and told, each once.

Perspectives are asked for when a postmortem is set up, the review's summary is circulated, and
customer-facing teams hear that a remedy is in place. What is to be told is planned, and kept, in
the turn that may tell it: what comes together in quiet hours is one note.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime

from workflows import circulation, customers, outside_text, perspectives
from workflows.effects import WriteNote
from workflows.events import NoteWritten
from workflows.model import Incident, TicketRef
from workflows.notices import (
    CUSTOMERS,
    MISSING,
    PERSPECTIVES,
    SUMMARY,
    Notice,
    following,
    key_of,
    of_kind,
    place_in,
)
from workflows.people import handle_of, name_of, name_said
from workflows.policy import Mode, Policy, Team
from workflows.standing import Decision


def told(decision: Decision, policy: Policy, now: datetime) -> Decision:
    """The decision with the notes that are to be written at `now` (UTC), or when to look again
    because it is quiet now. Raises HolidaysUnknown."""
    incident = decision.incident
    team = policy.teams.get(incident.team) if incident else None
    if incident is None or team is None or team.mode is Mode.PLAN:
        return decision
    incident = begun(incident, policy, now)
    decision = replace(decision, incident=incident)
    planned = _planned(incident, team, now)
    notes = tuple(_notes(planned, team, policy, now))
    if not notes:
        return decision
    if not team.calendar.may_speak(now):
        at = team.calendar.speak_at(now)
        return replace(decision, again_at=min(at, decision.again_at or at))
    return replace(decision, incident=planned, effects=(*decision.effects, *notes))


def begun(incident: Incident, policy: Policy, now: datetime) -> Incident:
    """The incident with what was there already when the rules first asked. So it is taken before
    anything new is heard of its document and tasks; what comes with that is told."""
    team = policy.teams.get(incident.team)
    if team is None or team.mode is Mode.PLAN:
        return incident
    incident = customers.as_it_stands(incident, team, now)
    if team.participants.circulate is None or of_kind(incident.notices, SUMMARY):
        return incident
    if circulation.waits(incident):
        return incident
    return replace(incident, notices=(*incident.notices, circulation.begun(incident, now)))


def must_read(incident: Incident, policy: Policy) -> bool:
    """Whether the rules ask for the first time what only the incident's ticket tells: whether
    customers felt it."""
    team = policy.teams.get(incident.team)
    if team is None or team.mode is Mode.PLAN:
        return False
    return customers.first_asked(incident, team)


def about_to_be_told(incident: Incident, policy: Policy) -> list[TicketRef]:
    """The tasks of remedies that are about to be told of, or were to be. They are read once more
    before: what became of them while nobody listened was not told."""
    team = policy.teams.get(incident.team)
    if team is None or team.mode is Mode.PLAN or not circulation.may_be_told(incident):
        return []
    wanted = {name for each in _waiting(incident, CUSTOMERS) for name in each.about}
    wanted.update(customers.to_tell(incident, team))
    return [item.task for item in incident.actions if item.name in wanted and item.task]


def whom(incident: Incident, key: str, policy: Policy, day: date) -> list[str]:
    """The people, by name, whom the note of this key is for on that day. One for nobody counts for
    the team."""
    what, n = place_in(key)
    team = policy.teams[incident.team]
    notice = next(each for each in of_kind(incident.notices, what) if each.n == n)
    return _people(incident, notice, team, policy, day) or [f"nobody of {team.name}"]


def fold_notice(news: NoteWritten, incident: Incident) -> Incident:
    """The incident once a note is written."""
    what, n = place_in(news.key)
    notices = tuple(
        replace(each, at=news.at, comment=news.comment)
        if (each.what, each.n) == (what, n)
        else each
        for each in incident.notices
    )
    return replace(incident, notices=notices)


def _planned(incident: Incident, team: Team, now: datetime) -> Incident:
    if not circulation.may_be_told(incident):
        return incident
    new = {
        PERSPECTIVES: perspectives.to_ask(incident),
        SUMMARY: circulation.to_circulate(incident, team, now),
        MISSING: circulation.to_ask_for(incident, team, now),
        CUSTOMERS: customers.to_tell(incident, team),
    }
    for what, about in new.items():
        if about:
            incident = replace(incident, notices=following(incident.notices, what, about))
    return incident


def _waiting(incident: Incident, what: str) -> list[Notice]:
    """Notes that are planned and not known to be written."""
    return [each for each in of_kind(incident.notices, what) if each.at is None and each.about]


def _notes(incident: Incident, team: Team, policy: Policy, now: datetime) -> Iterator[WriteNote]:
    """What is to be written now. Nothing where the rules know the ticket's tracker no more."""
    if not circulation.may_be_told(incident):
        return
    day = team.calendar.day_of(now)
    for notice in incident.notices:
        if notice.at is not None or not notice.about:
            continue
        if notice.what in (SUMMARY, MISSING) and circulation.waits(incident):
            continue
        ticket = _ticket(incident, notice)
        if ticket is None or ticket.connection not in policy.connections:
            continue
        people = _people(incident, notice, team, policy, day)
        handles, others = _called(incident, people, ticket, policy)
        text, instead = outside_text.note(incident, notice, team, policy, day, others)
        if text:
            key = key_of(incident.id, notice)
            yield WriteNote(key, ticket, text, others=handles, instead=instead)


def _ticket(incident: Incident, notice: Notice) -> TicketRef | None:
    if notice.what != CUSTOMERS:
        return incident.ticket
    return next((item.task for item in customers.in_place(incident, notice)), None)


# --- people ---------------------------------------------------------------------------------------


def _people(incident: Incident, notice: Notice, team: Team, policy: Policy, day: date) -> list[str]:
    """By the names that the record has for them, each once."""
    rules = team.participants
    names: Sequence[str]
    match notice.what:
        case "perspectives":
            asked = (each for each in incident.perspectives if each.name in notice.about)
            names = [outside_text.asked(each, policy, day) for each in asked]
        case "missing":
            names = [incident.roles.get("facilitator", "")]
        case "customers":
            teams = rules.customers.teams if rules.customers else {}
            names = [who for people in teams.values() for who in people]
        case _:
            heard = [who for each in incident.perspectives for who in each.people]
            owner = [_owner(incident, policy)]
            names = [*incident.roles.values(), *owner, *heard, *(rules.circulate or ())]
    return list(dict.fromkeys(name_said(each, policy) for each in names if each))


def _owner(incident: Incident, policy: Policy) -> str:
    kind = policy.connections.get(incident.ticket.connection, "")
    return name_of(incident.owner, kind, policy) if incident.owner else ""


def _called(
    incident: Incident, people: Sequence[str], ticket: TicketRef, policy: Policy
) -> tuple[tuple[str, ...], list[str]]:
    """The handles of those who can be called on that ticket, and the names of the others."""
    kind = policy.connections[ticket.connection]
    handles: dict[str, None] = {}
    others: list[str] = []
    for name in people:
        handle = handle_of(name, kind, policy, None, "", "")
        at_home = ticket.connection == incident.ticket.connection and incident.owner
        if handle is None and at_home and name == _owner(incident, policy):
            handle = incident.owner.handle if incident.owner else None
        if handle is None:
            others.append(name)
        else:
            handles[handle] = None
    return tuple(handles), others
