"""Architecture reviews: the ticket that a team gets where a factor recurs in one of its services.

What was done after each incident alone did not keep the next one away. So people are asked to look
at all of them together, once: as long as that ticket is open, and until as many new incidents name
the factor, no other one is opened.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b

from workflows.effects import CreateTask
from workflows.learning_rules import PatternRules
from workflows.markup import cell, excerpt, inert, link, plain_title
from workflows.model import Incident, Kind
from workflows.patterns import Naming
from workflows.people import handle_of
from workflows.policy import Mode, Policy, Team
from workflows.portfolio import destination
from workflows.rungs import Verdict
from workflows.taken import LONGEST_TITLE, ONLY_SOME, Taken, listed, taken
from workflows.targets import target_of
from workflows.team_books import Review, TeamBook, review_key, with_review, without_review
from workflows.team_turn import Heard, TeamDecision

LABELS = ("architecture-review",)

#: So many rows of each list are in the ticket.
MOST_ROWS = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """A review that is to be opened: of these incidents (our ids), the newest first. `before` is
    the ticket of the round before, which must be closed by then."""

    review: Review
    incidents: tuple[str, ...]
    before: Review | None = None


def reviewing(book: TeamBook, team: Team | None, policy: Policy, now: datetime) -> TeamBook:
    """The book under the rules as they are at `now` (UTC). What they begin to ask for begins now,
    or when the team starts: a factor that recurred before then has to be named once more."""
    if team is None or team.mode is not Mode.ACT or policy.learning.reviews(team.name) is None:
        return replace(book, reviews_from=None)
    return replace(book, reviews_from=book.reviews_from or max(now, team.start_from))


def review_id(service: str, factor: str) -> str:
    """What stands for a service and a factor in keys: a hash, since these are people's words."""
    return blake2b(f"{service}\n{factor}".encode(), digest_size=6).hexdigest()


def name_of(review: Review) -> str:
    """What the review is called in sentences of the journal."""
    return f"the architecture review of “{review.factor}” in {review.service or 'no service'}"


def wanted(
    book: TeamBook, namings: Sequence[Naming], rules: PatternRules, now: datetime
) -> list[Wanted]:
    """The reviews that are to be opened at `now` (UTC), by who named what lately. What was asked
    for and is not opened yet is among them, also where fewer incidents than that name it by now."""
    if book.reviews_from is None:
        return []
    known = {each.id: each for each in book.reviews}
    groups: dict[tuple[str, str], list[Naming]] = {}
    for each in namings:
        groups.setdefault((each.service, each.factor), []).append(each)
    found: list[Wanted] = []
    for (service, factor), named in groups.items():
        last = known.get(review_id(service, factor))
        if last is None or not last.is_pending:
            found += _anew(book, last, service, factor, named, rules, now)
    for review in book.reviews:
        if review.is_pending:
            named = groups.get((review.service, review.factor), [])
            ids = tuple(n.incident_id for n in named if _counts(n, review.after))
            found.append(Wanted(review, ids if len(ids) >= rules.threshold else ()))
    return found


def _anew(
    book: TeamBook,
    last: Review | None,
    service: str,
    factor: str,
    named: Sequence[Naming],
    rules: PatternRules,
    now: datetime,
) -> Iterator[Wanted]:
    after = last.asked if last else None
    fresh = [each for each in named if _counts(each, after)]
    begun = book.reviews_from is not None and any(e.opened >= book.reviews_from for e in fresh)
    if len(fresh) >= rules.threshold and begun:
        round = last.round + 1 if last else 1
        review = Review(review_id(service, factor), service, factor, round, now, after)
        yield Wanted(review, tuple(each.incident_id for each in fresh), last)


def _counts(each: Naming, after: datetime | None) -> bool:
    return after is None or each.opened > after


def decide_reviews(
    book: TeamBook,
    asked: Sequence[tuple[Wanted, Sequence[Incident]]],
    team: Team,
    policy: Policy,
    heard: Heard,
) -> TeamDecision:
    """What is to be done about reviews that are due, each with its incidents, the newest first."""
    effects, reasons = [], []
    for each, incidents in asked:
        review, key = each.review, review_key(book, each.review)
        name = name_of(review)
        hold = heard.held.get(key)
        if hold is not None and hold.given_up:
            book = with_review(book, replace(review, over=True))
            reasons.append(f"{name} is {hold.why}")
        elif not each.incidents and key not in heard.uncertain:
            book = without_review(book, review)
            reasons.append(f"{name} is not needed any more: fewer incidents name the factor")
        else:
            book = with_review(book, review)
            effects.append(opening(review, incidents, book, team, policy, heard.tellable))
            reasons.append(f"{name} is due")
    return TeamDecision(book, tuple(effects), tuple(reasons))


def opening(
    review: Review,
    incidents: Sequence[Incident],
    book: TeamBook,
    team: Team,
    policy: Policy,
    tellable: Collection[str],
) -> CreateTask:
    """The wish that opens the ticket; without incidents it is moot. It is the manager's, where the
    tracker knows them. Factor and service are words of each of the incidents: they are told only
    where all of these may be."""
    to, boss = destination(team), team.manager
    kind = policy.connections[to.connection]
    told = bool(incidents) and all(each.id in tellable for each in incidents)
    about = f"{review.factor} in {review.service or 'no service'}"
    name = about if told else f"what {len(incidents)} incidents of {team.name} have in common"
    return CreateTask(
        key=review_key(book, review),
        target=target_of(to, LABELS),
        title=plain_title(f"Architecture review: {excerpt(name, LONGEST_TITLE)}"),
        text=text(review, incidents, team, policy, told),
        kind=Kind.PREVENTIVE,
        incident=None,
        document=None,
        owner=handle_of(boss, kind, policy, None, "", "") if boss else None,
        owner_name=boss,
        moot=not incidents,
    )


# --- the text -------------------------------------------------------------------------------------


def text(
    review: Review, incidents: Sequence[Incident], team: Team, policy: Policy, told: bool
) -> str:
    """The ticket's description, in Markdown; without words of the incidents unless they may be
    `told`."""
    rules = policy.learning.reviews(team.name) or policy.learning.counted
    measures = taken(incidents, {each.id for each in incidents} if told else ())
    parts = [_lead(review, incidents, rules, team, told), _incidents(incidents, told)]
    parts += _measures(measures)
    parts += [f"## Questions for the review\n\n{_questions(measures)}", _ending(rules)]
    return "\n\n".join(parts)


def _lead(
    review: Review, incidents: Sequence[Incident], rules: PatternRules, team: Team, told: bool
) -> str:
    count, days = len(incidents), rules.within.days
    if not told:
        return (
            f"**{count} incidents of {inert(team.name)} within {days} days name one contributing"
            " factor.** It is not named here: not everybody who may read this ticket may read all"
            " of these incidents. Their postmortems name it, and so does `followthrough patterns`."
        )
    again = f" This is review {review.round} of it." if review.round > 1 else ""
    service = f"of {inert(review.service)}" if review.service else "without a service"
    return (
        f"**{count} incidents {service} within {days} days name the contributing factor"
        f" “{inert(review.factor)}”.**{again} What was done after each of them alone did not keep"
        " the next one away."
    )


def _incidents(incidents: Sequence[Incident], told: bool) -> str:
    def row(each: Incident) -> str:
        opened = f"{each.opened:%Y-%m-%d}" if each.opened else "—"
        title = inert(excerpt(each.title, LONGEST_TITLE)) if told else ONLY_SOME
        severity = cell(each.severity or "—") if told else "—"
        return f"| {link(each.ticket.key, each.ticket.url)} | {opened} | {severity} | {title} |"

    rows = listed(incidents, row, MOST_ROWS)
    more = ["", f"and {rows.more} more."] if rows.more else []
    head = ["## Incidents", "", "| Incident | Opened | Severity | What |", "| --- |" + " --- |" * 3]
    return "\n".join([*head, *rows.rows, *more])


def _measures(measures: Sequence[Taken]) -> Iterator[str]:
    if not measures:
        yield "## Measures taken\n\nNone."
        return
    rows = listed(measures, _measure, MOST_ROWS)
    more = ["", f"and {rows.more} more."] if rows.more else []
    head = [
        "## Measures taken",
        "",
        "| Measure | What | Stands | Proved |",
        "| --- |" + " --- |" * 3,
    ]
    yield "\n".join([*head, *rows.rows, *more])


def _measure(each: Taken) -> str:
    stands = "open" if each.is_open else "waived" if each.is_waived else "done"
    return f"| {each.name} | {each.title} | {stands} | {_proved(each)} |"


def _proved(each: Taken) -> str:
    judged = [audit for audit in each.audits if audit.verdict is not None]
    if not judged:
        return "—" if each.is_open else "never judged"
    last = max(judged, key=lambda audit: (audit.round, audit.rung))
    return f"{_WORDS[last.verdict]}{', in doubt' if last.suspect else ''}"


_WORDS: Mapping[Verdict | None, str] = {
    Verdict.EFFECTIVE: "effective",
    Verdict.PARTLY: "effective in part",
    Verdict.NOT_EFFECTIVE: "not effective",
}


def _questions(measures: Sequence[Taken]) -> str:
    ask = ["What do these incidents have in common that no measure so far has changed?"]
    judged = [audit for each in measures for audit in each.audits if audit.verdict]
    if any(each.is_done for each in measures):
        ask.append("Which measures were done before the last incident, and why were they too weak?")
    if any(audit.suspect or audit.verdict is not Verdict.EFFECTIVE for audit in judged):
        ask.append("Of what did not prove effective: is it to be mended, replaced or taken out?")
    if any(each.is_open for each in measures):
        ask.append("Which open measures would have kept the last one away, and what holds them up?")
    if not measures:
        ask.append("Why was no measure taken after any of them?")
    ask += [
        "Which change of the design would make this factor impossible, or harmless?",
        "Who takes that on, until when, and how will you know that it worked?",
        "If nothing is changed: who decides to live with it, and until when?",
    ]
    return "\n".join(f"{n}. {each}" for n, each in enumerate(ask, 1))


def _ending(rules: PatternRules) -> str:
    return (
        "Close this ticket when that is decided. Nothing else is read from it. Another one is"
        f" opened only once this one is closed and {rules.threshold} incidents that were opened"
        " after it was asked for name the factor again."
    )
