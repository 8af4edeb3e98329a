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
OLD = {"ix_incidents_created_at_id": "incidents", "ix_deliveries_incident_id": "deliveries"}
NEW = {
    "ix_incidents_created_at": ("incidents", ["created_at", "id", "team"]),
    "ix_incidents_outlook": ("incidents", ["outlook", "created_at", "id", "team"]),
    "ix_incidents_team": ("incidents", ["team", "outlook", "id"]),
    "ix_deliveries_incident": ("deliveries", ["incident_id", "state"]),
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
    for name, table in OLD.items():
        op.drop_index(name, table)
    for name, (table, columns) in NEW.items():
        op.create_index(name, table, columns)
