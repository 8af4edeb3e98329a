"""How an action item ended, as a value: what proves that it is done, or why it is not to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from workflows.snapshots import Progress, Side


@dataclass(frozen=True, slots=True)
class Evidence:
    """A link to evidence that something is done: `way` says where it was given ("a comment"), `by`
    whom ("" where nobody knows) and `at` when (UTC). `url` is "" where only some may read it."""

    url: str
    way: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Waiver:
    """The recorded decision not to do something: it holds up to and including the day `until`, by
    the team's calendar; `expired` once that is over."""

    reason: str
    by: str
    at: datetime
    until: date
    way: str
    expired: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What a command, or a line of the document, is answered, on the ticket of that side; `id`
    tells it from other answers. `asks` where it says what to write instead, so that a question for
    the same would be a second one."""

    id: str
    side: Side
    text: str
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known of the end of an action item: `end` is how it ended, done, won't do or a
    duplicate, None while it has not, or where the rules never asked anything of such an end. Each
    end is a `round` of its own, counted from 1, which began at `since` (UTC); `opened` is when it
    was last opened again after one. It `rests` while the rules ask nothing of it any more: all is
    kept, and nothing is read, asked or shown.

    `read` says of each side whose ticket was read whole since, as of which last change of it (UTC,
    the tracker's clock). `spent` are digests of what counted in an earlier round, `heard` the
    comments and lines that were dealt with; both of all rounds. `told` are the notes of this round
    that were written, `notes` the ids of our comments on its tickets, in all rounds.
    """

    end: Progress | None = None
    round: int = 0
    since: datetime | None = None
    opened: datetime | None = None
    read: Mapping[Side, datetime] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    waiver: Waiver | None = None
    duplicate_of: str = ""
    spent: tuple[str, ...] = ()
    heard: tuple[str, ...] = ()
    replies: tuple[Reply, ...] = ()
    told: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rests: bool = False

    @property
    def counts(self) -> bool:
        """Whether it ended, and the rules ask something of that."""
        return self.end is not None and not self.rests

    @property
    def lacks(self) -> bool:
        """Whether something is asked for and was not given: evidence, a reason, or another."""
        if self.rests:
            return False
        if self.end is Progress.DONE:
            return not self.evidence
        waived = self.waiver is not None and not self.waiver.expired
        return self.end is Progress.WONT_DO and not waived
