"""What a team is to get now: the portfolio audits, pre-reads and the digest whose time has come.

Decided from the team's book, its incidents and the rules, again after each thing that became known,
until nothing new is wanted. In quiet hours nothing is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from workflows import digest, portfolio, preread
from workflows.effects import CreateTask, Effect, Hold, WriteNote
from workflows.model import Incident
from workflows.policy import Policy, Team
from workflows.preread import Preread
from workflows.quarters import Quarter
from workflows.team_books import (
    TeamBook,
    digest_key,
    passed,
    portfolio_key,
    preread_key,
    told,
)
from workflows.team_schedule import (
    digest_rules,
    is_due,
    latest_digest,
    preread_is_due,
    preread_rules,
    wants_portfolio,
)


@dataclass(frozen=True, slots=True)
class Due:
    """What is due by now: the portfolio audit of a `quarter`, the pre-read of another (`preread`),
    and the digest that ends `until` a day. `again_at` (UTC): something is, and nobody may be spoken
    to before."""

    quarter: Quarter | None = None
    until: date | None = None
    again_at: datetime | None = None
    preread: Quarter | None = None

    def __bool__(self) -> bool:
        return any(each is not None for each in (self.quarter, self.until, self.preread))


@dataclass(frozen=True, slots=True)
class TeamDecision:
    """The book after the decision, what is asked for, and why, in sentences."""

    book: TeamBook
    effects: tuple[Effect, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """What a decision must know besides the book: which wishes are `held`, which of them may have
    come true unknown to us (`uncertain`), of which incidents words may be told in a ticket that is
    opened now (`tellable`) and where the digest goes (`in_digest`), what speaks against a comment
    on the ticket for digests, and why that cannot be read now (both "" for nothing). `preread`:
    what there is to say in the pre-read that is due, of those incidents only."""

    held: Mapping[str, Hold]
    uncertain: Collection[str] = ()
    tellable: Collection[str] = ()
    in_digest: Collection[str] = ()
    no_comment: str = ""
    unread: str = ""
    preread: Preread | None = None


def due(book: TeamBook, team: Team, uncertain: Collection[str], now: datetime) -> Due:
    """What is due at `now` (UTC). The end of a digest that may have been written stays as it is
    until that is known. Raises HolidaysUnknown."""
    quarter = book.quarter if wants_portfolio(team) else None
    if quarter is not None and not is_due(quarter, team.calendar, now):
        quarter = None
    until, rules = None, digest_rules(team)
    if rules is not None and book.told_until is not None:
        until = latest_digest(book.told_until, rules, team.calendar, now)
        if book.telling_until is not None and digest_key(book) in uncertain:
            until = book.telling_until
    asked, opens = preread_rules(team), book.preread
    if asked is None or opens is None or not preread_is_due(opens, asked, team.calendar, now):
        opens = None
    found = Due(quarter, until, preread=opens)
    if found and not team.calendar.may_speak(now):
        return Due(again_at=team.calendar.speak_at(now))
    return found


def decide_team(
    book: TeamBook,
    due: Due,
    incidents: Sequence[Incident],
    team: Team,
    policy: Policy,
    heard: Heard,
    now: datetime,
) -> TeamDecision:
    """What is to be done about what is `due` at `now` (UTC), given the team's incidents."""
    effects: list[Effect] = []
    reasons: list[str] = []
    if due.quarter is not None:
        book, wish, why = _portfolio(book, due.quarter, incidents, team, policy, heard, now)
        effects += [wish] if wish else []
        reasons += [why] if why else []
    if due.preread is not None and heard.preread is not None:
        book, wish, why = _preread(book, heard.preread, team, policy, heard)
        effects += [wish] if wish else []
        reasons.append(why)
    if due.until is not None and book.told_until is not None:
        begins = book.told_until
        book, said, why = _digest(book, begins, due.until, incidents, team, policy, heard)
        effects += [said] if said else []
        reasons += [why] if why else []
    return TeamDecision(book, tuple(effects), tuple(reasons))


def _portfolio(
    book: TeamBook,
    quarter: Quarter,
    incidents: Sequence[Incident],
    team: Team,
    policy: Policy,
    heard: Heard,
    now: datetime,
) -> tuple[TeamBook, CreateTask | None, str]:
    key, name = portfolio_key(book, quarter), f"the portfolio audit {quarter}"
    hold = heard.held.get(key)
    if hold is not None and hold.given_up:
        return passed(book, quarter), None, f"{name} is {hold.why}"
    today = team.calendar.day_of(now)
    found = portfolio.gather(incidents, heard.tellable, team, quarter, today)
    if found.says_nothing and key not in heard.uncertain:
        why = f"{name} has nothing to look at, so no ticket is opened"
        return passed(book, quarter), None, why
    return book, portfolio.opening(found, book, policy), f"{name} is due"


def _preread(
    book: TeamBook, found: Preread, team: Team, policy: Policy, heard: Heard
) -> tuple[TeamBook, CreateTask | None, str]:
    quarter = found.quarter
    key, name = preread_key(book, quarter), f"the pre-read {quarter}"
    hold = heard.held.get(key)
    if hold is not None and hold.given_up:
        return replace(book, preread=quarter.next), None, f"{name} is {hold.why}"
    if found.says_nothing and key not in heard.uncertain:
        why = f"{name} has nothing to say, so no ticket is opened"
        return replace(book, preread=quarter.next), None, why
    return book, preread.opening(found, book, team, policy), f"{name} is due"


def _digest(
    book: TeamBook,
    begins: date,
    until: date,
    incidents: Sequence[Incident],
    team: Team,
    policy: Policy,
    heard: Heard,
) -> tuple[TeamBook, CreateTask | WriteNote | None, str]:
    rules, key = digest_rules(team), digest_key(book)
    name = f"the digest from {begins} up to {until}"
    hold = heard.held.get(key)
    if hold is not None and hold.given_up:
        return told(book, until), None, f"{name} is {hold.why}"
    found = digest.gather(incidents, heard.in_digest, team, begins, until)
    if found.says_nothing and key not in heard.uncertain:
        return told(book, until), None, f"{name} has nothing to say, so none is written"
    asked, why = replace(book, telling_until=until), f"{name} is due"
    if rules is None or rules.as_ticket:
        return asked, digest.ticket(found, book, policy), why
    if heard.unread:
        return book, None, f"{name} waits, because its ticket cannot be read: {heard.unread}"
    if heard.no_comment:
        return told(book, until), None, f"{name} is not written: {heard.no_comment}"
    if book.digests is None:
        return asked, digest.standing_ticket(found, book, policy), why
    return asked, digest.comment(found, book, book.digests), why
