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
from datetime import UTC, datetime
from enum import Enum

from workflows.circuits import close_circuit, flipped, opened, resting, rests, without
from workflows.claims import (
    MOMENT,
    claimed,
    is_older_than_a_claim,
    is_unclear,
    preferred,
    said_again,
)
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
    latest,
)
from workflows.voices import Voice, record, with_value

#: What begins the words of `ActionItem.unset` about a field.
UNSET = {Field.OWNER: "owner", Field.MILESTONE: "milestone", Field.DUE: "due date"}


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
        and not rests(agreement, field, now)
    }


def written(
    item: ActionItem,
    side: Side,
    confirmed: Mapping[Field, Value],
    refused: Mapping[Field, Stuck],
    at: datetime,
    also: Mapping[Field, tuple[str, ...]],
) -> ActionItem:
    """The item after a write was answered: what is confirmed is agreed on, and `also` stands
    beside it. By `at` (UTC, by the tracker's own clock) the write was made."""
    before = item.sides.get(side, Agreement())
    now_ours = record(item)
    moved = [field for field, value in confirmed.items() if before.base.get(field) != value]
    over = {field: before.base.get(field) for field in moved}
    carried = {f: claim.said.at for f in confirmed if (claim := claimed(item, f)) is not None}
    agreement = replace(
        before,
        base={**before.base, **confirmed},
        ours={**before.ours, **{field: now_ours[field] for field in confirmed}},
        also={**before.also, **also},
        replaced={**before.replaced, **over},
        carried={**before.carried, **carried},
        stuck={**{f: s for f, s in before.stuck.items() if f not in confirmed}, **refused},
        wrote=at,
    )
    item = _with(item, side, agreement)
    for field in confirmed if side is Side.TASK else ():
        item = _no_longer_unset(item, field) if field not in refused else item
    return item


def choose(item: ActionItem, field: Field, value: Value, by: str, now: datetime) -> Merged:
    """The item with a conflict settled by somebody: that value holds from now on. It stays known
    from which side it came: who is meant, and who may read it, depends on that."""
    claims = [claim for c in item.conflicts if c.field is field for claim in c.claims]
    chosen = next((c for c in claims if c.said.value == value), None)
    claim = chosen or Claim(Side.DOCUMENT, Said(value, now))
    claim = replace(claim, said=Said(value, now, by), both=False)
    item = _settled(_take(item, field, claim), field)
    return Merged(item, (f"{item.name} {field}: {by} chose {_word(value)}",))


def rested(item: ActionItem, now: datetime) -> Merged:
    """The item with every field kept in sync again that was left alone for long enough. Its side
    is to be read anew: nothing was heard of it meanwhile."""
    ended = [
        (side, field)
        for side, agreement in item.sides.items()
        for field in agreement.resting
        if not rests(agreement, field, now)
    ]
    for side, field in ended:
        item = close_circuit(item, side, field)
    told = (f"{item.name} {field}: kept in sync with the {side} again" for side, field in ended)
    return Merged(item, tuple(told))


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
    side = voice.side
    agreement = item.sides.get(side, Agreement())
    said = voice.words(item)
    base = _base(item, voice, field, theirs)
    verdict = _verdict(item, side, field, base, said, theirs)
    value = voice.understood(field, theirs.value, item)
    same = verdict is not Verdict.OURS and value == record(item)[field]  # in other words
    if verdict is Verdict.EQUAL or same:
        if theirs.value != base and side in rule.counts:
            item = said_again(item, side, field, theirs, rule)
        item = _agreed(_stands(item, side, field, theirs.value), side, field)
        return Merged(_no_longer_unset(item, field) if _is_set(item, side, field, said) else item)
    if rests(agreement, field, now):
        return Merged(item)
    if theirs.value != base:
        turned = flipped(agreement, field, theirs.value, rules, now)
        item = _with(item, side, turned)
        if rests(turned, field, now):
            return Merged(item, (opened(item, side, field, turned.resting[field]),))
    item = _stands(item, side, field, theirs.value)
    if verdict is Verdict.OURS:
        return Merged(item)
    if side not in rule.counts:
        why = f"{item.name} {field}: {_word(theirs.value)} on the {side} does not count"
        return Merged(item, (f"{why}: it is put back",))
    claim = Claim(side, Said(value, theirs.at, theirs.by), theirs.value)
    if verdict is Verdict.BOTH or is_older_than_a_claim(item, field, theirs):
        return _conflict(item, field, claim, rule)
    before = record(item)[field]
    item = _settled(_take(item, field, claim), field)
    note = f"{item.name} {field}: {_word(before)} → {_word(value)}, by the {side}"
    return Merged(_agreed(item, side, field), (note + (f" ({theirs.by})" if theirs.by else ""),))


def _base(item: ActionItem, voice: Voice, field: Field, theirs: Said) -> Value:
    """What stood on the side when both last agreed, in its words.

    A ticket that was never heard was made as the record said then. If the field is empty there,
    that may as well never have been set, unless somebody is known to have emptied it.
    """
    agreement = item.sides.get(voice.side, Agreement())
    if field in agreement.base:
        return agreement.base[field]
    if theirs.value is None and not theirs.by:
        return None
    if field in agreement.ours and agreement.ours[field] != record(item)[field]:
        nobodys = {f: claim for f, claim in item.said.items() if f is not field}
        item = with_value(replace(item, said=nobodys), field, agreement.ours[field])
    return voice.words(item).get(field, theirs.value)


def _verdict(
    item: ActionItem,
    side: Side,
    field: Field,
    base: Value,
    said: Mapping[Field, Value],
    theirs: Said,
) -> Verdict:
    agreement = item.sides.get(side, Agreement())
    moved = field in agreement.ours and agreement.ours[field] != record(item)[field]
    if field not in said:
        # what cannot be said there cannot be compared there: whether the record moved tells
        if theirs.value == base:
            return Verdict.OURS if moved else Verdict.EQUAL
        return Verdict.BOTH if moved else Verdict.THEIRS
    verdict = merge(base, said[field], theirs.value)
    ours = claimed(item, field)
    later = ours is None or theirs.at > ours.said.at
    carried = agreement.carried.get(field)
    if verdict is Verdict.THEIRS and ours and is_unclear(side, theirs, ours, carried):
        return Verdict.BOTH
    if verdict is Verdict.BOTH and later and _is_stuck(agreement, field, said[field]):
        return Verdict.THEIRS  # it was refused there: whoever chose another since has mended that
    if verdict is not Verdict.THEIRS or ours is None or later:
        return verdict
    # Older than what the record says, which went there and back meanwhile. In one moment: said
    # there as before, because the side cannot tell it apart, or never heard since it was made.
    unheard = field not in {**agreement.base, **agreement.ours}
    unseen = (moved or unheard) and ours.side is not side
    return Verdict.BOTH if theirs.at <= ours.said.at - MOMENT or unseen else verdict


def _conflict(item: ActionItem, field: Field, theirs: Claim, rule: FieldRules) -> Merged:
    """Both moved: the rules' preference holds, and both claims stay to be chosen from."""
    unknown = Said(record(item)[field], datetime.min.replace(tzinfo=UTC))
    known = claimed(item, field)
    ours = known or Claim(Side.DOCUMENT, unknown)
    wins = preferred(ours, theirs, rule) if known else theirs
    earlier = next((c.claims for c in item.conflicts if c.field is field), ())
    claims = list(earlier)
    for claim in (ours, theirs):
        if claim.said.value not in {c.said.value for c in claims}:
            claims.append(claim)
    if wins is theirs:
        item = _agreed(_take(item, field, theirs), theirs.side, field)
    conflict = Conflict(field, latest(claims, wins), wins.said.value)
    others = tuple(c for c in item.conflicts if c.field is not field)
    item = replace(item, conflicts=(*others, conflict))
    told = " and ".join(f"{_word(c.said.value)} (the {c.side})" for c in (ours, theirs))
    return Merged(
        item, (f"{item.name} {field}: both changed, {told}: {_word(conflict.kept)} holds",)
    )


def _take(item: ActionItem, field: Field, claim: Claim) -> ActionItem:
    """The record says what was claimed, which was carried nowhere yet. What a side refused is asked
    of it no more, and a ticket that was never heard is known to have been made as the record said
    before."""
    before, sides = record(item)[field], dict(item.sides)
    for side, ref in ((Side.TASK, item.task), (Side.TWIN, item.twin)):
        agreement = sides.get(side, Agreement())
        if ref is not None and field not in {**agreement.base, **agreement.ours}:
            sides[side] = replace(agreement, ours={**agreement.ours, field: before})
    sides = {
        s: replace(a, stuck=without(a.stuck, field), carried=without(a.carried, field))
        for s, a in sides.items()
    }
    item = with_value(replace(item, sides=sides), field, claim.said.value)
    return _no_longer_unset(replace(item, said={**item.said, field: claim}), field)


def _no_longer_unset(item: ActionItem, field: Field) -> ActionItem:
    """What the tracker would not take when the task was made is told no longer."""
    begins = f"{UNSET[field]}:" if field in UNSET else None
    unset = tuple(what for what in item.unset if not begins or not what.startswith(begins))
    return replace(item, unset=unset) if unset != item.unset else item


def _is_set(item: ActionItem, side: Side, field: Field, said: Mapping[Field, Value]) -> bool:
    """Whether the task shows what the record says of the field."""
    base = item.sides[side].base
    return side is Side.TASK and field in said and base[field] is not None


def _settled(item: ActionItem, field: Field) -> ActionItem:
    """A later edit, or a choice, settles what was in conflict."""
    return replace(item, conflicts=tuple(c for c in item.conflicts if c.field is not field))


def _stands(item: ActionItem, side: Side, field: Field, value: Value) -> ActionItem:
    agreement = item.sides.get(side, Agreement())
    stuck = agreement.stuck
    if agreement.base.get(field) != value:  # it moved: what was refused may be possible now
        stuck = without(stuck, field)
    return _with(item, side, replace(agreement, base={**agreement.base, field: value}, stuck=stuck))


def _agreed(item: ActionItem, side: Side, field: Field) -> ActionItem:
    agreement = item.sides.get(side, Agreement())
    ours = {**agreement.ours, field: record(item)[field]}
    return _with(item, side, replace(agreement, ours=ours))


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
    "merge",
    "rested",
    "resting",
    "wanted",
    "written",
]
