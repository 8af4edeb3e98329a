"""Who gave an effect up and why, how often a delivery came again, and what was asked for again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.types import UtcDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for name in ("dropped_by", "dropped_why"):
        op.add_column("effects", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    repeats = sa.Column("repeats", sa.Integer(), nullable=False, server_default="0")
    op.add_column("deliveries", repeats)
    op.create_table(
        "redeliveries",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("failed_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "delivery_id", name=op.f("pk_redeliveries")),
    )
