"""What is answered while the database is away: 503, when to come again, and no fault of ours."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog
from flask import Flask, Response
from werkzeug.exceptions import HTTPException, ServiceUnavailable

from service.clock import Clock
from service.intake import NotRecorded
from service.store import DATABASE_FAULTS, why_away

log = structlog.get_logger(__name__)

#: After so many seconds it is worth to ask again. A server that is started again takes a few.
AGAIN_AFTER: Final = 5

#: While it is away, all who ask meet the same: one line says so in this time.
SAID_EVERY = timedelta(seconds=10)

WORDS: Final = (
    "The database cannot be used at the moment. Nothing that was received is lost."
    " Try again in a few seconds."
)


class _Said:
    """When it was last said that the database is away."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._at: datetime | None = None

    def say(self, why: str) -> None:
        with self._lock:
            now = self._clock()
            if self._at is not None and timedelta() <= now - self._at < SAID_EVERY:
                return
            self._at = now
        log.warning("the database is away: requests are answered 503", why=why)


def install(app: Flask, clock: Clock, told: Callable[[HTTPException], Response]) -> None:
    """From now on a request that fails because the database is away is one of many that do, and is
    refused as `told` tells it. Any other fault is raised once more, and logged with all that is
    known."""
    said = _Said(clock)

    def answer(error: Exception) -> Response:
        why = why_away(error.__cause__ if isinstance(error, NotRecorded) else error)
        if why is None:
            raise error
        said.say(why)
        return told(ServiceUnavailable(WORDS, retry_after=AGAIN_AFTER))

    for kind in (*DATABASE_FAULTS, NotRecorded):
        app.register_error_handler(kind, answer)
