"""What webhooks said of a ticket of ours, and how late."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.types import UtcDateTime

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("refs", sa.Column("state", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("refs", sa.Column("shown", UtcDateTime(), nullable=True))
