"""Evidence that is attached to an incident is taken in by the incident's own turn, once, and stands
in the timeline from then on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from workflows.attached import Attached
from workflows.model import Incident


def hear(incident: Incident, attached: Iterable[Attached]) -> Incident:
    """The incident with the evidence that it did not know yet."""
    known = {one.id for one in incident.attached}
    new = tuple(one for one in attached if one.id not in known)
    return replace(incident, attached=incident.attached + new) if new else incident
