"""What time it is: always UTC, always aware, always given to whoever needs it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present, in aware UTC."""
    return datetime.now(UTC)
