"""What a decision is taken on: something that was read, never something that was only told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workflows.model import DocumentState, Ticket, TicketRef


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
    """The document exists, in the store of this connection; `wrote` as in `DocumentWritten`."""

    connection: str
    document: DocumentState
    wrote: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DocumentWritten:
    """Regions of the document were written; this is how it was left.

    `wrote` is what we asked to stand in each region that we wrote; `document.regions` is how
    it reads back, which may differ where the store keeps another format.
    """

    document: DocumentState
    wrote: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TaskCreated:
    """The task of the effect `key` exists. `unset` is what could not be set, and why."""

    key: str
    ref: TicketRef
    linked: bool
    unset: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskLinked:
    key: str


@dataclass(frozen=True, slots=True)
class CommentWritten:
    key: str
    comment_id: str


#: What the incident ticket was found to be: what a decision starts from.
Reading = TicketRead | TicketGone

#: How an effect ended well.
Outcome = DocumentCreated | DocumentWritten | TaskCreated | TaskLinked | CommentWritten

#: What became known besides: folded into the state before the next decision.
News = DocumentRead | Outcome
