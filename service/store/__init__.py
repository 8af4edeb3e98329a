"""What is known and what is to be done, durably. The only place that speaks SQL.

    with store.write() as tx:
        tx.jobs.fence(claim)
        tx.incidents.save(incident, policy.hash)
        tx.effects.ask(incident.id, wishes)

`Store` gives short transactions; each has a repository per subject (`deliveries`, `jobs`,
`incidents`, `effects`, `refs`, `journal`, `ledger`) and one `now` for all that it writes.
"""

from service.store.database import Store, Transaction

__all__ = ["Store", "Transaction"]
