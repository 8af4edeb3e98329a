"""The tables. Every change here comes with a migration; a test compares the two.

Ids are never used again (`sqlite_autoincrement`): a job's id and attempt are its fence.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)

from service.store.types import MANY_IDS, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("connection", Text, nullable=False),
    Column("ticket_id", Text, nullable=False),
    Column("key", Text, nullable=False, index=True),
    Column("team", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("severity", Text),
    Column("service", Text),
    Column("phase", Text, nullable=False),
    Column("outlook", Text, nullable=False),
    Column("waiting_for", Text),
    Column("waiting_until", UtcDateTime),
    Column("url", Text, nullable=False),
    Column("state", JSON, nullable=False),  # the whole workflows.model.Incident
    Column("policy_hash", Text, nullable=False),
    Column("document_changed", Boolean, nullable=False, server_default=false()),
    Column("opened_at", UtcDateTime),
    Column("closed_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("proposes", Boolean, nullable=False, server_default=false()),  # as few do
    UniqueConstraint("connection", "ticket_id"),
    # The rows are large: each list and count is answered by an index up to the rows it shows.
    Index("ix_incidents_created_at", "created_at", "id", "team"),
    Index("ix_incidents_outlook", "outlook", "created_at", "id", "team"),
    Index("ix_incidents_team", "team", "outlook", "created_at", "id"),
    Index(
        "ix_incidents_proposes",
        *("created_at", "id", "team"),
        sqlite_where=text("proposes IS 1"),
        postgresql_where=text("proposes IS true"),
    ),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", MANY_IDS, primary_key=True),
    Column("connection", Text, nullable=False),
    Column("delivery_id", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("repeated", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("subject", Text, index=True),  # of the incident job that it led to
    Column("incident_id", Text, ForeignKey("incidents.id")),
    Column("handled_at", UtcDateTime),
    Column("repeats", Integer, nullable=False, server_default="0"),
    Column("trace", Text),  # service.traces.carried, of when it came in
    Column("kept", Text, nullable=False, server_default="whole"),  # how: service.store.bodies
    UniqueConstraint("connection", "delivery_id"),
    Index("ix_deliveries_state", "state", "connection"),
    Index("ix_deliveries_kept", "kept", "received_at"),
    Index("ix_deliveries_incident", "incident_id", "state"),
    sqlite_autoincrement=True,
)

redeliveries = Table(  # what was sent and never came, and that we asked for again
    "redeliveries",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("delivery_id", Text, primary_key=True),
    Column("event", Text, nullable=False),
    Column("handle", Text, nullable=False),
    Column("failed_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("asked_at", UtcDateTime),
    Column("words", Text, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", MANY_IDS, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("due_at", UtcDateTime, nullable=False, index=True),
    Column("priority", Integer, nullable=False),
    Column("wanted", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("lease_until", UtcDateTime),
    Column("sent_at", UtcDateTime),
    Column("failures", Integer, nullable=False),
    Column("reason", Text),
    Column("whole", Boolean, nullable=False, server_default=true()),  # else only what is marked
    Column("trace", Text),  # service.traces.carried, of who asked for it last
    UniqueConstraint("kind", "subject"),
    sqlite_autoincrement=True,
)

effects = Table(
    "effects",
    metadata,
    Column("id", MANY_IDS, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("incident_id", Text, ForeignKey("incidents.id"), index=True),
    Column("team", Text, index=True),  # where it is no incident's
    Column("kind", Text, nullable=False),
    Column("wish", JSON, nullable=False),
    Column("wish_hash", Text, nullable=False),
    Column("state", Text, nullable=False, index=True),
    Column("attempts", Integer, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("begun_at", UtcDateTime),
    Column("uncertain_since", UtcDateTime),  # since when nobody knows how the call ended
    Column("due_at", UtcDateTime),
    Column("done_at", UtcDateTime),
    Column("result", JSON(none_as_null=True)),
    Column("words", Text, nullable=False),
    Column("mend", Text, nullable=False),
    Column("dropped_by", Text, nullable=False, server_default=""),
    Column("dropped_why", Text, nullable=False, server_default=""),
    sqlite_autoincrement=True,
)

refs = Table(
    "refs",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("ticket_id", Text, primary_key=True),
    Column("incident_id", Text, ForeignKey("incidents.id"), index=True),
    Column("team", Text, index=True),  # where it is no incident's
    Column("role", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("told", Integer, nullable=False, server_default="0"),  # how often it was said to change
    Column("heard", Integer, nullable=False, server_default="0"),  # as many of them it was read for
    Column("updated", UtcDateTime),  # as it was last read, by the tracker's clock
    Column("state", JSON(none_as_null=True)),  # the workflows.tasks.TaskState that was told since
    Column("shown", UtcDateTime),  # the latest change that any webhook showed, by that clock
)

document_places = Table(
    "document_places",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("place", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("branch", Text, nullable=False),
    Column("incident_id", Text, ForeignKey("incidents.id"), nullable=False, index=True),
)

journal = Table(
    "journal",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("incident_id", Text, ForeignKey("incidents.id"), index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("data", JSON, nullable=False),
    sqlite_autoincrement=True,
)

acceptances = Table(  # of proposals, by the page or the command line
    "acceptances",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("incident_id", Text, ForeignKey("incidents.id"), nullable=False, index=True),
    Column("number", Integer, nullable=False),  # n of P-n
    Column("by", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("way", Text, nullable=False),
    sqlite_autoincrement=True,
)

choices = Table(  # where the sides of an action item do not agree, by the page or command line
    "choices",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("incident_id", Text, ForeignKey("incidents.id"), nullable=False, index=True),
    Column("item", Integer, nullable=False),  # n of AI-n
    Column("field", Text, nullable=False),
    Column("value", Text),  # that is to hold; NULL: nothing
    Column("by", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("resumes", Boolean, nullable=False),  # no value: it is only to be tried again
    sqlite_autoincrement=True,
)

occurrences = Table(  # what incidents and teams wait for in days
    "occurrences",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("incident_id", Text, ForeignKey("incidents.id"), index=True),
    Column("team", Text, index=True),  # where it is no incident's
    Column("what", Text, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("taken_at", UtcDateTime),  # None while it is planned
    Index(None, "taken_at", "due_at"),
    sqlite_autoincrement=True,
)

ledger = Table(
    "ledger",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("ticket_id", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("updated", Text, nullable=False),  # "" until a poll saw it
)

poll_marks = Table(
    "poll_marks",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("place", Text, primary_key=True),
    Column("since", UtcDateTime, nullable=False),
    Column("whole_at", UtcDateTime),  # when all of it was looked through, and not what is new
)

drifts = Table(  # what was found to differ from what was agreed, and nobody had told of
    "drifts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("incident_id", Text, ForeignKey("incidents.id"), nullable=False, index=True),
    Column("connection", Text, nullable=False),
    Column("ticket_id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("agreed", Text),
    Column("found", Text),
    Column("since", UtcDateTime),
    Column("found_at", UtcDateTime, nullable=False, index=True),
    Column("became", Text, nullable=False),  # "" until its ticket had its turn
    Column("ended_at", UtcDateTime),
    Index(None, "connection", "ticket_id"),
    sqlite_autoincrement=True,
)

closings = Table(  # milestones that are to be closed in two places at once, as last agreed
    "closings",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("place", Text, primary_key=True),
    Column("other_connection", Text, primary_key=True),
    Column("other_place", Text, primary_key=True),
    Column("name", Text, primary_key=True),  # without capitals
    Column("closed", Boolean, nullable=False),
    Column("written", JSON, nullable=False),  # when we wrote either, the last few times
    Column("words", Text, nullable=False),  # why it could not be written, "" where it could
)

sightings = Table(  # what our account made, as webhooks told
    "sightings",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("ticket_id", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("marker", Text, nullable=False, index=True),  # "" where webhooks carry none
    Column("seen_at", UtcDateTime, nullable=False, index=True),
)

spending = Table(  # calls to trackers, each until no window counts it any more
    "spending",
    metadata,
    Column("id", MANY_IDS, primary_key=True),
    Column("call", Text, nullable=False, index=True),
    Column("connection", Text, nullable=False),
    Column("budget", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("units", Integer, nullable=False),
    Column("counts_from", UtcDateTime, nullable=False),  # when it has certainly arrived
    Column("forget_at", UtcDateTime, nullable=False, index=True),
    Index(None, "connection", "budget", "subject", "counts_from"),
    sqlite_autoincrement=True,
)

pauses = Table(  # where a tracker, or a budget that is used up, wants no more for now
    "pauses",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("scope", Text, primary_key=True),  # "" for all of it
    Column("until", UtcDateTime, nullable=False),
    Column("why", Text, nullable=False),
    Column("strikes", Integer, nullable=False),  # how often in a row no time was told
    Column("wide", Boolean, nullable=False),  # all work of the account
)

circuits = Table(
    "circuits",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("failures", Integer, nullable=False),  # in a row
    Column("since", UtcDateTime),  # when the first of them was; None while all is well
    Column("probe_at", UtcDateTime),  # open: nothing is sent before, and then one call
    Column("why", Text, nullable=False),
    Column("quota_limit", Integer),
    Column("quota_left", Integer),
    Column("quota_reset", UtcDateTime),
)

versions = Table(  # what was published of postmortems; triggers refuse any change
    "versions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("incident_id", Text, ForeignKey("incidents.id"), nullable=False),
    Column("number", Integer, nullable=False),  # n of vn
    Column("commit", Text, nullable=False),  # "" where its store has none
    Column("at", UtcDateTime, nullable=False),
    Column("by", Text, nullable=False),  # "" where nobody knows
    Column("digest", Text, nullable=False),  # SHA-256 of the text
    Column("text", Text, nullable=False),
    Column("kept_at", UtcDateTime, nullable=False),
    UniqueConstraint("incident_id", "number"),
    sqlite_autoincrement=True,
)

publishings = Table(  # who asked to publish, by the page or the command line
    "publishings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("incident_id", Text, ForeignKey("incidents.id"), nullable=False, index=True),
    Column("by", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    sqlite_autoincrement=True,
)

traits = Table(  # what incidents are compared by
    "traits",
    metadata,
    Column("incident_id", Text, ForeignKey("incidents.id"), primary_key=True),
    Column("word", Text, primary_key=True),
    Column("service", Text, nullable=False),
    Index(None, "service", "word"),
)

recurrences = Table(  # pairs of incidents that have, or had, one of those in common
    "recurrences",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("earlier_id", Text, ForeignKey("incidents.id"), nullable=False),
    Column("later_id", Text, ForeignKey("incidents.id"), nullable=False, index=True),
    Column("found_at", UtcDateTime, nullable=False),
    Column("shared", JSON, nullable=False),  # nothing, where it was withdrawn
    Column("bare", Boolean, nullable=False),  # only some may read the ticket of one of them
    UniqueConstraint("earlier_id", "later_id"),
    sqlite_autoincrement=True,
)
