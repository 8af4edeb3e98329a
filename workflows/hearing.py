"""Every side of an incident's action items: what was heard of them, and what each is to be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from workflows.action_table import read_rows
from workflows.audience import only_withheld
from workflows.circuits import without
from workflows.effects import SetFields
from workflows.events import TaskGone, TaskRead, TaskReading
from workflows.model import ActionItem, Incident, TicketRef
from workflows.people import is_known
from workflows.policy import Policy, TaskDestination, Team, same_word
from workflows.postmortem import MUTE_LABEL
from workflows.snapshots import Agreement, Field, Said, Side, Value
from workflows.sync import agree, rested, resting, wanted
from workflows.tasks import TaskState
from workflows.voices import WITHHELD, RowVoice, TicketVoice, heard, told_changed

#: What is told of a ticket is acted on within this time of its last change (by our clock and the
#: tracker's) or not at all: what came later has had time to change again, unheard.
FRESH = timedelta(minutes=2)


def hear_tasks(
    incident: Incident,
    readings: Sequence[TaskReading],
    team: Team,
    policy: Policy,
    now: datetime,
) -> tuple[Incident, list[str]]:
    """The incident after its items' tickets were read, and what that came to."""
    notes: list[str] = []
    for each in incident.actions:
        again = rested(each, now)
        incident = _with(incident, again.item) if again.notes else incident
        notes += again.notes
    for reading in readings:
        item = next((i for i in incident.actions if i.number == reading.number), None)
        voice = _voice(item, reading.side, incident, team, policy) if item else None
        if item is None or voice is None:
            continue
        if isinstance(reading, TaskGone):
            item, told = _gone(item, reading)
        else:
            item, told = _read(item, reading, voice, team, now)
        incident = _with(incident, item)
        notes += told
    return incident, notes


def hear_rows(
    incident: Incident, team: Team, policy: Policy, now: datetime
) -> tuple[Incident, list[str]]:
    """The incident with what people changed in the rows of its action table."""
    document = incident.postmortem
    if document is None:
        return incident, []
    base, seen = (read_rows(text.get("actions", "")) for text in (document.base, document.seen))
    notes: list[str] = []
    for item in incident.actions:
        if item.name not in base or item.name not in seen:
            continue
        row, before = seen[item.name], base[item.name]
        if Side.DOCUMENT not in item.sides:
            agreement = Agreement(base=before.values)
            item = replace(item, sides={**item.sides, Side.DOCUMENT: agreement})
        if row.kind is not None and before.kind is not row.kind and item.kind is before.kind:
            notes.append(f"{item.name} kind: {item.kind} → {row.kind}, by the document")
            item = replace(item, kind=row.kind)
        says = {field: Said(value, now, "the document") for field, value in row.values.items()}
        merged = agree(item, RowVoice(policy), says, team.sync, now)
        incident = _with(incident, merged.item)
        notes += merged.notes
    return incident, notes


def to_set(incident: Incident, team: Team, policy: Policy, now: datetime) -> Iterator[SetFields]:
    """What the tickets of the incident's items are to be told: one wish for each."""
    for item in incident.actions:
        for side, ref in _tickets(item):
            voice = _voice(item, side, incident, team, policy)
            values = wanted(item, voice, team.sync, now) if voice else {}
            values = {f: v for f, v in values.items() if not only_withheld(item, f, v)}
            if voice is not None and values:
                yield _wish(incident, item, side, ref, voice, values)


def set_key(incident: Incident, number: int, side: Side) -> str:
    """The key of the one effect that sets fields on this side of an action item."""
    return f"set:{incident.id}:{number}:{side}"


def says_nothing_new(
    incident: Incident, number: int, side: Side, state: TaskState, team: Team, policy: Policy
) -> bool:
    """Whether a ticket, as somebody tells it, says of each field that is kept in sync, and of which
    it can speak, what is known to stand there: an echo of our own write or of one of its steps, or
    news that came twice."""
    item = next((i for i in incident.actions if i.number == number), None)
    voice = _voice(item, side, incident, team, policy) if item else None
    if item is None or voice is None:
        return False
    ref = dict(_tickets(item))[side]
    agreement = item.sides.get(side, Agreement())
    if agreement.gone or state.ref.key != ref.key or may_be_mended(agreement, state):
        return False
    if state.restricted and any(field in agreement.base for field in WITHHELD):
        return False  # since when it is, and what was said until then, only a read tells
    says, also = heard(state, item, voice)
    return all(
        (field in agreement.base and said.value == agreement.base[field])
        or _was_written_over(agreement, state, field, said.value)
        for field, said in says.items()
        if (rule := team.sync.fields.get(field)) is not None and rule.counts
    ) and all(set(also.get(field, ())) == set(agreement.also.get(field, ())) for field in also)


def _was_written_over(agreement: Agreement, state: TaskState, field: Field, value: Value) -> bool:
    """Whether it is what our last write went over, in a state that may be older than that, and does
    not tell that just this was changed: a write of several steps is told one step at a time."""
    if agreement.wrote is None or state.updated > agreement.wrote or field in told_changed(state):
        return False
    return field in agreement.replaced and value == agreement.replaced[field]


def is_believed(
    incident: Incident,
    number: int,
    side: Side,
    state: TaskState,
    policy: Policy,
    now: datetime,
) -> bool:
    """Whether the latest that was told of a ticket may stand for a read of it at `now` (UTC).

    It must be fresh, and later than the last read and than our own last write. Whatever is
    otherwise than known, or not known at all, must be something that it tells to have just been
    changed: else a change was not told, and only a read says when and by whom. Whom it names must
    be known: a read may tell more of them. See
    docs/adr/0008-a-later-telling-stands-for-a-read.md.
    """
    voice, team = voice_of(incident, number, side, policy), policy.teams.get(incident.team)
    item = next((i for i in incident.actions if i.number == number), None)
    if voice is None or item is None or team is None:
        return False
    agreement, ref = item.sides.get(side, Agreement()), dict(_tickets(item))[side]
    if agreement.gone or state.ref.key != ref.key or agreement.updated is None:
        return False
    if state.updated <= max(agreement.updated, agreement.wrote or agreement.updated):
        return False
    if abs(now - state.updated) > FRESH:
        return False
    if not all(is_known(who, voice.kinds[side], policy) for who in state.owners):
        return False
    says, also = heard(state, item, voice)
    base = agreement.base
    kept = {field for field, rule in team.sync.fields.items() if rule.counts}
    moved = {f for f in kept & says.keys() if f not in base or says[f].value != base[f]}
    beside = {f for f in also if set(also[f]) != set(agreement.also.get(f, ()))}
    silent = kept & base.keys() - says.keys()
    return not silent and told_changed(state) >= moved | (beside & kept)


def overtaken(incident: Incident, wish: SetFields, state: TaskState, policy: Policy) -> str:
    """Why the ticket, as it is right before the wish would be fulfilled, is to be heard first: it
    is somewhere else, may not be read by all any more, or says something that the record does not
    know; "" where it stands as is believed. That goes for what is not to be written as well: some
    trackers tell only when a ticket last changed at all, which our write would change."""
    if state.ref.key != wish.task.key:
        return f"{wish.task.key} is {state.ref.key} now"
    found = ticket_of(incident, wish.task.connection, wish.task.id)
    voice = voice_of(incident, *found, policy) if found else None
    if found is None or voice is None:
        return ""
    item = next(each for each in incident.actions if each.number == found[0])
    agreement = item.sides.get(found[1], Agreement())
    known = agreement.base
    says, _ = heard(state, item, voice)
    asked = {*wish.values, *([Field.STATUS] if wish.status else [])}
    rules = policy.teams[incident.team].sync.fields
    kept = {field for field, rule in rules.items() if rule.counts and field in known}
    for field in (field for field in Field if field in asked | (kept - agreement.resting.keys())):
        if field in says and says[field].value != known.get(field):
            now, before = (value or "nothing" for value in (says[field].value, known.get(field)))
            return f"{field} is {now} there by now, no longer {before}"
        if field in asked & WITHHELD and state.restricted and field in known:
            return f"{wish.task.key} may only be read by some by now"
    return ""


def may_be_mended(agreement: Agreement, state: TaskState) -> bool:
    """Whether a status that was refused is to be tried again: a workflow may ask for what another
    field says, so whatever moved may have mended it."""
    moved = agreement.updated is None or state.updated > agreement.updated
    return moved and Field.STATUS in agreement.stuck


def ticket_of(incident: Incident, connection: str, ticket_id: str) -> tuple[int, Side] | None:
    """Which item's ticket this is, and on which side."""
    for item in incident.actions:
        for side, ref in _tickets(item):
            if (ref.connection, ref.id) == (connection, ticket_id):
                return item.number, side
    return None


def rests_until(incident: Incident, now: datetime) -> datetime | None:
    """When (UTC) the first of the fields that are left alone is kept in sync again."""
    return min((until for i in incident.actions for _, _, until in resting(i, now)), default=None)


def rested_tickets(incident: Incident, now: datetime) -> list[TicketRef]:
    """Tickets of which a field was left alone until now: what was said there meanwhile was not
    heard."""
    return [
        ref
        for item in incident.actions
        for side, ref in _tickets(item)
        if any(until <= now for until in item.sides.get(side, Agreement()).resting.values())
    ]


def voice_of(incident: Incident, number: int, side: Side, policy: Policy) -> TicketVoice | None:
    """The words of one side of an action item; None where there is no such item, or the rules know
    no team, or no tracker, for it any more."""
    team = policy.teams.get(incident.team)
    item = next((i for i in incident.actions if i.number == number), None)
    return _voice(item, side, incident, team, policy) if item and team else None


def _read(
    item: ActionItem, reading: TaskRead, voice: TicketVoice, team: Team, now: datetime
) -> tuple[ActionItem, list[str]]:
    side, state, notes = reading.side, reading.state, list[str]()
    ref = item.task if side is Side.TASK else item.twin
    if ref is not None and ref != state.ref:
        if ref.key != state.ref.key:
            notes.append(f"{item.name}: {ref.key} is {state.ref.key} now")
        # the second id of a ticket may come with one reading and not with another
        moved = replace(state.ref, link_id=state.ref.link_id or ref.link_id)
        item = replace(item, task=moved) if side is Side.TASK else replace(item, twin=moved)
    agreement = item.sides.get(side, Agreement())
    if agreement.gone:
        notes.append(f"{item.name}: {state.ref.key} is there again")
        agreement = replace(agreement, gone="")
    voice = replace(voice, people=state.owners)
    says, also = heard(state, item, voice)
    if may_be_mended(agreement, state):
        agreement = replace(agreement, stuck=without(agreement.stuck, Field.STATUS))
    agreement = replace(agreement, also=also, place=state.place, updated=state.updated)
    if state.restricted:  # nor is anything written over what is not heard
        base = {f: value for f, value in agreement.base.items() if f not in WITHHELD}
        agreement = replace(agreement, base=base)
    item = replace(item, sides={**item.sides, side: agreement})
    if side is Side.TASK:
        item = replace(item, muted=MUTE_LABEL in map(same_word, state.labels))
    merged = agree(item, voice, says, team.sync, now)
    return merged.item, [*notes, *merged.notes]


def _gone(item: ActionItem, reading: TaskGone) -> tuple[ActionItem, list[str]]:
    """A tombstone: what was deleted is not made again, and its fields are asked of nobody."""
    agreement = item.sides.get(reading.side, Agreement())
    if agreement.gone:
        return item, []
    agreement = replace(agreement, gone=reading.words)
    ref = item.task if reading.side is Side.TASK else item.twin
    note = f"{item.name}: {ref.key if ref else 'its ticket'} is deleted or hidden ({reading.words})"
    return replace(item, sides={**item.sides, reading.side: agreement}), [note]


def _wish(
    incident: Incident,
    item: ActionItem,
    side: Side,
    ref: TicketRef,
    voice: TicketVoice,
    values: Mapping[Field, Value],
) -> SetFields:
    agreement = item.sides.get(side, Agreement())
    status = voice.wish(values[Field.STATUS]) if Field.STATUS in values else None
    return SetFields(
        key=set_key(incident, item.number, side),
        task=ref,
        place=agreement.place or voice.destination.place,
        values={field: value for field, value in values.items() if field is not Field.STATUS},
        status=status,
        replaces={field: agreement.base.get(field) for field in values},
        also={field: also for field, also in agreement.also.items() if also},
        owner_name=item.owner,
    )


def _voice(
    item: ActionItem, side: Side, incident: Incident, team: Team, policy: Policy
) -> TicketVoice | None:
    """None where the rules know no tracker for that side any more."""
    rules = team.postmortem
    destinations = {Side.TASK: rules.tasks, Side.TWIN: rules.twin}
    kinds: dict[Side, str] = {}
    for each, ref in _tickets(item):
        if ref.connection in policy.connections:
            kinds[each] = policy.connections[ref.connection]
    found = dict(_tickets(item)).get(side)
    if found is None or side not in kinds:
        return None
    destination = _destination(destinations.get(side), found)
    home = policy.connections.get(incident.ticket.connection, "")
    return TicketVoice(side, destination, home, kinds, policy)


def _destination(rules: TaskDestination | None, ref: TicketRef) -> TaskDestination:
    """Where the ticket lives: as the rules say, unless they send new ones elsewhere by now."""
    if rules is not None and rules.connection == ref.connection:
        return rules
    return TaskDestination(ref.connection, "")


def _tickets(item: ActionItem) -> list[tuple[Side, TicketRef]]:
    found = [(Side.TASK, item.task), (Side.TWIN, item.twin)]
    return [(side, ref) for side, ref in found if ref is not None]


def _with(incident: Incident, item: ActionItem) -> Incident:
    items = tuple(item if each.number == item.number else each for each in incident.actions)
    return replace(incident, actions=items)
