"""Running jobs: whoever is awake takes the most urgent one that is due, until there is none.

The job's row is the truth. A message carries the id of a job to whoever is idle, in any process on
any machine, and does nothing but wake it: one that comes twice finds nothing to do, and one that
never comes is not waited for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol

import structlog

from service import traces
from service.jobs import TIMING, ClaimedJob, Handlers, LostLease, pause_after, record_end
from service.store import DATABASE_FAULTS, Store, Transaction

log = structlog.get_logger(__name__)

LOOK_EVERY = 0.05  # seconds between two looks at what is due; one takes 0.1 ms
DRAIN = 20.0  # seconds for what is in flight when the worker stops

#: A job that is due for so long was sent in vain: it is run without a message.
IN_VAIN = timedelta(seconds=2)
REST = 1.0  # seconds until a database that did not answer is asked again
#: Seconds until a broker that did not answer is tried again.
BROKER_REST = 5.0


class NoPost(Exception):
    """The broker cannot be reached, or takes nothing; the message holds no secret."""


class Post(Protocol):
    """Carries the ids of jobs to whoever is idle. Both raise NoPost."""

    def waiting(self) -> int:
        """How many messages nobody has taken yet."""
        ...

    def send(self, job_id: int) -> None: ...


class Runner:
    """Runs the jobs of `store` with `handlers`, at most `slots` at a time.

    `redact` masks secrets in the words of an unexpected exception before they are stored; `lease`
    is for how long a job is held at a time; nothing is claimed unless `may_claim`.
    """

    def __init__(
        self,
        store: Store,
        handlers: Handlers,
        slots: int = 4,
        redact: Callable[[str], str] = str,
        lease: timedelta = TIMING.lease,
        may_claim: Callable[[Transaction], bool] = lambda _: True,
    ) -> None:
        self.store = store
        self._handlers = handlers
        self.slots = slots
        self._redact = redact
        self._lease = lease
        self._may_claim = may_claim
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._awake = 0
        self._running: dict[int, ClaimedJob] = {}
        self._post_silent = ""
        self._try_post_at = 0.0

    def relay_through(self, post: Post) -> None:
        """From now on send the ids of what is due through `post`, in a thread of this process."""
        threading.Thread(target=self._relay, args=(post,), name="relay", daemon=True).start()

    def stop(self, drain: float = DRAIN) -> bool:
        """Send and begin nothing more, let what runs end within `drain` seconds, and hand the
        rest back. True when everything ended; False when threads are still busy."""
        self._stopping.set()
        self.store.touched.set()
        with self._idle:
            ended = self._idle.wait_for(lambda: not self._awake, timeout=drain)
            left = list(self._running.values())
        if left:
            self._hand_back(left)
        return ended

    def _hand_back(self, left: Sequence[ClaimedJob]) -> None:
        jobs = [f"{job.kind} {job.subject}" for job in left]
        try:
            with self.store.write() as tx:
                for claim in left:
                    tx.jobs.hand_back(claim)
        except DATABASE_FAULTS as error:  # we end all the same
            words = "could not be handed back; others go on when the lease is over"
            log.error(words, jobs=jobs, exc_info=error)
        else:
            log.warning("handed back", jobs=jobs)

    def run(self, job_id: int | None = None) -> None:
        """Claim this job or, when it is not due, held by somebody else or gone, the most urgent one
        that is due; run it, record how it ended, and go on until nothing is due. Nothing happens
        while as many are awake as there may be: they come to it."""
        with self._lock:
            if self._stopping.is_set() or self._awake >= self.slots:
                return
            self._awake += 1
        claim: ClaimedJob | None = None
        try:
            claim = self._claim(job_id)
            while claim is not None:
                with traces.job(claim.kind, claim.subject, claim.trace):
                    claim = self._run(claim)
        except Exception as error:  # the database is away: what was begun ends with its lease
            log.error("cannot go on; jobs are taken up again later", exc_info=error)
        finally:
            with self._idle:
                self._awake -= 1
                if claim is not None:
                    self._forget(claim)
                self._idle.notify_all()
            self.store.touched.set()  # there is room for another one

    def _claim(self, job_id: int | None) -> ClaimedJob | None:
        with self.store.write(beside=True) as tx:
            claim = self._first(tx, job_id) if self._may_claim(tx) else None
        if claim is not None:
            with self._lock:
                self._running[claim.id] = claim
        return claim

    def _first(self, tx: Transaction, job_id: int | None) -> ClaimedJob | None:
        claim = None if job_id is None else tx.jobs.claim(job_id, self._lease)
        return claim or tx.jobs.claim_next(self._lease)

    def _run(self, claim: ClaimedJob) -> ClaimedJob | None:
        """Run it, record how that ended, and claim what is to be run next, if any."""
        handler = self._handlers.get(claim.kind)
        if handler is None:
            return self._fail(claim, f"Nothing here runs jobs of the kind {claim.kind}.")
        try:
            end = handler(claim)
            return self._go_on(claim, lambda tx: record_end(tx, claim, end))
        except LostLease as lost:
            log.warning("lease lost; whoever holds it goes on", lost=str(lost))
            return self._go_on(claim, lambda _: None)
        except Exception as error:  # kept with the job, shown, and tried again
            log.error("job failed", exc_info=error, failures=claim.failures + 1)
            return self._fail(claim, self._redact(f"{type(error).__name__}: {error}"))

    def _fail(self, claim: ClaimedJob, words: str) -> ClaimedJob | None:
        pause = pause_after(claim.failures + 1)
        return self._go_on(claim, lambda tx: tx.jobs.fail(claim, words, tx.now + pause))

    def _go_on(
        self, claim: ClaimedJob, record: Callable[[Transaction], object]
    ) -> ClaimedJob | None:
        """Record the end, and in the same transaction claim what is to be run next, if any."""
        with self.store.write() as tx:
            record(tx)
            goes_on = not self._stopping.is_set() and self._may_claim(tx)
            following = tx.jobs.claim_next(self._lease) if goes_on else None
        with self._lock:
            self._forget(claim)
            if following is not None:
                self._running[following.id] = following
        return following

    def _forget(self, claim: ClaimedJob) -> None:
        if self._running.get(claim.id) is claim:
            del self._running[claim.id]

    # --- the relay ----------------------------------------------------------------------------

    def _relay(self, post: Post) -> None:
        touched, failed = self.store.touched, False
        while not self._stopping.is_set():
            touched.clear()
            try:
                self._look(post)
            except Exception as error:  # such as a database that is away: look again
                if not failed:
                    log.error("cannot look for what is due; it is tried again", exc_info=error)
                failed = True
                self._stopping.wait(REST)
                continue
            if failed:
                log.warning("what is due can be looked for again")
            failed = False
            touched.wait(LOOK_EVERY)

    def _look(self, post: Post) -> None:
        """Send what is due, as much as could be run here. What was sent in vain, or cannot be
        sent, is run here without a message."""
        with self._lock:
            room = self.slots - self._awake
        if room <= 0:
            return
        with self.store.read() as tx:
            late = tx.jobs.anything_late(IN_VAIN)
            due = late or tx.jobs.anything_due()
            if due and not self._may_claim(tx):
                return
        if late or (due and not self._send(post, room)):
            threading.Thread(target=self.run, name="without a message", daemon=True).start()

    def _send(self, post: Post, room: int) -> bool:
        """Whether the post works. No more lies in it than could be run here at once, so that
        neither does it grow nor does the most urgent job wait behind others."""
        if time.monotonic() < self._try_post_at:
            return False
        try:
            room -= post.waiting()
            if room > 0:
                with self.store.write(beside=True) as tx:
                    ids = tx.jobs.due(room)
                for job_id in ids:
                    post.send(job_id)
        except NoPost as down:
            self._try_post_at = time.monotonic() + BROKER_REST
            if not self._post_silent:
                log.error("broker does not answer; jobs are run without it", why=str(down))
            self._post_silent = str(down)
            return False
        if self._post_silent:
            log.warning("broker answers again")
            self._post_silent = ""
        return True
