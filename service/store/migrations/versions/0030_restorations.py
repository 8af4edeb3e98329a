"""An installation knows itself again in an older state of its database; what trackers sent is
packed after some days, and dropped later.

See `service.store.restorations` and `service.store.bodies`.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from service.store.types import MANY_IDS, UtcDateTime

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    installation = op.create_table(
        "installation",
        sa.Column("id", MANY_IDS, nullable=False),
        sa.Column("salt", sa.Text(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_installation"),
    )
    row = {"id": 1, "salt": secrets.token_hex(16), "made_at": datetime.now(UTC)}
    op.bulk_insert(installation, [row])
    op.create_table(
        "restorations",
        sa.Column("id", MANY_IDS, nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=False),
        sa.Column("restored_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_restorations"),
        sqlite_autoincrement=True,
    )
    kept = sa.Column("kept", sa.Text(), nullable=False, server_default="whole")
    op.add_column("deliveries", kept)
    op.create_index("ix_deliveries_kept", "deliveries", ["kept", "received_at"])
