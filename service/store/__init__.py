"""What is known and what is to be done, durably. The only place that speaks SQL.

    with store.write() as tx:
        tx.jobs.fence(claim)
        tx.incidents.save(incident, policy.hash)
        tx.effects.ask(incident.id, wishes)

`Store` gives short transactions; each has a repository per subject (`deliveries`, `jobs`,
`incidents`, `effects`, `refs`, `journal`, `ledger`) and one `now` for all that it writes.
"""

import sqlite3

from sqlalchemy.exc import SQLAlchemyError

from service.store.away import why_away
from service.store.database import Store, Transaction

#: What a transaction raises where the database cannot be used.
DATABASE_FAULTS = (SQLAlchemyError, sqlite3.Error)

__all__ = ["DATABASE_FAULTS", "Store", "Transaction", "why_away"]
