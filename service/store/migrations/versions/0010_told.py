"""What the last webhook said of a ticket of ours."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("refs", sa.Column("state", sa.JSON(none_as_null=True), nullable=True))
