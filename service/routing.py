"""What one delivery is about: which incident must be read again, or why nothing is to be done.

A delivery only says where to look. What it says of a task is kept with that, for the turn to judge
whether it may stand for a read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from integrations.tracker import Envelope, Malformed, Notice, Tells, Tracker, TrackerError
from service import traces
from service.closings import ask_for_closings
from service.jobs import PROMPT, ClaimedJob, Done, JobEnd, Later
from service.lease import Lease
from service.milestones import outdated
from service.outcomes import RUNNABLE, retry_at, sentence
from service.releasing import by_subject, hear
from service.store import Store, Transaction
from service.store.checks import kept_in
from service.store.deliveries import DeliveryState
from service.store.owners import OfTeam
from service.store.refs import Ref, Role
from service.store.sightings import Sighting
from service.store.teams import JOB as TEAM_JOB
from service.stranding import Stranding
from workflows.hearing import says_nothing_new, set_key, ticket_of
from workflows.policy import Policy
from workflows.watched import Source

INCIDENT_JOB = "incident"


def incident_subject(connection: str, ticket_id: str) -> str:
    """The subject of the one job that ever touches this incident."""
    return f"{connection}/{ticket_id}"


class Routing:
    """Runs the jobs of kind ``delivery``."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        trackers: Mapping[str, Tracker],
        normalise: Mapping[str, Callable[[Envelope], Notice]],
        stranding: Stranding,
    ) -> None:
        self._store = store
        self._policy = policy
        self._trackers = trackers
        self._normalise = normalise
        self._stranding = stranding
        self._releases = by_subject(policy)
        self._watched = {
            (source.connection, source.place)
            for team in policy.teams.values()
            for source in team.incidents
        }

    def run(self, job: ClaimedJob) -> JobEnd:
        with Lease(self._store, job).held():
            return self._run(job)

    def _run(self, job: ClaimedJob) -> JobEnd:
        number = int(job.subject)
        with self._store.read() as tx:
            found = tx.deliveries.to_route(number)
        if found is None:
            return Done()
        connection, envelope = found
        traces.note(connection=connection, delivery=envelope.id)
        normalise = self._normalise.get(connection)
        if normalise is None:
            return self._stranding.of_delivery(number, connection)
        try:
            notice = normalise(envelope)
        except Malformed as error:
            return _mark(number, DeliveryState.UNREADABLE, str(error))
        if notice.tells is Tells.UNKNOWN:
            return _mark(number, DeliveryState.UNKNOWN, notice.why)
        if notice.tells is Tells.NOTHING:
            return _mark(number, DeliveryState.IGNORED, notice.why)
        if notice.tells is Tells.MILESTONES:
            return self._milestones(number, connection, notice)
        if notice.tells is Tells.CLOSINGS:
            return Done(partial(self._closings, number, notice))
        try:
            ours = self._is_ours(connection, notice)
        except TrackerError as error:
            return Later(retry_at(error, self._store.clock()), sentence(error))
        return Done(partial(self._route, number, connection, notice, ours))

    def _route(
        self, number: int, connection: str, notice: Notice, ours: bool, tx: Transaction
    ) -> None:
        if ours:
            _note_what_we_made(tx, connection, notice)
        place = notice.pushed_to
        kept = _say_pushed(tx, kept_in(connection, place), notice.why) if place else False
        shown = hear(tx, self._releases, connection, notice)
        self._tell(number, connection, notice, ours, tx)
        if shown:
            why = f"{notice.why}: its release check is looked at"
            tx.deliveries.mark(number, DeliveryState.DONE, why)
        if kept:
            why = f"{notice.why}: files that measures keep are looked at"
            tx.deliveries.mark(number, DeliveryState.DONE, why)

    def _tell(
        self, number: int, connection: str, notice: Notice, ours: bool, tx: Transaction
    ) -> None:
        if ours and self._is_echo(tx, connection, notice):
            why = f"{notice.why}: our own doing"
            tx.deliveries.mark(number, DeliveryState.IGNORED, why)
        elif notice.tells is Tells.DOCUMENT:
            self._document(tx, number, connection, notice)
        else:
            self._ticket(tx, number, connection, notice, ours)

    def _closings(self, number: int, notice: Notice, tx: Transaction) -> None:
        asked = ask_for_closings(tx, self._policy, notice.why)
        state = DeliveryState.DONE if asked else DeliveryState.IGNORED
        told = "those that tasks carry are looked at" if asked else "no team has it carried"
        tx.deliveries.mark(number, state, f"{notice.why}: {told}")

    def _milestones(self, number: int, connection: str, notice: Notice) -> JobEnd:
        """Tasks that carry a milestone which is no more are read again."""
        try:
            found = outdated(self._store, self._trackers[connection], connection, notice.place)
        except TrackerError as error:
            return Later(retry_at(error, self._store.clock()), sentence(error))

        def save(tx: Transaction) -> None:
            for ref in found:
                tx.refs.say_changed(ref.connection, ref.ticket_id)
                ask_for_task(tx, ref, PROMPT, f"{notice.why}: the remediation task {ref.key}")
            state = DeliveryState.DONE if found else DeliveryState.IGNORED
            told = f"{len(found)} tasks carried it" if found else "no task of ours carried it"
            tx.deliveries.mark(number, state, f"{notice.why}: {told}")

        return Done(save)

    def _is_ours(self, connection: str, notice: Notice) -> bool:
        """Whether the account that we act as did it. Raises TrackerError."""
        if notice.by is None:
            return False
        return notice.by.casefold() == self._trackers[connection].account().casefold()

    def _is_echo(self, tx: Transaction, connection: str, notice: Notice) -> bool:
        """Whether what our account did is our own doing: it is about something that carries our
        marker, or about a document.

        Neither the account nor the marker alone would do: the account may be a person's own,
        whose acts on incidents count (their edits of documents are found by polling), and
        anybody can copy a text that holds a marker.
        """
        if notice.tells is Tells.DOCUMENT:
            return True
        ref = tx.refs.find(connection, notice.ticket_id) if notice.ticket_id else None
        if ref is not None and ref.role in (Role.TASK, Role.AUDIT):
            # what else was done to it is read, and is news or is none; but for our own notes
            told = ref.role is Role.AUDIT and notice.comment_id is not None
            return notice.created or (told and notice.marker is not None)
        return notice.marker is not None or ref is not None

    def _ticket(
        self, tx: Transaction, number: int, connection: str, notice: Notice, ours: bool
    ) -> None:
        if notice.ticket_id is None:
            tx.deliveries.mark(number, DeliveryState.IGNORED, f"{notice.why}: names no ticket")
            return
        record = tx.incidents.by_ticket(connection, notice.ticket_id)
        known = record.incident if record else None
        if known is not None and notice.comment_id and notice.comment_id == known.comment_id:
            why = f"{notice.why}: our own comment"
            tx.deliveries.mark(number, DeliveryState.IGNORED, why, incident_id=known.id)
            return
        ref = tx.refs.find(connection, notice.ticket_id)
        if known is None and ref is not None:
            self._ours(tx, number, notice, ref, ours)
            return
        elsewhere = notice.place is not None and (connection, notice.place) not in self._watched
        if known is None and elsewhere:
            why = f"{notice.why}: no team watches {notice.place}"
            tx.deliveries.mark(number, DeliveryState.IGNORED, why)
            return
        if notice.key is not None:
            tx.ledger.sighted(connection, notice.ticket_id, notice.key)
        subject = incident_subject(connection, notice.ticket_id)
        tx.jobs.touch(INCIDENT_JOB, subject, priority=PROMPT, reason=notice.why)
        incident = known.id if known else None
        tx.deliveries.mark(
            number, DeliveryState.DONE, notice.why, subject=subject, incident_id=incident
        )

    def _ours(self, tx: Transaction, number: int, notice: Notice, ref: Ref, by_us: bool) -> None:
        """A ticket of ours, a document or a task, is read again; or an incident's own, by an id
        that it had before."""
        if ref.role is Role.INCIDENT:
            subject = ask_for_task(tx, ref, PROMPT, notice.why, whole=True)
            tx.deliveries.mark(
                number,
                DeliveryState.DONE,
                notice.why,
                subject=subject,
                incident_id=ref.incident_id,
            )
            return
        if ref.role is Role.DOCUMENT:
            self._read_document(tx, number, notice, ref.incident_id)
            return
        if ref.role is Role.TEAM:
            why = f"{notice.why}: nothing is read from {ref.key}, which is {ref.team}'s own"
            tx.deliveries.mark(number, DeliveryState.IGNORED, why)
            return
        if ref.role is Role.AUDIT:
            why = f"{notice.why}: the audit {ref.key}"
            subject = ask_for_audit(tx, ref, PROMPT, why)
            tx.deliveries.mark(
                number, DeliveryState.DONE, why, subject=subject, incident_id=ref.incident_id
            )
            return
        self._task(tx, number, notice, ref, by_us)

    def _task(self, tx: Transaction, number: int, notice: Notice, ref: Ref, by_us: bool) -> None:
        """A remediation task has its turn if that is told which is not known. How late it was told
        counts in any case: nothing older is believed from now on."""
        if self._may_prove(tx, notice, ref, by_us):
            tx.refs.say_changed(ref.connection, ref.ticket_id)
            if notice.state is not None:
                tx.refs.show(ref, notice.state.updated)
            why = f"{notice.why}: the remediation task {ref.key}, which ended"
            subject = ask_for_task(tx, ref, PROMPT, why)
            tx.deliveries.mark(
                number, DeliveryState.DONE, why, subject=subject, incident_id=ref.incident_id
            )
            return
        if notice.related or notice.comment_id is not None:
            nothing = f"none of what is kept in sync of {ref.key}"
        elif self._is_known(tx, notice, ref):
            nothing = f"{ref.key} is known to be so"
        else:
            whole = notice.whole and notice.tells is Tells.TICKET
            tx.refs.say_changed(ref.connection, ref.ticket_id, notice.state, whole=whole)
            why = f"{notice.why}: the remediation task {ref.key}"
            subject = ask_for_task(tx, ref, PROMPT, why)
            tx.deliveries.mark(
                number, DeliveryState.DONE, why, subject=subject, incident_id=ref.incident_id
            )
            return
        if notice.state is not None:
            tx.refs.show(ref, notice.state.updated)
        why = f"{notice.why}: {nothing}"
        tx.deliveries.mark(number, DeliveryState.IGNORED, why, incident_id=ref.incident_id)

    def _may_prove(self, tx: Transaction, notice: Notice, ref: Ref, by_us: bool) -> bool:
        """Whether somebody wrote a comment on the task of an action item that ended, or anything
        into one that lacks words on how."""
        record = tx.incidents.get(ref.incident_id)
        found = record and ticket_of(record.incident, ref.connection, ref.ticket_id)
        if record is None or not found or notice.related:
            return False
        item = next(each for each in record.incident.actions if each.number == found[0])
        if notice.comment_id is None:
            return item.proof.lacks and not by_us
        ours = {*item.proof.notes, *(each.comment for each in record.incident.reminders)}
        own_note = by_us and notice.marker is not None
        return item.proof.counts and not own_note and notice.comment_id not in ours

    def _is_known(self, tx: Transaction, notice: Notice, ref: Ref) -> bool:
        """Whether the task stands as it is known to: then there is nothing to read; a later change
        has a delivery of its own. While it is being written to, what is known may be what our write
        goes over: somebody may have taken that back already."""
        record = tx.incidents.get(ref.incident_id)
        if record is None or notice.state is None or notice.tells is not Tells.TICKET:
            return False
        found = ticket_of(record.incident, ref.connection, ref.ticket_id)
        team = self._policy.teams.get(record.incident.team)
        if found is None or team is None or tx.refs.is_changed(ref):
            return False
        number, side = found
        write = tx.effects.get(set_key(record.incident, number, side))
        if write is not None and write.state in RUNNABLE:
            return False
        return says_nothing_new(record.incident, number, side, notice.state, team, self._policy)

    def _document(self, tx: Transaction, number: int, connection: str, notice: Notice) -> None:
        found = tx.refs.documents_at(connection, notice.place or "", notice.paths, notice.branch)
        if not found:
            tx.deliveries.mark(number, DeliveryState.IGNORED, f"{notice.why}: no document of ours")
        for incident_id in found:
            self._read_document(tx, number, notice, incident_id)

    def _read_document(
        self, tx: Transaction, number: int, notice: Notice, incident_id: str
    ) -> None:
        record = tx.incidents.get(incident_id)
        if record is None:
            return
        ticket = record.incident.ticket
        subject = incident_subject(ticket.connection, ticket.id)
        tx.incidents.set_document_changed(incident_id, True)
        tx.jobs.touch(INCIDENT_JOB, subject, priority=PROMPT, reason=notice.why)
        tx.deliveries.mark(
            number, DeliveryState.DONE, notice.why, subject=subject, incident_id=incident_id
        )


def _mark(number: int, state: DeliveryState, why: str) -> Done:
    return Done(lambda tx: tx.deliveries.mark(number, state, why))


def ask_for_task(
    tx: Transaction, ref: Ref, priority: int, why: str, *, whole: bool = False
) -> str | None:
    """Ask for a turn of the incident that this task belongs to, for its changed tasks alone unless
    it is to be the `whole`. Returns the job's subject; None when there is no such incident."""
    record = tx.incidents.get(ref.incident_id)
    if record is None:
        return None
    ticket = record.incident.ticket
    subject = incident_subject(ticket.connection, ticket.id)
    tx.jobs.touch(INCIDENT_JOB, subject, priority=priority, reason=why, whole=whole)
    return subject


def ask_for_audit(tx: Transaction, ref: Ref, priority: int, why: str) -> str | None:
    """Have the ticket of an audit read, in a turn of its incident. Returns the job's subject."""
    tx.refs.say_changed(ref.connection, ref.ticket_id)
    return ask_for_task(tx, ref, priority, why)


def has_turn(tx: Transaction, ref: Ref) -> bool:
    """Whether a turn of the incident that this task belongs to runs, or is to come."""
    record = tx.incidents.get(ref.incident_id)
    if record is None:
        return False
    ticket = record.incident.ticket
    return tx.jobs.get(INCIDENT_JOB, incident_subject(ticket.connection, ticket.id)) is not None


def _say_pushed(tx: Transaction, repository: str, why: str) -> bool:
    """Have the files of a repository looked at, in a turn of each incident whose measures keep any
    there; returns whether there are such. Whoever pushed: our account may be a person's."""
    tx.checks.say_changed(Source.FILE, repository)
    found = tx.checks.watching(Source.FILE, repository)
    for incident_id in found:
        if (record := tx.incidents.get(incident_id)) is not None:
            ticket, reason = record.incident.ticket, f"{why}: files that its measures keep"
            subject = incident_subject(ticket.connection, ticket.id)
            tx.jobs.touch(INCIDENT_JOB, subject, priority=PROMPT, reason=reason, whole=False)
    return bool(found)


def _note_what_we_made(tx: Transaction, connection: str, notice: Notice) -> None:
    """What our account made is remembered, for a creation whose answer never comes; if one waits
    for just this, it is looked for now."""
    if notice.created and notice.ticket_id is not None:
        key, place, marker = notice.key or "", notice.place or "", notice.marker or ""
        tx.sightings.put(Sighting(connection, notice.ticket_id, key, place, marker))
    owner = tx.effects.look_now(notice.marker) if notice.marker else None
    if isinstance(owner, OfTeam):
        tx.jobs.touch(TEAM_JOB, owner.name, priority=PROMPT, reason="seen by webhook")
        return
    record = tx.incidents.get(owner) if owner else None
    if record is not None:
        ticket = record.incident.ticket
        subject = incident_subject(ticket.connection, ticket.id)
        tx.jobs.touch(INCIDENT_JOB, subject, priority=PROMPT, reason="seen by webhook")
