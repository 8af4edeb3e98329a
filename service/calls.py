"""What is seen of the calls to trackers: how many there were, how they were answered, how long they
took, and to which work each belongs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import structlog

from integrations.gate import Answered, Call, Gate, Report
from service import traces
from service.store.calls import Called

log = structlog.get_logger()

#: Answers that a look-up gets in the course of things: not changed since, and not there.
_ORDINARY = (304, 404)


class Tally:
    """Counts the calls of this process until somebody takes the counts away, from any thread.

    To write down each one when it ends would be a transaction for each read of a ticket. What is
    in here when a process is killed was never counted: ten seconds of it (`service.heartbeat`).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: dict[tuple[str, str, int], tuple[int, float]] = {}

    def add(self, counted: Iterable[Called]) -> None:
        with self._lock:
            for each in counted:
                kind = (each.connection, each.verb, each.status)
                calls, seconds = self._counted.get(kind, (0, 0.0))
                self._counted[kind] = (calls + each.calls, seconds + each.seconds)

    def take(self) -> list[Called]:
        """What was counted since this was last asked."""
        with self._lock:
            counted, self._counted = self._counted, {}
        return [Called(*kind, *sums) for kind, sums in sorted(counted.items())]


class WatchedGate:
    """The gate `inner`, with each call that passes it counted in `tally`, traced, and told in a log
    line where its answer is out of the ordinary."""

    def __init__(self, inner: Gate, tally: Tally) -> None:
        self._inner = inner
        self._tally = tally

    @contextmanager
    def passing(self, call: Call) -> Iterator[Report]:
        """See `Gate`. A call that may not be made is traced, and not counted."""
        with (
            traces.call(call.connection, call.verb) as span,
            self._inner.passing(call) as report,
        ):
            begun = time.perf_counter()

            def told(answered: Answered) -> None:
                seconds = time.perf_counter() - begun
                status = answered.status
                self._tally.add([Called(call.connection, call.verb, status, 1, seconds)])
                traces.answered(span, call.verb, status)
                if not 0 < status < 400 and status not in _ORDINARY:
                    log.info("call", verb=call.verb, status=status, seconds=round(seconds, 3))
                report(answered)

            yield told
