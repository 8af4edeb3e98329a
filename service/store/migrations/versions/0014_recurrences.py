"""What incidents are compared by, and which of them have something in common."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.types import MANY_IDS, UtcDateTime

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "traits",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_traits_incident_id_incidents")
        ),
        sa.PrimaryKeyConstraint("incident_id", "word", name=op.f("pk_traits")),
    )
    op.create_index(op.f("ix_traits_service_word"), "traits", ["service", "word"])
    op.create_table(
        "recurrences",
        sa.Column("id", MANY_IDS, nullable=False),
        sa.Column("earlier_id", sa.Text(), nullable=False),
        sa.Column("later_id", sa.Text(), nullable=False),
        sa.Column("found_at", UtcDateTime(), nullable=False),
        sa.Column("shared", sa.JSON(), nullable=False),
        sa.Column("bare", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["earlier_id"], ["incidents.id"], name=op.f("fk_recurrences_earlier_id_incidents")
        ),
        sa.ForeignKeyConstraint(
            ["later_id"], ["incidents.id"], name=op.f("fk_recurrences_later_id_incidents")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recurrences")),
        sa.UniqueConstraint(
            "earlier_id", "later_id", name=op.f("uq_recurrences_earlier_id_later_id")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_recurrences_later_id"), "recurrences", ["later_id"])
