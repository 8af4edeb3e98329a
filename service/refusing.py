"""Deliveries whose signature does not fit: that there was one is kept, for `doctor`."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import structlog

from service.store import DATABASE_FAULTS, Store

log = structlog.get_logger()

#: Whoever sends what they like makes us write no more often than this, for each connection.
SELDOM = timedelta(minutes=1)


class Refusals:
    """Keeps when the last one was, to the minute."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._noted: dict[str, datetime] = {}

    def note(self, connection: str, now: datetime) -> None:
        """A delivery to `connection` was refused. Never raises: the sender's answer is the same
        whether this is kept or not."""
        with self._lock:
            last = self._noted.get(connection)
            if last is not None and timedelta() <= now - last < SELDOM:
                return
            self._noted[connection] = now
        log.warning("a webhook was refused", connection=connection, why="its signature")
        try:
            with self._store.write() as tx:
                tx.doors.refuse(connection)
        except DATABASE_FAULTS as error:
            log.warning("a refusal was not kept", why=type(error).__name__)
