"""What differed without anybody telling, when a place was last looked through as a whole,
and how old a ticket was when it was last read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.types import MANY_IDS, UtcDateTime

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("poll_marks", sa.Column("whole_at", UtcDateTime(), nullable=True))
    op.add_column("refs", sa.Column("updated", UtcDateTime(), nullable=True))
    op.create_table(
        "drifts",
        sa.Column("id", MANY_IDS, nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("agreed", sa.Text(), nullable=True),
        sa.Column("found", sa.Text(), nullable=True),
        sa.Column("since", UtcDateTime(), nullable=True),
        sa.Column("found_at", UtcDateTime(), nullable=False),
        sa.Column("became", sa.Text(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_drifts_incident_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drifts")),
        sqlite_autoincrement=True,
    )
    for columns in (["incident_id"], ["found_at"], ["connection", "ticket_id"]):
        op.create_index(op.f(f"ix_drifts_{'_'.join(columns)}"), "drifts", columns)
