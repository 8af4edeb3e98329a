"""Which rules are in force, and which ones each process has read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.types import MANY_IDS, UtcDateTime

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.create_table(
        "rules_in_force",
        sa.Column("id", MANY_IDS, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules_in_force")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_rules_in_force_hash"), "rules_in_force", ["hash"])
    op.create_table(
        "rules_read",
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("decides", sa.Boolean(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("read_at", UtcDateTime(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("wrong_since", UtcDateTime(), nullable=True),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("process", name=op.f("pk_rules_read")),
    )
