"""Dead letters: effects that a tracker refused, and deliveries that nobody can work on.

Both wait for a person, in one list, each under a short id: ``e12`` is an effect, ``d34`` a
delivery. To replay one is to want it again once the cause is mended, to drop it is to give it
up. Only rows are written here; a worker does the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import chain, islice

from service.explain import in_words, standing
from service.jobs import PROMPT
from service.outcomes import given_up
from service.owners import ask_for_turn, note
from service.releasing import RELEASE_JOB, release_subject
from service.store import Transaction
from service.store.deliveries import DEAD, Delivery, DeliveryState
from service.store.effects import EffectRecord, EffectState
from service.store.journal import EntryKind
from service.store.owners import OfTeam
from workflows.effects import (
    CloseTicket,
    CreateDocument,
    CreateTask,
    KeepVersions,
    LinkTask,
    SetFields,
    SetReview,
    ShowRelease,
    WriteComment,
    WriteNote,
    WriteRegions,
)
from workflows.model import Incident, TicketRef
from workflows.rights import Teams

_ID = re.compile(r"([ed])([0-9]{1,18})")

_MENDS = {
    DeliveryState.UNREADABLE: "Look at what was sent. Replay it with a version of this service"
    " that can read it, or drop it: polling finds what it told of.",
    DeliveryState.STRANDED: "Give the rules the connection {connection}, under this name: then"
    " it is taken up by itself. Or drop it.",
}


class LetterKind(StrEnum):
    EFFECT = "effect"
    DELIVERY = "delivery"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter, or what was one.

    `wanted` is what was to be done or what was told of, in words that end a sentence. `words` are
    the tracker's, or say why nobody can work on it; `mend` what a person can do. `waits`: it is
    still a dead letter; `dropped`: somebody gave it up, and may replay it all the same;
    `standing` says in words what it is. `at` (UTC) is when it was tried or received.
    `incident_id` and `ticket` are None where nobody knows which incident it is about, or it is
    about a team.
    """

    id: str
    kind: LetterKind
    wanted: str
    connection: str
    incident_id: str | None
    ticket: TicketRef | None
    title: str
    at: datetime
    attempts: int
    words: str
    mend: str
    standing: str
    waits: bool
    dropped: bool


class NoSuchLetter(LookupError):
    """No effect and no delivery has this id."""


#: The incidents of so many are read at once.
AT_ONCE = 100


def dead_letters(
    tx: Transaction, connection: str | None = None, teams: Teams = None
) -> Iterator[DeadLetter]:
    """All of these teams that wait for a person, effects first, the earliest first; of one
    connection if given."""
    for each in _waiting(tx, teams):
        if connection in (None, each.connection):
            yield each


def first(tx: Transaction, most: int, teams: Teams = None) -> list[DeadLetter]:
    """The first of them, so many `most`."""
    return list(islice(_waiting(tx, teams, most), most))


def _waiting(tx: Transaction, teams: Teams, most: int | None = None) -> Iterator[DeadLetter]:
    effects, deliveries = tx.effects, tx.deliveries
    found = chain[EffectRecord | Delivery](
        effects.dead_letters(teams, most), deliveries.dead_letters(teams, most)
    )
    while some := list(islice(found, AT_ONCE)):
        known = tx.incidents.several({each.incident_id for each in some if each.incident_id})
        for each in some:
            record = known.get(each.incident_id or "")
            yield _told(each, record.incident if record else None)


def count(tx: Transaction, teams: Teams = None) -> int:
    """How many of these teams wait for a person."""
    return tx.effects.count_dead_letters(teams) + tx.deliveries.count_dead_letters(teams)


def team_of(tx: Transaction, typed: str) -> str | None:
    """Whose the one with this id is, None where nobody knows or there is none."""
    try:
        found = _found(tx, typed)
    except NoSuchLetter:
        return None
    if isinstance(found, EffectRecord) and found.team:
        return found.team
    return tx.incidents.team(found.incident_id) if found.incident_id else None


def letter(tx: Transaction, typed: str) -> DeadLetter:
    """The one with this id (``e12``, ``d34``). Raises NoSuchLetter."""
    found = _found(tx, typed)
    record = tx.incidents.get(found.incident_id) if found.incident_id else None
    return _told(found, record.incident if record else None)


def replay(tx: Transaction, typed: str, by: str) -> bool:
    """Want it again, what was dropped as well. False, and nothing done, when it waits for nobody
    (any more): it was done, or somebody else has asked already. Raises NoSuchLetter."""
    found = _found(tx, typed)
    if isinstance(found, Delivery):
        states = (*DEAD, DeliveryState.DROPPED)
        done = tx.deliveries.replay(found.id, states)
        if done:
            _note(tx, found, f"{by} replayed the delivery {found.id}", by)
        return done
    if tx.effects.replay(found.key) is None:
        return False
    _note(tx, found, f"{by} asked to try again: {in_words(found.wish)}", by)
    return True


def drop(tx: Transaction, typed: str, *, by: str, why: str) -> bool:
    """Give it up; the incident goes on without it. False, and nothing done, when it is no dead
    letter (any more). Raises NoSuchLetter."""
    found = _found(tx, typed)
    if isinstance(found, Delivery):
        done = tx.deliveries.drop(found.id, given_up(by, why), DEAD)
        if done:
            _note(tx, found, f"the delivery {found.id} is {given_up(by, why)}", by)
        return done
    if tx.effects.drop(found.key, by=by, why=why) is None:
        return False
    _note(tx, found, f"{given_up(by, why)}; it was to {in_words(found.wish)}", by)
    return True


def _found(tx: Transaction, typed: str) -> EffectRecord | Delivery:
    match = _ID.fullmatch(typed.strip().lower())
    found: EffectRecord | Delivery | None = None
    if match is not None:
        number = int(match[2])
        found = tx.effects.numbered(number) if match[1] == "e" else tx.deliveries.get(number)
    if found is None:
        raise NoSuchLetter(f"there is no dead letter {typed!r}")
    return found


def _note(tx: Transaction, about: EffectRecord | Delivery, text: str, by: str) -> None:
    """On record, and for an effect a turn of its incident or team is asked for."""
    if isinstance(about, Delivery):
        tx.journal.add(about.incident_id, EntryKind.NOTE, text, {"delivery": about.id, "by": by})
        return
    note(tx, about.owner, EntryKind.NOTE, text, {"key": about.key, "by": by})
    if isinstance(about.wish, ShowRelease):
        subject = release_subject(about.wish.connection, about.wish.place)
        tx.jobs.touch(RELEASE_JOB, subject, priority=PROMPT, reason=text)
    else:
        ask_for_turn(tx, about.owner, PROMPT, text)


def _told(found: EffectRecord | Delivery, incident: Incident | None) -> DeadLetter:
    if isinstance(found, EffectRecord):
        return _of_effect(found, incident)
    return _of_delivery(found, incident)


def _of_effect(effect: EffectRecord, incident: Incident | None) -> DeadLetter:
    team = effect.owner.name if isinstance(effect.owner, OfTeam) else None
    waits = effect.state is EffectState.REJECTED
    dropped = effect.state is EffectState.DROPPED
    return DeadLetter(
        id=f"e{effect.id}",
        kind=LetterKind.EFFECT,
        wanted=in_words(effect.wish),
        connection=_sent_to(effect, incident),
        incident_id=effect.owner if isinstance(effect.owner, str) else None,
        ticket=incident.ticket if incident else None,
        title=incident.title if incident else f"for the team {team}",
        at=effect.begun_at or effect.asked_at,
        attempts=effect.attempts,
        words=effect.words,
        mend=effect.mend or (_UNTOLD if waits else ""),
        standing=given_up(effect.dropped_by, effect.dropped_why) if dropped else standing(effect),
        waits=waits,
        dropped=dropped,
    )


#: Where the tracker's words are all that is known.
_UNTOLD = "Mend what the tracker names, then replay it; or drop it."


def _of_delivery(delivery: Delivery, incident: Incident | None) -> DeadLetter:
    waits = delivery.state in DEAD
    return DeadLetter(
        id=f"d{delivery.id}",
        kind=LetterKind.DELIVERY,
        wanted=f"work on the delivery “{delivery.event}” of {delivery.connection}",
        connection=delivery.connection,
        incident_id=delivery.incident_id,
        ticket=incident.ticket if incident else None,
        title=incident.title if incident else "",
        at=delivery.received_at,
        attempts=1 + delivery.repeats,
        words=delivery.why if waits else "",
        mend=_MENDS[delivery.state].format(connection=delivery.connection) if waits else "",
        standing=delivery.state.value if waits or not delivery.why else delivery.why,
        waits=waits,
        dropped=delivery.state is DeliveryState.DROPPED,
    )


def _sent_to(effect: EffectRecord, incident: Incident | None) -> str:
    """The connection of the tracker that refused it."""
    match effect.wish:
        case CreateDocument(target=target) | CreateTask(target=target):
            return target.connection
        case LinkTask(incident=ticket) | WriteComment(ticket=ticket):
            return ticket.connection
        case WriteNote(ticket=ticket) | CloseTicket(ticket=ticket):
            return ticket.connection
        case SetFields(task=task):
            return task.connection
        case ShowRelease(connection=connection):
            return connection
        case WriteRegions() | SetReview() | KeepVersions():
            return incident.postmortem.connection if incident and incident.postmortem else ""
