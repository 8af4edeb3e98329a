"""Who said what the record says of a field, and which of two sayings was the later one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from workflows.model import ActionItem
from workflows.policy import FieldRules
from workflows.snapshots import Claim, Field, Said, Side
from workflows.voices import record

#: Two times that lie less than this apart are the same: some trackers tell whole seconds only.
MOMENT = timedelta(seconds=1)


def claimed(item: ActionItem, field: Field) -> Claim | None:
    """Who said the record's present value; None where it stands as it was first written."""
    claim = item.said.get(field)
    return claim if claim is not None and claim.said.value == record(item)[field] else None


def said_again(
    item: ActionItem, side: Side, field: Field, theirs: Said, rule: FieldRules
) -> ActionItem:
    """Somebody said there what the record says already: nothing older holds against that. A side
    that is preferred keeps its claim."""
    ours = claimed(item, field)
    if ours is None:
        return item
    tickets = Side.DOCUMENT not in (side, ours.side) and (ours.both or side is not ours.side)
    both = tickets and abs(theirs.at - ours.said.at) < MOMENT
    if theirs.at <= ours.said.at:
        claim = replace(ours, both=ours.both or both)
    elif rule.prefer.value == ours.side.value:
        claim = replace(ours, said=replace(ours.said, at=theirs.at), both=both)
    else:
        said = Said(ours.said.value, theirs.at, theirs.by)
        claim = Claim(side, said, theirs.value, both)
    return replace(item, said={**item.said, field: claim})


def is_unclear(side: Side, theirs: Said, ours: Claim, carried: datetime | None) -> bool:
    """Whether nobody can tell if this was said later than what the record says: in the moment in
    which another side said that, or both tickets did, unless that was `carried` there (the time of
    the claim that was): what follows it there is later by any clock. Or at an unknown time since
    before another side did. A row has no clock: it is the latest to be read."""
    elsewhere = ours.both or ours.side is not side
    if elsewhere and side is not Side.DOCUMENT:
        unwritten = ours.both or carried != ours.said.at
        if unwritten and abs(theirs.at - ours.said.at) < MOMENT:
            return True
    return elsewhere and theirs.since is not None and theirs.since < ours.said.at <= theirs.at


def is_older_than_a_claim(item: ActionItem, field: Field, theirs: Said) -> bool:
    """Whether an open conflict is about something newer: then this edit does not settle it."""
    claims = [claim for c in item.conflicts if c.field is field for claim in c.claims]
    return any(claim.said.at >= theirs.at + MOMENT for claim in claims)


def preferred(ours: Claim, theirs: Claim, rule: FieldRules) -> Claim:
    """Of two that were said in the same moment, the ticket's holds before its twin's, and that
    before the document's: whichever was heard first."""
    side = rule.prefer.value
    if side == theirs.side.value:
        return theirs
    if side == ours.side.value:
        return ours
    rank = list(Side).index
    return max(theirs, ours, key=lambda claim: (claim.said.at, -rank(claim.side)))
