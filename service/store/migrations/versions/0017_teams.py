"""What a team waits for and gets by itself: rows of its own beside those of incidents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.types import UtcDateTime

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    for table in ("effects", "occurrences", "refs"):
        # SQLite changes a column by making the table anew: https://sqlite.org/lang_altertable.html
        ids = {"sqlite_autoincrement": table != "refs"}
        with op.batch_alter_table(table, table_kwargs=ids) as batch:
            batch.alter_column("incident_id", existing_type=sa.Text(), nullable=True)
            batch.add_column(sa.Column("team", sa.Text(), nullable=True))
        op.create_index(op.f(f"ix_{table}_team"), table, ["team"])
    op.create_table(
        "teams",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_teams")),
    )
