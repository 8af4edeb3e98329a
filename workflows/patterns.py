"""Patterns: contributing factors that more than one incident names, and whether anything was done
about them that works.

A measure is taken against an incident, and no record says against which of its factors. So it
counts for each factor of its incident.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from workflows.projection import Measure
from workflows.quarters import Quarter, quarter_of
from workflows.rungs import Verdict

#: A factor that one incident alone names is no pattern.
FEWEST = 2

#: The incidents of so many quarters are counted: the present one, and those before it.
QUARTERS = 5

#: In words, as the pages, the files and the reference say it.
RULE = (
    "A factor recurs where so many incidents of one service named it within so many days as the"
    " rules say; it is answered where a measure of one of these incidents was judged effective, is"
    " not in doubt, and no incident of that service named the factor again since the measure was"
    " done. What recurs and is not answered comes first, then what recurs, then the rest; of each"
    " what most incidents named lately."
)


class State(StrEnum):
    """How a pattern stands."""

    UNANSWERED = "recurs, not answered"
    ANSWERED = "recurs, answered"
    SELDOM = "does not recur"


#: As they are ranked, the last one first.
RANKS = (State.SELDOM, State.ANSWERED, State.UNANSWERED)


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of measures. Of those that are done, `effective`, `partly` and `not_effective`
    have that as their latest verdict, and `suspect` one that is in doubt; `unproven` lack the
    evidence that is asked for. `answered` (UTC) is when the latest of those was done that were
    judged effective."""

    measures: int = 0
    open: int = 0
    effective: int = 0
    partly: int = 0
    not_effective: int = 0
    suspect: int = 0
    unproven: int = 0
    answered: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pattern:
    """A factor, by the `name` that it is counted under, as somebody may see it: how many
    `incidents` of how many `services` and `teams` named it in the time that is counted, how many
    of them `lately` (within what the rules say), and when (UTC) the `last` one was opened; what
    became of their measures; and, by quarter, the incidents."""

    name: str
    state: State
    incidents: int
    lately: int
    services: int
    teams: int
    last: datetime
    tally: Tally
    quarters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Named:
    """An incident that names a factor."""

    id: str
    key: str
    url: str
    title: str
    team: str
    service: str
    severity: str
    opened: datetime | None
    imported: bool
    document_url: str


@dataclass(frozen=True, slots=True)
class Against:
    """A measure of such an incident. `verdict` is its latest, "" before the first, and `suspect`
    why that is in doubt; `proven` None where no evidence is asked for."""

    incident_id: str
    key: str
    item: int
    title: str
    kind: str
    owner: str
    status: str
    open: bool
    verdict: str
    suspect: str
    proven: bool | None
    task_key: str
    task_url: str

    @property
    def urgency(self) -> int:
        """What failed comes first, then what is in doubt, unproven, open; then the rest."""
        if self.verdict == Verdict.NOT_EFFECTIVE:
            return 0
        if self.suspect:
            return 1
        return 2 if self.proven is False else 3 if self.open else 4

    @property
    def proved(self) -> str:
        """How effective it proved, in a word or two."""
        if self.suspect:
            return "in doubt"
        if self.verdict:
            return self.verdict.replace("-", " ")
        if self.proven is False:
            return "unproven"
        return "open" if self.open else "not judged"


@dataclass(frozen=True, slots=True)
class Here:
    """How often a factor was named in one service of a team, by quarter."""

    team: str
    service_words: str
    quarters: Mapping[str, int]

    @property
    def incidents(self) -> int:
        return sum(self.quarters.values())


@dataclass(frozen=True, slots=True)
class Naming:
    """That an incident of a team names a factor, with its service, and when (UTC) it was opened."""

    service: str
    factor: str
    incident_id: str
    opened: datetime


def tally(measures: Iterable[Measure]) -> Tally:
    """What became of an incident's measures."""
    known = list(measures)
    sure = [each for each in known if not each.suspect]
    works = [each for each in sure if each.verdict == Verdict.EFFECTIVE]
    return Tally(
        measures=len(known),
        open=sum(each.open for each in known),
        effective=len(works),
        partly=sum(each.verdict == Verdict.PARTLY for each in sure),
        not_effective=sum(each.verdict == Verdict.NOT_EFFECTIVE for each in sure),
        suspect=len(known) - len(sure),
        unproven=sum(each.proven is False for each in known),
        answered=max((each.done_at for each in works if each.done_at), default=None),
    )


def counted_quarters(today: date) -> tuple[Quarter, ...]:
    """The quarters that are counted on a day (UTC), the first one first."""
    present = quarter_of(today)
    year, number = divmod(present.year * 4 + present.number - QUARTERS, 4)
    found = [Quarter(year, number + 1)]
    while found[-1] != present:
        found.append(found[-1].next)
    return tuple(found)
