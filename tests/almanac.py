"""Which audits there must have been: told from what happened to a measure, look after look.

Nothing here asks the service, nor uses what it decides with. A `Story` is what the trackers hold
of one measure in the end, and `Look` when a process of the service was at work: to its end, or
until it was killed. Whoever walks through them with a calendar on the wall knows what must have
been opened, when, and what must have come of each verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)

#: Trackers tell times to the second at worst.
COARSE = timedelta(seconds=1)

#: The states of a measure. Only of one that is done it is asked whether it works.
OPEN, DONE, WAIVED, GONE = "open", "done", "waived", "gone"
EFFECTIVE, PARTLY, NOT_EFFECTIVE = "effective", "partly", "not-effective"

#: What the service's notes on an audit begin with.
OVERDUE, VERDICT, ENDED = "Overdue", "Verdict", "Nothing is asked here any more"
UNJUDGED = "This was closed without a verdict"
ONCE = (OVERDUE, VERDICT, ENDED, UNJUDGED)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a team's rules say of one measure. `ladder` is so many days (of business, if
    `business`) after it is done, nothing where it is asked nothing; past its end the intervals
    double, if they `lengthen`. From the first hour of `quiet` up to the second, over midnight,
    nobody is spoken to; the team opens at nine."""

    zone: str
    holidays: frozenset[date]
    ladder: tuple[int, ...]
    business: bool
    lengthen: bool
    within: int = 10
    quiet: tuple[int, int] | None = None

    def works(self, day: date) -> bool:
        return day.weekday() < 5 and day not in self.holidays

    def speaks(self, at: datetime) -> bool:
        """Whether somebody may be spoken to then."""
        here = at.astimezone(ZoneInfo(self.zone))
        begin, end = self.quiet or (24, 0)
        return self.works(here.date()) and end <= here.hour < begin

    def spoken(self, at: datetime) -> datetime:
        """The time itself, or the next at which the team opens."""
        zone = ZoneInfo(self.zone)
        if self.speaks(at):
            return at
        day = at.astimezone(zone).date()
        while (nine := datetime.combine(day, time(9), zone)) < at or not self.works(day):
            day += DAY
        return nine.astimezone(at.tzinfo)

    def later(self, day: date, count: int, *, business: bool) -> date:
        """The day so many days later, found by turning the leaves of the calendar."""
        while count:
            day += DAY
            count -= not business or self.works(day)
        return day

    def dates(self, done: datetime, steps: int) -> list[datetime]:
        """When it was done, and when each step after that comes, as far as there are steps; be it
        at night or on a Sunday."""
        today = done.astimezone(ZoneInfo(self.zone)).date()
        found = [done]
        for count in self.ladder[:steps]:
            found.append(done + (self.later(today, count, business=self.business) - today))
        while self.ladder and self.lengthen and len(found) <= steps:
            last = found[-1] - found[-2]
            found.append(found[-1] + max(last, min(2 * last, 365 * DAY)))
        return found

    def overdue(self, opened: datetime) -> datetime:
        """When an audit is overdue: its due date is over, where the team is."""
        today = opened.astimezone(ZoneInfo(self.zone)).date()
        due = self.later(today, self.within, business=True) + DAY
        return datetime.combine(due, time(0), ZoneInfo(self.zone)).astimezone(opened.tzinfo)


@dataclass(frozen=True, slots=True)
class Look:
    """A time in which the service was at work; `whole` if it did all that was to be done, and was
    not killed before."""

    begun: datetime
    ended: datetime
    whole: bool


@dataclass(frozen=True, slots=True)
class Change:
    """The measure's ticket changed its state; `ours` if the service did it."""

    at: datetime
    state: str
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """A verdict that somebody gave who may."""

    at: datetime
    verdict: str


@dataclass(slots=True)
class Asked:
    """An audit's ticket, as the tracker holds it in the end: `notes` are the beginnings of what the
    service wrote on it, with their times, `closed` when it was closed first."""

    key: str
    round: int
    rung: int
    step: int
    created: datetime
    assignees: tuple[str, ...] = ()
    closed: datetime | None = None
    notes: tuple[tuple[str, datetime], ...] = ()
    said: list[Said] = field(default_factory=list)
    follow_ups: tuple[str, ...] = ()
    successors: tuple[str, ...] = ()

    def wrote(self, note: str, by: datetime) -> bool:
        return any(text == note and at <= by for text, at in self.notes)

    def verdict(self, by: datetime) -> Said | None:
        return min((s for s in self.said if s.at <= by), key=lambda s: s.at, default=None)


@dataclass(slots=True)
class Story:
    """One measure: `owner`, what the rules say of it, its `changes` in their order and from before
    the first look, whether its tracker takes it back once it is done, and its audits."""

    name: str
    owner: str
    rules: Rules
    changes: list[Change]
    asked: list[Asked]
    takes_back: bool = True

    def state(self, at: datetime) -> Change:
        return [each for each in self.changes if each.at <= at][-1]


@dataclass(slots=True)
class Count:
    """What was seen, so that a year in which nothing happened proves nothing."""

    of: Counter[str] = field(default_factory=Counter)


def judge(story: Story, looks: Sequence[Look], count: Count | None = None) -> list[str]:
    """Everything that is wrong with the audits of this measure, in sentences."""
    walk = _Walk(story, count or Count())
    told = [words for look in looks for words in walk.through(look)]
    return [f"{story.name}: {words}" for words in (*told, *walk.rest())]


class _Walk:
    """What somebody knows who stands beside it: `due` is when the audit of `round`, `rung` and
    `step` is to open, None while none is to; `decided` when its opening may have been decided, by
    looks that may have died then; `open` the one that is; `spent` when the measure
    was done which then was found not effective."""

    def __init__(self, story: Story, count: Count) -> None:
        self.story, self.count = story, count.of
        self.done: datetime | None = None
        self.spent: datetime | None = None
        self.due: datetime | None = None
        self.decided: list[datetime] = []
        self.early: dict[str, datetime] = {}  # before then nobody may be told that it is overdue
        self.round, self.rung, self.step = 0, 1, 1
        self.open: Asked | None = None
        self.known: datetime | None = None  # at the latest then the service knew that it is open
        self.put_off: datetime | None = None  # until then it may be told late that it is overdue
        self.judged: list[tuple[Asked, Said]] = []  # and no whole look since
        self.left = sorted(story.asked, key=lambda each: each.created)

    def through(self, look: Look) -> Iterator[str]:
        now = self.story.state(look.begun)
        self._hear(look)
        if now.state != DONE:
            yield from self._nothing_to_ask(look, now)
        elif self.done is None and now.at != self.spent:
            self._begin(now.at)
        if look.whole and self.known is None:
            self.known = look.begun  # the one before may have died before it wrote that down
        if self.due is None or self.due > look.ended:
            self.decided = []
        else:
            self.decided.append(look.begun)
        yield from self._opened(look, now.state)
        if look.whole:
            if self.due is not None and self.due <= look.begun:
                yield f"nothing opened by {look.ended}, though {self._which} was due {self.due}"
                self.due = None
            yield from self._consequences(look)
            if now.state == DONE:
                yield from self._overdue(look)
        self._put_off(look)

    def rest(self) -> Iterator[str]:
        """What is wrong in the end, after the last look."""
        rules = self.story.rules
        for audit in self.left:
            yield f"{audit.key} was opened {audit.created}, while nobody was at work"
        for audit in self.story.asked:
            told = Counter(text for text, _ in audit.notes)
            for at in [at for text, at in audit.notes if text == OVERDUE]:
                early = self.early.get(audit.key, rules.overdue(audit.created))
                if at < early - COARSE or not self._may_be_told(at):
                    yield f"{audit.key} is told at {at} that it is overdue"
            yield from (f"{audit.key} says “{t}” {told[t]} times" for t in ONCE if told[t] > 1)
            if self.story.owner in audit.assignees:
                yield f"{audit.key} is the owner's own"
            verdict = audit.verdict(datetime.max.replace(tzinfo=audit.created.tzinfo))
            asks = len(audit.follow_ups), len(audit.successors)
            word = verdict.verdict if verdict else "no verdict"
            if asks[0] != (word == PARTLY) or asks[1] > (word == NOT_EFFECTIVE):
                yield f"{audit.key}, {word}, led to {asks[0]} follow-ups, {asks[1]} successors"

    def _may_be_told(self, at: datetime) -> bool:
        """By an hour a note may come late, after a crash."""
        rules = self.story.rules
        return rules.speaks(at) or rules.speaks(at - timedelta(hours=1))

    @property
    def _which(self) -> str:
        return f"audit {self.round}.{self.rung} (step {self.step})"

    # --- by the calendar ----------------------------------------------------------------------

    def _begin(self, done: datetime) -> None:
        self.done, self.rung, self.step = done, 1, 1
        self._plan(done, again=False)

    def _plan(self, at: datetime, *, again: bool) -> None:
        """When the step opens, after something that happened `at` that time."""
        assert self.done is not None
        dates = self.story.rules.dates(self.done, self.step)
        if len(dates) <= self.step:
            self.due = None
            return
        interval = dates[self.step] - dates[self.step - 1]
        self.due = dates[self.step]
        if again:
            self.due = at + interval
        elif self.step > 1 or self.rung > 1:
            self.due = max(self.due, at + interval / 2)
        self.due = self.story.rules.spoken(self.due)

    # --- what people said and did ---------------------------------------------------------------

    def _hear(self, look: Look) -> None:
        """The verdict of the audit that is open leads to the next, or to none."""
        said = self.open.verdict(look.begun) if self.open else None
        if said is None or self.open is None:
            return
        self.judged.append((self.open, said))
        self.open = None
        self.count[said.verdict] += 1
        if said.verdict == NOT_EFFECTIVE:
            self.spent, self.done, self.due = self.done, None, None
            return
        if self.done is None:
            return
        self.rung += 1
        self.step += said.verdict == EFFECTIVE
        self._plan(said.at, again=said.verdict == PARTLY)

    def _nothing_to_ask(self, look: Look, now: Change) -> Iterator[str]:
        """That a ticket is gone may be told by nobody: all of a place is looked through once a day
        only."""
        if self.due is not None:
            self.count["planned and withdrawn"] += 1
        self.done = self.due = None
        known = now.state != GONE or now.at + DAY <= look.begun
        if self.open is not None and look.whole and known:
            if not self.open.wrote(ENDED, look.ended):
                yield f"{self.open.key} was not told that nothing is asked any more"
            if self.open.closed is None or self.open.closed > look.ended:
                yield f"{self.open.key} is not closed, and asks nothing"
            self.count["open and withdrawn"] += 1
            self.open = None

    # --- what the service did ---------------------------------------------------------------------

    def _opened(self, look: Look, state: str) -> Iterator[str]:
        while self.left and self.left[0].created <= look.ended:
            audit = self.left.pop(0)
            wrong = self._wrong(audit, look, state)
            if wrong:
                yield f"{audit.key} was opened {audit.created}: {wrong}"
                continue
            self.count["opened"] += 1
            self.count["opened late"] += self.due is not None and self.due < look.begun - DAY
            self.round, self.open, self.due, self.put_off = audit.round, audit, None, None
            self.known = audit.created if look.whole else None
            self.early[audit.key] = self._early(audit)

    def _early(self, audit: Asked) -> datetime:
        """Its due date counts from when its opening was decided; it is decided anew once that is
        over before the ticket is there."""
        decided = [min(audit.created, at) for at in (*self.decided, audit.created)]
        return min(late for at in decided if (late := self.story.rules.overdue(at)) > audit.created)

    def _wrong(self, audit: Asked, look: Look, state: str) -> str:
        if audit.created < look.begun:
            return "while nobody was at work"
        if state != DONE:
            return f"of a measure that is {state}"
        if self.due is None:
            return "nothing was to be asked"
        if audit.created < self.due - COARSE:
            return f"{self._which} was due {self.due}"
        same = self.rung == audit.rung and self.step == audit.step
        round = audit.round > self.round if self.rung == 1 else audit.round == self.round
        return "" if same and round else f"{self._which} was due, not {audit}"

    def _consequences(self, look: Look) -> Iterator[str]:
        for audit, said in self.judged:
            if not audit.wrote(VERDICT, look.ended):
                yield f"{audit.key}: nobody was told what was understood of {said}"
            if audit.closed is None or audit.closed > look.ended:
                yield f"{audit.key} is judged and not closed"
            if said.verdict == NOT_EFFECTIVE:
                yield from self._taken_back(audit, said, look)
        self.judged = []

    def _taken_back(self, audit: Asked, said: Said, look: Look) -> Iterator[str]:
        """It is open again, or has a successor where its tracker does not take it back."""
        stands = self.story.state(look.ended)
        if stands.state == GONE or (stands.state == WAIVED and stands.at > said.at):
            return  # what was decided since holds
        if self.story.takes_back and stands.at < said.at:
            yield f"{audit.key} is not effective, and the measure was not opened again"
        if not self.story.takes_back and len(audit.successors) != 1:
            yield f"{audit.key} is not effective, and has {len(audit.successors)} successors"

    def _overdue(self, look: Look) -> Iterator[str]:
        """It must be told so in a look in which the team may be spoken to."""
        rules = self.story.rules
        if self.open is None or self.known is None:
            return
        late = self.put_off or rules.spoken(rules.overdue(self.open.created))
        if late <= look.begun and rules.speaks(look.begun) and rules.speaks(look.ended):
            self.count["overdue looks"] += 1
            if not self.open.wrote(OVERDUE, look.ended):
                yield f"{self.open.key} is overdue, and nobody was told"

    def _put_off(self, look: Look) -> None:
        """Whoever was at work while nobody may be spoken to told it for when the team opens, be
        that later than somebody may be spoken to again."""
        rules = self.story.rules
        if self.open is None or rules.overdue(self.open.created) > look.ended:
            self.put_off = None
            return
        told = max(rules.spoken(look.begun), rules.spoken(look.ended))
        self.put_off = max(told, self.put_off or told)
