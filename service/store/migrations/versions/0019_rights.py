"""Tokens, the audit log of what people change, and the answers of writes that are sent again.

The triggers refuse changes to the log whoever makes them, by SQLite's own means:
https://sqlite.org/lang_createtrigger.html#the_raise_function
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.types import MANY_IDS, UtcDateTime

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", MANY_IDS, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("teams", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_tokens_digest")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "changes",
        sa.Column("id", MANY_IDS, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("token_id", sa.Integer(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "answers",
        sa.Column("id", MANY_IDS, nullable=False),
        sa.Column("whose", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("claimed_at", UtcDateTime(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("body", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answers")),
        sa.UniqueConstraint("whose", "key", name=op.f("uq_answers_whose_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_answers_claimed_at"), "answers", ["claimed_at"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        _refuse("update", "BEFORE UPDATE ON changes")
        _refuse("delete", "BEFORE DELETE ON changes")
        # INSERT OR REPLACE deletes without a trigger: https://sqlite.org/lang_conflict.html
        there = "EXISTS (SELECT 1 FROM changes WHERE id = NEW.id)"
        _refuse("replace", f"BEFORE INSERT ON changes WHEN {there}")
    else:
        for each in _ON_POSTGRESQL:
            op.execute(each)


def _refuse(name: str, when: str) -> None:
    op.execute(
        f"CREATE TRIGGER changes_refuse_{name} {when}"
        " BEGIN SELECT RAISE(ABORT, 'the audit log is never changed'); END"
    )


_ON_POSTGRESQL = (
    "CREATE FUNCTION changes_refuse() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE EXCEPTION 'the audit log is never changed'"
    " USING ERRCODE = 'integrity_constraint_violation'; END $$",
    "CREATE TRIGGER changes_refuse_change BEFORE UPDATE OR DELETE ON changes"
    " FOR EACH ROW EXECUTE FUNCTION changes_refuse()",
    "CREATE TRIGGER changes_refuse_truncate BEFORE TRUNCATE ON changes"
    " FOR EACH STATEMENT EXECUTE FUNCTION changes_refuse()",
)
