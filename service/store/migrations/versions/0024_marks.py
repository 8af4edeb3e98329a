"""What pages list and count is found by indexes, and not in the states of all incidents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from service.store.types import UtcDateTime

revision = "0024"
down_revision = "0023"

#: As they were looked for in the states until now (`service.store.incidents`).
APART = ('"conflicts":[{', '"stuck":{"', '"resting":{"')
PROPOSALS = '"proposals":[{'
#: What each database computes, in its own words; `opened` is a moment, `due` a date.
MONTHS = {
    ("facts", "opened_month"): {
        "sqlite": "substr(opened, 1, 7)",
        "postgresql": "(lpad(extract(year FROM (opened AT TIME ZONE 'UTC'))::int::text, 4, '0')"
        " || '-' || lpad(extract(month FROM (opened AT TIME ZONE 'UTC'))::int::text, 2, '0'))",
    },
    ("audits", "due_month"): {
        "sqlite": "substr(due, 1, 7)",
        "postgresql": "(lpad(extract(year FROM due)::int::text, 4, '0') || '-' ||"
        " lpad(extract(month FROM due)::int::text, 2, '0'))",
    },
}
OLD = {
    "ix_incidents_created_at_id": "incidents",
    "ix_deliveries_incident_id": "deliveries",
    "ix_facts_opened": "facts",
    "ix_measures_open": "measures",
    "ix_audits_asks": "audits",
    "ix_measures_service": "measures",
    "ix_audits_verdict": "audits",
    "ix_audits_due": "audits",
    "ix_labels_opened": "labels",
    "ix_labels_quarter": "labels",
}
NEW: dict[str, tuple[str, list[str]]] = {
    "ix_incidents_created_at": ("incidents", ["created_at", "id", "team"]),
    "ix_incidents_outlook": ("incidents", ["outlook", "created_at", "id", "team"]),
    "ix_incidents_team": ("incidents", ["team", "outlook", "created_at", "id"]),
    "ix_deliveries_incident": ("deliveries", ["incident_id", "state"]),
    "ix_facts_opened": (
        "facts",
        [
            *("opened_month", "opened", "team", "service_words", "service", "severity_words"),
            *("severity", "restricted", "recurrence_of", "to_detect", "to_acknowledge"),
            *("to_mitigate", "to_resolve"),
        ],
    ),
    "ix_facts_review": ("facts", ["document", "review_due", "id"]),
    "ix_measures_open": (
        "measures",
        ["open", "due", "incident_id", "item", "team", "kind", "service_words", "owner"],
    ),
    "ix_measures_done_at": ("measures", ["done_at", "team"]),
    "ix_measures_waived_until": ("measures", ["waived_until", "team"]),
    "ix_measures_proven": ("measures", ["proven", "done_at", "incident_id", "team"]),
    "ix_audits_asks": (
        "audits",
        [
            *("asks", "due", "opens", "team", "restricted", "incident_id", "reviewer", "kind"),
            "service_words",
        ],
    ),
    "ix_measures_service": ("measures", ["service_words", "open", "due"]),
    "ix_audits_doubted": ("audits", ["suspect", "at", "team", "incident_id"]),
    "ix_audits_verdict": (
        "audits",
        [
            *("verdict", "at", "team", "restricted", "incident_id", "reviewer", "kind"),
            "service_words",
        ],
    ),
    "ix_audits_due": (
        "audits",
        ["due_month", "due", "team", "asks", "at", "verdict", "restricted", "service_words"],
    ),
    "ix_labels_quarter": (
        "labels",
        [
            *("what", "quarter", "name", "team", "service_words", "restricted", "opened"),
            *("measures", "open", "effective", "partly", "not_effective", "suspect"),
            *("unproven", "answered"),
        ],
    ),
}


OF_THEIR_MEASURE = (
    "UPDATE audits SET (kind, service_words) = (SELECT kind, service_words FROM measures"
    " WHERE measures.incident_id = audits.incident_id AND measures.item = audits.item)"
    " WHERE EXISTS (SELECT 1 FROM measures"
    " WHERE measures.incident_id = audits.incident_id AND measures.item = audits.item)"
)
incidents = sa.table(  # of which the state is JSON, and looked through as the text it is
    "incidents",
    sa.column("id", sa.Text),
    sa.column("state", sa.JSON),
    sa.column("proposes", sa.Boolean),
)

STATE = sa.cast(incidents.c.state, sa.Text)


def upgrade() -> None:
    dialect = op.get_context().dialect.name
    for (table, name), made_of in MONTHS.items():
        computed = sa.Computed(made_of[dialect], persisted=dialect == "postgresql")
        op.add_column(table, sa.Column(name, sa.Text(), computed))
    for name in ("kind", "service_words"):
        text = sa.Column(name, sa.Text(), nullable=False, server_default="")
        op.add_column("audits", text)
    op.execute(OF_THEIR_MEASURE)
    for name, table in OLD.items():
        op.drop_index(name, table)
    for name, (table, columns) in NEW.items():
        op.create_index(name, table, columns)
    _mark_proposals()
    _write_apart()


def _mark_proposals() -> None:
    op.add_column(
        "incidents",
        sa.Column("proposes", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    found = STATE.contains(PROPOSALS, autoescape=True)
    op.execute(incidents.update().where(found).values(proposes=True))
    op.create_index(
        "ix_incidents_proposes",
        "incidents",
        ["created_at", "id", "team"],
        sqlite_where=sa.text("proposes IS 1"),
        postgresql_where=sa.text("proposes IS true"),
    )


def _write_apart() -> None:
    apart = op.create_table(
        "apart",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until", UtcDateTime()),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_apart_incident_id_incidents")
        ),
        sa.PrimaryKeyConstraint("incident_id", "item", "field", name=op.f("pk_apart")),
    )
    held = sa.or_(*(STATE.contains(each, autoescape=True) for each in APART))
    query = sa.select(incidents.c.id, STATE).where(held)
    for id, state in op.get_bind().execute(query).all():
        rows = [{"incident_id": id, **row} for row in _waiting(json.loads(state))]
        if rows:
            op.bulk_insert(apart, rows)


def _waiting(state: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """As `workflows.apart.waiting`, of an incident as it was kept when this was written."""
    for item in state.get("actions", ()):
        sides = list(item.get("sides", {}).values())
        torn = {each["field"] for each in item.get("conflicts", ())}
        torn |= {field for side in sides for field in side.get("stuck", {})}
        rests: dict[str, datetime] = {}
        for field, at in (one for side in sides for one in side.get("resting", {}).items()):
            until = datetime.fromisoformat(at)
            rests[field] = max(until, rests.get(field, until))
        for field in torn | set(rests):
            until_or_never = None if field in torn else rests[field]
            here = {"item": item["number"], "field": field, "owner": item.get("owner") or ""}
            yield {**here, "until": until_or_never}
