"""Architecture reviews in a team's turn: which are due is looked up, the rest is decided in
`workflows.team_reviews`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from integrations.tracker import NotThere, Tracker, TrackerError
from service.audience import Audiences
from service.clock import Clock
from service.jobs import Later
from service.outcomes import retry_at, sentence
from service.store import Store, Transaction
from service.store.jobs import AWAITED
from service.store.teams import JOB
from workflows.audience import Spot
from workflows.model import Incident, StatusCategory
from workflows.policy import Mode, Policy, Team
from workflows.portfolio import destination
from workflows.team_books import Review, TeamBook
from workflows.team_reviews import Wanted, decide_reviews, name_of, review_id, wanted
from workflows.team_turn import Heard, TeamDecision

#: More incidents than that a ticket does not tell of.
MOST_INCIDENTS = 100


def ask_for_review(tx: Transaction, incident: Incident, policy: Policy) -> None:
    """Ask for a turn of the incident's team where a factor that it names recurs, or does so again
    since the last review of it was asked for; in the transaction that saves the incident."""
    team, rules = policy.teams.get(incident.team), policy.learning.reviews(incident.team)
    if team is None or team.mode is not Mode.ACT or rules is None:
        return
    named = tx.patterns.named_by(incident.id)
    book = tx.teams.get(team.name) if named else None
    known = {each.id: each for each in book.reviews} if book else {}
    for service, factor in named if book and book.reviews_from else ():
        last, since = known.get(review_id(service, factor)), tx.now - rules.within
        since = max(since, last.asked) if last else since
        if tx.patterns.count(team.name, service, factor, since) >= rules.threshold:
            tx.jobs.touch(JOB, team.name, priority=AWAITED, reason="a contributing factor recurs")


@dataclass(frozen=True, slots=True)
class DueReviews:
    """What is `wanted` now; which reviews wait since the ticket of the round before cannot be read
    (`unread`), and until when; or when (UTC) to look again, where nobody may be spoken to before.
    """

    wanted: Sequence[Wanted] = ()
    unread: Sequence[tuple[Review, Later]] = ()
    again_at: datetime | None = None

    def __bool__(self) -> bool:
        return bool(self.wanted or self.unread)


class Reviews:
    """What a team's turn asks about them."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        trackers: Mapping[str, Tracker],
        audiences: Audiences,
        clock: Clock,
    ) -> None:
        self._store = store
        self._policy = policy
        self._trackers = trackers
        self._audiences = audiences
        self._clock = clock

    def due(self, book: TeamBook, team: Team) -> DueReviews:
        """The reviews that are to be opened now, and those whose time cannot be told yet. Raises
        HolidaysUnknown."""
        rules, now = self._policy.learning.reviews(team.name), self._clock()
        if rules is None or book.reviews_from is None:
            return DueReviews()
        with self._store.read() as tx:
            namings = tx.patterns.namings(team.name, now - rules.within, rules.threshold)
        found = wanted(book, namings, rules, now)
        if found and not team.calendar.may_speak(now):
            return DueReviews(again_at=team.calendar.speak_at(now))
        ripe: list[Wanted] = []
        unread: list[tuple[Review, Later]] = []
        for each in found:
            try:
                ripe += [each] if self._is_over(each.before) else []
            except TrackerError as error:  # the next one's ticket may be in another tracker
                waits = Later(retry_at(error, self._clock()), sentence(error))
                unread.append((each.review, waits))
        return DueReviews(ripe, unread)

    def _is_over(self, before: Review | None) -> bool:
        """Whether the ticket of the round before is closed, or is no more. One whose connection the
        rules lost cannot be looked at, and counts as open. Raises TrackerError."""
        if before is None or before.ticket is None:
            return True
        tracker = self._trackers.get(before.ticket.connection)
        if tracker is None:
            return False
        try:
            return tracker.look(before.ticket).status.category is StatusCategory.DONE
        except NotThere:
            return True

    def decide(
        self, decision: TeamDecision, due: DueReviews, team: Team, heard: Heard
    ) -> TeamDecision:
        """The decision, with what is to be done about the reviews that are due."""
        waits = [
            f"{name_of(review)} waits, because the ticket of the round before cannot be read:"
            f" {until.reason}"
            for review, until in due.unread
        ]
        decision = replace(decision, reasons=(*decision.reasons, *waits))
        if not due.wanted:
            return decision
        to = destination(team)
        asked = [(each, self._incidents(each)) for each in due.wanted]
        ids = {
            incident.id
            for _, incidents in asked
            for incident in incidents
            if self._audiences.tellable(incident, Spot(to.connection, to.place))
        }
        told = replace(heard, tellable=ids)
        more = decide_reviews(decision.book, asked, team, self._policy, told)
        return TeamDecision(
            more.book,
            (*decision.effects, *more.effects),
            (*decision.reasons, *more.reasons),
        )

    def _incidents(self, each: Wanted) -> list[Incident]:
        with self._store.read() as tx:
            found = [tx.incidents.get(id) for id in each.incidents[:MOST_INCIDENTS]]
        return [record.incident for record in found if record is not None]
