"""Fields that are set back as often as they are set: a circuit opens, and they are left alone.

A flip is that what our last write of a field wrote over stands there again. It does not matter who
does that: two automations that disagree would go on for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from workflows.model import ActionItem
from workflows.policy import SyncRules
from workflows.snapshots import Agreement, Field, Side, Value

T = TypeVar("T")


def flipped(
    agreement: Agreement, field: Field, theirs: Value, rules: SyncRules, now: datetime
) -> Agreement:
    """After the side moved to `theirs`: one flip more, if it is one; the last opens the circuit."""
    if field not in agreement.replaced or agreement.replaced[field] != theirs:
        return agreement
    earlier = agreement.flips.get(field, ())
    flips = (*(at for at in earlier if at > now - rules.window), now)
    if len(flips) < rules.flips:
        return replace(agreement, flips={**agreement.flips, field: flips})
    agreement = awake(agreement, field)
    return replace(agreement, resting={**agreement.resting, field: now + rules.rest})


def rests(agreement: Agreement, field: Field, now: datetime) -> bool:
    """Whether the field is left alone at `now` (UTC)."""
    until = agreement.resting.get(field)
    return until is not None and until > now


def awake(agreement: Agreement, field: Field) -> Agreement:
    """The circuit closed, and its flips forgotten."""
    return replace(
        agreement,
        flips=without(agreement.flips, field),
        resting=without(agreement.resting, field),
    )


def without(values: Mapping[Field, T], field: Field) -> dict[Field, T]:
    """The same without one field."""
    return {f: value for f, value in values.items() if f is not field}


def close_circuit(item: ActionItem, side: Side, field: Field) -> ActionItem:
    """The item with a field that was left alone kept in sync again."""
    agreement = item.sides.get(side, Agreement())
    return replace(item, sides={**item.sides, side: awake(agreement, field)})


def resting(item: ActionItem, now: datetime) -> Iterator[tuple[Side, Field, datetime]]:
    """Fields that are left alone because they kept flipping, and until when."""
    for side, agreement in item.sides.items():
        for field, until in agreement.resting.items():
            if until > now:
                yield side, field, until


def opened(item: ActionItem, side: Side, field: Field, until: datetime) -> str:
    """What is said of a circuit that opened, once."""
    return (
        f"{item.name} {field}: somebody keeps changing it back on the {side}, so it is left alone"
        f" until {until:%Y-%m-%d %H:%M} UTC"
    )
