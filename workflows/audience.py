"""Who may read it: what only some may read is never copied to where more people can.

Two rules. From a place that not everybody may read nothing is copied to one that everybody may,
which the rules' own destinations are held against at start. And of a ticket that only some of
its place may read (`restricted`), no words are told anywhere: a link stands in for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from workflows.effects import CreateDocument, CreateTask, Effect, SetFields, WriteRegions
from workflows.model import ActionItem, Incident, Origin, Ticket
from workflows.policy import IncidentSource, Policy, SourceKind, Team, known_person
from workflows.snapshots import Side

#: What stands in for the title of a ticket that only some may read.
WITHHELD = "(only some may read this ticket)"

#: What stands in for the title of an action item that such a ticket asks for.
WITHHELD_ACTION = "(an action item that only some may read)"


_DOCUMENTS, _TASKS, _TWINS = "postmortems", "remediation tasks", "twins of remediation tasks"


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
    return tuple(dict.fromkeys((*_from_incidents(team), *_between_twins(team))))


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


def passages_of(
    wish: Effect, incident: Incident, ticket: Spot, document: Spot | None
) -> Iterator[Passage]:
    """Each way on which an effect would send words of the incident, whose ticket and document are
    there. What is written on the ticket itself travels nowhere."""
    match wish:
        case CreateDocument(target=to):
            yield Passage(_DOCUMENTS, ticket, Spot(to.connection, to.place))
        case WriteRegions() if document is not None:
            yield Passage(_DOCUMENTS, ticket, document)
        case CreateTask(target=to):
            end = Spot(to.connection, to.place)
            yield Passage(_TASKS, ticket, end)
            number = int(wish.key.rsplit(":", 1)[1])
            asked = (item.origin for item in incident.actions if item.number == number)
            if document is not None and any(map(said_in_document, asked)):
                yield Passage(_TASKS, document, end)
        case SetFields(task=to, place=place):
            yield Passage(_TASKS, ticket, Spot(to.connection, place))


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
        unset=(),
    )
