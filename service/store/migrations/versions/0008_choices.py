"""What somebody chose where the sides of an action item do not agree."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.types import MANY_IDS, UtcDateTime

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "choices",
        sa.Column("id", MANY_IDS, nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("resumes", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_choices_incident_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_choices")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_choices_incident_id"), "choices", ["incident_id"], unique=False)
