"""The nouns of the field: tickets as they were read, incidents as we know them, action items.

Everything here is a frozen value. Times are aware UTC. Text is Markdown, whatever the tracker
keeps. Identity is the tracker's stable id (a numeric id, a node id), never a key or a title.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from workflows.added import ADDED
from workflows.attached import Attached
from workflows.backfilled import Backfilled as Backfilled
from workflows.kinds import Area as Area
from workflows.kinds import Kind as Kind
from workflows.lines import Acceptance as Acceptance
from workflows.lines import ActionLine as ActionLine
from workflows.lines import Origin as Origin
from workflows.lines import Proposal as Proposal
from workflows.lines import Way as Way
from workflows.moments import Moments
from workflows.notices import Notice, Perspective
from workflows.pairs import Recurrence
from workflows.proven import Proof as Proof
from workflows.reminded import Reminded
from workflows.rungs import Audit, Judgement
from workflows.snapshots import Agreement, Choice, Claim, Conflict, Field, Side
from workflows.tickets import TicketRef as TicketRef
from workflows.versions import Publishing
from workflows.watched import Alarm, Named, Watched


class StatusCategory(StrEnum):
    """The portable part of a status: every tracker has these three and its own names for them."""

    NEW = "new"
    IN_PROGRESS = "in progress"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as one tracker knows them; `handle` is what that tracker assigns by. Not `active`:
    the account is closed."""

    handle: str
    name: str
    email: str | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class Status:
    """A status as the tracker names it, with its portable category and why it was closed."""

    name: str
    category: StatusCategory
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment. `may_write` says whether its author, and whoever edited it since, has write
    access where it stands; only then does its text cause effects. `internal` comments are never
    copied anywhere. `edited`: it says something else by now than when it was written."""

    id: str
    author: Person | None
    at: datetime
    text: str
    url: str
    may_write: bool = True
    internal: bool = False
    edited: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One recorded change of one field: a changelog entry, a label added, a close. `field_id` is
    the tracker's own id of the field, "" where it has none but the name."""

    at: datetime
    by: Person | None
    field: str
    before: str | None
    after: str | None
    url: str = ""
    field_id: str = ""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket as it was read, in one tracker's facts and nobody's vocabulary but ours.

    `place` is the project key or ``owner/repository`` it lives in. `fields` holds custom fields
    by the name or id that the rules use, each as text (an option's value, a person's name, an
    ISO 8601 time). `related` are the ids of tickets it is linked to or parent of.
    `restricted` tickets (a security level, a private repository read as such) may be linked
    but not copied to a wider audience. `author_may_write` speaks of `text` as a comment's
    `may_write` does of its own; `writers_unknown` says why it could not be found out of
    everybody who may write there, with the mend, "" where it could. `marks` are the effect keys of
    our own comments, where the ticket's id may change and they would go along. `shown_by` are
    addresses that the tracker itself shows with it, of what closed it or of what it was linked
    with by people who may write there; `duplicate_of` is the key of the ticket that it repeats, as
    far as the tracker tells either.
    """

    ref: TicketRef
    place: str
    title: str
    text: str
    status: Status
    created: datetime
    updated: datetime
    type: str | None = None
    author: Person | None = None
    author_may_write: bool = True
    writers_unknown: str = ""
    owner: Person | None = None
    closed: datetime | None = None
    labels: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    milestone: str | None = None
    due: date | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    comments: tuple[Comment, ...] = ()
    changes: tuple[Change, ...] = ()
    related: tuple[str, ...] = ()
    restricted: bool = False
    marks: tuple[str, ...] = ()
    shown_by: tuple[str, ...] = ()
    duplicate_of: str = ""


class Phase(StrEnum):
    """Where an incident ticket stands, as the team's rules read it."""

    OPEN = "open"
    CLOSED = "closed"
    SET_ASIDE = "set aside"  # closed, but as a duplicate, not planned …: no postmortem
    GONE = "gone"  # deleted or out of reach: a tombstone, never recreated


class Outlook(StrEnum):
    """What the service is doing about an incident, in one word."""

    WATCHING = "watching"
    WAITING = "waiting"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class DocumentRef:
    """Where a postmortem document is. `id` is stable and means something only to its store, but
    that it begins with the place (``acme/ops``) where limits are counted for each owner;
    `version` is the store's own token of the text last seen (a blob id, a revision). `ticket`
    is set where the document is itself a ticket, `branch` where it is drafted on one; `head` is
    the commit proposed there, `merge` the one in which it was last merged, and `published` tells
    one publication from the next."""

    kind: str
    id: str
    url: str
    version: str
    ticket: TicketRef | None = None
    branch: str = ""
    head: str = ""
    published: str = ""
    merge: str = ""


class DocumentStatus(StrEnum):
    DRAFT = "draft"
    IN_REVIEW = "in review"
    PUBLISHED = "published"
    DECLINED = "declined"  # closed unmerged: asked once, never recreated
    GONE = "gone"


def is_update(ref: DocumentRef, status: DocumentStatus) -> bool:
    """Whether a document's text is that of an open update of what was merged."""
    return bool(ref.branch and ref.head) and status is DocumentStatus.PUBLISHED


@dataclass(frozen=True, slots=True)
class DocumentState:
    """A document as it was read or as it was left by our last write.

    `regions` are our marked regions by name, in Markdown. `text` is the whole in Markdown: the
    source, where the store keeps that, otherwise how it reads. `headings` says under which heading
    each region stands.
    """

    ref: DocumentRef
    regions: Mapping[str, str]
    headings: Mapping[str, str]
    status: DocumentStatus = DocumentStatus.DRAFT
    text: str | None = None


@dataclass(frozen=True, slots=True)
class ActionItem:
    """An action item of one incident: `number` is its n in ``AI-n``, allotted once.

    `task` is the ticket that realises it, `linked` whether the incident shows it, `unset` what
    the tracker would not take, each as "owner: not assignable in acme/ops".
    `status` is how far it is (a `workflows.snapshots.Progress`), "" before anybody said. `given_up`
    says who decided that it gets no task, and why; "" where nobody did. `twin` mirrors the task in
    another tracker; the tickets of the sides `mirrored` show that. `sides` is what was last agreed
    with each side, `said` who said a field's present value, and `conflicts` what waits for somebody
    to choose. `formerly` are titles that it had before: a line that still says one speaks of it.
    `done_at` is since when (UTC) it is done, as far as its audits know; None while it is not.
    `muted`: its ticket asks for no reminders. `named` are the checks and files that it names, and
    `proof` is what is known of how it ended.
    """

    number: int
    origin: Origin
    title: str
    kind: Kind
    owner: str | None = None
    due: date | None = None
    area: Area | None = None
    milestone: str | None = None
    success_measure: str | None = None
    task: TicketRef | None = None
    linked: bool = False
    status: str = ""
    unset: tuple[str, ...] = ()
    given_up: str = ""
    twin: TicketRef | None = None
    mirrored: tuple[Side, ...] = ()
    sides: Mapping[Side, Agreement] = field(default_factory=dict)
    said: Mapping[Field, Claim] = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()
    formerly: tuple[str, ...] = ()
    done_at: datetime | None = None
    muted: bool = False
    named: tuple[Named, ...] = ()
    proof: Proof = field(default_factory=Proof)

    @property
    def name(self) -> str:
        return f"AI-{self.number}"

    @property
    def titles(self) -> tuple[str, ...]:
        return (self.title, *self.formerly)


@dataclass(frozen=True, slots=True)
class Postmortem:
    """What we know of an incident's document, which lives in the store of `connection`.

    Of each marked region, `wrote` is the Markdown that we last asked for, `base` how that read
    back right after, and `seen` how it was last read: where base and seen differ, a person
    edited it, unless it is what we asked for and never heard of: `asked` holds digests of what
    was asked for since the last write that was confirmed. `kept` are rows of the action table
    (AI-n → row) that a person wrote, nobody can read, and we leave so. `conflicts` says in words
    which edits stand against ours. `written` is when (UTC) we last wrote into it.

    As long as an update of what was merged is open, all this speaks of the update, and `merged` is
    the base of each region of what was merged. `declined` is what the last update proposed, if it
    was closed unmerged: it is not proposed again until some of it changes.
    """

    connection: str
    ref: DocumentRef
    status: DocumentStatus
    base: Mapping[str, str]
    seen: Mapping[str, str]
    wrote: Mapping[str, str]
    headings: Mapping[str, str]
    text: str | None = None
    asked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    conflicts: tuple[str, ...] = ()
    written: datetime | None = None
    merged: Mapping[str, str] = field(default_factory=dict)
    declined: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_update(self) -> bool:
        """Whether the text is that of an open update of what was merged."""
        return is_update(self.ref, self.status)

    @property
    def rows_count(self) -> bool:
        """Whether what people write into it counts already: what is drafted on a branch counts
        once it is merged."""
        return not self.ref.branch or self.status is DocumentStatus.PUBLISHED


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident, its whole state between two decisions. `given_up` says who decided that it
    gets no document, and so nothing else, and why; "" where nobody did. `tags` are its factors and
    tags by the ticket's labels. `attached` is evidence from elsewhere. `felt`: customers felt it,
    as far as the rules can tell. `backfilled` is set of one that was closed before its team's start
    and that somebody asked to have taken up."""

    id: str
    team: str
    ticket: TicketRef
    title: str
    phase: Phase
    outlook: Outlook = Outlook.WATCHING
    waiting_for: str | None = None
    waiting_until: datetime | None = None
    severity: str | None = None
    service: str | None = None
    owner: Person | None = None
    restricted: bool = False
    moments: Moments = field(default_factory=Moments)
    opened: datetime | None = None
    closed: datetime | None = None
    roles: Mapping[str, str] = field(default_factory=dict)
    review_due: date | None = None
    synthesis_due: date | None = None  # the first of two steps, if the rules ask for two
    postmortem: Postmortem | None = None
    actions: tuple[ActionItem, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    proposals_numbered: int = 0  # the highest number that a proposal ever got
    acceptances: tuple[Acceptance, ...] = ()
    choices: tuple[Choice, ...] = ()
    audits: tuple[Audit, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    publishings: tuple[Publishing, ...] = ()
    tags: tuple[str, ...] = ()
    recurrences: tuple[Recurrence, ...] = ()
    reminders: tuple[Reminded, ...] = ()
    watched: tuple[Watched, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    perspectives: tuple[Perspective, ...] = ()
    notices: tuple[Notice, ...] = ()
    felt: bool = False
    attached: tuple[Attached, ...] = ()
    comment_id: str | None = None
    muted: bool = False
    given_up: str = ""
    backfilled: Backfilled | None = field(default=None, metadata=ADDED)

    @property
    def counted_from(self) -> datetime | None:
        """From when (UTC) its dates are counted: since it was closed, or, of one of the past, since
        it was asked for."""
        return self.backfilled.at if self.backfilled else self.closed
