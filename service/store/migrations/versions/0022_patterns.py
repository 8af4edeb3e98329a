"""What became of an incident's measures, beside each of its factors; failing measures of a service;
and incidents that somebody said have nothing to do with each other.

The rows of labels are made anew when a worker starts: `workflows.projection.SHAPE` was counted up.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.types import UtcDateTime

revision = "0022"
down_revision = "0021"

_COUNTS = ("measures", "open", "effective", "partly", "not_effective", "suspect", "unproven")


def upgrade() -> None:
    op.add_column("labels", sa.Column("opened", UtcDateTime(), nullable=True))
    for name in _COUNTS:
        op.add_column("labels", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.add_column("labels", sa.Column("answered", UtcDateTime(), nullable=True))
    op.create_index(
        op.f("ix_labels_service"),
        "labels",
        ["what", "name", "service_words", "opened", "restricted", "team"],
    )
    op.create_index(
        op.f("ix_labels_opened"),
        "labels",
        ["what", "opened", "name", "team", "service_words", "restricted", *_COUNTS, "answered"],
    )
    op.create_index(
        op.f("ix_measures_verdict"), "measures", ["service_words", "verdict", "suspect"]
    )
    op.create_table(
        "dismissed",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("other_id", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "other_id", name=op.f("pk_dismissed")),
    )
    op.create_index(op.f("ix_dismissed_other_id"), "dismissed", ["other_id"])
