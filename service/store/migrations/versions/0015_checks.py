"""Results of checks, and which incidents watch what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.types import MANY_IDS, UtcDateTime

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "check_results",
        sa.Column("id", MANY_IDS, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=True),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_check_results")),
        sa.UniqueConstraint("name", "run", name=op.f("uq_check_results_name_run")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_check_results_name_at"), "check_results", ["name", "at"])
    op.create_table(
        "watches",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("heard", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_watches_incident_id_incidents")
        ),
        sa.PrimaryKeyConstraint("incident_id", "source", "name", name=op.f("pk_watches")),
    )
    op.create_index(op.f("ix_watches_source_name"), "watches", ["source", "name"])
