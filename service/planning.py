"""What would be created for a ticket, found out by reading alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from config.settings import Settings
from integrations.tracker import NotThere, Rejected, Tracker, TrackerError
from service.clock import Clock
from service.container.databases import is_kept, open_store
from service.container.trackers import Trackers
from service.outcomes import sentence
from service.store.incidents import new_id
from workflows.audience import Spot
from workflows.audit_keys import is_audit
from workflows.effects import CreateDocument, CreateTask, LinkTask, WriteComment, WriteRegions
from workflows.events import DocumentRead, TicketRead
from workflows.folding import fold
from workflows.model import ActionItem, Incident, Outlook, Phase, Ticket, TicketRef
from workflows.policy import KnownPerson, Mode, Policy, known_person
from workflows.rehearsal import Rehearsal, rehearse, rehearse_anyway, rehearse_closed


class NoSuchTicket(LookupError):
    """No connection knows the ticket; `why` says of each connection what it answered."""

    def __init__(self, typed: str, why: Mapping[str, TrackerError]) -> None:
        super().__init__(f"no connection knows {typed!r}")
        self.why = why


class SeveralTickets(LookupError):
    """The name fits tickets of more than one connection: `found`."""

    def __init__(self, typed: str, found: tuple[TicketRef, ...]) -> None:
        super().__init__(f"{typed!r} names tickets of {len(found)} connections")
        self.found = found


class NotAnIncident(LookupError):
    """The ticket `ref` is none of any team's; the message says why."""

    def __init__(self, ref: TicketRef, why: str) -> None:
        super().__init__(why)
        self.ref = ref


@dataclass(frozen=True, slots=True)
class PlannedDocument:
    """The document that would be created, with the whole text that it would have in the end."""

    kind: str
    connection: str
    place: str
    path: str
    issue_type: str
    labels: tuple[str, ...]
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """A task that would be created. `owner` is a handle of the tracker, `owner_name` whom the
    rules know by it. `unset` is what could not be set, and why."""

    name: str
    title: str
    connection: str
    place: str
    issue_type: str
    kind: str
    owner: str | None
    owner_name: str | None
    due: str | None
    milestone: str | None
    labels: tuple[str, ...]
    success_measure: str | None
    source: str
    unset: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What would happen to a ticket. `standing` says why nothing would happen as it stands, None
    when nothing keeps it; the rest is what would be created if that were not so. `open`: it is
    not closed yet. `counts`: closed, it gets a postmortem. Where `known` is false the service
    has not taken the incident up, and its roles are only an example: they are drawn by an id
    that it gets then. `refused` says what would be refused for who may read it, and the mend."""

    ticket: TicketRef
    title: str
    open: bool
    counts: bool
    known: bool
    incident: Incident
    mode: Mode
    standing: str | None
    document: PlannedDocument | None
    regions: tuple[str, ...]
    tasks: tuple[PlannedTask, ...]
    links: tuple[str, ...]
    comment: str | None
    reasons: tuple[str, ...]
    refused: tuple[str, ...] = ()


def find_ticket(typed: str, trackers: Mapping[str, Tracker]) -> TicketRef:
    """The ticket that a person means, asked of every tracker that can read such a name.

    Raises NoSuchTicket, SeveralTickets.
    """
    found: list[TicketRef] = []
    why: dict[str, TrackerError] = {}
    for name, tracker in trackers.items():
        try:
            found.append(tracker.find(typed))
        except TrackerError as error:
            why[name] = error
    if len(found) > 1:
        raise SeveralTickets(typed, tuple(found))
    if not found:
        readable = {n: e for n, e in why.items() if type(e) is not Rejected}
        raise NoSuchTicket(typed, readable or why)
    return found[0]


def make_plan(ref: TicketRef, trackers: Trackers, settings: Settings, clock: Clock) -> Plan:
    """The plan for one ticket. Raises NotAnIncident, TrackerError."""
    policy = trackers.rules.policy
    tracker = trackers.by_connection[ref.connection]
    ticket = tracker.fetch(ref)
    known = _known(ticket.ref, trackers, settings, clock)
    name = known.id if known else new_id()
    as_is = rehearse(TicketRead(ticket), known, policy, new_id=name, now=clock())
    if as_is.incident is None or as_is.incident.team not in policy.teams:
        raise NotAnIncident(ticket.ref, "; ".join(as_is.reasons))
    shown, standing, now = as_is, _standing(as_is, ticket), clock()
    still_open, counts = as_is.incident.phase is Phase.OPEN, standing is None
    if still_open:
        shown = rehearse_closed(ticket, known, policy, now, new_id=name)
        then = _standing(shown, ticket)
        counts = then is None
        if then is not None:
            standing = f"{standing} Once it is closed: {then[0].lower()}{then[1:]}"
    if not counts:
        shown = rehearse_anyway(ticket, known, policy, now, new_id=name)
    plan = _plan(ticket, standing, shown, trackers)
    objections = trackers.audiences.of_team(policy.teams[as_is.incident.team])
    here = Spot(ref.connection, ticket.place)
    refused = [each.why for each in objections if each.passage.source == here]
    return replace(
        plan,
        open=still_open,
        counts=counts,
        known=known is not None,
        refused=tuple(map(sentence, refused)),
    )


def _known(ref: TicketRef, trackers: Trackers, settings: Settings, clock: Clock) -> Incident | None:
    """The incident as the store has it, its document read again if it was changed; None when
    there is no store yet, which is then not made."""
    if not is_kept(settings):
        return None
    store = open_store(settings, clock)
    try:
        with store.read() as tx:
            record = tx.incidents.by_ticket(ref.connection, ref.id)
    finally:
        store.close()
    if record is None:
        return None
    incident = record.incident
    if incident.postmortem is None or not record.document_changed:
        return incident
    document = incident.postmortem
    kept_by = trackers.documents(document.ref.kind, document.connection)
    try:
        return fold(DocumentRead(kept_by.read(document.ref, document.headings)), incident)
    except NotThere:  # the service will find that out; what we know stands until then
        return incident


def _standing(as_is: Rehearsal, ticket: Ticket) -> str | None:
    """Why nothing is set up for the ticket as it is, in a sentence; None when something is."""
    incident = as_is.incident
    if incident is None:
        return None
    if incident.phase is Phase.OPEN:
        return f"It is open (status {ticket.status.name}), and nothing is created before it closes."
    if incident.postmortem is not None:
        return None
    if incident.outlook is Outlook.WAITING:
        return f"It would wait for {incident.waiting_for}, and a comment would say so."
    return f"It would be left alone: {as_is.reasons[-1].removesuffix(': left alone')}."


def _plan(ticket: Ticket, standing: str | None, shown: Rehearsal, trackers: Trackers) -> Plan:
    incident, policy = shown.incident, trackers.rules.policy
    if incident is None:
        raise NotAnIncident(ticket.ref, "; ".join(shown.reasons))
    created = [e for e in shown.effects if isinstance(e, CreateDocument)]
    documents = [_document(e, incident) for e in created]
    items = {item.number: item for item in incident.actions}
    tasks = [
        _task(effect, items[int(effect.key.rsplit(":", 1)[1])], policy, trackers)
        for effect in shown.effects
        if isinstance(effect, CreateTask) and not is_audit(effect.key)
    ]
    writes = [e for e in shown.effects if isinstance(e, WriteRegions)]
    comments = [e.text for e in shown.effects if isinstance(e, WriteComment)]
    return Plan(
        ticket=ticket.ref,
        title=incident.title,
        open=False,
        counts=True,
        known=False,
        incident=incident,
        mode=policy.teams[incident.team].mode,
        standing=standing,
        document=documents[0] if documents else None,
        regions=() if documents else tuple(name for e in writes for name in e.regions),
        tasks=tuple(tasks),
        links=tuple(e.task.key for e in shown.effects if isinstance(e, LinkTask)),
        comment=comments[-1] if comments else None,
        reasons=shown.reasons,
    )


def _document(wish: CreateDocument, incident: Incident) -> PlannedDocument:
    target = wish.target
    final = incident.postmortem.text if incident.postmortem else None
    return PlannedDocument(
        kind=target.kind,
        connection=target.connection,
        place=target.place,
        path=target.path,
        issue_type=target.issue_type,
        labels=target.labels,
        title=wish.title,
        text=final or wish.text,
    )


def _task(wish: CreateTask, item: ActionItem, policy: Policy, trackers: Trackers) -> PlannedTask:
    target = wish.target
    person = known_person(policy, wish.owner) if wish.owner else None
    tracker = trackers.by_connection[target.connection]
    return PlannedTask(
        name=item.name,
        title=wish.title,
        connection=target.connection,
        place=target.place,
        issue_type=target.issue_type,
        kind=wish.kind.value,
        owner=wish.owner,
        owner_name=person.name if person else item.owner,
        due=wish.due.isoformat() if wish.due else None,
        milestone=wish.milestone,
        labels=target.labels,
        success_measure=item.success_measure,
        source=item.origin.source,
        unset=(*item.unset, *_unassignable(wish, person, tracker)),
    )


def _unassignable(wish: CreateTask, person: KnownPerson | None, tracker: Tracker) -> Iterator[str]:
    """Why the owner, whom the rules know as `person`, could not be set."""
    if wish.owner is None:
        return
    place = wish.target.place
    try:
        if tracker.can_assign(place, wish.owner):
            return
        if person is None:  # a word of somebody's: as a handle it means nobody there
            yield f"owner: nobody under people is called {wish.owner}"
        else:
            yield f"owner: {person.name} is not assignable in {place}"
    except TrackerError as error:
        yield f"owner: whether {wish.owner} is assignable in {place} is unknown: {error.words}"
