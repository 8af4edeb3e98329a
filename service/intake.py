"""From a verified envelope to a row that outlives us: all that happens before the sender's 202."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from integrations.tracker import Envelope
from service.store import Store
from service.store.deliveries import JOB


class Accepted(StrEnum):
    NEW = "new"
    DUPLICATE = "duplicate"  # recorded before, by the sender's own delivery id


def accept(store: Store, connection: str, envelope: Envelope, now: datetime) -> Accepted:
    """Record the delivery and the job that works on it, in one short transaction.

    When this returns, both are on disk; when it raises, neither is.
    """
    with store.write() as tx:
        delivery = tx.deliveries.insert(connection, envelope, received_at=now)
        if delivery is None:
            return Accepted.DUPLICATE
        tx.jobs.touch(JOB, str(delivery))
        return Accepted.NEW
