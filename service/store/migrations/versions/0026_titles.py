"""Measures of one title are found by an index, not among all that ever failed in a service; words
in titles and labels are found without looking through all texts.

The rows of measures are made anew when a worker starts: `workflows.projection.SHAPE` counts up.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"

#: See `service.store.search`. The index itself keeps no text:
#: https://sqlite.org/fts5.html#external_content_tables
_TITLED = """
CREATE VIRTUAL TABLE titled USING fts5(
  title, labels, marks,
  content='searchable', content_rowid='place',
  tokenize="unicode61 remove_diacritics 2", prefix='2 3'
)
"""


def upgrade() -> None:
    text = sa.Column("title_words", sa.Text(), nullable=False, server_default="")
    op.add_column("measures", text)
    op.drop_index("ix_measures_verdict", "measures")
    op.create_index(
        "ix_measures_title", "measures", ["service_words", "title_words", "verdict", "suspect"]
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute(_TITLED)
        op.execute("INSERT INTO titled(titled) VALUES ('rebuild')")
