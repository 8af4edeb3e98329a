"""What people were reminded of, as an incident keeps it. See `workflows.reminders`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Reminded:
    """The `n`-th reminder of something (`what`: ``AI-2``, ``synthesis``, ``review``) that is due on
    that date, as it was written `at` (UTC): the `comment` by its id, "" where nobody knows it; or
    somebody decided then that it shall not be (`given_up`)."""

    what: str
    due: date
    n: int
    at: datetime
    comment: str = ""
    given_up: bool = False


def key_of(incident_id: str, what: str, due: date, n: int) -> str:
    """The key of the one effect that writes that reminder."""
    return f"remind:{incident_id}:{what}:{due}:{n}"
