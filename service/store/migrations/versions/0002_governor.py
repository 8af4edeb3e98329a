"""Budgets, pauses and circuits of trackers; what our account was seen to make."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.types import MANY_IDS, UtcDateTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("effects", sa.Column("uncertain_since", UtcDateTime(), nullable=True))
    op.create_table(
        "sightings",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("marker", sa.Text(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "ticket_id", name=op.f("pk_sightings")),
    )
    op.create_index(op.f("ix_sightings_marker"), "sightings", ["marker"])
    op.create_index(op.f("ix_sightings_seen_at"), "sightings", ["seen_at"])
    op.create_table(
        "spending",
        sa.Column("id", MANY_IDS, nullable=False),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("budget", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("counts_from", UtcDateTime(), nullable=False),
        sa.Column("forget_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spending")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_spending_call"), "spending", ["call"])
    op.create_index(op.f("ix_spending_forget_at"), "spending", ["forget_at"])
    op.create_index(
        op.f("ix_spending_connection_budget_subject_counts_from"),
        "spending",
        ["connection", "budget", "subject", "counts_from"],
    )
    op.create_table(
        "pauses",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("wide", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "scope", name=op.f("pk_pauses")),
    )
    op.create_table(
        "circuits",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=True),
        sa.Column("probe_at", UtcDateTime(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("quota_limit", sa.Integer(), nullable=True),
        sa.Column("quota_left", sa.Integer(), nullable=True),
        sa.Column("quota_reset", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("connection", name=op.f("pk_circuits")),
    )
