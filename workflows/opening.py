"""What is to be done about an incident's audits: opened, linked, told, closed."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import blake2b

from workflows import audit_text
from workflows.audit_keys import audit_key
from workflows.audits import changed, due_to_open, is_away, nothing_to_ask
from workflows.calendars import Calendar
from workflows.effects import CloseTicket, CreateTask, Effect, LinkTask, WriteNote
from workflows.model import ActionItem, Incident, Postmortem
from workflows.people import handle_of, name_said
from workflows.policy import Policy, TaskDestination, Team, same_word
from workflows.rungs import Audit
from workflows.schedule import after
from workflows.snapshots import Progress
from workflows.statuses import status_wish
from workflows.targets import target_of


def prepared(
    incident: Incident, team: Team, policy: Policy, now: datetime, read: Container[int]
) -> Incident:
    """The incident with a due date and a reviewer for each audit that is to be opened by now, of
    the measures that were `read` for that. Who became the measure's owner before it was there is
    not its reviewer, and nothing opens whose due date is over by then."""
    rules = team.audits
    if rules is None:
        return incident
    for audit in incident.audits:
        item = next((each for each in incident.actions if each.number == audit.item), None)
        if item is None or item.number not in read or not due_to_open(incident, audit, now):
            continue
        late, owner = audit.overdue_at(team.calendar), item.owner or ""
        stands = audit.due if late is not None and now < late else None
        due = stands or after(rules.within, now, team.calendar)
        reviewer = audit.reviewer
        if audit.due is None or owner != audit.owner:
            days = (team.calendar.day_of(now), due)
            reviewer = _reviewer(incident, audit, owner, days, team, policy)
        incident = changed(incident, replace(audit, due=due, owner=owner, reviewer=reviewer))
    return incident


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the audits ask for now, in order, and when (UTC) to look again at what the team may not
    be told yet."""

    effects: tuple[Effect, ...] = ()
    again_at: datetime | None = None


def wanted(
    incident: Incident, team: Team, policy: Policy, now: datetime, read: Container[int]
) -> Wanted:
    """All that the audits ask for at `now` (UTC); of measures that were not `read`, none is opened.
    That one is overdue waits for the end of quiet hours; the rest answers what people did. Raises
    HolidaysUnknown."""
    effects = tuple(_asked_for(incident, team, policy, read))
    late = tuple(_overdue(incident, team, policy, now))
    if late and not team.calendar.may_speak(now):
        return Wanted(effects, team.calendar.speak_at(now))
    return Wanted((*effects, *late))


def _asked_for(
    incident: Incident, team: Team, policy: Policy, read: Container[int]
) -> Iterator[Effect]:
    """What was asked to be opened and is not wanted now is asked for as moot, until it is known
    whether it was made."""
    items = {item.number: item for item in incident.actions}
    away = is_away(incident)
    for audit in incident.audits:
        item = items.get(audit.item)
        if item is None or incident.postmortem is None:
            continue
        if audit.ticket is None and audit.due is not None:
            moot = bool(audit.ended) or away or bool(nothing_to_ask(item, incident, team))
            if moot or item.number in read:
                wish = _opening(incident, item, audit, incident.postmortem, team, policy)
                yield replace(wish, moot=moot)
        elif audit.stands and audit.ticket and audit.ticket.connection in policy.connections:
            yield from _links(incident, item, audit)
            yield from _notes(incident, audit, team.calendar)
            yield from _closing(incident, audit, team)


def _opening(
    incident: Incident,
    item: ActionItem,
    audit: Audit,
    document: Postmortem,
    team: Team,
    policy: Policy,
) -> CreateTask:
    to = _destination(team)
    kind = policy.connections[to.connection]
    return CreateTask(
        key=audit_key(incident, audit),
        target=target_of(to, to.labels),
        title=audit_text.title(item, incident, audit),
        text=audit_text.text(incident, item, audit, document, team),
        kind=item.kind,
        incident=incident.ticket,
        document=replace(document.ref, version=""),
        owner=_handle(audit.reviewer, kind, policy),
        owner_name=audit.reviewer or None,
        due=audit.due,
        measure=item.task,
        measure_owner=audit.owner,
    )


def _links(incident: Incident, item: ActionItem, audit: Audit) -> Iterator[LinkTask]:
    """Its relations to measure and incident. To an incident in its own tracker the creation itself
    relates it (docs/adr/0006)."""
    ticket, name = audit.ticket, f"audit of {item.name}"
    if ticket is None or audit.ended:
        return
    rest = audit_key(incident, audit).partition(":")[2]
    if item.task is not None and "measure" not in audit.linked:
        yield LinkTask(f"audited:{rest}:measure", item.task, ticket, name)
    if incident.ticket.connection != ticket.connection and "incident" not in audit.linked:
        yield LinkTask(f"audited:{rest}:incident", incident.ticket, ticket, name)


def _notes(incident: Incident, audit: Audit, calendar: Calendar) -> Iterator[WriteNote]:
    """What is said on its ticket because of what people did, each once."""
    if audit.ticket is None:
        return
    said: list[tuple[str, str]] = []
    if audit.ended and audit.verdict is None:
        said.append(("ended", audit_text.withdrawn(audit)))
    if audit.lives and audit.closed:
        said.append(("unjudged", audit_text.unjudged()))
    said += [(answer.id, audit_text.refused(answer.text)) for answer in audit.answers]
    if audit.verdict is not None:
        said.append(("verdict", audit_text.verdict(incident, audit, calendar)))
    rest = audit_key(incident, audit).partition(":")[2]
    for name, text in said:
        if name not in audit.told:
            yield WriteNote(f"note:{rest}:{name}", audit.ticket, text)


def _overdue(incident: Incident, team: Team, policy: Policy, now: datetime) -> Iterator[WriteNote]:
    """The note on each audit that is overdue by now, once; none for what is muted, or where the
    incident's own ticket is not there."""
    if incident.muted or is_away(incident):
        return
    for audit in incident.audits:
        late, ref = audit.overdue_at(team.calendar), audit.ticket
        if late is None or late > now or audit.muted or "overdue" in audit.told:
            continue
        if ref is None or not audit.stands or ref.connection not in policy.connections:
            continue
        item = next((each for each in incident.actions if each.number == audit.item), None)
        if item is None or nothing_to_ask(item, incident, team):
            continue
        rest = audit_key(incident, audit).partition(":")[2]
        to = _handle(team.manager or "", policy.connections[ref.connection], policy)
        yield WriteNote(f"note:{rest}:overdue", ref, audit_text.overdue(audit, team), to)


def _closing(incident: Incident, audit: Audit, team: Team) -> Iterator[CloseTicket]:
    """Judged, or with nothing left to ask, it is closed, once."""
    if audit.ticket is None or audit.lives or audit.closed:
        return
    progress = Progress.DONE if audit.verdict is not None else Progress.WONT_DO
    rest = audit_key(incident, audit).partition(":")[2]
    to = _destination(team)
    yield CloseTicket(f"close:{rest}", audit.ticket, to.place, status_wish(progress, to.statuses))


def _destination(team: Team) -> TaskDestination:
    return team.audits.destination if team.audits else team.postmortem.tasks


# --- people ---------------------------------------------------------------------------------------


def _reviewer(
    incident: Incident,
    audit: Audit,
    owner: str,
    days: Sequence[date],
    team: Team,
    policy: Policy,
) -> str:
    """Whose turn it is, never the owner's; "" where there is nobody else. Turns follow incident and
    measure, and go on with each audit. Who is away on one of these days is passed over, unless all
    are: then somebody is to know of it once they are back."""
    asked = team.audits.reviewers if team.audits else ()
    people: Sequence[str] = asked or team.rota.get("reviewer", ())
    own = same_word(name_said(owner, policy)) if owner else None
    allowed = [each for each in people if same_word(name_said(each, policy)) != own]
    if not allowed:
        return ""
    away = {p.name for p in policy.people if any(map(p.is_away, days))}
    allowed = [each for each in allowed if name_said(each, policy) not in away] or allowed
    seed = blake2b(f"{incident.id}:{audit.item}".encode(), digest_size=4).digest()
    turn = int.from_bytes(seed) + audit.round + audit.rung
    start = turn % len(people)
    order = [*people[start:], *people[:start]]
    return next(each for each in order if each in allowed)


def _handle(name: str, kind: str, policy: Policy) -> str | None:
    """What the trackers of this kind call somebody whom the rules name."""
    return handle_of(name, kind, policy, None, "", "") if name else None
