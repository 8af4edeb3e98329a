"""What was published, kept so that nobody can change it; and who asked to publish.

The triggers refuse changes whoever makes them, by SQLite's own means:
https://sqlite.org/lang_createtrigger.html#the_raise_function
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.types import UtcDateTime

revision = "0012"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("commit", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("kept_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_versions_incident_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_versions")),
        sa.UniqueConstraint("incident_id", "number", name=op.f("uq_versions_incident_id_number")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "publishings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_publishings_incident_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publishings")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_publishings_incident_id"), "publishings", ["incident_id"], unique=False
    )
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER versions_refuse_{act.lower()} BEFORE {act} ON versions"
                " BEGIN SELECT RAISE(ABORT, 'a version is never changed'); END"
            )
