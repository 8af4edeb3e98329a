"""Who may read it: what only some may read is never copied to where more people can.

Two rules. From a place that not everybody may read nothing is copied to one that everybody may,
which the rules' own destinations are held against at start. And of a ticket that only some of
its place may read (`restricted`), no words are told anywhere: a link stands in for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from workflows.audit_keys import is_audit, place_in
from workflows.effects import CreateDocument, CreateTask, Effect, SetFields, WriteNote, WriteRegions
from workflows.model import ActionItem, Incident, Origin, Ticket, TicketRef
from workflows.policy import IncidentSource, Policy, SourceKind, Team, known_person
from workflows.snapshots import Claim, Conflict, Field, Side, Value
from workflows.watched import Source

#: What stands in for the title of a ticket that only some may read.
WITHHELD = "(only some may read this ticket)"

#: What stands in for the title of an action item that such a ticket asks for.
WITHHELD_ACTION = "(an action item that only some may read)"


_DOCUMENTS, _TASKS, _TWINS = "postmortems", "remediation tasks", "twins of remediation tasks"
_AUDITS = "audits of measures"
_SUMMARIES = "summaries of reviews"
OVERVIEWS = "overviews of measures"


@dataclass(frozen=True, slots=True)
class Spot:
    """A project or repository, in the tracker of `connection`."""

    connection: str
    place: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A way on which words travel: from `source` into `what`, which stands in `target`."""

    what: str
    source: Spot
    target: Spot


def passages(team: Team) -> tuple[Passage, ...]:
    """Each way on which the rules of a team send words from tickets to elsewhere, once. What stays
    in one place, or on this machine (a destination without a connection), is none."""
    ways = (*_from_incidents(team), *_between_twins(team), *_into_audits(team))
    return tuple(dict.fromkeys(ways))


def _from_incidents(team: Team) -> Iterator[Passage]:
    rules = team.postmortem
    ends = {_DOCUMENTS: Spot(rules.document.connection, rules.document.place)}
    for what, to in ((_TASKS, rules.tasks), (_TWINS, rules.twin)):
        if to is not None:
            ends[what] = Spot(to.connection, to.place)
    for what, end in ends.items():
        for source in team.incidents:
            start = Spot(source.connection, source.place)
            if end.connection and start != end:
                yield Passage(what, start, end)


def _into_audits(team: Team) -> Iterator[Passage]:
    """The ticket of an audit repeats the measure's words, where these were said."""
    if team.audits is None:
        return
    rules, to = team.postmortem, team.audits.destination
    end = Spot(to.connection, to.place)
    counted = {side for kept in team.sync.fields.values() for side in kept.counts}
    starts = [Spot(source.connection, source.place) for source in team.incidents]
    for side, task in ((Side.TASK, rules.tasks), (Side.TWIN, rules.twin)):
        if task is not None and side in counted:
            starts.append(Spot(task.connection, task.place))
    # into the place of tasks the words of incidents and twins go anyway
    if end != Spot(rules.tasks.connection, rules.tasks.place):
        yield from (Passage(_AUDITS, start, end) for start in starts if start != end)


def _between_twins(team: Team) -> Iterator[Passage]:
    """What people write on a task is said on its twin, and the reverse, where it counts."""
    tasks, twin = team.postmortem.tasks, team.postmortem.twin
    if twin is None:
        return
    counted = {side for rules in team.sync.fields.values() for side in rules.counts}
    here, there = Spot(tasks.connection, tasks.place), Spot(twin.connection, twin.place)
    if Side.TASK in counted:
        yield Passage(_TWINS, here, there)
    if Side.TWIN in counted:
        yield Passage(_TASKS, there, here)


#: Where the tickets of action items are, by the item's number and the side.
TaskSpots = Mapping[tuple[int, Side], Spot]


def passages_of(
    wish: Effect,
    incident: Incident,
    ticket: Spot,
    document: Spot | None,
    tasks: TaskSpots | None = None,
) -> Iterator[Passage]:
    """Each way on which an effect would send words of the incident, whose ticket, document and
    tasks are there. What is written on the ticket itself travels nowhere: what stands elsewhere is
    not repeated in it, but the summary of a review."""
    ways = list(_passages_of(wish, incident, ticket, document, tasks or {}))
    if isinstance(wish, WriteNote) and wish.instead and document is not None:
        ways.append(Passage(_SUMMARIES, document, ticket))
    for way in dict.fromkeys(ways):
        if way.source != way.target:
            yield way


def _passages_of(
    wish: Effect, incident: Incident, ticket: Spot, document: Spot | None, tasks: TaskSpots
) -> Iterator[Passage]:
    spots = {**tasks, **({} if document is None else _rows(incident, document))}
    match wish:
        case CreateDocument(target=to):
            yield Passage(_DOCUMENTS, ticket, Spot(to.connection, to.place))
        case WriteRegions(regions=regions) if document is not None:
            yield Passage(_DOCUMENTS, ticket, document)
            for item in incident.actions if "actions" in regions else ():
                yield from _said_elsewhere(item, Field, _DOCUMENTS, document, spots)
        case CreateTask(key=key, target=to) if is_audit(key):
            end = Spot(to.connection, to.place)
            yield Passage(_AUDITS, ticket, end)
            measure = _item(incident, place_in(key)[0])
            if measure is not None and document is not None and said_in_document(measure.origin):
                yield Passage(_AUDITS, document, end)
            if measure is not None:
                yield from _said_elsewhere(measure, Field, _AUDITS, end, spots)
        case CreateTask(key=key, target=to):
            kind, _, rest = key.partition(":")
            what, end = _TWINS if kind == Side.TWIN else _TASKS, Spot(to.connection, to.place)
            yield Passage(what, ticket, end)
            made = _item(incident, int(rest.rsplit(":", 1)[1]))
            if made is not None and document is not None and said_in_document(made.origin):
                yield Passage(what, document, end)
            if made is not None:
                yield from _said_elsewhere(made, Field, what, end, spots)
        case SetFields(task=ref, place=place, values=values, status=status):
            found = _whose(incident, ref)
            what = _TWINS if found and found[1] is Side.TWIN else _TASKS
            end = Spot(ref.connection, place)
            yield Passage(what, ticket, end)
            fields = [*values, *([Field.STATUS] if status else [])]
            if found is not None:
                yield from _said_elsewhere(found[0], fields, what, end, spots)


def _said_elsewhere(
    item: ActionItem, fields: Iterable[Field], what: str, end: Spot, spots: TaskSpots
) -> Iterator[Passage]:
    """The ways from where the present values of these fields were said."""
    for field in fields:
        side = side_of(item, field)
        start = spots.get((item.number, side)) if side else None
        if start is not None:
            yield Passage(what, start, end)


def _rows(incident: Incident, document: Spot) -> TaskSpots:
    return {(item.number, Side.DOCUMENT): document for item in incident.actions}


def _item(incident: Incident, number: int) -> ActionItem | None:
    return next((item for item in incident.actions if item.number == number), None)


def _whose(incident: Incident, ref: TicketRef) -> tuple[ActionItem, Side] | None:
    """Whose ticket this is, and on which side."""
    for item in incident.actions:
        for side, own in ((Side.TASK, item.task), (Side.TWIN, item.twin)):
            if own is not None and (own.connection, own.id) == (ref.connection, ref.id):
                return item, side
    return None


def side_of(item: ActionItem, field: Field) -> Side | None:
    """On which side a field's present value was said; None where the incident's own ticket, or the
    rules, gave it."""
    return side_of_claim(item, item.said.get(field))


def side_of_claim(item: ActionItem, claim: Claim | None) -> Side | None:
    """The same of a value that was claimed. One that nobody knows the time of is as it was first
    written."""
    if claim is None or claim.said.at.year == 1:
        return Side.DOCUMENT if said_in_document(item.origin) else None
    return claim.side


def place_is_shared(one: TicketRef, other: TicketRef) -> bool:
    """Whether two tickets stand in one place, which the same people may read: a tracker numbers the
    tickets of a place, and what stands before the number names it."""
    place, other_place = (ref.key.rstrip("0123456789") for ref in (one, other))
    return one.connection == other.connection and place == other_place and place != ""


def said_in_document(origin: Origin) -> bool:
    """Whether an action item's words were written into the document. Perhaps fewer people may read
    that than the incident's ticket, where such words are not repeated."""
    return origin.source in ("document", "below")


def exposure(passage: Passage) -> tuple[str, str]:
    """In words, and with the mend: everybody may read where the passage ends and not
    everybody where it starts, so nothing may be copied on it."""
    what, source, target = passage.what, passage.source, passage.target
    words = (
        f"everybody may read {target.place} ({target.connection}) and not everybody"
        f" {source.place} ({source.connection}): {what} may not go from here to there"
    )
    mend = (
        f"Make {target.place} private, or give the rules a place for {what}"
        " that not everybody may read."
    )
    return words, mend


# --- tickets that only some may read ------------------------------------------------------------


def told_service(service: str | None, source: IncidentSource, team: Team) -> str | None:
    """The service of a restricted ticket as far as it may be told: a component, which the whole
    project knows, or a word that stands in the rules. Anything else is somebody's own words."""
    if service is None:
        return None
    named = {name for action in team.postmortem.standard_actions for name in action.services}
    component = source.service is not None and source.service.kind is SourceKind.COMPONENT
    return service if component or service in named else None


def withheld(incident: Incident, ticket: Ticket, policy: Policy) -> Incident:
    """The incident without the words of action items that everybody could read when they were
    taken up, and only some may now: the ticket, or the comment that they are from, was restricted
    since. What the rules and the document gave stays: who reads those knows it."""
    hidden = {("comment", comment.id) for comment in ticket.comments if comment.internal}

    def told(item: ActionItem) -> ActionItem:
        origin = item.origin
        own = origin.source in ("ticket", "comment") and ticket.restricted
        return _withheld(item, policy) if own or (origin.source, origin.id) in hidden else item

    return replace(incident, actions=tuple(map(told, incident.actions)))


def _withheld(item: ActionItem, policy: Policy) -> ActionItem:
    person = known_person(policy, item.owner) if item.owner is not None else None
    known = person is not None and person.written
    return replace(
        item,
        title=WITHHELD_ACTION,
        owner=item.owner if known else None,
        milestone=None,
        success_measure=None,
        named=tuple(n for n in item.named if n.in_document or n.source is Source.CHECK),
        unset=(),
        conflicts=tuple(_told_conflict(each, item) for each in item.conflicts),
    )


def only_withheld(item: ActionItem, field: Field, value: Value) -> bool:
    """Whether a field is to have this value for no other reason than that its own may not be told
    any more: nothing is taken off a ticket by that."""
    hidden = item.title == WITHHELD_ACTION
    return hidden and (field is Field.TITLE or (value is None and field in _WORDS))


#: Fields that hold somebody's own words.
_WORDS = (Field.OWNER, Field.MILESTONE, Field.TITLE)


def _told_conflict(conflict: Conflict, item: ActionItem) -> Conflict:
    """A conflict without the value that the ticket gave: nobody can choose what may not be told."""
    if conflict.field not in _WORDS:
        return conflict
    claims = tuple(claim for claim in conflict.claims if side_of_claim(item, claim))
    kept = conflict.kept if conflict.kept in {claim.said.value for claim in claims} else None
    return replace(conflict, claims=claims, kept=kept)
