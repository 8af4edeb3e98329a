"""What incidents teach, as rows to count and to search in. The rows themselves are made when a
worker starts: see `service.learning`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.types import UtcDateTime

revision = "0018"
down_revision = "0017"

#: What is indexed of each incident, by its place. The words of one passage and of the next do not
#: stand side by side: no phrase goes from one into the other. Marks are what filters look for, each
#: with a letter for what it says, and in hexadecimal digits so that it is one word to the index.
_SEARCHABLE = """
CREATE VIEW searchable AS SELECT
  place,
  key || ' m0 ' || title || ' m0 ' || service AS title,
  (SELECT group_concat(said || ' m0 ' || name, ' m0 ')
    FROM labels WHERE incident_id = facts.id) AS labels,
  (SELECT group_concat(title || ' m0 ' || words, ' m0 ')
    FROM passages WHERE incident_id = facts.id AND part <> 'incident') AS body,
  'ma mt' || hex(team) || ' mn' || hex(team_words) || ' ms' || hex(service_words)
    || ' mv' || hex(severity_words) || CASE WHEN restricted THEN ' mr' ELSE ' mo' END
    || coalesce((SELECT
      group_concat(CASE what WHEN 'tag' THEN ' mg' ELSE ' mf' END || hex(name), '')
      FROM labels WHERE incident_id = facts.id), '')
    || coalesce((SELECT group_concat(' mk' || hex(kind), '')
      FROM measures WHERE incident_id = facts.id), '') AS marks
FROM facts
"""

#: The index itself keeps no text. https://sqlite.org/fts5.html#external_content_tables
_FOUND = """
CREATE VIRTUAL TABLE found USING fts5(
  title, labels, body, marks,
  content='searchable', content_rowid='place',
  tokenize="unicode61 remove_diacritics 2", prefix='2 3'
)
"""

#: The same on PostgreSQL: see `service.store.words`.
_ON_POSTGRESQL = (
    "CREATE TABLE found (place BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)",
    "CREATE INDEX ix_found_words ON found USING gin (words)",
)


def upgrade() -> None:
    _facts()
    _labels()
    _measures()
    _audits()
    _passages()
    _synonyms()
    _imported()
    if op.get_bind().dialect.name == "sqlite":
        op.execute(_SEARCHABLE)
        op.execute(_FOUND)
    else:
        for each in _ON_POSTGRESQL:
            op.execute(each)


def _facts() -> None:
    op.create_table(
        "facts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("team_words", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("service_words", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("severity_words", sa.Text(), nullable=False),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.Column("imported", sa.Boolean(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("outlook", sa.Text(), nullable=False),
        sa.Column("opened", UtcDateTime(), nullable=True),
        sa.Column("closed", UtcDateTime(), nullable=True),
        sa.Column("started", UtcDateTime(), nullable=True),
        sa.Column("detected", UtcDateTime(), nullable=True),
        sa.Column("acknowledged", UtcDateTime(), nullable=True),
        sa.Column("mitigated", UtcDateTime(), nullable=True),
        sa.Column("resolved", UtcDateTime(), nullable=True),
        sa.Column("to_detect", sa.Integer(), nullable=True),
        sa.Column("to_acknowledge", sa.Integer(), nullable=True),
        sa.Column("to_mitigate", sa.Integer(), nullable=True),
        sa.Column("to_resolve", sa.Integer(), nullable=True),
        sa.Column("quarter", sa.Text(), nullable=False),
        sa.Column("felt", sa.Boolean(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("document_url", sa.Text(), nullable=False),
        sa.Column("published", UtcDateTime(), nullable=True),
        sa.Column("review_due", sa.Date(), nullable=True),
        sa.Column("recurrence_of", sa.Text(), nullable=False),
        sa.Column("shape", sa.Integer(), nullable=False),
        sa.Column("rows_digest", sa.Text(), nullable=False),
        sa.Column("texts_digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_facts")),
        sa.UniqueConstraint("place", name=op.f("uq_facts_place")),
    )
    op.create_index(
        op.f("ix_facts_quarter"),
        "facts",
        ["quarter", "team", "service_words", "severity", "restricted"],
    )
    op.create_index(
        op.f("ix_facts_service"),
        "facts",
        ["service_words", "opened", "severity", "restricted", "team"],
    )
    op.create_index(op.f("ix_facts_shape"), "facts", ["shape"])
    op.create_index(op.f("ix_facts_team"), "facts", ["team", "opened", "severity", "restricted"])


def _labels() -> None:
    op.create_table(
        "labels",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("service_words", sa.Text(), nullable=False),
        sa.Column("quarter", sa.Text(), nullable=False),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["facts.id"], name=op.f("fk_labels_incident_id_facts")
        ),
        sa.PrimaryKeyConstraint("incident_id", "what", "name", name=op.f("pk_labels")),
    )
    op.create_index(
        op.f("ix_labels_quarter"),
        "labels",
        ["what", "quarter", "service_words", "name", "restricted", "team"],
    )
    op.create_index(
        op.f("ix_labels_what"),
        "labels",
        ["what", "name", "quarter", "service_words", "restricted", "team"],
    )


def _measures() -> None:
    op.create_table(
        "measures",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("service_words", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("due", sa.Date(), nullable=True),
        sa.Column("milestone", sa.Text(), nullable=False),
        sa.Column("success_measure", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("proven", sa.Boolean(), nullable=True),
        sa.Column("waived_until", sa.Date(), nullable=True),
        sa.Column("task_key", sa.Text(), nullable=False),
        sa.Column("task_url", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("suspect", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.Column("known_since", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["facts.id"], name=op.f("fk_measures_incident_id_facts")
        ),
        sa.PrimaryKeyConstraint("incident_id", "item", name=op.f("pk_measures")),
    )
    op.create_index(
        op.f("ix_measures_kind"),
        "measures",
        ["open", "team", "kind", "due", "restricted", "done_at"],
    )
    op.create_index(
        op.f("ix_measures_open"), "measures", ["open", "due", "team", "kind", "restricted"]
    )
    op.create_index(op.f("ix_measures_service"), "measures", ["service_words", "open"])
    op.create_index(op.f("ix_measures_team"), "measures", ["team", "open", "due"])


def _audits() -> None:
    op.create_table(
        "audits",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("rung", sa.Integer(), nullable=False),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.Column("asks", sa.Boolean(), nullable=False),
        sa.Column("opens", UtcDateTime(), nullable=False),
        sa.Column("due", sa.Date(), nullable=True),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("suspect", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("led_to", sa.Integer(), nullable=True),
        sa.Column("ended", sa.Text(), nullable=False),
        sa.Column("ticket_key", sa.Text(), nullable=False),
        sa.Column("ticket_url", sa.Text(), nullable=False),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["facts.id"], name=op.f("fk_audits_incident_id_facts")
        ),
        sa.PrimaryKeyConstraint("incident_id", "item", "round", "rung", name=op.f("pk_audits")),
    )
    op.create_index(
        op.f("ix_audits_asks"), "audits", ["asks", "due", "opens", "team", "restricted"]
    )
    op.create_index(op.f("ix_audits_team"), "audits", ["team", "asks", "due"])
    op.create_index(op.f("ix_audits_verdict"), "audits", ["verdict", "at", "team", "restricted"])


def _passages() -> None:
    op.create_table(
        "passages",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["facts.id"], name=op.f("fk_passages_incident_id_facts")
        ),
        sa.PrimaryKeyConstraint("incident_id", "part", "ordinal", name=op.f("pk_passages")),
    )


def _synonyms() -> None:
    op.create_table(
        "synonyms",
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("said", name=op.f("pk_synonyms")),
    )


def _imported() -> None:
    op.create_table(
        "imported",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("imported_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imported")),
        sa.UniqueConstraint("path", name=op.f("uq_imported_path")),
    )
