"""One audit of a measure: when it asks, whom, and what was answered. See `workflows.audits`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from workflows.calendars import Calendar
from workflows.tickets import TicketRef


class Verdict(StrEnum):
    """What an audit comes to, in the words that people give it in."""

    EFFECTIVE = "effective"
    PARTLY = "partly"
    NOT_EFFECTIVE = "not-effective"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command that is not obeyed is answered, once. `id` tells one from another."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict that was given outside of its audit's ticket: `by` somebody of the rules, written
    down `at` (UTC) `through` what this names, as a page. `id` tells it from all others; `answer`
    says what came of it, "" until the incident's turn."""

    id: int
    item: int
    round: int
    rung: int
    verdict: Verdict
    evidence: str
    by: str
    through: str
    at: datetime
    answer: str = ""

    @property
    def place(self) -> tuple[int, int, int]:
        """The audit that it is about."""
        return (self.item, self.round, self.rung)


#: What tells an audit from all others of its incident: item, round and rung.
Place = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Audit:
    """An audit of the measure ``AI-item``: the `rung` of its `round`, both counted from 1, and
    `step` how far up the ladder it stands (a step that is repeated is another rung).

    It looks at the time from `since` on, and its ticket is to be opened when `opens` comes (both
    UTC). From then on `due` is set, with the `reviewer` ("" for nobody) and the `owner` of the
    measure, as the record calls them; `ticket` once it is there, and the relations that were
    `linked`. `told` are the notes that were written on it, `answers` those to commands that were
    refused, `heard` the comments that were dealt with.

    `verdict` is what was judged, `by` whom and when (`at`, UTC), with what `evidence`; `through` is
    what it was given through, "" for its own ticket. `led_to` is the action item that it came back
    to, or that it asked for. `ended` says why it has nothing to
    ask any more, "" while it has; `gone` that its ticket is not there any more, `closed` that it is
    closed, `muted` that it asks for no notes. `suspect` says why the verdict is in doubt, "" while
    it is not, and `because` which incident (our id) made it so, or made this audit open early.
    """

    item: int
    round: int
    rung: int
    step: int
    since: datetime
    opens: datetime
    reviewer: str = ""
    owner: str = ""
    due: date | None = None
    ticket: TicketRef | None = None
    linked: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()
    heard: tuple[str, ...] = ()
    verdict: Verdict | None = None
    by: str = ""
    at: datetime | None = None
    evidence: str = ""
    through: str = ""
    led_to: int | None = None
    ended: str = ""
    gone: bool = False
    closed: bool = False
    muted: bool = False
    suspect: str = ""
    because: str = ""

    @property
    def name(self) -> str:
        """``AI-2, audit 1.3``: round and rung."""
        return f"AI-{self.item}, audit {self.round}.{self.rung}"

    @property
    def place(self) -> Place:
        """What tells it from all others of its incident."""
        return (self.item, self.round, self.rung)

    def overdue_at(self, calendar: Calendar) -> datetime | None:
        """When (UTC) it is overdue if it is not judged: when its due date is over, by the team's
        calendar."""
        if self.due is None or not self.lives:
            return None
        return calendar.at(self.due + timedelta(days=1), time(0))

    def next_at(self, calendar: Calendar) -> tuple[str, datetime] | None:
        """What time alone asks for next, and when (UTC): that it opens, or is overdue and the team
        may be told so. Raises HolidaysUnknown."""
        if self.lives and self.due is None:
            return ("opens", self.opens)
        late = self.overdue_at(calendar)
        if late is None or not self.stands or "overdue" in self.told:
            return None
        return ("is overdue", calendar.speak_at(late))

    @property
    def lives(self) -> bool:
        """Whether it still asks, or is going to."""
        return self.verdict is None and not self.ended

    @property
    def standing(self) -> str:
        """How it stands, in a word: planned, open, its verdict, or withdrawn."""
        if self.verdict is not None:
            return self.verdict.value
        if self.ended:
            return "withdrawn"
        return "planned" if self.ticket is None else "open"

    @property
    def is_opening(self) -> bool:
        """Whether its ticket was asked for, and is not known to be there: it may be."""
        return self.lives and self.ticket is None and self.due is not None

    @property
    def stands(self) -> bool:
        """Whether it has a ticket that can be told something."""
        return self.ticket is not None and not self.gone
