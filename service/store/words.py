"""The index of words: what it is asked, and which database answers how.

One row of it is one incident, so that words count together wherever in it they stand; its number is
the incident's place in time (`service.store.learning`). What somebody may see, and what a filter
asks for, are words of the index too, apart from all others: its *marks*. So the index answers the
whole question, and nothing else is looked at on the way to the newest that match.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from workflows.queries import Term
from workflows.sight import Sight

#: All that there is.
EVER = (-(2**62), 2**62)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for, from the place `since` on and before `until`: what has all terms of one
    of the `choices` (any, where there are none) and nothing of `without`, and of the marks one of
    each group of `wanted` and none of `unwanted`. Of very many, the newest `most`."""

    choices: tuple[tuple[Term, ...], ...] = ()
    without: tuple[Term, ...] = ()
    wanted: tuple[tuple[str, ...], ...] = ()
    unwanted: tuple[str, ...] = ()
    since: int = EVER[0]
    until: int = EVER[1]
    most: int = 1000


class Words(Protocol):
    """The index of one database. What is kept of the incident at a place is told of before it
    changes, and once it has."""

    def forget(self, place: int) -> None:
        """Find it no more; its rows still are as they were indexed."""

    def add(self, place: int) -> None:
        """Find it by its rows as they are now."""

    def listed(self, asked: Asked, *, in_titles: bool = False) -> list[int]:
        """The newest places that have this; `in_titles`: in titles and labels alone, with what is
        unwanted nowhere."""

    def weighed(self, asked: Asked) -> list[tuple[int, float]]:
        """The newest places that have this, each with how well it fits: less is better."""

    def others(
        self, words: Sequence[str], sight: Sight, place: int | None, common: int
    ) -> list[tuple[int, int, int]]:
        """For each of the words (by its number) the places but this one that have it and that the
        sight allows, each with how many these are: unless they are `common` or more."""


def allowed(sight: Sight) -> tuple[tuple[str, ...], ...]:
    """The marks that what the sight allows has, one of each group."""
    found: list[tuple[str, ...]] = []
    if sight.teams is not None:
        found.append(tuple(mark("t", team) for team in sorted(sight.teams)))
    if not sight.restricted:
        found.append(("mo",))
    return tuple(found)


def mark(letter: str, value: str) -> str:
    """The mark that says this: in hexadecimal digits, so that it is one word to any index."""
    return f"m{letter}{value.encode().hex()}"
