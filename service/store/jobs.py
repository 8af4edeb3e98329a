"""Jobs: a row is the work, whoever carries its id.

There is one row for each (kind, subject). To ask for it again is to touch it. Whoever claims it
holds a lease; the attempt is the fence: it grows with each claim, and what an earlier holder
still wants to write is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import (
    Connection,
    Executable,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningInsert

from service.store.schema import jobs
from service.store.statements import insert, once

#: What goes first. A person has just done something and waits; something that a person waits for
#: was seen by polling, or waits itself; everything else comes round again by itself, with 0.
AWAITED = 5
PROMPT = 2 * AWAITED

#: How long an id that was handed to the broker is not sent again.
IN_THE_POST = timedelta(seconds=30)


class LostLease(Exception):
    """The lease is over or the job has another holder: write nothing, do nothing more."""


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job and the right to run it until `lease_until` (UTC), `lease` from when it was claimed
    or last extended. `wanted` counts how often it was asked for when it was claimed, `failures`
    how often in a row it has failed; `priority` is 0 for what nobody waits for. Unless `whole`,
    it only looks at what is marked as changed."""

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


_CLAIMED = (
    jobs.c.id,
    jobs.c.kind,
    jobs.c.subject,
    jobs.c.attempt,
    jobs.c.wanted,
    jobs.c.lease_until,
    jobs.c.failures,
    jobs.c.priority,
    jobs.c.whole,
)
_JOB = (
    jobs.c.id,
    jobs.c.kind,
    jobs.c.subject,
    jobs.c.due_at,
    jobs.c.priority,
    jobs.c.attempt,
    jobs.c.failures,
    jobs.c.lease_until,
    jobs.c.reason,
)


_NOW = bindparam("now", type_=jobs.c.due_at.type)
_UNTIL = bindparam("until", type_=jobs.c.due_at.type)

_FREE = or_(jobs.c.lease_until.is_(None), jobs.c.lease_until <= _NOW)
_SENDABLE = and_(
    jobs.c.due_at <= _NOW,
    _FREE,
    or_(jobs.c.sent_at.is_(None), jobs.c.sent_at <= bindparam("lost_since")),
)
_ANYTHING_DUE = select(jobs.c.id).where(_SENDABLE).limit(1)
_ANYTHING_LATE = (
    select(jobs.c.id)
    .where(jobs.c.due_at <= bindparam("late_since", type_=jobs.c.due_at.type), _FREE)
    .limit(1)
)
_MOST_URGENT = (
    select(jobs.c.id)
    .order_by(jobs.c.priority.desc(), jobs.c.due_at, jobs.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_DUE = _MOST_URGENT.where(_SENDABLE)
_CLAIMABLE = _MOST_URGENT.where(jobs.c.due_at <= _NOW, _FREE)

# While it runs it is next due when the lease is over: so a crash needs no sweep, and a look at
# what is due does not meet what is running.
_CLAIM = (
    update(jobs)
    .where(jobs.c.due_at <= _NOW, _FREE)
    .values(attempt=jobs.c.attempt + 1, lease_until=_UNTIL, due_at=_UNTIL, sent_at=None)
    .returning(*_CLAIMED)
)
_CLAIM_THIS = _CLAIM.where(jobs.c.id == bindparam("job"))
_CLAIM_NEXT = _CLAIM.where(jobs.c.id == _CLAIMABLE.scalar_subquery())

_HELD = and_(
    jobs.c.id == bindparam("job"),
    jobs.c.attempt == bindparam("held"),
    jobs.c.lease_until.is_not(None),
)
_ASKED_MEANWHILE = jobs.c.wanted != bindparam("was_wanted")
_STILL_HELD = and_(_HELD, jobs.c.lease_until > _NOW)
_FENCE = select(jobs.c.id).where(_STILL_HELD).with_for_update()
_EXTEND = (
    update(jobs)
    .where(_STILL_HELD)
    .values(
        lease_until=_UNTIL,
        # unless somebody asked for an earlier run
        due_at=case((jobs.c.due_at == jobs.c.lease_until, _UNTIL), else_=jobs.c.due_at),
    )
)
_FINISH = delete(jobs).where(_HELD, ~_ASKED_MEANWHILE)
_END = update(jobs).where(_HELD).values(lease_until=None, sent_at=None)


@once
def _asking(connection: Connection) -> ReturningInsert[int]:
    """A new row, or one that is wanted once more, sooner and more urgently if that was asked."""
    statement = insert(connection, jobs)
    asked = statement.excluded
    sooner = asked.due_at < jobs.c.due_at
    return statement.on_conflict_do_update(
        index_elements=["kind", "subject"],
        set_={
            "wanted": jobs.c.wanted + 1,
            "due_at": case((sooner, asked.due_at), else_=jobs.c.due_at),
            "sent_at": case((sooner, None), else_=jobs.c.sent_at),
            "reason": case((sooner, asked.reason), else_=jobs.c.reason),
            "whole": or_(jobs.c.whole, asked.whole),
            "priority": case(
                (asked.priority > jobs.c.priority, asked.priority), else_=jobs.c.priority
            ),
        },
    ).returning(jobs.c.id)


def _asked(
    kind: str,
    subject: str,
    due: datetime,
    priority: int = 0,
    reason: str | None = None,
    whole: bool = True,
) -> dict[str, object]:
    return {
        "kind": kind,
        "subject": subject,
        "due_at": due,
        "priority": priority,
        "wanted": 1,
        "attempt": 0,
        "failures": 0,
        "reason": reason,
        "whole": whole,
    }


class Jobs:
    """Asking for jobs, sending, claiming and ending them."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self.touched = False

    # --- asking ---------------------------------------------------------------------------

    def touch(
        self,
        kind: str,
        subject: str,
        due_at: datetime | None = None,
        priority: int = 0,
        reason: str | None = None,
        whole: bool = True,
    ) -> int:
        """Ask for the job, at `due_at` (now when None) or earlier if it is due earlier. While it
        runs, this leads to another run. Higher priority goes first. With `whole` it looks at all
        that it is about, otherwise only at what is marked as changed. Returns the job's id."""
        due = due_at or self._now
        self.touched = self.touched or due <= self._now
        values = _asked(kind, subject, due, priority, reason, whole)
        return int(self._connection.execute(_asking(self._connection), values).scalar_one())

    def touch_each(self, kind: str, subjects: Sequence[str], priority: int = 0) -> None:
        """Ask for the job of each of these subjects, now."""
        # Each once, and in one order: two who ask for the same jobs at once would wait in a circle.
        once_each = sorted(set(subjects))
        values = [_asked(kind, subject, self._now, priority) for subject in once_each]
        if values:
            self.touched = True
            self._connection.execute(_asking(self._connection), values)

    def forget(self, kind: str, subject: str) -> None:
        """Remove the job; whoever runs it loses the lease."""
        self._connection.execute(delete(jobs).where(jobs.c.kind == kind, jobs.c.subject == subject))

    # --- sending --------------------------------------------------------------------------

    def anything_due(self) -> bool:
        """Whether `due` would find something. Reads only."""
        return self._connection.execute(_ANYTHING_DUE, self._sendable()).first() is not None

    def anything_late(self, by: timedelta) -> bool:
        """Whether a job is due for so long that nobody took, its id sent or not. Reads only."""
        since = {"now": self._now, "late_since": self._now - by}
        return self._connection.execute(_ANYTHING_LATE, since).first() is not None

    def due(self, limit: int) -> Sequence[int]:
        """Ids of jobs to run now, the most urgent first, each marked as sent so that nobody
        sends it again for a while (`IN_THE_POST`)."""
        ids = self._connection.scalars(_DUE, {**self._sendable(), "most": limit}).all()
        if ids:
            self._connection.execute(
                update(jobs).where(jobs.c.id.in_(ids)).values(sent_at=self._now)
            )
        return ids

    def send_again(self) -> None:
        """Forget what was sent: the broker that carried it is gone. What another process has sent
        through its own is sent twice then, and found taken the second time."""
        self._connection.execute(
            update(jobs).where(jobs.c.sent_at.is_not(None)).values(sent_at=None)
        )

    # --- running --------------------------------------------------------------------------

    def claim(self, job_id: int, lease: timedelta) -> ClaimedJob | None:
        """Take the job for the time of `lease`; None when it is not due, held or gone."""
        return self._claim(_CLAIM_THIS, {"now": self._now, "job": job_id}, lease)

    def claim_next(self, lease: timedelta) -> ClaimedJob | None:
        """Take the most urgent job that is due, whether or not its id was sent to somebody: a
        message only wakes, and may be lost. None when there is none."""
        return self._claim(_CLAIM_NEXT, {"now": self._now, "most": 1}, lease)

    def _claim(
        self, claim: Executable, which: Mapping[str, object], lease: timedelta
    ) -> ClaimedJob | None:
        row = self._connection.execute(claim, {**which, "until": self._now + lease}).first()
        return None if row is None else ClaimedJob(lease=lease, **row._mapping)

    def extend(self, claim: ClaimedJob) -> ClaimedJob:
        """Hold the job for another whole lease from now. Raises LostLease."""
        until = self._now + claim.lease
        held = {**_by(claim), "now": self._now, "until": until}
        if not self._connection.execute(_EXTEND, held).rowcount:
            raise LostLease(f"{claim.kind} {claim.subject}, attempt {claim.attempt}")
        return replace(claim, lease_until=until)

    def fence(self, claim: ClaimedJob) -> None:
        """Make sure, inside the transaction that saves, that the claim holds. Raises LostLease."""
        if self._connection.execute(_FENCE, {**_by(claim), "now": self._now}).first() is None:
            raise LostLease(f"{claim.kind} {claim.subject}, attempt {claim.attempt}")

    def asked_meanwhile(self, claim: ClaimedJob) -> bool:
        """Whether the job was asked for since it was claimed, so that it will run once more."""
        asked = select(jobs.c.id).where(_HELD, _ASKED_MEANWHILE)
        return self._connection.execute(asked, _by(claim)).first() is not None

    def finish(
        self, claim: ClaimedJob, again_at: datetime | None = None, reason: str | None = None
    ) -> bool:
        """End the run: the job is removed, or due at `again_at` for `reason`, or due at once
        when it was asked for meanwhile. False when somebody else has it by now."""
        if again_at is None and self._connection.execute(_FINISH, _by(claim)).rowcount:
            return True
        sooner = (
            _ASKED_MEANWHILE
            if again_at is None
            else and_(_ASKED_MEANWHILE, jobs.c.due_at < again_at)
        )
        ended = self._end(
            claim,
            failures=0,
            due_at=case((sooner, jobs.c.due_at), else_=literal(again_at, jobs.c.due_at.type)),
            reason=case((sooner, None), else_=reason),
            priority=case(
                (or_(_ASKED_MEANWHILE, jobs.c.priority < AWAITED), jobs.c.priority), else_=AWAITED
            ),
        )
        self.touched = self.touched or ended
        return ended

    def fail(self, claim: ClaimedJob, words: str, retry_at: datetime) -> bool:
        """End the run as failed, to be tried again at `retry_at`, or sooner when it was asked
        for meanwhile. False as in `finish`."""
        sooner = and_(_ASKED_MEANWHILE, jobs.c.due_at < retry_at)
        ended = self._end(
            claim,
            failures=jobs.c.failures + 1,
            due_at=case((sooner, jobs.c.due_at), else_=literal(retry_at, jobs.c.due_at.type)),
            reason=words,
        )
        self.touched = self.touched or ended
        return ended

    def hand_back(self, claim: ClaimedJob) -> bool:
        """Give the job up unfinished: it is due now, and the claim is worth nothing any more."""
        return self._end(claim, due_at=self._now, attempt=jobs.c.attempt + 1)

    def _end(self, claim: ClaimedJob, **values: object) -> bool:
        return self._connection.execute(_END.values(**values), _by(claim)).rowcount > 0

    def _sendable(self) -> dict[str, object]:
        return {"now": self._now, "lost_since": self._now - IN_THE_POST}

    # --- looking --------------------------------------------------------------------------

    def get(self, kind: str, subject: str) -> Job | None:
        row = self._connection.execute(
            select(*_JOB).where(jobs.c.kind == kind, jobs.c.subject == subject)
        ).first()
        return Job(*row) if row else None

    def failing(self, limit: int = 100) -> list[Job]:
        """Jobs that failed when last run, the most failures first."""
        rows = self._connection.execute(
            select(*_JOB)
            .where(jobs.c.failures > 0)
            .order_by(jobs.c.failures.desc(), jobs.c.id)
            .limit(limit)
        )
        return [Job(*row) for row in rows]

    def waiting(self, subjects: str) -> list[Job]:
        """Jobs whose subject begins so and whose time has not come, the soonest first."""
        rows = self._connection.execute(
            select(*_JOB)
            .where(
                jobs.c.subject.startswith(subjects, autoescape=True),
                jobs.c.due_at > self._now,
                jobs.c.lease_until.is_(None),
            )
            .order_by(jobs.c.due_at, jobs.c.id)
        )
        return [Job(*row) for row in rows]

    def unfinished(self, kind: str | None = None) -> int:
        """How many jobs there are, whether due, running or waiting."""
        query = select(func.count()).select_from(jobs)
        if kind is not None:
            query = query.where(jobs.c.kind == kind)
        return int(self._connection.execute(query).scalar_one())


def _by(claim: ClaimedJob) -> dict[str, object]:
    """What `_HELD` and `_ASKED_MEANWHILE` compare with."""
    return {"job": claim.id, "held": claim.attempt, "was_wanted": claim.wanted}
