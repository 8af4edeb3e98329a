"""How the run of a job can end, and who runs which kind.

A handler gets the claimed job and returns `Done` or `Later`. It may raise `LostLease` (somebody
else goes on with the job); any other exception is a failure: recorded, logged, and tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.store.jobs import ClaimedJob, LostLease


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing is left to do until somebody asks for the job again."""


@dataclass(frozen=True, slots=True)
class Later:
    """Run it again at `at` (UTC) for `reason`, which is shown to people; sooner when asked."""

    at: datetime
    reason: str


JobEnd = Done | Later
Handler = Callable[[ClaimedJob], JobEnd]
Handlers = Mapping[str, Handler]

#: A lease must outlast the slowest step (a pull request: five calls of connect 5 s, answer 20 s)
#: twice over, so that it need not be extended before each.
LEASE = timedelta(minutes=5)

FIRST_PAUSE = timedelta(seconds=5)
PATIENCE = 10  # failures in a row, after which a job is only tried once a day


def pause_after(failures: int) -> timedelta:
    """How long a job rests after so many failures in a row: 5 s, 10 s, 20 s … 43 min, a day."""
    if failures > PATIENCE:
        return timedelta(days=1)
    doublings = max(failures - 1, 0)
    return FIRST_PAUSE * (1 << doublings)


__all__ = [
    "PATIENCE",
    "ClaimedJob",
    "Done",
    "Handler",
    "Handlers",
    "JobEnd",
    "Later",
    "LostLease",
    "pause_after",
]
