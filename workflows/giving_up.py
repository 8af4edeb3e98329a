"""What people decided shall not come true: its place in the incident's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from workflows.effects import Hold
from workflows.model import Incident
from workflows.postmortem import document_key, task_key


def give_up(
    incident: Incident, held: Mapping[str, Hold] | None
) -> tuple[Incident, dict[str, Hold]]:
    """The incident with what was given up, or is wanted after all; and the holds that are left,
    for which something waits. Where nobody looked (None), what was given up stays so."""
    if held is None:
        return incident, {}
    reasons = {key: hold.why for key, hold in held.items() if hold.given_up}
    actions = tuple(
        replace(item, given_up="" if item.task else reasons.get(task_key(incident, item), ""))
        for item in incident.actions
    )
    document = "" if incident.postmortem else reasons.get(document_key(incident), "")
    left = {key: hold for key, hold in held.items() if not hold.given_up}
    return replace(incident, actions=actions, given_up=document), left
