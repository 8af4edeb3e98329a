"""A process that is asked to stop stops."""

from __future__ import annotations

import subprocess
import sys

#: The kernel may give a signal to any thread of a process; here another one than the main thread
#: takes it, once that waits.
TAKEN_BY_ANOTHER = """
import os, signal, threading, time
from service import stopping

stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())

def another():
    time.sleep(0.3)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    time.sleep(20)
    os._exit(3)

threading.Thread(target=another, daemon=True).start()
stopping.asked(stop)
"""


def test_a_signal_that_another_thread_takes_ends_the_wait_of_the_main_thread() -> None:
    assert subprocess.run([sys.executable, "-c", TAKEN_BY_ANOTHER], timeout=60).returncode == 0
