"""What figures count is found in an index, in order of time, without a look at the rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

_FACTS = (
    *("opened", "team", "service_words", "service", "severity_words", "severity"),
    *("restricted", "recurrence_of", "to_detect", "to_acknowledge", "to_mitigate"),
    "to_resolve",
)
_MEASURES = (
    *("due_month", "team", "kind", "outcome", "proven"),
    *("due", "restricted", "service_words", "incident_id"),
)
#: What each database computes, in its own words.
_OUTCOME = {
    "sqlite": "CASE WHEN open THEN 'open' WHEN done_at IS NULL THEN 'given_up'"
    " WHEN substr(done_at, 1, 10) <= due THEN 'in_time'"
    " WHEN substr(done_at, 1, 10) <= date(due, '+7 days') THEN 'week_late'"
    " WHEN substr(done_at, 1, 10) <= date(due, '+30 days') THEN 'month_late'"
    " ELSE 'later' END",
    "postgresql": "CASE WHEN open THEN 'open' WHEN done_at IS NULL THEN 'given_up'"
    " WHEN (done_at AT TIME ZONE 'UTC')::date <= due THEN 'in_time'"
    " WHEN (done_at AT TIME ZONE 'UTC')::date <= due + 7 THEN 'week_late'"
    " WHEN (done_at AT TIME ZONE 'UTC')::date <= due + 30 THEN 'month_late'"
    " ELSE 'later' END",
}
_DUE_MONTH = {
    "sqlite": "substr(due, 1, 7)",
    "postgresql": "(lpad(extract(year FROM due)::int::text, 4, '0') || '-' ||"
    " lpad(extract(month FROM due)::int::text, 2, '0'))",
}


def upgrade() -> None:
    op.create_index("ix_facts_opened", "facts", list(_FACTS))
    dialect = op.get_context().dialect.name
    for name, made_of in (("due_month", _DUE_MONTH), ("outcome", _OUTCOME)):
        computed = sa.Computed(made_of[dialect], persisted=dialect == "postgresql")
        op.add_column("measures", sa.Column(name, sa.Text(), computed))
    op.create_index("ix_measures_outcome", "measures", list(_MEASURES))
    op.create_index(
        "ix_audits_due", "audits", ["due", "team", "asks", "at", "verdict", "restricted"]
    )
    op.create_index("ix_audits_at", "audits", ["at", "team", "verdict", "suspect", "restricted"])
