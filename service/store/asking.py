"""How a job is asked for: by a row, of which there is one for each (kind, subject)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, case, func, or_
from sqlalchemy.sql.dml import ReturningInsert

from service.store.schema import jobs
from service.store.statements import insert, once


@once
def asking(connection: Connection) -> ReturningInsert[int]:
    """A new row, or one that is wanted once more, sooner and more urgently if that was asked."""
    statement = insert(connection, jobs)
    asked = statement.excluded
    sooner = asked.due_at < jobs.c.due_at
    return statement.on_conflict_do_update(
        index_elements=["kind", "subject"],
        set_={
            "wanted": jobs.c.wanted + 1,
            "due_at": case((sooner, asked.due_at), else_=jobs.c.due_at),
            "sent_at": case((sooner, None), else_=jobs.c.sent_at),
            "reason": case((sooner, asked.reason), else_=jobs.c.reason),
            "whole": or_(jobs.c.whole, asked.whole),
            "trace": func.coalesce(asked.trace, jobs.c.trace),
            "priority": case(
                (asked.priority > jobs.c.priority, asked.priority), else_=jobs.c.priority
            ),
        },
    ).returning(jobs.c.id)


def asked_for(
    kind: str,
    subject: str,
    due: datetime,
    priority: int = 0,
    reason: str | None = None,
    whole: bool = True,
    trace: str | None = None,
) -> dict[str, object]:
    """The values of such a row: see `Jobs.touch`."""
    return {
        "kind": kind,
        "subject": subject,
        "due_at": due,
        "priority": priority,
        "wanted": 1,
        "attempt": 0,
        "failures": 0,
        "reason": reason,
        "whole": whole,
        "trace": trace,
    }
