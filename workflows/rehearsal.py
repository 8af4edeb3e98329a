"""A decision played to its end without doing anything: every effect is pretended to succeed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from workflows.backfilling import Wish
from workflows.documents import region_headings, regions, replace_regions
from workflows.effects import (
    CloseTicket,
    CreateDocument,
    CreateTask,
    Effect,
    KeepVersions,
    LinkTask,
    SetFields,
    SetReview,
    ShowRelease,
    WriteComment,
    WriteNote,
    WriteRegions,
)
from workflows.events import (
    CommentWritten,
    DocumentCreated,
    DocumentWritten,
    FieldsWritten,
    News,
    NotCreated,
    NoteWritten,
    Reading,
    ReleaseShown,
    ReviewShown,
    TaskCreated,
    TaskLinked,
    TicketClosed,
    TicketRead,
    VersionsKept,
)
from workflows.folding import fold
from workflows.lifecycle import decide
from workflows.model import (
    DocumentRef,
    DocumentState,
    DocumentStatus,
    Incident,
    StatusCategory,
    Ticket,
    TicketRef,
)
from workflows.policy import Closing, Policy, Team
from workflows.snapshots import Field

#: More effects than any incident leads to: a decision that wants more goes in circles.
LONGEST = 10_000


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How it would end: the state, every effect in order, and all reasons given on the way."""

    incident: Incident | None
    effects: tuple[Effect, ...]
    reasons: tuple[str, ...]


def rehearse(
    reading: Reading,
    incident: Incident | None,
    policy: Policy,
    *,
    new_id: str,
    now: datetime,
    backfills: Sequence[Wish] = (),
) -> Rehearsal:
    """What would happen at `now` if everything that is decided succeeded at once."""
    made = partial(decide, policy=policy, new_id=new_id, now=now, backfills=backfills)
    done: dict[str, Effect] = {}
    reasons: list[str] = []
    for _ in range(LONGEST):
        decision = made(reading, incident)
        incident = decision.incident
        reasons += [why for why in decision.reasons if why not in reasons]
        wish = next((e for e in decision.effects if _is_wanted(e, done)), None)
        if incident is None or wish is None:
            return Rehearsal(incident, tuple(done.values()), tuple(reasons))
        done.pop(wish.key, None)
        done[wish.key] = wish
        incident = fold(pretend(wish, incident, now), incident)
    raise RuntimeError(f"the decision on {reading} never comes to rest")


def rehearse_closed(
    ticket: Ticket, incident: Incident | None, policy: Policy, now: datetime, *, new_id: str
) -> Rehearsal:
    """What would happen if the ticket were closed, at `now` if it is open, and for a reason that
    gets a postmortem. The team's start and severities hold."""
    if ticket.closed is None and ticket.status.category is not StatusCategory.DONE:
        ticket = replace(ticket, closed=now)
    teams = {name: _closing_by(team, ticket.status.name) for name, team in policy.teams.items()}
    policy = replace(policy, teams=teams)
    return rehearse(TicketRead(ticket), incident, policy, new_id=new_id, now=now)


def rehearse_anyway(
    ticket: Ticket, incident: Incident | None, policy: Policy, now: datetime, *, new_id: str
) -> Rehearsal:
    """As `rehearse_closed`, if besides the team had always been followed, in every severity."""
    teams = {name: _for_all(team) for name, team in policy.teams.items()}
    return rehearse_closed(ticket, incident, replace(policy, teams=teams), now, new_id=new_id)


def _closing_by(team: Team, status: str) -> Team:
    closed = Closing(statuses=frozenset({status}), excepted=frozenset())
    sources = tuple(replace(source, closed=closed) for source in team.incidents)
    return replace(team, incidents=sources)


def _for_all(team: Team) -> Team:
    rules = replace(team.postmortem, severities=frozenset())
    return replace(team, start_from=datetime.min.replace(tzinfo=UTC), postmortem=rules)


def _is_wanted(effect: Effect, done: Mapping[str, Effect]) -> bool:
    """Regions are only asked for when they must be written; all else may be asked for again in
    the same words."""
    return isinstance(effect, WriteRegions) or done.get(effect.key) != effect


def pretend(wish: Effect, incident: Incident, now: datetime) -> News:
    """What would be known after `wish` had succeeded at `now`; places are named, not made."""
    match wish:
        case CreateDocument():
            return _pretend_document(wish)
        case WriteRegions():
            return _pretend_write(wish, incident)
        case CreateTask():
            return _pretend_task(wish)
        case LinkTask():
            return TaskLinked(wish.key)
        case WriteNote():
            return NoteWritten(wish.key, "", now)
        case CloseTicket():
            return TicketClosed(wish.key)
        case WriteComment():
            return CommentWritten(wish.key, incident.comment_id or "planned")
        case SetReview():
            return ReviewShown(wish.key)
        case ShowRelease():
            return ReleaseShown(wish.key)
        case KeepVersions():
            return VersionsKept(wish.key, ())
        case SetFields(status=status):
            said = {} if status is None else {Field.STATUS: status.progress.value}
            return FieldsWritten(wish.key, {**wish.values, **said}, {}, now)


def _pretend_document(wish: CreateDocument) -> DocumentCreated:
    target = wish.target
    where = f"{target.place}/{target.path}" if target.path else target.place
    ref = DocumentRef(target.kind, where, f"(to be created in {where})", "planned")
    bodies, headings = regions(wish.text), region_headings(wish.text)
    state = DocumentState(ref, bodies, headings, DocumentStatus.DRAFT, wish.text)
    return DocumentCreated(target.connection, state, bodies)


def _pretend_task(wish: CreateTask) -> TaskCreated | NotCreated:
    if wish.moot:
        return NotCreated(wish.key)
    name = f"AI-{wish.key.rsplit(':', 1)[1]}"
    place = f"(task of {name} in {wish.target.place})"
    return TaskCreated(wish.key, TicketRef(wish.target.connection, place, place, ""), True)


def _pretend_write(wish: WriteRegions, incident: Incident) -> DocumentWritten:
    known = incident.postmortem
    if known is None:
        raise ValueError("regions of a document that does not exist")
    text = replace_regions(known.text, wish.regions) if known.text is not None else None
    bodies = {**known.seen, **wish.regions}
    state = DocumentState(known.ref, bodies, known.headings, known.status, text)
    return DocumentWritten(state, dict(wish.regions))
