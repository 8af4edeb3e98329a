"""The worker: a relay sends the ids of due jobs through Celery, and tasks run them.

The job's row is the truth. Celery carries ids and nothing else: a message that is lost is sent
again, one that comes twice claims nothing the second time.

A message wakes a thread. Awake, it goes on with whatever is due by itself: to send each job of a
burst cost more than to run it, and the broker in memory is looked at 20 times a second only.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import structlog
from celery import Celery
from celery.concurrency.thread import TaskPool
from celery.worker import WorkController

from service.jobs import TIMING, ClaimedJob, Handlers, LostLease, pause_after, record_end
from service.store import Store, Transaction

log = structlog.get_logger(__name__)

LOOK_EVERY = 0.05  # seconds between two looks at what is due; one takes 0.1 ms
DRAIN = 20.0  # seconds for what is in flight when the worker stops


def celery_app(queue: str) -> Celery:
    """Celery with its broker in memory, and nobody's configuration but ours.

    Configured from a mapping, it looks for no ``celeryconfig`` module and no
    ``CELERY_CONFIG_MODULE``; without fixups it does not look for Django either.
    """
    app = Celery("followthrough", fixups=set(), set_as_current=False)  # type: ignore[no-untyped-call]
    app.config_from_object(  # type: ignore[no-untyped-call]
        {
            "broker_url": "memory://localhost//",
            "broker_transport_options": {"polling_interval": 0.05},
            "broker_connection_retry_on_startup": True,
            "result_backend": "disabled://",
            "task_ignore_result": True,
            "task_default_queue": queue,
            "worker_prefetch_multiplier": 1,
            "worker_hijack_root_logger": False,
            "worker_redirect_stdouts": False,
            "worker_enable_remote_control": False,
            "worker_send_task_events": False,
            "timezone": "UTC",
        }
    )
    return app


class AppThreads(TaskPool):
    """Celery's thread pool, with threads that know whose they are: its own look tasks up in the
    app that is the default of the process, and an exception there goes nowhere."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.executor = ThreadPoolExecutor(self.limit, initializer=self.app.set_current)


class Worker:
    """Runs the jobs of `store` with `handlers` in `threads` threads, until it is stopped.

    `redact` masks secrets in the words of an unexpected exception before they are stored; `lease`
    is for how long a job is held at a time.
    """

    def __init__(
        self,
        store: Store,
        handlers: Handlers,
        threads: int = 4,
        redact: Callable[[str], str] = str,
        lease: timedelta = TIMING.lease,
    ) -> None:
        self._store = store
        self._handlers = handlers
        self._threads = threads
        self._redact = redact
        self._lease = lease
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._sent: set[int] = set()
        self._running: dict[int, ClaimedJob] = {}
        self._idle = threading.Condition(self._lock)
        # A queue of its own: the memory broker is shared by all apps of a process.
        self._app = celery_app(f"jobs-{uuid.uuid4().hex}")

        def run_job(job_id: int) -> None:  # Celery reads the signature, and trips over `self`
            self.run_job(job_id)

        self._task = self._app.task(  # type: ignore[no-untyped-call]
            run_job, name="followthrough.run_job", shared=False
        )
        self._controller: WorkController | None = None
        self._parts: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to work, in threads of this process."""
        with self._store.write() as tx:
            tx.jobs.send_again()  # the broker in memory starts empty
        self._controller = WorkController(  # type: ignore[no-untyped-call]
            app=self._app,
            pool_cls=AppThreads,
            concurrency=self._threads,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            quiet=True,
        )
        for name, run in (("celery", self._controller.start), ("relay", self._relay)):
            part = threading.Thread(target=run, name=name, daemon=True)
            part.start()
            self._parts.append(part)

    def stop(self, drain: float = DRAIN) -> bool:
        """Send and begin nothing more, let what runs end within `drain` seconds, and hand the
        rest back. True when everything ended; False when threads are still busy."""
        self._stopping.set()
        self._store.touched.set()
        with self._idle:
            ended = self._idle.wait_for(lambda: not self._running, timeout=drain)
            left = list(self._running.values())
        if left:
            with self._store.write() as tx:
                for claim in left:
                    tx.jobs.hand_back(claim)
            log.warning("handed back", jobs=[f"{job.kind} {job.subject}" for job in left])
        if self._controller is not None and ended:
            self._controller.stop()  # type: ignore[no-untyped-call]
            for part in self._parts:
                part.join()
        return ended

    def run_job(self, job_id: int) -> None:
        """Claim the job, run it, record how it ended, and go on with what is most urgent until
        nothing is due. Nothing happens when the job is not due, held by somebody else, or gone."""
        try:
            claim = None if self._stopping.is_set() else self._claim(job_id)
            while claim is not None:
                with structlog.contextvars.bound_contextvars(job=claim.kind, subject=claim.subject):
                    claim = self._run(claim)
        finally:
            with self._idle:
                self._sent.discard(job_id)
                if claim is not None:
                    self._forget(claim)
                self._idle.notify_all()
            self._store.touched.set()  # there is room for another one

    def _claim(self, job_id: int) -> ClaimedJob | None:
        with self._store.write(beside=True) as tx:
            claim = tx.jobs.claim(job_id, self._lease)
        if claim is not None:
            with self._lock:
                self._running[job_id] = claim
        return claim

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
        with self._store.write() as tx:
            record(tx)
            following = None if self._stopping.is_set() else tx.jobs.claim_next(self._lease)
        with self._lock:
            self._forget(claim)
            if following is not None:
                self._running[following.id] = following
        return following

    def _forget(self, claim: ClaimedJob) -> None:
        if self._running.get(claim.id) is claim:
            del self._running[claim.id]

    def _relay(self) -> None:
        """Wake as many threads as there is work for, and never send what would wait for one: so
        the most urgent job of all waits for another to end at most, and not for a queue."""
        touched = self._store.touched
        while not self._stopping.is_set():
            touched.clear()
            try:
                self._send_due()
            except Exception as error:  # such as a database that is locked: look again
                log.error("relay failed", exc_info=error)
            touched.wait(LOOK_EVERY)

    def _send_due(self) -> None:
        with self._lock:
            room = self._threads - len(self._sent)
        if room <= 0:
            return
        with self._store.read() as tx:
            if not tx.jobs.anything_due():
                return
        with self._store.write(beside=True) as tx:
            ids = tx.jobs.due(room)
        for job_id in ids:
            with self._lock:
                self._sent.add(job_id)
            try:
                self._task.apply_async((job_id,))
            except BaseException:
                with self._lock:
                    self._sent.discard(job_id)
                raise
