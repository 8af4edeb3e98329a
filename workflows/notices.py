"""Notes to people who were not in the room, as an incident keeps them.

A note is planned first, and saved with what it is about; it is asked for under a key made of that.
So what it is about stays the same as long as nobody knows whether it was written. See
`workflows.outside`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Perspective:
    """A perspective that an incident is looked at from (``support``): what is asked, and whom."""

    name: str
    question: str
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """The `n`-th note of its kind (`what`), and what it is `about`: names of perspectives or action
    items, or what tells one publication from the next. It was written `at` (UTC) as the `comment`
    with this id, None and "" before that; or somebody decided then that it shall not be
    (`given_up`).

    0 is no note: it says what was there already when the rules first asked for such notes.
    """

    what: str
    n: int
    about: tuple[str, ...] = ()
    at: datetime | None = None
    comment: str = ""
    given_up: bool = False


PERSPECTIVES, SUMMARY, MISSING, CUSTOMERS = "perspectives", "summary", "missing", "customers"

_SAID = {
    PERSPECTIVES: "perspectives are asked for",
    SUMMARY: "the review's recording and summary are circulated",
    MISSING: "the review's recording and summary are asked for",
    CUSTOMERS: "customer-facing teams are told",
}


def is_notice(key: str) -> bool:
    """Whether an effect of this key writes such a note."""
    return key.startswith("notice:")


def key_of(incident_id: str, notice: Notice) -> str:
    """The key of the one effect that writes it."""
    return f"notice:{incident_id}:{notice.what}:{notice.n}"


def place_in(key: str) -> tuple[str, int]:
    """Which note the effect of this key writes: its kind and number."""
    _, what, n = key.rsplit(":", 2)
    return what, int(n)


def without(
    notices: Sequence[Notice], incident_id: str, given_up: Collection[str], now: datetime
) -> tuple[Notice, ...]:
    """The notes, of which those of these keys, and no others, are given up: at `now` (UTC) where
    that is new. What they are about counts as told."""

    def told(notice: Notice) -> Notice:
        gone = key_of(incident_id, notice) in given_up
        if gone and notice.at is None:
            return replace(notice, at=now, given_up=True)
        return replace(notice, at=None, given_up=False) if notice.given_up and not gone else notice

    return tuple(map(told, notices))


def told_of_notice(key: str) -> str:
    """That it is written, in a sentence for the journal."""
    what, n = place_in(key)
    return f"{_SAID[what]}: note {n} is written"


def of_kind(notices: Sequence[Notice], what: str) -> list[Notice]:
    """Those of one kind, the first one first."""
    return [each for each in notices if each.what == what]


def about(notices: Sequence[Notice], what: str) -> set[str]:
    """All that notes of this kind are about."""
    return {each for notice in of_kind(notices, what) for each in notice.about}


def following(notices: Sequence[Notice], what: str, about: Sequence[str]) -> tuple[Notice, ...]:
    """The notes with one more of this kind."""
    n = 1 + max((each.n for each in of_kind(notices, what)), default=0)
    return (*notices, Notice(what, n, tuple(about)))
