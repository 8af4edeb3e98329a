"""What time it is: always UTC, always aware, always given to whoever needs it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from config.settings import Settings

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present, in aware UTC."""
    return datetime.now(UTC)


def clock_of(settings: Settings) -> Clock:
    """The clock that a process goes by: the present or, where the settings name a clock's file,
    as many seconds later as stand in it at each look. Only the demo has such a file."""
    file = settings.clock
    if file is None:
        return utc_now
    return lambda: utc_now() + timedelta(seconds=float(file.read_text()))
