"""What a ticket or a row of a document says otherwise than was last agreed on, where nobody told of
it, and what came of that once it was heard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from workflows.action_table import read_rows
from workflows.documents import digest
from workflows.hearing import may_be_mended, ticket_of, voice_of
from workflows.markup import excerpt
from workflows.model import ActionItem, Incident, TicketRef
from workflows.policy import Policy
from workflows.remarks import may_be_proven
from workflows.snapshots import Agreement, Field, Side, Value
from workflows.tasks import TaskState
from workflows.voices import heard, record

#: What differs where it is the ticket itself: moved, back again, or no more in its place.
TICKET = "ticket"


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that differs. `what` is a field's name or `TICKET`; the values are in the words of
    the side, for `TICKET` they are its keys, None where there is no such ticket. `since` (UTC,
    the tracker's clock) is when the ticket last changed, so that it may differ for longer for a
    later change of something else; None where nobody knows."""

    what: str
    agreed: Value
    found: Value
    since: datetime | None


def in_words(value: Value) -> str:
    """A value of a drift as people read it: in one line, so that no title can pass for another
    entry, and not at any length."""
    return "nothing" if value is None else excerpt(value)


@dataclass(frozen=True, slots=True)
class Compared:
    """A ticket held against what was last agreed: `drifts`, and whether it must be read besides
    (`unsure`), for what stands beside the one value of a field, or because this state of it is
    older than our own last write."""

    drifts: tuple[Drift, ...] = ()
    unsure: bool = False

    @property
    def differs(self) -> bool:
        return bool(self.drifts) or self.unsure


class Became(StrEnum):
    """What was done about a drift."""

    TAKEN_OVER = "taken over"
    WRITTEN_OVER = "written over"
    CONFLICT = "a conflict"
    LEFT_ALONE = "left alone: it keeps flipping"
    AGREED = "nothing: the record said so too"
    EQUAL_AGAIN = "nothing: it was as agreed again"
    FOLLOWED = "followed"
    GONE = "known as gone"


def compare(
    incident: Incident,
    state: TaskState,
    policy: Policy,
    now: datetime,
    read: datetime | None = None,
) -> Compared:
    """What differs of one of the incident's tickets, read without being told of it. Nothing where
    the ticket is not, or not any more, an action item's; and nothing of a field that is not kept
    in sync, of which the ticket cannot speak, or that is left alone at `now` (UTC).

    `read` is the time of the last change when the ticket was last read. Lists lag: one that shows
    it as it was before, or as it was then with just what we have written over since, tells nothing
    of whether it differs.
    """
    found = ticket_of(incident, state.ref.connection, state.ref.id)
    team = policy.teams.get(incident.team)
    voice = voice_of(incident, *found, policy) if found else None
    if found is None or team is None or voice is None:
        return Compared()
    item, side = _item(incident, found[0]), found[1]
    agreement, words = _agreement(item, side), voice.words(item)
    says, also = heard(state, item, voice)
    drifts = list(_of_the_ticket(item, side, state))
    unsure = _some(also) != _some(agreement.also) or may_be_mended(agreement, state)
    unsure = unsure or may_be_proven(item, side, state)
    for field, said in says.items():
        rule = team.sync.fields.get(field)
        rests = field in agreement.resting and agreement.resting[field] > now
        if rule is None or not rule.counts or rests:
            continue
        # a ticket that was never heard was created as the record said, see `workflows.sync`
        base = agreement.base.get(field, words.get(field, said.value))
        if said.value == base:
            continue
        if read == state.updated and agreement.replaced.get(field, base) == said.value:
            unsure = True
        else:
            drifts.append(Drift(field.value, base, said.value, state.updated))
    if read is not None and state.updated < read:
        return Compared((), unsure or bool(drifts))
    return Compared(tuple(drifts), unsure)


def missing(incident: Incident, ref: TicketRef) -> Drift | None:
    """What differs where a ticket is no more in a list that it should be in; None where that is
    known, or where the ticket is not an action item's any more."""
    found = ticket_of(incident, ref.connection, ref.id)
    if found is None or _agreement(_item(incident, found[0]), found[1]).gone:
        return None
    return Drift(TICKET, ref.key, None, None)


def compare_rows(incident: Incident, regions: Mapping[str, str]) -> dict[str, tuple[Drift, ...]]:
    """What the rows of the document's table of action items, whose regions are these by now, say
    otherwise than they were last seen to: by the item's name. Nothing where that is our own write
    whose answer never came, or ours again because an update was closed or opened."""
    document, now = incident.postmortem, regions.get("actions", "")
    if document is None or digest(now) in document.asked.get("actions", ()):
        return {}
    if now in (document.merged.get("actions"), document.declined.get("actions")):
        return {}
    seen, rows = read_rows(document.seen.get("actions", "")), read_rows(now)
    found = {
        name: tuple(
            Drift(field.value, seen[name].values[field], value, None)
            for field, value in row.values.items()
            if field in seen[name].values and seen[name].values[field] != value
        )
        for name, row in rows.items()
        if name in seen
    }
    return {name: drifts for name, drifts in found.items() if drifts}


def became(
    before: Incident,
    after: Incident,
    whose: tuple[int, Side] | None,
    what: str,
    policy: Policy,
    now: datetime,
) -> Became | None:
    """What was done about something that differed, given the incident before and after the turn
    in which it was heard; `whose` is the action item and its side (None: no item's any more). None
    where it turned out to be no drift at all: a list that lagged did not show a ticket that is
    where it always was."""
    if whose is None:
        return Became.EQUAL_AGAIN
    number, side = whose
    old, new = _item(before, number), _item(after, number)
    if what == TICKET:
        return _ticket_became(old, new, side)
    field, agreement = Field(what), _agreement(new, side)
    base = _agreement(old, side).base
    if agreement.gone:
        return Became.GONE
    if agreement.resting.get(field, now) > now:
        return Became.LEFT_ALONE
    if field in base and agreement.base.get(field) == base[field]:
        return Became.EQUAL_AGAIN
    conflict = _conflict(new, field)
    if conflict is not None and conflict != _conflict(old, field):
        return Became.CONFLICT
    if record(old)[field] != record(new)[field]:
        return Became.TAKEN_OVER
    voice = voice_of(after, number, side, policy) if side is not Side.DOCUMENT else None
    said = (voice.words(new) if voice else record(new)).get(field)
    return Became.AGREED if said == agreement.base.get(field) else Became.WRITTEN_OVER


def item_of(incident: Incident, connection: str, ticket_id: str) -> str:
    """What people call the action item whose ticket this is, "" where it is none's."""
    found = ticket_of(incident, connection, ticket_id)
    return _item(incident, found[0]).name if found else ""


def _of_the_ticket(item: ActionItem, side: Side, state: TaskState) -> list[Drift]:
    ref = _ref(item, side)
    if _agreement(item, side).gone:
        return [Drift(TICKET, None, state.ref.key, state.updated)]
    if ref is not None and ref.key != state.ref.key:
        return [Drift(TICKET, ref.key, state.ref.key, state.updated)]
    return []


def _ticket_became(old: ActionItem, new: ActionItem, side: Side) -> Became | None:
    before, after = _agreement(old, side), _agreement(new, side)
    if after.gone:
        return Became.GONE
    moved, now = _ref(old, side), _ref(new, side)
    if before.gone or (moved and now and moved.key != now.key):
        return Became.FOLLOWED
    return None


def _agreement(item: ActionItem, side: Side) -> Agreement:
    return item.sides.get(side, Agreement())


def _ref(item: ActionItem, side: Side) -> TicketRef | None:
    return item.task if side is Side.TASK else item.twin


def _item(incident: Incident, number: int) -> ActionItem:
    return next(item for item in incident.actions if item.number == number)


def _conflict(item: ActionItem, field: Field) -> object:
    return next((conflict for conflict in item.conflicts if conflict.field is field), None)


def _some(also: Mapping[Field, tuple[str, ...]]) -> dict[Field, tuple[str, ...]]:
    return {field: values for field, values in also.items() if values}
