"""What people were reminded of, as an incident keeps it. See `workflows.reminders`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Reminded:
    """The `n`-th reminder of something (`what`: ``AI-2``, ``synthesis``, ``review``) that is due on
    that date, as it was written `at` (UTC): the `comment` by its id, "" where nobody knows it."""

    what: str
    due: date
    n: int
    at: datetime
    comment: str = ""
