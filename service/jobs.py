"""How the run of a job can end, and who runs which kind.

A handler gets the claimed job and returns `Done`, `Later` or `Failed`. It may raise `LostLease`
(somebody else goes on with the job); any other exception is a failure, also one of what `Done`
saves: recorded, logged, and tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.store import Transaction
from service.store.claims import ClaimedJob, LostLease
from service.store.jobs import AWAITED, BACKFILL, PROMPT


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing is left to do until somebody asks for the job again. `save` writes what came of it,
    in the transaction that ends the job: nothing of it if somebody else has the job by then."""

    save: Callable[[Transaction], None] | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """Run it again at `at` (UTC) for `reason`, which is shown to people; sooner when asked."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """It failed in a way that somebody has to mend, told by `words`; tried again at `at` (UTC)."""

    words: str
    at: datetime


JobEnd = Done | Later | Failed
Handler = Callable[[ClaimedJob], JobEnd]
Handlers = Mapping[str, Handler]


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things may take. `lease`: for how long a job is held at a time, which is extended
    right before each call that it might not outlast. `call`: the most that one call can take, from
    the connection to the last byte. `settle`: how long something of unknown outcome is looked for
    before its absence counts: longer than a lease and a call together, because whoever sent it may
    have slept right before sending."""

    lease: timedelta = timedelta(seconds=60)
    call: timedelta = timedelta(seconds=45)
    settle: timedelta = timedelta(seconds=180)


TIMING = Timing()

FIRST_PAUSE = timedelta(seconds=5)
PATIENCE = 10  # failures in a row, after which a job is only tried once a day


def pause_after(failures: int) -> timedelta:
    """How long a job rests after so many failures in a row: 5 s, 10 s, 20 s … 43 min, a day."""
    if failures > PATIENCE:
        return timedelta(days=1)
    doublings = max(failures - 1, 0)
    return FIRST_PAUSE * (1 << doublings)


def record_end(tx: Transaction, job: ClaimedJob, end: JobEnd) -> None:
    """End the job, and save what came of it. Raises LostLease when somebody else has it by now."""
    match end:
        case Done():
            ours = tx.jobs.finish(job)
        case Later(at, reason):
            ours = tx.jobs.finish(job, at, reason)
        case Failed(words, at):
            ours = tx.jobs.fail(job, words, at)
    if not ours:
        raise LostLease(f"{job.kind} {job.subject}, attempt {job.attempt}")
    if isinstance(end, Done) and end.save is not None:
        end.save(tx)


__all__ = [
    "AWAITED",
    "BACKFILL",
    "PATIENCE",
    "PROMPT",
    "TIMING",
    "ClaimedJob",
    "Done",
    "Failed",
    "Handler",
    "Handlers",
    "JobEnd",
    "Later",
    "LostLease",
    "Timing",
    "pause_after",
    "record_end",
]
