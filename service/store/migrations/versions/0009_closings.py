"""Milestones that are to be closed in two places at once, as last agreed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "closings",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("other_connection", sa.Text(), nullable=False),
        sa.Column("other_place", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("written", sa.JSON(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "connection",
            "place",
            "other_connection",
            "other_place",
            "name",
            name=op.f("pk_closings"),
        ),
    )
