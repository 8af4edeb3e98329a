"""The sides of an action item, each with its own words for the values of the record.

A voice says the record in its side's words, leaving out what cannot be said there, and understands
what the side says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol

from workflows.markup import plain_title
from workflows.model import ActionItem, Person
from workflows.people import handle_of, name_of, name_said
from workflows.policy import Policy, TaskDestination
from workflows.snapshots import (
    Agreement,
    Field,
    Progress,
    Said,
    Side,
    Snapshot,
    Value,
    is_alike,
)
from workflows.statuses import as_said, read_status, readings, status_wish
from workflows.tasks import StatusWish, TaskState

#: So many earlier titles are remembered: some automations write a title anew each day.
MOST_TITLES = 10


class Voice(Protocol):
    """One side's words."""

    @property
    def side(self) -> Side: ...

    def words(self, item: ActionItem) -> dict[Field, Value]:
        """The record as the side would say it; without what it cannot say."""

    def understood(self, field: Field, value: Value, item: ActionItem) -> Value:
        """What the record is to say after the side said this."""


def record(item: ActionItem) -> dict[Field, Value]:
    """What the item says, field by field."""
    return {
        Field.OWNER: item.owner,
        Field.MILESTONE: item.milestone,
        Field.STATUS: (item.status or Progress.OPEN.value),
        Field.DUE: item.due.isoformat() if item.due else None,
        Field.TITLE: item.title,
    }


def with_value(item: ActionItem, field: Field, value: Value) -> ActionItem:
    """The item with another value of one field."""
    match field:
        case Field.OWNER:
            return replace(item, owner=value)
        case Field.MILESTONE:
            return replace(item, milestone=value)
        case Field.STATUS:
            return replace(item, status=value or "")
        case Field.DUE:
            return replace(item, due=date.fromisoformat(value) if value else None)
        case Field.TITLE:
            if not value or value == item.title:
                return item
            before = tuple(title for title in item.titles if title != value)
            if len(before) > MOST_TITLES:  # the last is the one that the line asked for
                before = (*before[: MOST_TITLES - 1], before[-1])
            return replace(item, title=value, formerly=before)


@dataclass(frozen=True, slots=True)
class TicketVoice:
    """A ticket at `destination`; `home` is the kind of the incident's own tracker, and `kinds`
    that of each side that is a ticket. `people` are those whom the ticket names."""

    side: Side
    destination: TaskDestination
    home: str
    kinds: Mapping[Side, str]
    policy: Policy
    people: tuple[Person, ...] = ()

    def words(self, item: ActionItem) -> dict[Field, Value]:
        said = record(item)
        said[Field.TITLE] = plain_title(item.title)
        progress = Progress(item.status or Progress.OPEN)
        said[Field.STATUS] = as_said(progress, self.destination.statuses).value
        said[Field.MILESTONE] = self._spelt_there(item)
        if item.owner is not None:
            claim = item.said.get(Field.OWNER)
            claimed = self.kinds.get(claim.side, "") if claim else ""
            kind = self.kinds[self.side]
            handle = handle_of(item.owner, kind, self.policy, claim, self.home, claimed)
            if handle is None:
                del said[Field.OWNER]
            else:
                said[Field.OWNER] = self._as_there(handle, item)
        return said

    def _as_there(self, handle: str, item: ActionItem) -> str:
        """The handle in the capitals that the tracker gives it: the rules' may be others."""
        there = item.sides.get(self.side, Agreement()).base.get(Field.OWNER)
        return there if there and there.casefold() == handle.casefold() else handle

    def _spelt_there(self, item: ActionItem) -> Value:
        """The milestone as the tracker spells it: two that differ in nothing else are one there,
        and to ask for the other spelling would change nothing, again and again."""
        there = item.sides.get(self.side, Agreement()).base.get(Field.MILESTONE)
        ours = item.milestone
        return there if there and ours and is_alike(there, ours) else ours

    def understood(self, field: Field, value: Value, item: ActionItem) -> Value:
        if field is Field.STATUS and self.words(item)[field] == value:
            return record(item)[field]  # it cannot tell apart what the record tells apart
        if field is Field.OWNER and value is not None:
            who = next((p for p in self.people if p.handle == value), Person(value, value))
            return name_of(who, self.kinds[self.side], self.policy)
        return value

    def wish(self, progress: Value) -> StatusWish:
        return status_wish(Progress(progress or Progress.OPEN), self.destination.statuses)


def heard(
    state: TaskState, item: ActionItem, voice: TicketVoice
) -> tuple[Snapshot, Mapping[Field, tuple[str, ...]]]:
    """What the ticket says, in its own words, and what stands beside the one value of a field.

    Of several owners or milestones the one is that which the record or the last agreement names,
    if it is among them, else the first that did not stand beside it; who did is it only where
    somebody took the one away there, and not where we did.
    """
    agreement = item.sides.get(voice.side, Agreement())
    ours = voice.words(item)

    def one_of(field: Field, all_of: tuple[str, ...]) -> Value:
        for known in (ours.get(field), agreement.base.get(field)):
            if known in all_of:
                return known
        beside = agreement.also.get(field, ())
        if new := [value for value in all_of if value not in beside]:
            return new[0]
        emptied = field in agreement.base and agreement.base[field] is None
        return all_of[0] if all_of and not emptied else None

    owners = tuple(person.handle for person in state.owners)
    progress = read_status(state.status, readings(voice.destination.statuses))
    values = {
        Field.OWNER: one_of(Field.OWNER, owners),
        Field.MILESTONE: one_of(Field.MILESTONE, state.milestones),
        Field.STATUS: as_said(progress, voice.destination.statuses).value,
        Field.DUE: state.due.isoformat() if state.due else None,
        Field.TITLE: state.title,
    }
    also = {
        Field.OWNER: tuple(handle for handle in owners if handle != values[Field.OWNER]),
        Field.MILESTONE: tuple(m for m in state.milestones if m != values[Field.MILESTONE]),
    }
    silent = {*state.silent, *(WITHHELD if state.restricted else ())}
    snapshot = {
        field: _said(state, field, value, agreement)
        for field, value in values.items()
        if field not in silent
    }
    return snapshot, {field: others for field, others in also.items() if field not in silent}


#: What is somebody's own words: of a ticket that only some may read it is told nowhere else.
WITHHELD = frozenset({Field.OWNER, Field.MILESTONE, Field.TITLE})


def told_changed(state: TaskState) -> set[Field]:
    """The fields of which a change is told with the state."""
    return {Field(change.field) for change in state.changes}


def _said(state: TaskState, field: Field, value: Value, agreement: Agreement) -> Said:
    """The value with when and by whom it was last changed, as far as the read tells. If it tells
    nothing, it was after the ticket was last read or written: then it was as is known."""
    last = next((c for c in reversed(state.changes) if c.field == field), None)
    if last is None:
        known = [at for at in (agreement.updated, agreement.wrote) if at is not None]
        return Said(value, state.updated, since=max(known, default=None))
    return Said(value, last.at, last.by.name if last.by else "")


@dataclass(frozen=True, slots=True)
class RowVoice:
    """The item's row in the document, which says whatever the record says."""

    policy: Policy
    side: Side = Side.DOCUMENT

    def words(self, item: ActionItem) -> dict[Field, Value]:
        return record(item)

    def understood(self, field: Field, value: Value, item: ActionItem) -> Value:  # noqa: ARG002
        if field is Field.OWNER and value is not None:
            return name_said(value, self.policy)
        return value
