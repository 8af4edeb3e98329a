"""A worker process says that it is alive, and hands over what it counted."""

from __future__ import annotations

import os
import socket
import threading
import uuid
from importlib.metadata import version

import structlog

from service.calls import Tally
from service.store import DATABASE_FAULTS, Store
from service.store.workers import BEAT_EVERY, WorkerProcess

log = structlog.get_logger(__name__)


class Heartbeat:
    """That of this process, which runs `threads` jobs at once; one for each process, made in it."""

    def __init__(self, store: Store, tally: Tally, threads: int) -> None:
        self._store = store
        self._tally = tally
        self._worker = WorkerProcess(
            uuid.uuid4().hex,
            socket.gethostname(),
            os.getpid(),
            version("followthrough"),
            threads,
            store.clock(),
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Be known before this returns, and then go on in a thread."""
        self.beat()
        self._thread.start()

    def stop(self) -> None:
        """Hand over the last counts, and be known no more. A database that is away is no reason to
        end otherwise: then it is known a little longer."""
        self._stopping.set()
        self._thread.join()
        try:
            self._hand_over(last=True)
        except DATABASE_FAULTS as error:
            log.warning("heartbeat not written", why=type(error).__name__)

    def beat(self) -> None:
        """Say it once."""
        self._hand_over(last=False)

    def _run(self) -> None:
        while not self._stopping.wait(BEAT_EVERY.total_seconds()):
            try:
                self.beat()
            except Exception as error:  # noqa: BLE001 - such as a database that is away: it is said
                log.warning("heartbeat not written", why=type(error).__name__)  # and tried again

    def _hand_over(self, *, last: bool) -> None:
        counted = self._tally.take()
        try:
            with self._store.write() as tx:
                tx.calls.add(counted)
                if last:
                    tx.workers.gone(self._worker)
                else:
                    tx.workers.beat(self._worker)
        except BaseException:
            self._tally.add(counted)
            raise
