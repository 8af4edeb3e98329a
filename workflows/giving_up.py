"""What people decided shall not come true: its place in the incident's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from workflows import notices, reminders
from workflows.effects import Hold
from workflows.model import Incident
from workflows.postmortem import document_key, task_key


def give_up(
    incident: Incident, held: Mapping[str, Hold] | None, now: datetime
) -> tuple[Incident, dict[str, Hold]]:
    """The incident with what was given up, or is wanted after all, as of `now` (UTC); and the holds
    that are left, for which something waits. Where nobody looked (None), what was given up stays
    so."""
    if held is None:
        return incident, {}
    reasons = {key: hold.why for key, hold in held.items() if hold.given_up}
    actions = tuple(
        replace(item, given_up="" if item.task else reasons.get(task_key(incident, item), ""))
        for item in incident.actions
    )
    document = "" if incident.postmortem else reasons.get(document_key(incident), "")
    left = {key: hold for key, hold in held.items() if not hold.given_up}
    incident = reminders.without(incident, reasons, now)
    told = notices.without(incident.notices, incident.id, reasons, now)
    return replace(incident, actions=actions, given_up=document, notices=told), left
