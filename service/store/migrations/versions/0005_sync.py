"""What was told of a ticket and not read yet, and whether a job is to look at everything."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    for name in ("told", "heard"):
        op.add_column("refs", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    whole: sa.Column[bool] = sa.Column(
        "whole", sa.Boolean(), nullable=False, server_default=sa.true()
    )
    op.add_column("jobs", whole)
