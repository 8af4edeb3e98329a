"""What is remembered of an incident that was taken up long after it was closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Backfilled:
    """`at` (UTC) somebody first asked for the incident to be taken up. `documents`, `tasks`:
    whether somebody asked for its document and for the tasks of its action items. `history` is
    what happened in its ticket, as a Markdown table, as long as no document tells it; "" where it
    may not be told."""

    at: datetime
    documents: bool = False
    tasks: bool = False
    history: str = ""
