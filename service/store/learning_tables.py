"""The tables of what incidents teach; see `service.store.schema` and `workflows.projection`, which
says what each column holds. All of it can be made anew from the incidents and the imported files.

A `place` is the order of an incident in time: the second in which it was opened, with room for a
million in each. So the newest are found first, and a span of time is a span of places.

An `incident_id` here is our id of an incident, or that of an imported file.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    Date,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    column,
)

from service.store.days import PerDatabase, month_of
from service.store.schema import metadata
from service.store.types import UtcDateTime

#: How many places there are in a second.
A_SECOND = 1 << 20

# What figures count by, so that an index has it, in order.
OPENED_MONTH, DUE_MONTH = month_of(column("opened", UtcDateTime)), month_of(column("due", Date))

facts = Table(  # one row for each incident, and for each imported file
    "facts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("place", BigInteger, nullable=False),  # its order in time
    Column("key", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("team_words", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("service_words", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("severity_words", Text, nullable=False),
    Column("restricted", Boolean, nullable=False),
    Column("imported", Boolean, nullable=False),
    Column("phase", Text, nullable=False),
    Column("outlook", Text, nullable=False),
    Column("opened", UtcDateTime),
    Column("closed", UtcDateTime),
    Column("started", UtcDateTime),
    Column("detected", UtcDateTime),
    Column("acknowledged", UtcDateTime),
    Column("mitigated", UtcDateTime),
    Column("resolved", UtcDateTime),
    Column("to_detect", Integer),
    Column("to_acknowledge", Integer),
    Column("to_mitigate", Integer),
    Column("to_resolve", Integer),
    Column("quarter", Text, nullable=False),
    Column("felt", Boolean, nullable=False),
    Column("document", Text, nullable=False),
    Column("document_url", Text, nullable=False),
    Column("published", UtcDateTime),
    Column("review_due", Date),
    Column("recurrence_of", Text, nullable=False),
    Column("shape", Integer, nullable=False, index=True),  # workflows.projection.SHAPE
    Column("rows_digest", Text, nullable=False),  # of all but the passages
    Column("texts_digest", Text, nullable=False),  # of all that is searched in
    Column("opened_month", Text, Computed(OPENED_MONTH, persisted=False)),  # 2026-07
    UniqueConstraint("place"),
    # Each holds what is counted and grouped, so that a count does not read the rows.
    Index("ix_facts_quarter", "quarter", "team", "service_words", "severity", "restricted"),
    Index("ix_facts_published", "team", "published"),
    Index("ix_facts_team", "team", "opened", "severity", "restricted"),
    Index("ix_facts_service", "service_words", "opened", "severity", "restricted", "team"),
    Index(  # for figures
        "ix_facts_opened",
        *("opened_month", "opened", "team", "service_words", "service", "severity_words"),
        *("severity", "restricted", "recurrence_of", "to_detect", "to_acknowledge"),
        *("to_mitigate", "to_resolve"),
    ),
    Index("ix_facts_review", "document", "review_due", "id"),
)

labels = Table(  # tags and contributing factors
    "labels",
    metadata,
    Column("incident_id", Text, ForeignKey("facts.id"), primary_key=True),
    Column("what", Text, primary_key=True),  # tag, factor
    Column("name", Text, primary_key=True),
    Column("said", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("service_words", Text, nullable=False),
    Column("quarter", Text, nullable=False),
    Column("restricted", Boolean, nullable=False),
    # What became of the incident's measures (workflows.patterns.Tally): so a pattern is counted
    # without them.
    Column("opened", UtcDateTime),
    Column("measures", Integer, nullable=False),
    Column("open", Integer, nullable=False),
    Column("effective", Integer, nullable=False),
    Column("partly", Integer, nullable=False),
    Column("not_effective", Integer, nullable=False),
    Column("suspect", Integer, nullable=False),
    Column("unproven", Integer, nullable=False),
    Column("answered", UtcDateTime),
    Index("ix_labels_service", "what", "name", "service_words", "opened", "restricted", "team"),
    Index("ix_labels_what", "what", "name", "quarter", "service_words", "restricted", "team"),
    Index(  # for patterns
        "ix_labels_quarter",
        *("what", "quarter", "name", "team", "service_words", "restricted", "opened", "measures"),
        *("open", "effective", "partly", "not_effective", "suspect", "unproven", "answered"),
    ),
)

OUTCOME = PerDatabase(
    sqlite="CASE WHEN open THEN 'open' WHEN done_at IS NULL THEN 'given_up'"
    " WHEN substr(done_at, 1, 10) <= due THEN 'in_time'"
    " WHEN substr(done_at, 1, 10) <= date(due, '+7 days') THEN 'week_late'"
    " WHEN substr(done_at, 1, 10) <= date(due, '+30 days') THEN 'month_late'"
    " ELSE 'later' END",
    postgresql="CASE WHEN open THEN 'open' WHEN done_at IS NULL THEN 'given_up'"
    " WHEN (done_at AT TIME ZONE 'UTC')::date <= due THEN 'in_time'"
    " WHEN (done_at AT TIME ZONE 'UTC')::date <= due + 7 THEN 'week_late'"
    " WHEN (done_at AT TIME ZONE 'UTC')::date <= due + 30 THEN 'month_late'"
    " ELSE 'later' END",
)

measures = Table(  # action items
    "measures",
    metadata,
    Column("incident_id", Text, ForeignKey("facts.id"), primary_key=True),
    Column("item", Integer, primary_key=True),
    Column("title", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("area", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("service_words", Text, nullable=False),
    Column("priority", Text, nullable=False),
    Column("due", Date),
    Column("milestone", Text, nullable=False),
    Column("success_measure", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("done_at", UtcDateTime),
    Column("proven", Boolean),
    Column("waived_until", Date),
    Column("task_key", Text, nullable=False),
    Column("task_url", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("suspect", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("restricted", Boolean, nullable=False),
    Column("known_since", UtcDateTime, nullable=False),  # when it was first saved here
    Column("due_month", Text, Computed(DUE_MONTH, persisted=False)),  # 2026-07
    Column("outcome", Text, Computed(OUTCOME, persisted=False)),  # see workflows.counts.Due
    Column("title_words", Text, nullable=False, server_default=""),
    Index(  # for the board, in its order
        "ix_measures_open",
        *("open", "due", "incident_id", "item", "team", "kind", "service_words", "owner"),
    ),
    Index("ix_measures_done_at", "done_at", "team"),
    Index("ix_measures_waived_until", "waived_until", "team"),
    Index("ix_measures_proven", "proven", "done_at", "incident_id", "team"),
    Index("ix_measures_done", "team", "done_at"),
    Index("ix_measures_waived", "team", "waived_until"),
    Index("ix_measures_team", "team", "open", "due"),
    Index("ix_measures_service", "service_words", "open", "due"),
    Index("ix_measures_title", "service_words", "title_words", "verdict", "suspect"),
    Index("ix_measures_kind", "open", "team", "kind", "due", "restricted", "done_at"),
    Index(  # for figures
        "ix_measures_outcome",
        *("due_month", "team", "kind", "outcome", "proven"),
        *("due", "restricted", "service_words", "incident_id"),
    ),
)

audits = Table(  # of measures
    "audits",
    metadata,
    Column("incident_id", Text, ForeignKey("facts.id"), primary_key=True),
    Column("item", Integer, primary_key=True),
    Column("round", Integer, primary_key=True),
    Column("rung", Integer, primary_key=True),
    Column("standing", Text, nullable=False),
    Column("asks", Boolean, nullable=False),
    Column("opens", UtcDateTime, nullable=False),
    Column("due", Date),
    Column("team", Text, nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("at", UtcDateTime),
    Column("by", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("suspect", Text, nullable=False),
    Column("because", Text, nullable=False),
    Column("led_to", Integer),
    Column("ended", Text, nullable=False),
    Column("ticket_key", Text, nullable=False),
    Column("ticket_url", Text, nullable=False),
    Column("restricted", Boolean, nullable=False),
    Column("due_month", Text, Computed(DUE_MONTH, persisted=False)),  # 2026-07
    Column("kind", Text, nullable=False, server_default=""),  # of its measure
    Column("service_words", Text, nullable=False, server_default=""),  # of its measure
    Index(
        "ix_audits_asks",
        *("asks", "due", "opens", "team", "restricted", "incident_id", "reviewer", "kind"),
        "service_words",
    ),
    Index("ix_audits_judged", "team", "at"),
    Index("ix_audits_suspect", "team", "suspect"),
    Index("ix_audits_doubted", "suspect", "at", "team", "incident_id"),
    Index("ix_audits_team", "team", "asks", "due"),
    Index(
        "ix_audits_verdict",
        *("verdict", "at", "team", "restricted", "incident_id", "reviewer", "kind"),
        "service_words",
    ),
    Index(  # for figures
        "ix_audits_due",
        *("due_month", "due", "team", "asks", "at", "verdict", "restricted", "service_words"),
    ),
    Index("ix_audits_at", "at", "team", "verdict", "suspect", "restricted"),  # for figures
)

passages = Table(  # texts to search in
    "passages",
    metadata,
    Column("incident_id", Text, ForeignKey("facts.id"), primary_key=True),
    Column("part", Text, primary_key=True),  # workflows.projection.Part
    Column("ordinal", Integer, primary_key=True),
    Column("title", Text, nullable=False),
    Column("words", Text, nullable=False),
)

dismissed = Table(  # two incidents that somebody said have nothing to do with each other
    "dismissed",
    metadata,
    Column("incident_id", Text, primary_key=True),  # of both ids the one that sorts first
    Column("other_id", Text, primary_key=True),
    Column("by", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("why", Text, nullable=False),
    Index("ix_dismissed_other_id", "other_id"),
)

synonyms = Table(  # of tags and factors, as the rules have them; all in normal words
    "synonyms",
    metadata,
    Column("said", Text, primary_key=True),
    Column("name", Text, nullable=False),
)

imported = Table(  # postmortems that were written elsewhere, as their files were
    "imported",
    metadata,
    Column("id", Text, primary_key=True),
    Column("path", Text, nullable=False, unique=True),  # below the directory that was imported
    Column("digest", Text, nullable=False),  # of its bytes
    Column("team", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("imported_at", UtcDateTime, nullable=False),
)
