"""When the door of each connection last refused a delivery because of its signature.

See `service.store.doors`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.types import UtcDateTime

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.create_table(
        "refused",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("refused_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("connection", name="pk_refused"),
    )
