"""Owner, milestone, status and due date, kept equal on every side of an action item.

Hub and spoke: the item is the record, and each side is merged with it alone, against what the two
last agreed on. What a side says and the record does not know is taken over, what the record says
and a side does not know is written there; where both moved apart, the rules' preference holds and
the conflict stays visible until somebody chooses.

`base` is always what is known to stand on a side. So an echo of our own write merges to nothing,
whoever it seems to come from, and what is to be written is whatever the record says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from workflows.model import ActionItem
from workflows.policy import FieldRules, SyncRules
from workflows.snapshots import (
    Agreement,
    Claim,
    Conflict,
    Field,
    Said,
    Side,
    Snapshot,
    Stuck,
    Value,
)
from workflows.voices import Voice, record, with_value


class Verdict(Enum):
    """What a merge of one field comes to."""

    EQUAL = "equal"
    OURS = "ours"  # only the record moved: it is to be written
    THEIRS = "theirs"  # only the side moved: it is taken over
    BOTH = "both"  # a conflict


def merge(base: Value, ours: Value, theirs: Value) -> Verdict:
    """Three-way: `base` is what both last agreed on, all in the words of one side."""
    if ours == theirs:
        return Verdict.EQUAL
    if theirs == base:
        return Verdict.OURS
    if ours == base:
        return Verdict.THEIRS
    return Verdict.BOTH


@dataclass(frozen=True, slots=True)
class Merged:
    """The item after one side was heard, and what that came to, in sentences."""

    item: ActionItem
    notes: tuple[str, ...] = ()


def agree(
    item: ActionItem, voice: Voice, heard: Snapshot, rules: SyncRules, now: datetime
) -> Merged:
    """The item, merged with what one side says. A field that it does not say stays as it is."""
    notes: list[str] = []
    for field, rule in _kept(rules, voice.side):
        if field in heard:
            merged = _agree(item, voice, field, heard[field], rule, rules, now)
            item = merged.item
            notes += merged.notes
    return Merged(item, tuple(notes))


def wanted(item: ActionItem, voice: Voice, rules: SyncRules, now: datetime) -> dict[Field, Value]:
    """What is to be written on a side, in its words: all that the record says otherwise, but not
    what the side has refused, nor what keeps flipping."""
    agreement = item.sides.get(voice.side, Agreement())
    if agreement.gone:
        return {}
    said = voice.words(item)
    return {
        field: said[field]
        for field, _ in _kept(rules, voice.side)
        if field in said
        and field in agreement.base
        and said[field] != agreement.base[field]
        and not _is_stuck(agreement, field, said[field])
        and not _rests(agreement, field, now)
    }


def written(
    item: ActionItem,
    side: Side,
    confirmed: Mapping[Field, Value],
    refused: Mapping[Field, Stuck],
) -> ActionItem:
    """The item after a write was answered: only what is confirmed is agreed on."""
    before = item.sides.get(side, Agreement())
    now_ours = record(item)
    over = {field: before.base.get(field) for field in confirmed}
    agreement = replace(
        before,
        base={**before.base, **confirmed},
        ours={**before.ours, **{field: now_ours[field] for field in confirmed}},
        replaced={**before.replaced, **over},
        stuck={**{f: s for f, s in before.stuck.items() if f not in confirmed}, **refused},
    )
    return _with(item, side, agreement)


def created(
    item: ActionItem, side: Side, values: Mapping[Field, Value] | None, unset: Mapping[Field, Stuck]
) -> ActionItem:
    """The item once a ticket was created for it with these values, and what it would not take."""
    if values is None:
        return _with(item, side, Agreement())
    base = {**values, **dict.fromkeys(unset)}
    return _with(item, side, Agreement(base=base, ours=record(item), stuck=unset))


def choose(item: ActionItem, field: Field, value: Value, by: str, now: datetime) -> Merged:
    """The item with a conflict settled by somebody: that value holds from now on. It stays known
    from which side it came: who is meant, and who may read it, depends on that."""
    claims = [claim for c in item.conflicts if c.field is field for claim in c.claims]
    chosen = next((c for c in claims if c.said.value == value), None)
    claim = replace(chosen or Claim(Side.DOCUMENT, Said(value, now)), said=Said(value, now, by))
    item = _settled(_take(item, field, value, claim), field)
    return Merged(item, (f"{item.name} {field}: {by} chose {_word(value)}",))


def close_circuit(item: ActionItem, side: Side, field: Field) -> ActionItem:
    """The item with a field that was left alone kept in sync again."""
    agreement = item.sides.get(side, Agreement())
    return _with(item, side, _awake(agreement, field))


def resting(item: ActionItem, now: datetime) -> Iterator[tuple[Side, Field, datetime]]:
    """Fields that are left alone because they kept flipping, and until when."""
    for side, agreement in item.sides.items():
        for field, until in agreement.resting.items():
            if until > now:
                yield side, field, until


# --- one field ----------------------------------------------------------------------------------


def _agree(
    item: ActionItem,
    voice: Voice,
    field: Field,
    theirs: Said,
    rule: FieldRules,
    rules: SyncRules,
    now: datetime,
) -> Merged:
    agreement = item.sides.get(voice.side, Agreement())
    said = voice.words(item)
    # a ticket that was never heard was created as the record said
    base = agreement.base.get(field, said.get(field, theirs.value))
    verdict = _verdict(item, agreement, field, base, said, theirs.value)
    if _rests(agreement, field, now) and verdict is not Verdict.EQUAL:
        return Merged(item)
    if theirs.value != base:
        flipped = _flipped(agreement, field, theirs.value, rules, now)
        opened = _rests(flipped, field, now)
        item = _with(item, voice.side, flipped)
        if opened:
            return Merged(item, (_opened(item, voice.side, field, flipped.resting[field]),))
    item = _stands(item, voice.side, field, theirs.value)
    if verdict is Verdict.EQUAL:
        return Merged(_agreed(item, voice.side, field))
    if verdict is Verdict.OURS:
        return Merged(item)
    if voice.side not in rule.counts:
        why = f"{item.name} {field}: {_word(theirs.value)} on the {voice.side} does not count"
        return Merged(item, (f"{why}: it is put back",))
    value = voice.understood(field, theirs.value, item)
    claim = Claim(voice.side, Said(value, theirs.at, theirs.by))
    if verdict is Verdict.THEIRS:
        before = record(item)[field]
        item = _settled(_take(item, field, value, claim), field)
        item = _agreed(item, voice.side, field)
        note = f"{item.name} {field}: {_word(before)} → {_word(value)}, by the {voice.side}"
        return Merged(item, (note + (f" ({theirs.by})" if theirs.by else ""),))
    return _conflict(item, field, claim, rule)


def _verdict(
    item: ActionItem,
    agreement: Agreement,
    field: Field,
    base: Value,
    said: Mapping[Field, Value],
    theirs: Value,
) -> Verdict:
    if field in said:
        return merge(base, said[field], theirs)
    # what cannot be said there cannot be compared there: whether the record moved tells
    moved = field in agreement.ours and agreement.ours[field] != record(item)[field]
    if theirs == base:
        return Verdict.OURS if moved else Verdict.EQUAL
    return Verdict.BOTH if moved else Verdict.THEIRS


def _conflict(item: ActionItem, field: Field, theirs: Claim, rule: FieldRules) -> Merged:
    """Both moved: the rules' preference holds, and both claims stay to be chosen from."""
    value = record(item)[field]
    unknown = Said(value, datetime.min.replace(tzinfo=theirs.said.at.tzinfo))
    ours = item.said.get(field, Claim(Side.DOCUMENT, unknown))
    wins = _preferred(ours, theirs, rule)
    known = next((c for c in item.conflicts if c.field is field), None)
    claims = list(known.claims if known else (ours,))
    for claim in (ours, theirs):
        if claim.said.value not in {c.said.value for c in claims}:
            claims.append(claim)
    if wins is theirs:
        item = _take(item, field, theirs.said.value, theirs)
    conflict = Conflict(field, tuple(claims), wins.said.value)
    others = tuple(c for c in item.conflicts if c.field is not field)
    item = replace(item, conflicts=(*others, conflict))
    told = " and ".join(f"{_word(c.said.value)} (the {c.side})" for c in (ours, theirs))
    return Merged(
        item, (f"{item.name} {field}: both changed, {told}: {_word(conflict.kept)} holds",)
    )


def _preferred(ours: Claim, theirs: Claim, rule: FieldRules) -> Claim:
    preferred = rule.prefer.value
    if preferred == theirs.side.value:
        return theirs
    if preferred == ours.side.value:
        return ours
    return theirs if theirs.said.at > ours.said.at else ours


def _take(item: ActionItem, field: Field, value: Value, claim: Claim) -> ActionItem:
    item = with_value(item, field, value)
    return replace(item, said={**item.said, field: claim})


def _settled(item: ActionItem, field: Field) -> ActionItem:
    """A later edit, or a choice, settles what was in conflict."""
    return replace(item, conflicts=tuple(c for c in item.conflicts if c.field is not field))


def _stands(item: ActionItem, side: Side, field: Field, value: Value) -> ActionItem:
    agreement = item.sides.get(side, Agreement())
    stuck = agreement.stuck
    if agreement.base.get(field) != value:  # it moved: what was refused may be possible now
        stuck = {f: s for f, s in stuck.items() if f is not field}
    return _with(item, side, replace(agreement, base={**agreement.base, field: value}, stuck=stuck))


def _agreed(item: ActionItem, side: Side, field: Field) -> ActionItem:
    agreement = item.sides.get(side, Agreement())
    ours = {**agreement.ours, field: record(item)[field]}
    return _with(item, side, replace(agreement, ours=ours))


# --- what keeps flipping ------------------------------------------------------------------------


def _flipped(
    agreement: Agreement, field: Field, theirs: Value, rules: SyncRules, now: datetime
) -> Agreement:
    """After the side moved: a flip is that what we wrote over came back."""
    if field not in agreement.replaced or agreement.replaced[field] != theirs:
        return agreement
    earlier = agreement.flips.get(field, ())
    flips = (*(at for at in earlier if at > now - rules.window), now)
    if len(flips) < rules.flips:
        return replace(agreement, flips={**agreement.flips, field: flips})
    agreement = _awake(agreement, field)
    return replace(agreement, resting={**agreement.resting, field: now + rules.rest})


def _awake(agreement: Agreement, field: Field) -> Agreement:
    return replace(
        agreement,
        flips={f: at for f, at in agreement.flips.items() if f is not field},
        resting={f: at for f, at in agreement.resting.items() if f is not field},
    )


def _opened(item: ActionItem, side: Side, field: Field, until: datetime) -> str:
    return (
        f"{item.name} {field}: somebody keeps changing it back on the {side}, so it is left alone"
        f" until {until:%Y-%m-%d %H:%M} UTC"
    )


# --- small things -------------------------------------------------------------------------------


def _kept(rules: SyncRules, side: Side) -> Iterator[tuple[Field, FieldRules]]:
    """The fields that are kept equal on this side. The record of one that is not kept in sync is
    its row in the document: what people write there stands there, and goes no further."""
    for field in Field:
        rule = rules.fields.get(field)
        if rule is not None and rule.counts:
            yield field, rule
        elif side is Side.DOCUMENT:
            yield field, FieldRules(frozenset({Side.DOCUMENT}))


def _rests(agreement: Agreement, field: Field, now: datetime) -> bool:
    until = agreement.resting.get(field)
    return until is not None and until > now


def _is_stuck(agreement: Agreement, field: Field, value: Value) -> bool:
    stuck = agreement.stuck.get(field)
    return stuck is not None and stuck.value == value


def _with(item: ActionItem, side: Side, agreement: Agreement) -> ActionItem:
    return replace(item, sides={**item.sides, side: agreement})


def _word(value: Value) -> str:
    return "nothing" if value is None else f"“{value}”"


__all__ = [
    "Merged",
    "Verdict",
    "agree",
    "choose",
    "close_circuit",
    "created",
    "merge",
    "resting",
    "wanted",
    "written",
]
