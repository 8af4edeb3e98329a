"""What `followthrough worker` starts: threads or processes that run jobs, by the rules in force."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import ExitStack

import structlog

from config.rules import Rules
from config.settings import Pool
from config.watching import WatchedRules
from service import logs, stopping, traces
from service.container import Container, build, timing_of
from service.container.live import LiveContainer
from service.container.refusals import refusals
from service.heartbeat import Heartbeat
from service.ruling import Ruling, this_process
from service.running import Runner

log = structlog.get_logger(__name__)


def work(container: Container, redact: logs.Redactor, stop: threading.Event) -> None:
    """Run the jobs of `container` as its settings say, until `stop`. `redact` masks secrets."""
    if container.settings.pool is Pool.PREFORK:
        _in_processes(container, redact, stop)
    else:
        _in_threads(container, redact, stop)


def taking(take: Callable[[Rules], None], redact: logs.Redactor) -> Callable[[Rules], None]:
    """How other rules are taken: with their secrets masked before anything is done with them."""

    def taken(rules: Rules) -> None:
        redact.learn({secret.reveal() for secret in rules.secrets})
        take(rules)

    return taken


def _in_threads(container: Container, redact: logs.Redactor, stop: threading.Event) -> None:
    from service.worker import Worker  # Celery is slow to import

    settings = container.settings
    with ExitStack() as kept:
        running = Worker(_begun(container, settings.workers, redact, kept), settings.broker_url)
        running.start()
        log.info("worker started", threads=settings.workers)
        stopping.asked(stop)
        log.info("worker stops")
        ended = running.stop()
    if not ended:
        os._exit(0)  # what was running is handed back; its threads cannot be ended
    container.store.close()


def _in_processes(container: Container, redact: logs.Redactor, stop: threading.Event) -> None:
    """Each child opens a store and trackers of its own. Ours is closed before the first fork:
    SQLite's locks and a connection's socket are no child's to use or to close.
    https://sqlite.org/howtocorrupt.html#_carrying_an_open_database_connection_across_a_fork_"""
    from service.worker import Prefork

    settings = container.settings
    container.store.close()

    def begin(kept: ExitStack) -> Runner:
        return _begun(build(settings, container.rules), 1, redact, kept)

    assert settings.broker_url is not None  # noqa: S101 - settings demand it
    log.info("worker started", processes=settings.workers)
    if not Prefork(begin, settings.workers, settings.broker_url).run(stop):
        raise SystemExit(1)


def _begun(container: Container, slots: int, redact: logs.Redactor, kept: ExitStack) -> Runner:
    """What runs jobs in this process, `slots` at once; with what looks at the rules and says that
    the process is alive, which end with `kept`."""
    settings, store, tally = container.settings, container.store, container.tally
    traces.begin()
    kept.callback(traces.end)
    live = LiveContainer(container, lambda found: build(settings, found, store=store, tally=tally))
    watched = WatchedRules(settings.rules, container.rules, lambda found: refusals(settings, found))
    take = taking(live.take, redact)
    ruling = Ruling(store, watched, this_process("worker"), take, live.begin)
    ruling.start()
    kept.callback(ruling.stop)
    heartbeat = Heartbeat(store, tally, slots)
    heartbeat.start()
    kept.callback(heartbeat.stop)
    return Runner(store, live, slots, redact, timing_of(settings).lease, ruling.holds)
