"""Where the sides of an action item do not agree: for the page and the command line, for the
journal, and for the comment on the incident ticket, which others may read than a task or the
document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from workflows.action_table import read_rows
from workflows.audience import place_is_shared, side_of, side_of_claim
from workflows.choices import EMPTY, conflict_of, in_words, item_in
from workflows.markup import excerpt, inert, link
from workflows.model import ActionItem, Incident, TicketRef
from workflows.snapshots import Agreement, Claim, Conflict, Field, Side, Stuck, Value
from workflows.sync import resting
from workflows.timeline import stamp
from workflows.voices import record


@dataclass(frozen=True, slots=True)
class Apart:
    """A field of the action item ``AI-item`` that is not the same on all its sides, or that
    somebody must look at.

    `holds` is what the record says, and `says` what each side does, in its own words and as it was
    last heard. `conflict` is None where nobody must choose; `stuck` are values that a side would
    not take, and `resting` says until when (UTC) a side is left alone.
    """

    item: int
    field: Field
    holds: Value
    says: Mapping[Side, Value]
    conflict: Conflict | None = None
    stuck: Mapping[Side, Stuck] | None = None
    resting: Mapping[Side, datetime] | None = None

    @property
    def name(self) -> str:
        return f"AI-{self.item}"

    @property
    def waits(self) -> bool:
        """Whether somebody must settle it; otherwise it only is not the same everywhere yet."""
        return bool(self.conflict or self.stuck or self.resting)


def apart(incident: Incident, now: datetime) -> tuple[Apart, ...]:
    """Every field that is not the same on all sides at `now` (UTC), item by item."""
    found = (_apart(incident, item, field, now) for item in incident.actions for field in Field)
    return tuple(each for each in found if each is not None)


@dataclass(frozen=True, slots=True)
class Waits:
    """That somebody must settle a field of ``AI-item``, which is the `owner`'s ("" for nobody's);
    only `until` then (UTC), where it is merely left alone."""

    item: int
    field: Field
    owner: str
    until: datetime | None

    @property
    def name(self) -> str:
        return f"AI-{self.item}"


def waiting(incident: Incident) -> Iterator[Waits]:
    """What of `apart` waits for somebody, now or ever until then."""
    for item in incident.actions:
        sides, owner = item.sides.values(), item.owner or ""
        for field in Field:
            rests = [each.resting[field] for each in sides if field in each.resting]
            if conflict_of(item, field) or any(field in each.stuck for each in sides):
                yield Waits(item.number, field, owner, None)
            elif rests:
                yield Waits(item.number, field, owner, max(rests))


def _apart(incident: Incident, item: ActionItem, field: Field, now: datetime) -> Apart | None:
    conflict = conflict_of(item, field)
    stuck = {s: a.stuck[field] for s, a in item.sides.items() if field in a.stuck}
    rest = {side: until for side, which, until in resting(item, now) if which is field}
    ours, says, differs = record(item)[field], dict[Side, Value](), False
    for side, ref in ((Side.TASK, item.task), (Side.TWIN, item.twin)):
        agreement = item.sides.get(side, Agreement())
        if ref is not None and field in agreement.base and not agreement.gone:
            # what came back once too often was heard, and is not agreed on
            known = agreement.replaced if side in rest else agreement.base
            says[side] = known.get(field, agreement.base[field])
            differs = differs or _differs(agreement, field, ours)
    document = incident.postmortem
    rows = read_rows(document.seen.get("actions", "")) if document else {}
    if item.name in rows and field in rows[item.name].values:
        says[Side.DOCUMENT] = rows[item.name].values[field]
        differs = differs or says[Side.DOCUMENT] != ours
    if not (differs or conflict or stuck or rest):
        return None
    return Apart(item.number, field, ours, says, conflict, stuck or None, rest or None)


def _differs(agreement: Agreement, field: Field, ours: Value) -> bool:
    """Whether a ticket says otherwise than the record. It may call a person or a status by another
    word, so there it counts whether the record moved since both agreed; titles are people's own."""
    if field in (Field.DUE, Field.MILESTONE):
        return agreement.base[field] != ours
    return field is not Field.TITLE and agreement.ours.get(field, ours) != ours


# --- for the journal ----------------------------------------------------------------------------


def newly_apart(
    before: Incident | None, after: Incident, now: datetime
) -> Iterator[tuple[int, Field, str]]:
    """Conflicts that are new or about further values, and sides that are left alone from now on,
    each once: the item's number, the field, and how it is told."""
    for item in after.actions:
        known = item_in(before, item.number) if before else None
        for conflict in item.conflicts:
            earlier = conflict_of(known, conflict.field) if known else None
            if earlier is None or earlier.claims != conflict.claims:
                yield item.number, conflict.field, told_conflict(item, conflict)
        rested = (
            {(side, field, until) for side, field, until in resting(known, now)} if known else ()
        )
        for side, field, until in resting(item, now):
            if (side, field, until) not in rested:
                told = f"it kept being changed back on the {side}, and is left alone there"
                text = f"{item.name} {field}: {told} until {stamp(until)} UTC"
                yield item.number, field, text


def told_conflict(item: ActionItem, conflict: Conflict) -> str:
    """A conflict in one sentence, with every value, where it was said, when and by whom."""
    claims = " and ".join(f"{in_words(c.said.value)} ({whence(c)})" for c in conflict.claims)
    holds = f"{in_words(conflict.kept)} holds until somebody chooses"
    return f"{item.name} {conflict.field}: changed on two sides, {claims}; {holds}"


def whence(claim: Claim) -> str:
    """Where a value was said, by whom and when, as far as that is known."""
    if not _is_dated(claim):
        return "as it was first written"
    by = claim.said.by
    who = f", {by}" if by and by != f"the {claim.side}" else ""
    return f"the {claim.side}{who}, {stamp(claim.said.at)} UTC"


def _is_dated(claim: Claim) -> bool:
    return claim.said.at.year > 1


# --- for the one comment ------------------------------------------------------------------------


def in_comment(incident: Incident, item: ActionItem) -> Iterator[str]:
    """The same in Markdown for the incident ticket: where something is apart and why, but no value
    that fewer people may know of than read this ticket."""
    for conflict in item.conflicts:
        claims = ", ".join(_claim(incident, item, claim) for claim in conflict.claims)
        kept = next((c for c in conflict.claims if c.said.value == conflict.kept), None)
        holds = _said_there(incident, item, conflict.kept, side_of_claim(item, kept))
        told = f"{item.name} {conflict.field}: changed on two sides: {claims}."
        how = f"`followthrough conflicts {incident.ticket.key}`"
        yield f"{told} {holds[:1].upper()}{holds[1:]} holds until somebody chooses ({how})"
    for side, agreement in item.sides.items():
        yield from _side(incident, item, side, agreement)


def _side(incident: Incident, item: ActionItem, side: Side, agreement: Agreement) -> Iterator[str]:
    for field, stuck in agreement.stuck.items():
        told = f"{item.name} {field}: "
        source = side_of(item, field)
        if any(what.partition(":")[2].strip() == stuck.words for what in item.unset):
            continue  # told already, of the time when the task was made
        if may_be_told(incident, item, source):
            words = inert(excerpt(stuck.words, 300))
            yield f"{told}{_value(stuck.value)} is not taken by the {side}: {words}"
        else:
            value = _said_there(incident, item, stuck.value, source)
            yield f"{told}{value} is not taken by the {side} (the service's page says why)"
    for field, until in agreement.resting.items():
        told = f"kept flipping on the {side}, left alone until {stamp(until)} UTC"
        yield f"{item.name} {field}: {told}"
    if agreement.gone:
        words = "" if incident.restricted else f": {inert(excerpt(agreement.gone, 300))}"
        yield f"{item.name}: the {side} is gone{words}"


def may_be_told(incident: Incident, item: ActionItem, side: Side | None) -> bool:
    """Whether whoever reads the incident ticket may know what this side says (None: the ticket
    itself). Nothing is told of an incident that only some may read; the document is perhaps read by
    fewer people; and so is a ticket that stands elsewhere."""
    if incident.restricted or side is Side.DOCUMENT:
        return False
    ref = _ticket(item, side)
    return side is None or (ref is not None and place_is_shared(ref, incident.ticket))


def _claim(incident: Incident, item: ActionItem, claim: Claim) -> str:
    side = side_of_claim(item, claim)
    value = _said_there(incident, item, claim.said.value, side)
    if may_be_told(incident, item, side):
        return f"{value} ({inert(whence(claim))})"
    when = f", {stamp(claim.said.at)} UTC" if _is_dated(claim) else ""
    return f"{value} ({side or 'as it was first written'}{when})"


def _said_there(incident: Incident, item: ActionItem, value: Value, side: Side | None) -> str:
    """The value, or words for it that tell where it is to be read by whoever may."""
    if may_be_told(incident, item, side):
        return _value(value)
    if side is Side.DOCUMENT:
        return "what the postmortem says"
    ref = _ticket(item, side)
    return f"what {link(ref.key, ref.url)} says" if ref else "what the incident ticket says"


def _ticket(item: ActionItem, side: Side | None) -> TicketRef | None:
    return {Side.TASK: item.task, Side.TWIN: item.twin}.get(side) if side else None


def _value(value: Value) -> str:
    return EMPTY if value is None else f"“{inert(excerpt(value, 100))}”"


__all__ = [
    "Apart",
    "Waits",
    "apart",
    "in_comment",
    "may_be_told",
    "newly_apart",
    "told_conflict",
    "waiting",
    "whence",
]
