"""Which worker processes are alive, and which rules each has read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from service.ruling import process_name
from service.store import Transaction


@dataclass(frozen=True, slots=True)
class Process:
    """A worker process: the `host` and its number there, the `version` of the program, how many
    jobs it runs at once, and since when and at what time (UTC) it was last heard of. `rules` is
    the hash of those that it has read, None where it has not said so yet."""

    host: str
    pid: int
    version: str
    threads: int
    since: datetime
    heard_at: datetime
    rules: str | None


def processes(tx: Transaction) -> Sequence[Process]:
    """Those that said lately that they are alive, the oldest first."""
    read = {each.process.rpartition(" (")[0]: each.hash for each in tx.ruling.alive()}
    return [
        Process(
            each.host,
            each.pid,
            each.version,
            each.threads,
            each.started_at,
            heard_at,
            read.get(process_name("worker", each.host, each.pid)),
        )
        for each, heard_at in tx.workers.heard()
    ]
