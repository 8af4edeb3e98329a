"""Indexes for the pre-read of a quarter, and for verdicts in doubt."""

from alembic import op

revision = "0023"
down_revision = "0022"

INDEXES = {
    "ix_facts_published": ("facts", ["team", "published"]),
    "ix_measures_done": ("measures", ["team", "done_at"]),
    "ix_measures_waived": ("measures", ["team", "waived_until"]),
    "ix_audits_judged": ("audits", ["team", "at"]),
    "ix_audits_suspect": ("audits", ["team", "suspect"]),
}


def upgrade() -> None:
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)
