"""What every tracker and document store can do, and how a call to one can end.

The adapters behind these protocols turn vendors' words into `workflows.model` and nothing else:
they decide nothing, and they never repeat a call that might have had an effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from integrations.findings import Finding as Finding
from integrations.uses import Use
from workflows.effects import CreateTask, SetFields
from workflows.model import DocumentRef, Person, Status, Ticket, TicketRef
from workflows.snapshots import Field, Value
from workflows.tasks import TaskState

# --- how a call can end ---------------------------------------------------------------------


class TrackerError(Exception):
    """A call that did not do what was asked.

    `words` are the vendor's own, shortened and free of secrets; `mend` says what a person can do.
    """

    def __init__(self, words: str, *, mend: str = "") -> None:
        super().__init__(words)
        self.words = words
        self.mend = mend


class RateLimited(TrackerError):
    """Refused for now and certainly without effect; to be asked again at `retry_at` (UTC)."""

    def __init__(self, words: str, *, retry_at: datetime) -> None:
        super().__init__(words, mend="Nothing to do: it is asked again when the tracker allows.")
        self.retry_at = retry_at


class Unavailable(TrackerError):
    """The tracker could not be reached or is failing; certainly without effect. `retry_at` (UTC)
    is when to ask again, where somebody knows."""

    def __init__(self, words: str, *, mend: str = "", retry_at: datetime | None = None) -> None:
        super().__init__(words, mend=mend)
        self.retry_at = retry_at


class OutcomeUnknown(TrackerError):
    """A write was sent and its answer never came, or was a server error: it may have happened."""


class Rejected(TrackerError):
    """The tracker understood and said no; asking again in the same words will not help."""


class SignInFailed(Rejected):
    """The credentials are wrong, expired, or lack a permission."""


class NotThere(TrackerError):
    """Deleted, or hidden from this account."""


class StaleVersion(TrackerError):
    """Somebody else wrote since `ref.version` was read: read again, merge, write again."""


# --- what came in ---------------------------------------------------------------------------


class BadSignature(Exception):
    """No secret of the connection signs these bytes."""


class Malformed(Exception):
    """Not a webhook of this vendor: the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One delivery, verified and unread. `id` is the sender's own delivery id, or a hash of the
    body where it gives none; `event` is the sender's name for it; `repeated` marks a retry."""

    id: str
    event: str
    body: bytes
    repeated: bool = False


class Tells(StrEnum):
    """What a delivery is a hint of."""

    TICKET = "ticket"  # a ticket changed: read it again
    TICKET_GONE = "ticket gone"  # a ticket was deleted: read it again, expect nothing
    MILESTONES = "milestones"  # some were renamed or went: look which tasks carried them
    CLOSINGS = "closings"  # one was closed or opened again: look at those that tasks carry
    DOCUMENT = "document"  # files or a pull request changed: read the documents there again
    NOTHING = "nothing"  # known, and nothing to do
    UNKNOWN = "unknown"  # never heard of: counted and shown


@dataclass(frozen=True, slots=True)
class Proposed:
    """A change that is proposed for a repository, by its `number` there, with its newest `commit`;
    it is not `open` once it was taken over or declined. `at` (UTC) it stood so."""

    number: int
    commit: str
    open: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """What a delivery says happened, normalised. It is a hint: what is read is the truth.

    `ticket_id` is the stable id (None where the sender gives none), `key` its name at sending
    time, `place` the project or repository. `marker` is our own marker found in the payload's
    text or properties: the effect key of something that we created. `created`: the ticket was
    just made. `related`: only what it is related to changed. `state` is what the payload says of a
    task's fields and what it says was just changed, and `whole` whether that is all that a read
    would say. `comment_id` is the comment this is about. `by` is the actor's handle. `paths` are
    the files of a push, `branch` its branch or a pull request's head (of a standing update that of
    its document); `pushed_to` is the repository whose files may have changed on the branch that
    counts, or None; `proposed` the change that it is about, where it tells of one. `why` says it in
    words, for people.
    """

    tells: Tells
    why: str
    ticket_id: str | None = None
    key: str | None = None
    place: str | None = None
    at: datetime | None = None
    by: str | None = None
    comment_id: str | None = None
    marker: str | None = None
    created: bool = False
    related: bool = False
    state: TaskState | None = None
    whole: bool = False
    paths: tuple[str, ...] = ()
    branch: str | None = None
    pushed_to: str | None = None
    proposed: Proposed | None = None


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A ticket seen in a list: enough to know whether it must be read. `updated` is the
    tracker's own text, compared for equality only; `at` is the same as a time (UTC)."""

    ref: TicketRef
    updated: str
    at: datetime


@dataclass(frozen=True, slots=True)
class MissedDelivery:
    """A webhook delivery that its sender could not get rid of. `id` is the sender's, the same as
    its envelope will have; `handle` is what it is asked for again by; `at` is UTC."""

    id: str
    event: str
    at: datetime
    handle: str


# --- what goes out --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How one item of a creation ended: `ref`, or `error`. `linked`: the incident shows it
    already. `unset`: what was left out, each as "owner: kim is not assignable in acme/ops"."""

    key: str
    ref: TicketRef | None = None
    error: TrackerError | None = None
    linked: bool = False
    unset: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldsSet:
    """How `SetFields` ended: `confirmed` are the values that the answer shows or that it cannot
    but have set, in the tracker's words (a status as the ticket has it now, in `status`);
    `refused` are fields that it would not take, with its words and what a person can do. `at` (UTC,
    by the tracker's own clock) is when all of it had certainly been done; None where it tells no
    time. `also` is who and what else the answer shows beside a field's one value."""

    confirmed: Mapping[Field, Value]
    refused: Mapping[Field, str]
    status: Status | None = None
    at: datetime | None = None
    also: Mapping[Field, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """A project or repository that the account sees: its key as rules write it, and its name."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class CustomField:
    """A field of one's own: `options` are the values it can take, where it has a list of them."""

    id: str
    name: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Survey:
    """What a project or repository offers, to choose rules from and to hold them against.

    What the tracker does not have, or would tell only at length, is empty. `fields` are people's
    own, `built_in` those that the tracker brings along. `people` are those to whom tickets can be
    assigned there, the first hundred at most.
    """

    place: Place
    types: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    fields: tuple[CustomField, ...] = ()
    built_in: tuple[CustomField, ...] = ()
    people: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True)
class Lost:
    """Creations whose answer never came, and where what they made would show.

    `keys` are their effect keys, `place` where they were sent, `incident` and `document` what they
    relate to (no document: it is itself what is looked for; otherwise it is behind
    `document_connection`; no incident: they are a team's own). `since` (UTC) nothing was sent
    before; `sighted` are tickets that our account was told to have made and that nothing accounts
    for, as (stable id, key); `known` are stable ids of tickets that are accounted for, so need not
    be looked at.
    """

    keys: tuple[str, ...]
    place: str
    incident: TicketRef | None
    since: datetime
    document: DocumentRef | None = None
    document_connection: str = ""
    sighted: tuple[tuple[str, str], ...] = ()
    known: frozenset[str] = frozenset()


#: Why a ticket, as it is read, must not be written over as was decided; "" when it may be.
Overtaken = Callable[[TaskState], str]


class Tracker(Protocol):
    """A Jira site or a GitHub server, through one account."""

    connection: str

    def account(self) -> str:
        """The handle of the account that we act as; asked once and remembered."""

    def fetch(self, ref: TicketRef) -> Ticket:
        """The whole ticket: text, comments, changes. NotThere when deleted or hidden."""

    def find(self, typed: str) -> TicketRef:
        """The ticket a person means by a key or address. NotThere, or Rejected if unreadable."""

    def changed(self, place: str, since: datetime) -> Iterator[Glimpse]:
        """Tickets of `place` updated since then, all pages, the latest update first: one that is
        edited while pages are read moves to the front, so that a later page may repeat a ticket
        but hides none. (Oldest first, it would leave a gap that the next page jumps over.)"""

    def history(self, place: str, since: datetime, until: datetime) -> Iterator[Ticket]:
        """Tickets of `place` that were made before `until` and updated since `since`, all pages,
        the latest update first, as lists show them: without comments and changes, and without a
        look at who may write there. So all that were closed in between are among them."""

    def at_once(self, place: str) -> int:
        """How many tasks one call creates there at most; it may be asked, once in a while."""

    def create_tasks(self, tasks: Sequence[CreateTask]) -> Iterator[TaskResult]:
        """Create the tasks (`at_once` at most, all of one place and type), each marked with its
        key; a result is yielded as soon as it is known, to be stored before the next call."""

    def find_created(self, lost: Lost) -> Mapping[str, TicketRef]:
        """Those of the keys whose tickets exist: looked up among what was sighted, then among
        the relations of incident and document, which are read by id, and last among the
        account's own tickets, in a list that may lag. Absence here alone proves nothing."""

    def look(self, ref: TicketRef) -> TaskState:
        """A task as it is now, in one read. One that was moved or transferred is read where it is
        now, so that its `ref` may differ. NotThere when it is deleted or hidden."""

    def look_through(self, place: str, since: datetime | None) -> Iterator[TaskState]:
        """Tickets of `place` updated since then (all for None), the latest update first, read as
        `look` reads but without `changes`: a hundred a call, and nothing is transferred again
        that has not changed, where the tracker can tell."""

    def set_fields(self, wanted: SetFields, overtaken: Overtaken) -> FieldsSet:
        """Read the ticket, and set the fields in one write (one more for a status that takes a
        transition of its own). A field that the tracker refuses does not keep the others from
        being set. Raises StaleVersion, and nothing is written, where the ticket as read is
        `overtaken`: no tracker compares before it sets, and the webhook of somebody's edit may
        have been lost. What is edited between the two calls is written over."""

    def link(self, incident: TicketRef, task: TicketRef, title: str, key: str) -> None:
        """Show `task` (perhaps of another tracker) on `incident`. Doing it twice is harmless."""

    def write_comment(
        self,
        ticket: TicketRef,
        text: str,
        key: str,
        comment_id: str | None,
        to: Sequence[str] = (),
    ) -> str:
        """Write a comment, or rewrite `comment_id`; returns its id. A new one for the accounts
        with the handles `to` calls them by these. NotThere, and nothing written, when the comment
        `comment_id` is gone: whether to write another is the caller's to decide, after
        `find_comment`."""

    def find_comment(self, ticket: TicketRef, key: str) -> str | None:
        """The id of our own comment that is marked with `key`, or None."""

    def check(self, places: Mapping[str, Use]) -> Iterator[Finding]:
        """Look at sign-in, and at each place, whether what the rules do there may be done."""

    def places(self) -> Iterator[Place]:
        """The projects or repositories that the account sees."""

    def survey(self, place: str, issue_type: str = "") -> Survey:
        """What a place offers; the options of fields as tickets of `issue_type` have them."""

    def milestones(self, place: str) -> Mapping[str, bool]:
        """All milestones or versions of the place as they are now: by name, whether it is closed
        or released."""

    def close_milestone(self, place: str, name: str, closed: bool) -> None:
        """Close a milestone that `milestones` has just listed, or open it again. Doing it twice is
        harmless. NotThere when the place has none of that name (any more)."""

    def can_assign(self, place: str, handle: str) -> bool:
        """Whether tickets of the place can be assigned to the person with this handle."""

    def find_person(self, email: str) -> Person | None:
        """The one person of the tracker whose visible address this is, written alike but for
        case; None where there is none, are several, or the tracker cannot tell for certain."""

    def is_public(self, place: str) -> bool:
        """Whether everybody may read the place, without signing in; at most ten minutes old."""

    def place_of(self, ticket: TicketRef) -> str:
        """The place that a ticket of this tracker stands in, by its key; nothing is asked."""


class KeptDeliveries(Protocol):
    """A tracker that keeps what it could not deliver, for a time, and sends it when asked."""

    kept_for: timedelta

    def missed(self, since: datetime) -> Iterator[MissedDelivery]:
        """What was sent to us since then and never arrived, as far as the sender knows. NotThere
        or SignInFailed where the account may not look."""

    def ask_again(self, handle: str) -> None:
        """Have one sent again; that it is asked for says nothing about whether it arrives."""
