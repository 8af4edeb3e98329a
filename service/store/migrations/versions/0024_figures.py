"""What figures count is found in an index, in order of time, without a look at the rows."""

from __future__ import annotations

from alembic import op

revision = "0024"
down_revision = "0018"

_FACTS = (
    *("opened", "team", "service_words", "service", "severity_words", "severity"),
    *("restricted", "recurrence_of", "to_detect", "to_acknowledge", "to_mitigate"),
    "to_resolve",
)
_MEASURES = (
    *("due", "team", "kind", "open", "done_at", "proven", "restricted", "service_words"),
    "incident_id",
)


def upgrade() -> None:
    op.create_index("ix_facts_opened", "facts", list(_FACTS))
    op.create_index("ix_measures_due", "measures", list(_MEASURES))
    op.create_index(
        "ix_audits_due", "audits", ["due", "team", "asks", "at", "verdict", "restricted"]
    )
    op.create_index("ix_audits_at", "audits", ["at", "team", "verdict", "suspect", "restricted"])
