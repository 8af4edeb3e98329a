"""A process waits until it is asked to stop."""

from __future__ import annotations

import threading

LOOK_EVERY = 0.2  # seconds


def asked(stop: threading.Event) -> None:
    """Return once the handler of a signal has set `stop`; for the main thread.

    It looks again and again: the handler runs in this thread, and only while it runs. A signal
    that another thread of the process takes, or that comes right before the wait, ends no wait that
    has no end. https://docs.python.org/3/library/signal.html#execution-of-python-signal-handlers
    """
    while not stop.wait(LOOK_EVERY):
        pass
