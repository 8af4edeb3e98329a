"""Documents that are proposed before they are published, so that a check can stand in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from integrations.tracker import Finding
from workflows.effects import Check, SetReview


@runtime_checkable
class ShowsReview(Protocol):
    """A document store whose documents are proposed as commits, where a check can be shown."""

    def set_review(self, wanted: SetReview) -> None:
        """Show it on the commit; a later one stands in for it. Doing it twice is harmless."""


class ShowsChecks(Protocol):
    """What keeps commits, on which a check can be shown."""

    def show(
        self, place: str, commit: str, name: str, check: Check, words: str, page: str = ""
    ) -> None:
        """Show it under this `name` on a commit of `place`; a later one stands in for it. Doing it
        twice is harmless. `words` are 140 characters at most; `page` is where they lead. Rejected,
        with the mend, where it may not be shown; NotThere where there is no such commit."""

    def check(self, places: Sequence[str], address: str) -> Iterator[Finding]:
        """Whether checks can be shown in these places, and whether the tracker tells `address` (or
        any address with this path) of what is proposed there. Reads only."""
