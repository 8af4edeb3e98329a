"""Celery: carries the ids of due jobs to the threads or processes that run them.

What is said here of the broker is all that Celery is trusted with. That nothing is lost and nothing
done twice is the business of `service.running` and of the rows.
"""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import structlog
from celery import Celery
from celery.bootsteps import CLOSE
from celery.concurrency.prefork import TaskPool as ProcessPool
from celery.concurrency.thread import TaskPool
from celery.signals import setup_logging, worker_process_init, worker_process_shutdown
from celery.worker import WorkController, state
from kombu.exceptions import OperationalError

from config.secrets import Secret
from service.running import DRAIN, NoPost, Runner

log = structlog.get_logger(__name__)

IN_MEMORY = "memory://localhost//"
QUEUE = "jobs"  # of all workers that share a broker
KEYS = "followthrough:"  # what every key in Redis begins with

#: Seconds until somebody else is given a message whose taker has not ended: as long as it may take
#: until a burst is worked off. It is no loss to get it sooner, nor later.
UNSEEN = 3600
ANSWERS_WITHIN = 5.0  # seconds for Redis to be connected to, and for an answer of it
JOINED_WITHIN = 5.0  # seconds for Celery's own threads to end


def celery_app(broker: Secret | None = None) -> Celery:
    """Celery with its broker in memory or at this address, and nobody's configuration but ours.

    Configured from a mapping, it looks for no ``celeryconfig`` module and no
    ``CELERY_CONFIG_MODULE``; without fixups it does not look for Django either.
    """
    app = Celery("followthrough", fixups=set(), set_as_current=False)  # type: ignore[no-untyped-call]
    app.config_from_object(  # type: ignore[no-untyped-call]
        {
            **(_in_memory() if broker is None else _in_redis(broker.reveal())),
            "broker_connection_retry_on_startup": True,
            "broker_connection_max_retries": None,  # for ever: until then jobs run without it
            "result_backend": "disabled://",
            "task_ignore_result": True,
            "task_serializer": "json",
            "accept_content": ["json"],
            "task_acks_late": True,  # who runs something takes no message that others could
            "worker_prefetch_multiplier": 1,
            "worker_proc_alive_timeout": 60.0,  # a child opens its database first
            "worker_hijack_root_logger": False,
            "worker_redirect_stdouts": False,
            "worker_enable_remote_control": False,
            "worker_send_task_events": False,
            "timezone": "UTC",
        }
    )
    return app


def _in_memory() -> dict[str, object]:
    return {
        "broker_url": IN_MEMORY,
        "broker_transport_options": {"polling_interval": 0.05},
        # One of its own: the memory broker is shared by all apps of a process.
        "task_default_queue": f"jobs-{uuid.uuid4().hex}",
    }


def _in_redis(url: str) -> dict[str, object]:
    """https://docs.celeryq.dev/en/stable/getting-started/backends-and-brokers/redis.html"""
    options = {
        "global_keyprefix": KEYS,
        "visibility_timeout": UNSEEN,
        "socket_connect_timeout": ANSWERS_WITHIN,
        "socket_timeout": ANSWERS_WITHIN,
        "socket_keepalive": True,
        # Who sends does not wait for a broker that is down: the job is run without it.
        "max_retries": 0,
    }
    return {
        "broker_url": with_tls(url),
        "broker_transport_options": options,
        "task_default_queue": QUEUE,
    }


def leave_logging_alone(**_: object) -> None:
    """Whoever listens to this signal of Celery configures the logs of a child, which would else
    get a handler that masks no secrets."""


def with_tls(url: str) -> str:
    """The address, which says of ``rediss://`` what Kombu leaves open: that the certificate counts,
    and the host's name in it. Whoever wants it otherwise says so there:
    https://docs.celeryq.dev/en/stable/userguide/configuration.html#broker-use-ssl"""
    parts = urlsplit(url)
    if parts.scheme != "rediss":
        return url
    asked = {"ssl_cert_reqs": "required", "ssl_check_hostname": "true"}
    return urlunsplit(parts._replace(query=urlencode(asked | dict(parse_qsl(parts.query)))))


class CeleryPost:
    """The post through the broker of `app`, to whoever runs `task`."""

    def __init__(self, app: Celery, task: Any) -> None:
        self._app = app
        self._task = task

    def waiting(self) -> int:
        with self._app.connection_or_acquire() as connection:  # type: ignore[no-untyped-call]
            errors = (*connection.connection_errors, *connection.channel_errors, OperationalError)
            try:
                queue = self._app.conf.task_default_queue
                return int(connection.default_channel.queue_declare(queue).message_count)
            except errors as error:
                raise NoPost(f"{type(error).__name__}: {error}") from error

    def send(self, job_id: int) -> None:
        try:
            self._task.apply_async((job_id,), retry=False)
        except OperationalError as error:
            raise NoPost(f"{type(error).__name__}: {error}") from error


class AppThreads(TaskPool):
    """Celery's thread pool, with threads that know whose they are: its own look tasks up in the
    app that is the default of the process, and an exception there goes nowhere."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.executor = ThreadPoolExecutor(self.limit, initializer=self.app.set_current)


class Worker:
    """Has `runner` run jobs in threads of this process, until it is stopped; woken through Redis at
    `broker`, which all workers share, or without it through a broker of its own."""

    def __init__(self, runner: Runner, broker: Secret | None = None) -> None:
        self._runner = runner
        self._alone = broker is None
        self._app = celery_app(broker)

        def run_job(job_id: int) -> None:  # Celery reads the signature, and trips over `self`
            runner.run(job_id)

        self._task = _task(self._app, run_job)
        self._controller: Any = None  # a WorkController; its parts have no types
        self._celery: threading.Thread | None = None

    def start(self) -> None:
        """Begin to work, in threads of this process."""
        if self._alone:
            with self._runner.store.write() as tx:
                tx.jobs.send_again()  # the broker in memory starts empty
        # Without its event loop, which is one for the whole process and made for processes.
        self._controller = _controller(
            self._app, AppThreads, self._runner.slots, use_eventloop=False
        )
        self._celery = threading.Thread(target=self._controller.start, name="celery", daemon=True)
        self._celery.start()
        self._runner.relay_through(CeleryPost(self._app, self._task))

    def stop(self, drain: float = DRAIN) -> bool:
        """See `Runner.stop`."""
        ended = self._runner.stop(drain)
        if self._controller is not None and self._celery is not None and ended:
            # Its loop looks at this every other second. To stop it from here closed its connection
            # under it, which it called unrecoverable.
            self._controller.consumer.blueprint.state = CLOSE
            self._celery.join(JOINED_WITHIN)
            self._controller.stop()
        return ended


class Children(ProcessPool):
    """Celery's pool of processes, to which a child that dies in its first second is one to be
    replaced as any other, and no reason to give up."""

    def did_start_ok(self) -> bool:
        return True


class Prefork:
    """Runs jobs in `processes` children of this process, woken through Redis at `broker`.

    `begin` is called in each child, after the fork: this process keeps no database open and talks
    to no tracker, so that nothing is shared that must not be. A child that is killed is replaced,
    and its job goes on when its lease is over. What it is given to keep is closed when it ends.
    """

    def __init__(
        self, begin: Callable[[ExitStack], Runner], processes: int, broker: Secret
    ) -> None:
        self._begin_work = begin
        self._processes = processes
        self._app = celery_app(broker)
        self._runner: Runner | None = None  # of a child, as the other three are
        self._kept = ExitStack()
        self._asked, self._drained = threading.Event(), threading.Event()
        # It ends where its other end is closed, which tells all children at once, and those too
        # that are only just being made.
        self._listen, self._until = os.pipe()

        def run_job(job_id: int) -> None:
            if self._runner is not None:
                self._runner.run(job_id)

        self._task = _task(self._app, run_job)

    def run(self, stop: threading.Event, drain: float = DRAIN) -> bool:
        """Work until `stop` is set and the children have ended, in the main thread: Celery's
        children are killed when the thread ends that forked them (PR_SET_PDEATHSIG in `man 2
        prctl`). What they cannot end within `drain` seconds they hand back. False when it ended
        before it was asked to."""
        begin = partial(self._begin, drain)
        worker_process_init.connect(begin)  # type: ignore[no-untyped-call]
        setup_logging.connect(leave_logging_alone)  # type: ignore[no-untyped-call]
        worker_process_shutdown.connect(self._leave)  # type: ignore[no-untyped-call]

        def end() -> None:
            stop.wait()
            os.close(self._until)
            state.should_stop = 0  # type: ignore[assignment]  # the loop ends with this code
            time.sleep(drain + JOINED_WITHIN)
            os._exit(0)  # what was running is handed back

        threading.Thread(target=end, name="end", daemon=True).start()
        # Its event loop is what looks after the children.
        controller = _controller(self._app, Children, self._processes, use_eventloop=True)
        controller.start()  # type: ignore[no-untyped-call]
        return stop.is_set()

    def _begin(self, drain: float, **_: object) -> None:
        """In a child, after the fork."""
        os.close(self._until)
        signal.signal(signal.SIGTERM, lambda *_: self._asked.set())
        threading.Thread(target=self._hear, daemon=True).start()
        try:
            self._runner = self._begin_work(self._kept)
        except Exception as error:
            log.error("a process of the worker cannot start; another is tried", exc_info=error)
            self._asked.wait(JOINED_WITHIN)
            os._exit(1)  # Celery would log an exception, and keep a process that runs nothing
        self._runner.relay_through(CeleryPost(self._app, self._task))
        threading.Thread(target=self._end, args=(self._runner, drain), daemon=True).start()
        log.info("process of the worker started", process=os.getpid())

    def _hear(self) -> None:
        os.read(self._listen, 1)
        self._asked.set()

    def _end(self, runner: Runner, drain: float) -> None:
        """Drain when asked to. If it was the parent who asked, it ends us then; if it was somebody
        else, we end ourselves, and the parent replaces us."""
        self._asked.wait()
        ended = runner.stop(drain)
        try:
            self._kept.close()
        finally:
            self._drained.set()
            if ended:
                time.sleep(JOINED_WITHIN)
            os._exit(0)

    def _leave(self, **_: object) -> None:
        """In a child that its parent ends: of what was begun without a message it knows nothing."""
        if self._runner is not None:
            self._asked.set()
            self._drained.wait()


def _task(app: Celery, run_job: Callable[[int], None]) -> Any:
    return app.task(run_job, name="followthrough.run_job", shared=False)  # type: ignore[no-untyped-call]


def _controller(app: Celery, pool: Any, slots: int, **options: Any) -> WorkController:
    return WorkController(  # type: ignore[no-untyped-call]
        app=app,
        pool_cls=pool,
        concurrency=slots,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
        **options,
    )
