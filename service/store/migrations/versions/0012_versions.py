"""What was published, kept so that nobody can change it; and who asked to publish.

The triggers refuse changes whoever makes them, by SQLite's own means:
https://sqlite.org/lang_createtrigger.html#the_raise_function
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.types import MANY_IDS, UtcDateTime

revision = "0012"
down_revision = "0011"


_THERE = (
    "EXISTS (SELECT 1 FROM versions WHERE id = NEW.id"
    " OR (incident_id = NEW.incident_id AND number = NEW.number))"
)


def upgrade() -> None:
    op.create_table(
        "versions",
        sa.Column("id", MANY_IDS, nullable=False),
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
        sa.Column("id", MANY_IDS, nullable=False),
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
        _refuse("update", "BEFORE UPDATE ON versions")
        _refuse("delete", "BEFORE DELETE ON versions")
        # INSERT OR REPLACE deletes without a trigger: https://sqlite.org/lang_conflict.html
        _refuse("replace", f"BEFORE INSERT ON versions WHEN {_THERE}")
    else:
        for each in _ON_POSTGRESQL:
            op.execute(each)


def _refuse(name: str, when: str) -> None:
    op.execute(
        f"CREATE TRIGGER versions_refuse_{name} {when}"
        " BEGIN SELECT RAISE(ABORT, 'a version is never changed'); END"
    )


_ON_POSTGRESQL = (
    "CREATE FUNCTION versions_refuse() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE EXCEPTION 'a version is never changed'"
    " USING ERRCODE = 'integrity_constraint_violation'; END $$",
    "CREATE TRIGGER versions_refuse_change BEFORE UPDATE OR DELETE ON versions"
    " FOR EACH ROW EXECUTE FUNCTION versions_refuse()",
    "CREATE TRIGGER versions_refuse_truncate BEFORE TRUNCATE ON versions"
    " FOR EACH STATEMENT EXECUTE FUNCTION versions_refuse()",
)
