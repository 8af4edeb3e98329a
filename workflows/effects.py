"""What a decision asks for. An effect is a wish with a semantic key; the executor makes it true.

Keys are made of our own opaque ids, so that two decisions may ask for the same effect and it is
done once. An effect of the same key with other content is a newer wish for the same thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from workflows.added import ADDED
from workflows.model import DocumentRef, Kind, TicketRef
from workflows.snapshots import Field, Value
from workflows.tasks import StatusWish


@dataclass(frozen=True, slots=True)
class DocumentTarget:
    """Where a document goes: the rules' destination with every placeholder filled in.

    `kind` names the document store, `place` the repository, project or directory, `path` the
    file inside it (empty where documents are tickets). `fill` are values for fields that must have
    one there, by name or id.
    """

    kind: str
    connection: str
    place: str
    path: str = ""
    issue_type: str = ""
    labels: tuple[str, ...] = ()
    fill: tuple[tuple[str, str], ...] = field(default=(), metadata=ADDED)


@dataclass(frozen=True, slots=True)
class CreateDocument:
    """Create the postmortem document once; `text` is Markdown with its marked regions."""

    key: str
    target: DocumentTarget
    title: str
    text: str
    incident: TicketRef


@dataclass(frozen=True, slots=True)
class WriteRegions:
    """Bring the document's marked regions (name → Markdown) up to date."""

    key: str
    regions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TaskTarget:
    """Where remediation tasks are created. `fill` are values for fields that must have one there,
    by name or id."""

    connection: str
    place: str
    issue_type: str = ""
    labels: tuple[str, ...] = ()
    fill: tuple[tuple[str, str], ...] = field(default=(), metadata=ADDED)


@dataclass(frozen=True, slots=True)
class CreateTask:
    """Create one remediation task, or the ticket of an audit, marked with `key`, linked to the
    incident and document, and to the `measure` that is audited, which was `measure_owner`'s, as
    the record calls them, when it was asked for. A team's own ticket has none of these.

    `owner` is the handle in the target's tracker, or None, and `owner_name` what people call
    them; `text` is the Markdown description. `moot`: it was asked for and is not wanted now; it is
    looked for where it may have been made, and never created.
    """

    key: str
    target: TaskTarget
    title: str
    text: str
    kind: Kind
    incident: TicketRef | None
    document: DocumentRef | None
    owner: str | None = None
    owner_name: str | None = None
    due: date | None = None
    milestone: str | None = None
    measure: TicketRef | None = None
    measure_owner: str = ""
    moot: bool = False

    @property
    def is_remedy(self) -> bool:
        """Whether it realises an action item itself, so that the incident's ticket shows it: not
        as an audit's ticket does, or the mirror of one in another tracker."""
        return self.incident is not None and self.key.startswith("task:")


@dataclass(frozen=True, slots=True)
class LinkTask:
    """Show the task on its incident ticket, by whatever relation the trackers have."""

    key: str
    incident: TicketRef
    task: TicketRef
    title: str


@dataclass(frozen=True, slots=True)
class WriteComment:
    """Keep the one comment on the incident ticket saying `text` (Markdown)."""

    key: str
    ticket: TicketRef
    text: str


@dataclass(frozen=True, slots=True)
class WriteNote:
    """Write a comment of its own on a ticket, once, so that it notifies. `to`, `also` and `others`
    are the handles there of whom it shall reach besides those who follow the ticket, or None.
    `instead` is what is written where the text, which repeats words of the document, may not be
    told to whoever reads the ticket; "" for a text that repeats none."""

    key: str
    ticket: TicketRef
    text: str
    to: str | None = None
    also: str | None = None
    others: tuple[str, ...] = ()
    instead: str = ""


@dataclass(frozen=True, slots=True)
class CloseTicket:
    """Close a ticket of ours that stands in `place`, once: people may open it again."""

    key: str
    ticket: TicketRef
    place: str
    status: StatusWish


@dataclass(frozen=True, slots=True)
class SetFields:
    """Bring these fields of a task, which stands in `place`, up to date, and leave every other
    alone.

    `values` are in the tracker's words: the owner's handle, the milestone's title (created where
    it is missing), an ISO 8601 date, the title; None empties a field. `status` is what the ticket
    is to be, where that changes. `replaces` is what is believed to stand there now, and `also`
    what stands beside it and stays (other assignees, other versions). `owner_name` is what people
    call the owner.
    """

    key: str
    task: TicketRef
    place: str
    values: Mapping[Field, Value]
    status: StatusWish | None = None
    replaces: Mapping[Field, Value] = field(default_factory=dict)
    also: Mapping[Field, tuple[str, ...]] = field(default_factory=dict)
    owner_name: str | None = None


class Check(StrEnum):
    """What a review comes to, as a check on a commit."""

    PENDING = "pending"  # something is missing, and nobody said that it is ready
    FAILURE = "failure"  # it is said to be ready, and something is missing
    SUCCESS = "success"


@dataclass(frozen=True, slots=True)
class SetReview:
    """Show on the commit that is the document's `head` what its review comes to, in `words`: ours
    and none of the document's, 140 characters at most. `incident` is our id, for the address of
    its page."""

    key: str
    document: DocumentRef
    incident: str
    check: Check
    words: str


@dataclass(frozen=True, slots=True)
class ShowRelease:
    """Show what the release check of a service comes to on each open change that is proposed for
    the repository `place`. `words` are counts, 140 characters at most; `page` is where they lead,
    "" for nowhere."""

    key: str
    connection: str
    place: str
    check: Check
    words: str
    page: str = ""


@dataclass(frozen=True, slots=True)
class KeepVersions:
    """Keep each publication of the document that is not kept yet. `by` whom and `at` when (UTC) it
    was published, where the store cannot tell."""

    key: str
    document: DocumentRef
    by: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a wish cannot come true for now. `refused`: it waits for a person, not for time;
    otherwise it is tried again at `until`. `given_up`: somebody decided that it shall not come
    true, and nothing waits for it."""

    why: str
    refused: bool = False
    until: datetime | None = None
    given_up: bool = False


Effect = (
    CreateDocument
    | WriteRegions
    | CreateTask
    | LinkTask
    | WriteComment
    | WriteNote
    | CloseTicket
    | SetFields
    | SetReview
    | ShowRelease
    | KeepVersions
)


def is_elsewhere(now: Effect, before: Effect) -> bool:
    """Whether what is asked for now, by the key of what was asked for before, comes to stand in
    another place, or as something else: then looking for the one does not find the other."""
    match before, now:
        case CreateTask(target=old), CreateTask(target=new):
            ends = ((to.connection, to.place, to.issue_type) for to in (old, new))
            return len(set(ends)) > 1
        case WriteNote(ticket=old_ticket), WriteNote(ticket=new_ticket):
            return old_ticket != new_ticket
        case _:
            return type(before) is not type(now)
