"""What a team gets on a schedule, as it stands: its portfolio audits, and its digests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from workflows.events import News, NotCreated, NoteWritten, TaskCreated
from workflows.quarters import Quarter, read_quarter
from workflows.tickets import TicketRef

#: What keys of effects begin with.
PORTFOLIO, DIGEST, DIGESTS = "portfolio", "digest", "digests"
REVIEW, PREREAD = "pattern", "preread"


@dataclass(frozen=True, slots=True)
class Opened:
    """The portfolio audit or the pre-read of a quarter, and its ticket."""

    quarter: Quarter
    ticket: TicketRef


@dataclass(frozen=True, slots=True)
class Review:
    """One architecture review of a factor in a service, both in normal words; `id` stands for the
    two. It counts incidents that were opened after `after` (UTC; None: any), and was `asked` for
    then; what is opened later may lead to another `round`. `over`: a person decided that no ticket
    is to be opened."""

    id: str
    service: str
    factor: str
    round: int
    asked: datetime
    after: datetime | None = None
    ticket: TicketRef | None = None
    over: bool = False

    @property
    def is_pending(self) -> bool:
        """Whether its ticket is still to be opened."""
        return self.ticket is None and not self.over


@dataclass(frozen=True, slots=True)
class TeamBook:
    """What one team got on a schedule and is to get next: its whole state between two decisions.

    `id` is ours, for the keys of effects. `quarter` is the one that the next portfolio audit is of,
    None while the rules ask for none; `portfolios` are those that were opened. `preread` and
    `prereads` are the same of pre-reads.

    `told_until` is the first day of which no digest told yet, None while the rules ask for none.
    `telling_until` is the first day of which the digest that was asked for, and is not known to be
    written, does not tell. `digests` is the ticket on which digests are comments.

    `reviews_from` (UTC) is since when the rules ask for architecture reviews, None while they do
    not; `reviews` are those that were asked for, of each factor and service the latest one.
    """

    team: str
    id: str
    quarter: Quarter | None = None
    portfolios: tuple[Opened, ...] = ()
    told_until: date | None = None
    telling_until: date | None = None
    digests: TicketRef | None = None
    reviews_from: datetime | None = None
    reviews: tuple[Review, ...] = ()
    preread: Quarter | None = None
    prereads: tuple[Opened, ...] = ()


def portfolio_key(book: TeamBook, quarter: Quarter) -> str:
    """The key of the one effect that opens this portfolio audit."""
    return f"{PORTFOLIO}:{book.id}:{quarter}"


def preread_key(book: TeamBook, quarter: Quarter) -> str:
    """The key of the one effect that opens this pre-read."""
    return f"{PREREAD}:{book.id}:{quarter}"


def digest_key(book: TeamBook) -> str:
    """The key of the one effect that writes the digest after the last one. It is made of where the
    digest begins: whatever the rules make of its end, there is one."""
    return f"{DIGEST}:{book.id}:{book.told_until}"


def digests_key(book: TeamBook) -> str:
    """The key of the one effect that makes the ticket on which digests are comments."""
    return f"{DIGESTS}:{book.id}"


def review_key(book: TeamBook, review: Review) -> str:
    """The key of the one effect that opens this architecture review."""
    return f"{REVIEW}:{book.id}:{review.id}:{review.round}"


def with_review(book: TeamBook, review: Review) -> TeamBook:
    """The book with the review in the place of the earlier one of the same factor and service."""
    others = tuple(each for each in book.reviews if each.id != review.id)
    return replace(book, reviews=(*others, review))


def without_review(book: TeamBook, review: Review) -> TeamBook:
    """The book once the review is not to be opened any more."""
    return replace(book, reviews=tuple(each for each in book.reviews if each.id != review.id))


def told(book: TeamBook, until: date) -> TeamBook:
    """The book once nothing is left to be told of the days before `until`."""
    return replace(book, told_until=until, telling_until=None)


def passed(book: TeamBook, quarter: Quarter) -> TeamBook:
    """The book once nothing is left to be opened of a quarter."""
    return replace(book, quarter=quarter.next)


def fold_team(news: News, book: TeamBook) -> TeamBook:
    """The book with what became known of one of the team's effects."""
    if isinstance(news, NotCreated):
        moot = [each for each in book.reviews if review_key(book, each) == news.key]
        return without_review(book, moot[0]) if moot else book
    if not isinstance(news, TaskCreated | NoteWritten):
        return book
    what, rest = news.key.split(":")[0], news.key.rsplit(":", 1)[1]
    if what == DIGEST and book.telling_until is not None:
        return told(book, book.telling_until)
    if isinstance(news, TaskCreated) and what == DIGESTS:
        return replace(book, digests=news.ref)
    if isinstance(news, TaskCreated) and what == REVIEW:
        asked = [each for each in book.reviews if review_key(book, each) == news.key]
        return with_review(book, replace(asked[0], ticket=news.ref)) if asked else book
    quarter = read_quarter(rest)
    if isinstance(news, TaskCreated) and what == PORTFOLIO and quarter is not None:
        opened = Opened(quarter, news.ref)
        return replace(passed(book, quarter), portfolios=(*book.portfolios, opened))
    if isinstance(news, TaskCreated) and what == PREREAD and quarter is not None:
        opened = Opened(quarter, news.ref)
        return replace(book, preread=quarter.next, prereads=(*book.prereads, opened))
    return book


def told_of_team(news: News) -> str:
    """The same in a sentence for the journal."""
    if isinstance(news, NoteWritten):
        return "the digest is written"
    if not isinstance(news, TaskCreated):
        return "nothing of the team"
    what, rest = news.key.split(":")[0], news.key.rsplit(":", 1)[1]
    name = {
        PORTFOLIO: f"the portfolio audit {rest}",
        PREREAD: f"the pre-read {rest}",
        DIGESTS: "the ticket for digests",
        DIGEST: "the digest",
        REVIEW: "the architecture review",
    }.get(what, news.key)
    unset = "".join(f"; not set: {each}" for each in news.unset)
    return f"{name} is {news.ref.key}: {news.ref.url}{unset}"
