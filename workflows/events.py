"""What a decision is taken on: something that was read, never something that was only told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from workflows.added import ADDED
from workflows.model import DocumentState, Ticket, TicketRef
from workflows.snapshots import Field, Side, Stuck, Value
from workflows.tasks import TaskState
from workflows.versions import Publication


@dataclass(frozen=True, slots=True)
class TicketRead:
    """The incident ticket was fetched; this is what it says now."""

    ticket: Ticket


@dataclass(frozen=True, slots=True)
class TicketGone:
    """The incident ticket was asked for and is deleted or out of reach."""

    ref: TicketRef
    words: str


@dataclass(frozen=True, slots=True)
class DocumentRead:
    """The postmortem document was read again, because something changed it."""

    document: DocumentState


@dataclass(frozen=True, slots=True)
class DocumentCreated:
    """The document exists, in the store of this connection; `wrote` as in `DocumentWritten`.
    `before`: it was created before the database was put back to an older state, and may have been
    edited since."""

    connection: str
    document: DocumentState
    wrote: Mapping[str, str]
    before: bool = field(default=False, metadata=ADDED)


@dataclass(frozen=True, slots=True)
class DocumentWritten:
    """Regions of the document were written; this is how it was left.

    `wrote` is what we asked to stand in each region that we wrote; `document.regions` is how
    it reads back, which may differ where the store keeps another format. `at` (UTC) is when.
    """

    document: DocumentState
    wrote: Mapping[str, str]
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What the ticket of an audit says, as it was sent: until when it asks whom, and whose the
    measure was."""

    due: date | None
    reviewer: str
    owner: str


@dataclass(frozen=True, slots=True)
class TaskCreated:
    """The task of the effect `key` exists, in `place`. `unset` is what could not be set, and why.
    `values` is what it was created with, in its tracker's words; None where that is not known.
    `sent`: of an audit that was found, because it may have been decided otherwise since."""

    key: str
    ref: TicketRef
    linked: bool
    unset: tuple[str, ...] = ()
    values: Mapping[Field, Value] | None = None
    place: str = ""
    sent: Sent | None = None


@dataclass(frozen=True, slots=True)
class TaskLinked:
    key: str


@dataclass(frozen=True, slots=True)
class NotCreated:
    """The task of the effect `key` was asked for, is not wanted now, and was never made."""

    key: str


@dataclass(frozen=True, slots=True)
class NoteWritten:
    """The note of the effect `key` stands there, as the comment with this id, since `at` (UTC)."""

    key: str
    comment: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TicketClosed:
    """The ticket of the effect `key` is closed, or its tracker will not have that (`refused`)."""

    key: str
    refused: str = ""


@dataclass(frozen=True, slots=True)
class CommentWritten:
    key: str
    comment_id: str


@dataclass(frozen=True, slots=True)
class FieldsWritten:
    """Fields of the ticket of an item on one side were set, by `at` (UTC, the tracker's own clock):
    `confirmed` stand there now, in its words, with `also` beside them where that is known;
    `refused` it would not take."""

    key: str
    confirmed: Mapping[Field, Value]
    refused: Mapping[Field, Stuck]
    at: datetime
    also: Mapping[Field, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReleaseShown:
    """The release check stands on every open change of its repository."""

    key: str


@dataclass(frozen=True, slots=True)
class ReviewShown:
    """The review of the document is shown where it is written."""

    key: str


@dataclass(frozen=True, slots=True)
class VersionsFound:
    """What was published and is not kept yet, the oldest first."""

    key: str
    publications: tuple[Publication, ...]


@dataclass(frozen=True, slots=True)
class VersionsKept:
    """The publications of the document are kept; `numbers` are those that are new."""

    key: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TaskRead:
    """The ticket of action item `number` on this side was read."""

    number: int
    side: Side
    state: TaskState


@dataclass(frozen=True, slots=True)
class TaskGone:
    """It was asked for and is deleted or out of reach."""

    number: int
    side: Side
    words: str


#: What the tickets of action items were found to be.
TaskReading = TaskRead | TaskGone


@dataclass(frozen=True, slots=True)
class AuditRead:
    """The ticket of an audit (its item, round and rung) was read."""

    audit: tuple[int, int, int]
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class AuditGone:
    """It was asked for and is deleted or out of reach."""

    audit: tuple[int, int, int]
    words: str


#: What the tickets of audits were found to be.
AuditReading = AuditRead | AuditGone


@dataclass(frozen=True, slots=True)
class ProofRead:
    """The ticket of action item `number` on this side was read whole, because the item ended."""

    number: int
    side: Side
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class TicketUnchanged:
    """Nothing told of the incident ticket itself, so it was not read again."""


#: What the incident ticket was found to be: what a decision starts from.
Reading = TicketRead | TicketGone | TicketUnchanged

#: How an effect ended well.
Outcome = (
    DocumentCreated
    | DocumentWritten
    | TaskCreated
    | NotCreated
    | TaskLinked
    | CommentWritten
    | NoteWritten
    | TicketClosed
    | FieldsWritten
    | ReviewShown
    | ReleaseShown
    | VersionsKept
)

#: What became known besides: folded into the state before the next decision.
News = DocumentRead | VersionsFound | Outcome
