"""What has to be in order for the service to do its work, and which of it is not.

Everybody may ask, so the words are ours: no names of machines, no addresses, no errors of
libraries. Those are in the log.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import structlog

from config.secrets import Secret
from service import broker
from service.rules_standing import rules_standing
from service.store import DATABASE_FAULTS, Store
from service.store.workers import ALIVE_FOR

log = structlog.get_logger()

#: An answer is good for so long: asking again and again asks the database once.
FRESH = timedelta(seconds=1)


class Name(StrEnum):
    """What is looked at."""

    DATABASE = "database"
    SCHEMA = "schema"
    WORKER = "worker"
    RULES = "rules"
    BROKER = "broker"


@dataclass(frozen=True, slots=True)
class Part:
    """Whether it is ready, and in words what is wrong, "" where nothing is."""

    name: Name
    ready: bool
    words: str = ""


class Readiness:
    """Looks at the `store`; and at the broker by `broker_answers`, None where there is none."""

    def __init__(self, store: Store, broker_answers: Callable[[], bool] | None = None) -> None:
        self._store = store
        self._broker_answers = broker_answers
        self._lock = threading.Lock()
        self._known: tuple[datetime, list[Part]] | None = None

    def look(self) -> list[Part]:
        """Each part, as it is now or was a second ago. Never raises."""
        with self._lock:
            now = self._store.clock()
            if self._known is None or not timedelta() <= now - self._known[0] < FRESH:
                parts = self._look()
                # Good from when it was there: whoever waited for it needs no look of their own.
                self._known = (self._store.clock(), parts)
            return self._known[1]

    def _look(self) -> list[Part]:
        parts = self._of_database()
        if self._broker_answers is not None:
            answers = self._broker_answers()
            words = "" if answers else "it does not answer; work goes on without it, more slowly"
            parts.append(Part(Name.BROKER, answers, words))
        return parts

    def _of_database(self) -> list[Part]:
        from service.store.migrations import earlier  # Alembic is slow to import

        try:
            with self._store.read() as tx:
                revision, heard, now = tx.gauges.revision(), tx.workers.heard_at(), tx.now
                waits = rules_standing(tx).waits
        except DATABASE_FAULTS as error:
            log.warning("database not ready", why=type(error).__name__)
            unknown = "nobody knows without the database"
            return [
                Part(Name.DATABASE, False, "it cannot be read; the log says why"),
                Part(Name.SCHEMA, False, unknown),
                Part(Name.WORKER, False, unknown),
                Part(Name.RULES, False, unknown),
            ]
        # One that this version does not know is that of a later one, which works beside it.
        current = revision is not None and revision not in earlier()
        return [
            Part(Name.DATABASE, True),
            Part(Name.SCHEMA, current, "" if current else "it is older than this version needs"),
            _worker(heard, now),
            Part(Name.RULES, not waits, "every worker waits: it has read others" if waits else ""),
        ]


def _worker(heard: datetime | None, now: datetime) -> Part:
    if heard is not None and now - heard < ALIVE_FOR:
        return Part(Name.WORKER, True)
    seconds = ALIVE_FOR.total_seconds()
    return Part(Name.WORKER, False, f"none was heard of in the last {seconds:.0f} seconds")


def redis_answers(url: Secret) -> bool:
    """Whether the broker at this address, of the form redis://…, answers."""
    try:
        broker.ask(url)
    except broker.NoBroker as error:
        log.warning("broker not ready", why=type(error.__cause__).__name__)
        return False
    return True
