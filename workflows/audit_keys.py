"""How an audit is named in the keys of effects: by its incident, item, round and rung."""

from __future__ import annotations

from workflows.model import Incident
from workflows.rungs import Audit

#: What keys of effects about an audit begin with: it is opened, linked, told or closed.
_ABOUT = ("audit:", "audited:", "note:", "close:")


def audit_key(incident: Incident, audit: Audit) -> str:
    """The key of the one effect that opens this audit."""
    return f"audit:{incident.id}:{audit.item}:{audit.round}:{audit.rung}"


def is_audit(key: str) -> bool:
    """Whether an effect of this key opens an audit."""
    return key.startswith("audit:")


def place_in(key: str) -> tuple[int, int, int]:
    """Item, round and rung of the audit that an effect's key names: ``audit:ID:2:1:3``, and the
    same with more behind it (``note:ID:2:1:3:overdue``)."""
    item, round, rung = key.split(":")[2:5]
    return int(item), int(round), int(rung)


def is_of_audit(key: str) -> bool:
    """Whether an effect of this key is about an audit at all."""
    return key.startswith(_ABOUT)
