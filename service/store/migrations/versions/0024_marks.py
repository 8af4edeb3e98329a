"""What pages list and count is found by indexes, and not in the states of all incidents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

#: As they were looked for in the states until now (`service.store.incidents`).
MARKS = {
    "apart": ('"conflicts":[{', '"stuck":{"', '"resting":{"'),
    "proposes": ('"proposals":[{',),
}
MONTHS = {
    ("facts", "opened_month"): "substr(opened, 1, 7)",
    ("audits", "due_month"): "substr(due, 1, 7)",
}
OLD = {
    "ix_incidents_created_at_id": "incidents",
    "ix_deliveries_incident_id": "deliveries",
    "ix_facts_opened": "facts",
    "ix_measures_open": "measures",
    "ix_audits_asks": "audits",
    "ix_audits_suspect": "audits",
    "ix_audits_verdict": "audits",
    "ix_audits_due": "audits",
}
NEW: dict[str, tuple[str, list[str]]] = {
    "ix_incidents_created_at": ("incidents", ["created_at", "id", "team"]),
    "ix_incidents_outlook": ("incidents", ["outlook", "created_at", "id", "team"]),
    "ix_incidents_team": ("incidents", ["team", "outlook", "id"]),
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
        ["asks", "due", "opens", "team", "restricted", "incident_id"],
    ),
    "ix_audits_suspect": ("audits", ["suspect", "team", "incident_id"]),
    "ix_audits_verdict": ("audits", ["verdict", "at", "team", "restricted", "incident_id"]),
    "ix_audits_due": (
        "audits",
        ["due_month", "due", "team", "asks", "at", "verdict", "restricted"],
    ),
}


def upgrade() -> None:
    for name, held in MARKS.items():
        op.add_column(
            "incidents", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
        )
        incidents = sa.table("incidents", sa.column("state", sa.Text), sa.column(name, sa.Boolean))
        found = sa.or_(*(incidents.c.state.contains(each, autoescape=True) for each in held))
        op.execute(incidents.update().where(found).values({name: True}))
        op.create_index(
            f"ix_incidents_{name}",
            "incidents",
            ["created_at", "id", "team"],
            sqlite_where=sa.text(f"{name} IS 1"),
        )
    for (table, name), made_of in MONTHS.items():
        computed = sa.Computed(made_of, persisted=False)
        op.add_column(table, sa.Column(name, sa.Text(), computed))
    for name, table in OLD.items():
        op.drop_index(name, table)
    for name, (table, columns) in NEW.items():
        op.create_index(name, table, columns)
