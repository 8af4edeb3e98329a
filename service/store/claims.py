"""A job as it stands in its row, and the right to run it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


class LostLease(Exception):
    """The lease is over or the job has another holder: write nothing, do nothing more."""


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job and the right to run it until `lease_until` (UTC), `lease` from when it was claimed
    or last extended. `wanted` counts how often it was asked for when it was claimed, `failures`
    how often in a row it has failed; `priority` is 0 for what nobody waits for. Unless `whole`,
    it only looks at what is marked as changed; `trace` is that of who asked for it last."""

    id: int
    kind: str
    subject: str
    attempt: int
    wanted: int
    lease_until: datetime
    lease: timedelta
    failures: int = 0
    priority: int = 0
    whole: bool = True
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands, for people to look at."""

    id: int
    kind: str
    subject: str
    due_at: datetime
    priority: int
    attempt: int
    failures: int
    lease_until: datetime | None
    reason: str | None
