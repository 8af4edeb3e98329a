"""What was answered lately, and is believed for a while."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

#: How long facts that rarely change are believed: repositories, milestones, assignable people.
_BELIEVED = timedelta(minutes=10)


class Recent(Generic[Key, Value]):
    """Answers that are believed for a while, ten minutes by default, then asked for again."""

    def __init__(self, clock: Callable[[], datetime], believed: timedelta = _BELIEVED) -> None:
        self._clock = clock
        self._believed = believed
        self._known: dict[Key, tuple[datetime, Value]] = {}

    def get(self, key: Key, ask: Callable[[], Value]) -> Value:
        """What is known of `key`, or what `ask` answers now. Its errors are not remembered."""
        known = self._known.get(key)
        if known is not None and self._clock() - known[0] < self._believed:
            return known[1]
        value = ask()
        self.believe(key, value)
        return value

    def believe(self, key: Key, value: Value) -> None:
        self._known[key] = (self._clock(), value)

    def forget(self, key: Key) -> None:
        self._known.pop(key, None)
