"""What is kept equal of an action item on all its sides: its fields, their values, who said them.

A value is text, or None where the field is empty. A field that a snapshot lacks was not said at
all, which is not the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

Value = str | None


def is_alike(one: Value, other: Value) -> bool:
    """Whether two values are one to a tracker that does not tell capitals, or blanks around them,
    apart: Jira's versions, GitHub's logins and titles."""
    return (one or "").strip().casefold() == (other or "").strip().casefold()


class Field(StrEnum):
    """What is kept equal. Dates are ISO 8601, a status is one of `Progress`."""

    OWNER = "owner"
    MILESTONE = "milestone"
    STATUS = "status"
    DUE = "due"
    TITLE = "title"


class Side(StrEnum):
    """The places of one action item: its ticket, that ticket's twin in another tracker, and its
    row in the document. They never talk to each other, only to the record between them."""

    TASK = "task"
    TWIN = "twin"
    DOCUMENT = "document"


class Progress(StrEnum):
    """How far a remediation is, in the words that every side can be read in."""

    OPEN = "open"
    IN_PROGRESS = "in progress"
    IN_REVIEW = "in review"
    DONE = "done"
    WONT_DO = "won't do"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Said:
    """A value, when it was said (UTC; by the tracker's own clock where that is known) and by whom
    ("" where nobody knows). Where only the ticket's last change of any kind is known, it was said
    between `since` and that."""

    value: Value
    at: datetime
    by: str = ""
    since: datetime | None = None


#: What one side says, in its own words.
Snapshot = Mapping[Field, Said]


@dataclass(frozen=True, slots=True)
class Claim:
    """Who said a value, and on which side. `word` is what the side itself calls it, None where
    that is not known. `both` says that the two tickets said it in one moment."""

    side: Side
    said: Said
    word: Value = None
    both: bool = False


#: So many claims of a conflict are kept.
MOST_CLAIMS = 10


def latest(claims: Sequence[Claim], holds: Claim) -> tuple[Claim, ...]:
    """The latest of these claims, and always the one that holds."""
    kept = tuple(claims[-MOST_CLAIMS:])
    said = {claim.said.value for claim in kept}
    return kept if holds.said.value in said else (holds, *kept)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two sides changed a field to different values. `kept` is the value that holds meanwhile, by
    the rules' preference; a person may choose another."""

    field: Field
    claims: tuple[Claim, ...]
    kept: Value


@dataclass(frozen=True, slots=True)
class Choice:
    """Somebody settled a field of the action item ``AI-item`` that its sides do not agree on:
    `value` is to hold from now on or, with `resumes`, what is left alone or was refused is to be
    tried again.

    `id` tells one from another, however often each is read. `answer` is what became of it in
    words, "" until it was answered.
    """

    id: int
    item: int
    field: Field
    value: Value
    by: str
    at: datetime
    resumes: bool = False
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Stuck:
    """A value that a side would not take, and its words."""

    value: Value
    words: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the record and one side of it last agreed on: `base` in the side's own words, `ours` in
    the record's.

    `also` are further values that stand beside a field's one (other assignees, other versions)
    and are left alone. `stuck` is what the side refused. `replaced` is what our last write of a
    field wrote over, `flips` when that came back, and `resting` until when (UTC) a field that
    flipped too often is left alone. `gone` says why the side is no more, "" while it is there.
    `place` is the project or repository that it was last read in, `updated` (UTC, by its own clock)
    when it had last changed by then. `wrote` is when our own last write had certainly been made
    (UTC, by the same clock). `carried` is the time of the claim that our last write of a field
    brought there.
    """

    base: Mapping[Field, Value] = field(default_factory=dict)
    ours: Mapping[Field, Value] = field(default_factory=dict)
    also: Mapping[Field, tuple[str, ...]] = field(default_factory=dict)
    stuck: Mapping[Field, Stuck] = field(default_factory=dict)
    replaced: Mapping[Field, Value] = field(default_factory=dict)
    flips: Mapping[Field, tuple[datetime, ...]] = field(default_factory=dict)
    resting: Mapping[Field, datetime] = field(default_factory=dict)
    gone: str = ""
    place: str = ""
    updated: datetime | None = None
    wrote: datetime | None = None
    carried: Mapping[Field, datetime] = field(default_factory=dict)
