"""A backfill's place whose list fails rests, or is lost.

See `service.store.backfills`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.types import UtcDateTime

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    failures = sa.Column("failures", sa.Integer(), nullable=False, server_default="0")
    op.add_column("backfill_places", failures)
    op.add_column("backfill_places", sa.Column("again_at", UtcDateTime()))
    op.add_column("backfill_places", sa.Column("failed_at", UtcDateTime()))
    words = sa.Column("words", sa.Text(), nullable=False, server_default="")
    op.add_column("backfill_places", words)
