"""What somebody looks for, in the language of the search: every text is a query.

    conn* "retry storm" -vendor service:checkout after:2026-01-01

All words must be there, in any order: a text in quotes as it stands, a word with ``*`` as a
beginning, what stands behind ``-`` not at all. Words that an index tells apart are told apart by
what is no letter or digit: ``conn-pool`` is looked for like ``"conn pool"``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from workflows.folded import folded, words_in
from workflows.kinds import Kind
from workflows.projection import severity_words
from workflows.quarters import read_quarter
from workflows.recurrence import normal

#: So much of a query is read.
LONGEST, MOST_TERMS = 500, 20
#: A beginning of one letter would be half of all words.
SHORTEST_PREFIX = 2


class By(StrEnum):
    """What a filter asks for."""

    SERVICE = "service"
    SEVERITY = "severity"
    TEAM = "team"
    TAG = "tag"
    FACTOR = "factor"
    KIND = "kind"


#: Of these an incident has one: any of those that are named will do. Of the others it must have
#: each that is named.
ONE_OF = (By.SERVICE, By.SEVERITY, By.TEAM)


@dataclass(frozen=True, slots=True)
class Term:
    """A word, or several that stand side by side, folded; with `prefix` the last is a beginning."""

    words: tuple[str, ...]
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """What an incident must have, or must not where it is `unwanted`; `value` as it is compared,
    `said` as it was written."""

    by: By
    value: str
    said: str
    unwanted: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for: incidents with all `terms` and none of `without`, that were opened from
    the day `since` on and before the day `until`, by UTC. `told` are sentences about what was not
    understood, and how it was taken."""

    terms: tuple[Term, ...] = ()
    without: tuple[Term, ...] = ()
    filters: tuple[Filter, ...] = ()
    since: date | None = None
    until: date | None = None
    told: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it asks for nothing: then nothing is found, and not everything."""
        asked = (self.terms, self.without, self.filters, self.since, self.until)
        return not any(asked)

    @property
    def understood(self) -> tuple[str, ...]:
        """The filters in words, as "service: checkout" or "opened before 2026-07-01"."""
        said = [f"{'not ' * each.unwanted}{each.by}: {each.said}" for each in self.filters]
        said += [f"opened from {self.since} on"] if self.since else []
        said += [f"opened before {self.until}"] if self.until else []
        return tuple(said)


_PART = re.compile(
    r'(?P<minus>-)?(?:(?P<name>[^\W\d_]+):(?!//))?(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))'
    r"(?P<star>\*)?"
)
_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_YEAR = re.compile(r"(\d{4})", re.ASCII)


def _kind(said: str) -> str:
    return next((kind.value for kind in Kind if kind.value == said.casefold()), "")


_COMPARED: dict[By, Callable[[str], str]] = {
    **dict.fromkeys((By.SERVICE, By.TEAM, By.TAG, By.FACTOR), normal),
    By.SEVERITY: severity_words,
    By.KIND: _kind,
}
_WHEN = ("after", "before", "opened")
_NO_DAY = "is no day: write 2026-07-01, 2026-07, 2026-Q3 or 2026"


@dataclass(slots=True)
class _Reading:
    terms: list[Term] = field(default_factory=list)
    without: list[Term] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    since: date | None = None
    until: date | None = None
    told: list[str] = field(default_factory=list)

    def part(self, match: re.Match[str]) -> None:
        name = (match["name"] or "").casefold()
        said = match["phrase"] if match["phrase"] is not None else match["word"]
        star = bool(match["star"]) or (match["phrase"] is None and said.endswith("*"))
        unwanted = bool(match["minus"])
        if name in _WHEN:
            self.when(name, said, unwanted)
        elif name in list(By):
            self.filter(By(name), said, unwanted)
        else:
            if name:
                self.told.append(f"“{name}:” is no filter, and looked for as a word")
                said = f"{match['name']} {said}"
            self.term(said, star, unwanted)

    def term(self, said: str, star: bool, unwanted: bool) -> None:
        words = words_in(folded(said))
        if not words:
            return
        if star and len(words[-1]) < SHORTEST_PREFIX:
            self.told.append(f"“{words[-1]}*” is too short, and looked for as a word")
            star = False
        (self.without if unwanted else self.terms).append(Term(tuple(words), star))

    def filter(self, by: By, said: str, unwanted: bool) -> None:
        value = _COMPARED[by](said)
        if value:
            self.filters.append(Filter(by, value, said, unwanted))
        elif by is By.KIND and said:
            self.told.append(f"“{said}” is no kind: there are {', '.join(Kind)}")
        else:
            self.told.append(f"“{by}:” names nothing, and is left out")

    def when(self, name: str, said: str, unwanted: bool) -> None:
        span = span_of(said)
        if unwanted:
            self.told.append(f"“-{name}:” is left out: turn it round")
        elif span is None:
            self.told.append(f"“{said}” {_NO_DAY}" if said else f"“{name}:” names no day")
        else:
            begins, ends = span
            if name != "before":
                self.since = max(begins, self.since or begins)
            if name != "after":
                end = begins if name == "before" else ends
                self.until = min(end, self.until or end)


def parse(text: str) -> Query:
    """What somebody means by `text`. Never raises: what is no query is words."""
    reading = _Reading()
    if len(text) > LONGEST:
        reading.told.append(f"only the first {LONGEST} characters are looked for")
    for match in _PART.finditer(text[:LONGEST].replace("\0", " ")):
        reading.part(match)
    if len(reading.terms) + len(reading.without) > MOST_TERMS:
        reading.told.append(f"only the first {MOST_TERMS} words are looked for")
    return Query(
        tuple(reading.terms[:MOST_TERMS]),
        tuple(reading.without[: max(0, MOST_TERMS - len(reading.terms))]),
        tuple(reading.filters[:MOST_TERMS]),
        reading.since,
        reading.until,
        tuple(dict.fromkeys(reading.told)),
    )


def span_of(said: str) -> tuple[date, date] | None:
    """The day, month, quarter or year that somebody wrote: its first day, and the first after it.
    None where it is none of these."""
    try:
        if (quarter := read_quarter(said)) is not None:
            return quarter.begins, quarter.ends
        if match := _YEAR.fullmatch(said):
            return date(int(match[1]), 1, 1), date(int(match[1]) + 1, 1, 1)
        if match := _MONTH.fullmatch(said):
            begins = date(int(match[1]), int(match[2]), 1)
            return begins, (begins + timedelta(days=31)).replace(day=1)
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", said, re.ASCII):
            day = date.fromisoformat(said)
            return day, day + timedelta(days=1)
    except (ValueError, OverflowError):  # 2026-13, and the last days there are
        return None
    return None


def grouped(filters: Sequence[Filter]) -> list[list[Filter]]:
    """The filters in groups: an incident must satisfy one of each group."""
    groups: list[list[Filter]] = []
    for by in ONE_OF:
        if some := [each for each in filters if each.by is by and not each.unwanted]:
            groups.append(some)
    groups += [[each] for each in filters if each.by not in ONE_OF and not each.unwanted]
    return groups
