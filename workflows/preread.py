"""The pre-read of a team's quarterly review: two pages that everybody reads before they meet.

It begins with what went well and who did it. What is late is told by who could use help, not by
who is to blame. What happened is counted for the quarter; what is late, in doubt or waived is told
as it stands on the day. Each list is short, and says how much longer it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from workflows.effects import CreateTask
from workflows.markup import excerpt, inert, link, one_line, plain_title
from workflows.measured import Again, Factor, Judged, LateOf, Measured, Some
from workflows.model import Kind
from workflows.people import handle_of
from workflows.policy import Policy, Team
from workflows.portfolio import destination
from workflows.quarters import Quarter
from workflows.rungs import Verdict
from workflows.targets import target_of
from workflows.team_books import TeamBook, preread_key

Row = TypeVar("Row")

#: So many lines of each list are told: ten lists of them fit on two pages.
MOST = 6
MOST_PEOPLE = 8

LABELS = ("preread",)

_LONGEST_TITLE, _LONGEST_WORDS = 70, 140

#: Past this a measure is asked about by name.
_VERY_LATE = 30

_WORDS = {
    Verdict.EFFECTIVE.value: "effective",
    Verdict.PARTLY.value: "partly effective",
    Verdict.NOT_EFFECTIVE.value: "not effective",
}


@dataclass(frozen=True, slots=True)
class Preread:
    """What there is to say of a team's `quarter` on the day `today` (days are UTC's).

    Of the quarter: `incidents` by severity; `verdicts`, how many of each; those that say effective
    (`proven`) and the others (`short`); how many measures each owner got `done`, how many verdicts
    each of the `judges` gave, and who had which of the `roles` in the postmortems published;
    incidents that came again (`recurred`); `factors` that came more than once; measures that were
    judged partly effective for the second time or more (`partly_again`).

    Of the day: how many measures each owner has late, and the longest (`late_by`); audits
    `overdue`; verdicts in doubt (`suspect`); waivers that end by the end of the next quarter.
    """

    team: str
    quarter: Quarter
    today: date
    incidents: Mapping[str, int]
    verdicts: Mapping[str, int]
    proven: Some[Judged]
    short: Some[Judged]
    done: Mapping[str, int]
    judges: Mapping[str, int]
    roles: Mapping[str, Mapping[str, int]]
    recurred: Some[Again]
    factors: Some[Factor]
    partly_again: Some[Judged]
    late_by: Some[LateOf]
    overdue: Some[Judged]
    suspect: Some[Judged]
    waivers: Some[Measured]

    @property
    def says_nothing(self) -> bool:
        """Whether nothing happened in the quarter, and nothing is left to be done."""
        counted = (self.incidents, self.verdicts, self.done)
        lists = (self.late_by, self.overdue, self.suspect, self.waivers)
        return not any(counted) and not any(each.count for each in lists)


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead somewhere: to a page elsewhere (`url`), and on pages of ours to the incident
    (our id, "" for none)."""

    words: str
    url: str
    incident: str = ""


#: A line: words, and links between them.
Line = tuple[str | Link, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A heading with what stands below it; `more` lines are not told."""

    title: str
    lines: tuple[Line, ...]
    more: int = 0


def title(team: str, quarter: Quarter) -> str:
    return plain_title(f"Pre-read {quarter}: the review of {team}")


def in_short(found: Preread) -> str:
    """The quarter in one sentence of numbers."""
    severities = ", ".join(f"{n} {name or 'unknown'}" for name, n in found.incidents.items())
    verdicts = ", ".join(
        f"{found.verdicts[verdict]} {words}"
        for verdict, words in _WORDS.items()
        if found.verdicts.get(verdict)
    )
    numbers = (
        f"{_count(sum(found.incidents.values()), 'incident')}{_of(severities)}",
        f"{_count(sum(found.done.values()), 'measure')} done",
        f"{_count(sum(found.verdicts.values()), 'verdict')}{_of(verdicts)}",
        f"{found.recurred.count} came again",
        f"{_count(found.late_by.count, 'owner')} with something late today",
    )
    return f"{'; '.join(numbers)}."


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _of(words: str) -> str:
    return f" ({words})" if words else ""


def parts(found: Preread) -> Iterator[Part]:
    """What the pre-read says, part by part; parts of which there is nothing to say are left out."""
    lists = (
        _part("Worth celebrating", found.proven, _proven),
        Part("Who contributed", tuple(_contributed(found))),
        _part("What came again", found.recurred, _again),
        _part("Late, by who could use help or another date", found.late_by, _late),
        _part("Audits that wait for a verdict", found.overdue, _overdue),
        _part("Verdicts that ask for more", found.short, _short),
        _part("Verdicts in doubt", found.suspect, _suspect),
        _part("Factors that came more than once", found.factors, _factor),
        _part("Waivers that end", found.waivers, _waiver),
        Part("Questions for the meeting", tuple(_questions(found))[:MOST_PEOPLE]),
    )
    yield from (part for part in lists if part.lines)


def _part(name: str, some: Some[Row], line: Callable[[Row], Line]) -> Part:
    return Part(name, tuple(map(line, some.rows)), some.more)


# --- lines ----------------------------------------------------------------------------------------


def _measure(each: Measured, url: str = "") -> tuple[Link, str]:
    """Its name as a link, and its title."""
    return Link(each.name, url or each.leads_to, each.incident), f" “{_title(each.title)}”"


def _title(text: str) -> str:
    return excerpt(one_line(text), _LONGEST_TITLE)


def _who(name: str) -> str:
    return one_line(name) or "nobody"


def _judged(audit: Judged) -> str:
    when = f" on {audit.at:%Y-%m-%d}" if audit.at else ""
    return f"judged by {_who(audit.by)}{when}"


def _proven(audit: Judged) -> Line:
    named, said = _measure(audit.of, audit.leads_to)
    return named, f"{said} works: owned by {_who(audit.of.owner)}, {_judged(audit)}"


def _short(audit: Judged) -> Line:
    named, said = _measure(audit.of, audit.leads_to)
    words = _WORDS.get(audit.verdict, audit.verdict)
    return named, f"{said} is {words}: {_judged(audit)}"


def _overdue(audit: Judged) -> Line:
    named, said = _measure(audit.of, audit.leads_to)
    return named, f"{said} was to be judged by {audit.due}, asked of {_who(audit.reviewer)}"


def _suspect(audit: Judged) -> Line:
    named, said = _measure(audit.of, audit.leads_to)
    why = excerpt(one_line(audit.suspect), _LONGEST_WORDS)
    return named, f"{said} was {_WORDS.get(audit.verdict, 'judged')}, and is in doubt: {why}"


def _again(each: Again) -> Line:
    now = Link(each.key, each.url, each.incident)
    said = f" “{_title(each.title)}” came again"
    if not each.earlier_key:
        return now, said
    return now, f"{said} after ", Link(each.earlier_key, each.earlier_url, each.earlier)


def _late(each: LateOf) -> Line:
    oldest = each.oldest
    named, said = _measure(oldest)
    return (
        f"{_who(oldest.owner)}: {each.count} late, the longest ",
        named,
        f"{said}, due {oldest.due}",
    )


def _factor(each: Factor) -> Line:
    return f"{each.name} came {each.count} times, last in ", Link(each.key, each.url, each.incident)


def _waiver(each: Measured) -> Line:
    named, said = _measure(each)
    return named, f"{said} is waived until {each.waived_until}"


def _contributed(found: Preread) -> Iterator[Line]:
    if found.done:
        yield (f"Got measures done: {_people(found.done)}",)
    if found.judges:
        yield (f"Judged measures: {_people(found.judges)}",)
    for role, people in found.roles.items():
        yield (f"Was {role} of a postmortem: {_people(people)}",)


def _people(counts: Mapping[str, int]) -> str:
    named = sorted(((n, who) for who, n in counts.items() if who), key=lambda e: (-e[0], e[1]))
    told = [f"{one_line(who)} ({n})" for n, who in named[:MOST_PEOPLE]]
    left = len(named) - len(told)
    return ", ".join([*told, *([f"and {left} more"] if left else [])]) or "nobody is named"


def _questions(found: Preread) -> Iterator[Line]:
    """What only people can answer, by what was found; the gravest first."""
    for each in {audit.of.name: audit.of for audit in found.partly_again.rows}.values():
        named, said = _measure(each)
        yield named, f"{said} was judged partly effective twice: what is missing, and who takes it?"
    for audit in found.suspect.rows[:2]:
        named, said = _measure(audit.of, audit.leads_to)
        yield named, f"{said} is in doubt: does it still hold, or is another measure needed?"
    for row in found.recurred.rows[:2]:
        yield Link(row.key, row.url, row.incident), " came again: what would have stopped it?"
    for factor in found.factors.rows[:2]:
        last = Link(factor.key, factor.url, factor.incident)
        yield f"{factor.name} came {factor.count} times (see ", last, "): one measure for all?"
    longest = sorted((row.oldest for row in found.late_by.rows), key=lambda each: str(each.due))
    for each in longest[:2]:
        if each.due and (found.today - each.due).days > _VERY_LATE:
            named, said = _measure(each)
            days = (found.today - each.due).days
            yield named, f"{said} is {days} days late: a smaller step, another owner, or a waiver?"
    for each in found.waivers.rows[:1]:
        named, said = _measure(each)
        yield named, f"{said} is waived until {each.waived_until}: does the reason still hold?"


# --- as a text, and as a ticket -------------------------------------------------------------------


def as_markdown(found: Preread) -> str:
    """The whole, without its title."""
    lead = (
        f"**{inert(found.team)}, {found.quarter}** ({found.quarter.begins} to"
        f" {found.quarter.last}), as it stands on {found.today}. What only some may read is left"
        " out."
    )
    blocks = [lead, inert(in_short(found))]
    for part in parts(found):
        lines = [f"- {''.join(map(_marked, line))}" for line in part.lines]
        more = [f"- and {part.more} more"] if part.more else []
        blocks += [f"## {part.title}", "\n".join([*lines, *more])]
    return "\n\n".join(blocks)


def _marked(each: str | Link) -> str:
    """As Markdown; blanks at the ends stay, where words and links meet."""
    if isinstance(each, Link):
        return link(each.words, each.url)
    before, after = each[: len(each) - len(each.lstrip())], each[len(each.rstrip()) :]
    return f"{before}{inert(each)}{after}"


def opening(found: Preread, book: TeamBook, team: Team, policy: Policy) -> CreateTask:
    """The wish that opens the ticket. It is the manager's, where the tracker knows them."""
    to, boss = destination(team), team.manager
    kind = policy.connections[to.connection]
    return CreateTask(
        key=preread_key(book, found.quarter),
        target=target_of(to, LABELS),
        title=title(team.name, found.quarter),
        text=as_markdown(found),
        kind=Kind.DETECTIVE,
        incident=None,
        document=None,
        owner=handle_of(boss, kind, policy, None, "", "") if boss else None,
        owner_name=boss,
    )
