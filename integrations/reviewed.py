"""Documents that are proposed before they are published, so that a check can stand in between."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from workflows.effects import SetReview


@runtime_checkable
class ShowsReview(Protocol):
    """A document store whose documents are proposed as commits, where a check can be shown."""

    def set_review(self, wanted: SetReview) -> None:
        """Show it on the commit; a later one stands in for it. Doing it twice is harmless."""
