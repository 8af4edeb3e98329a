"""What incidents wait for in days."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.types import MANY_IDS, UtcDateTime

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "occurrences",
        sa.Column("id", MANY_IDS, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_occurrences_incident_id_incidents")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_occurrences")),
        sa.UniqueConstraint("key", name=op.f("uq_occurrences_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_occurrences_incident_id"), "occurrences", ["incident_id"])
    op.create_index(op.f("ix_occurrences_taken_at_due_at"), "occurrences", ["taken_at", "due_at"])
