"""History that somebody asked to have taken up, and how far that is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.types import MANY_IDS, UtcDateTime

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    _asked_for()
    _found()


def _asked_for() -> None:
    op.create_table(
        "backfills",
        sa.Column("id", MANY_IDS, nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.Column("teams", sa.JSON(), nullable=False),
        sa.Column("documents", sa.Boolean(), nullable=False),
        sa.Column("tasks", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("resumed_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backfills")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "backfill_places",
        sa.Column("backfill_id", sa.Integer(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("listed_at", UtcDateTime()),
        sa.ForeignKeyConstraint(
            ["backfill_id"], ["backfills.id"], name=op.f("fk_backfill_places_backfill_id_backfills")
        ),
        sa.PrimaryKeyConstraint(
            "backfill_id", "connection", "place", name=op.f("pk_backfill_places")
        ),
    )


def _found() -> None:
    op.create_table(
        "backfill_tickets",
        sa.Column("backfill_id", sa.Integer(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
        sa.ForeignKeyConstraint(
            ["backfill_id"],
            ["backfills.id"],
            name=op.f("fk_backfill_tickets_backfill_id_backfills"),
        ),
        sa.PrimaryKeyConstraint(
            "backfill_id", "connection", "ticket_id", name=op.f("pk_backfill_tickets")
        ),
    )
    op.create_index(
        op.f("ix_backfill_tickets_connection_ticket_id"),
        "backfill_tickets",
        ["connection", "ticket_id"],
    )
    op.create_index(
        op.f("ix_backfill_tickets_backfill_id_state_closed_at"),
        "backfill_tickets",
        ["backfill_id", "state", "closed_at"],
    )
