"""What a transition's screen asks for, and what it is answered.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-transitions-get
describes each field with its schema, whether it is required, and the values that it allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from integrations.jira.filling import as_taken, value_for
from integrations.jira.site import JiraSite
from integrations.jira.statuses import Target
from integrations.jira.workflow import Way
from workflows.model import StatusCategory


@dataclass(slots=True)
class Answers:
    """`fields` are sent with the transition; `lacking` are required ones for which there is no
    value, by id, in words that say what to do."""

    fields: dict[str, Any] = field(default_factory=dict)
    lacking: dict[str, str] = field(default_factory=dict)


def answers(site: JiraSite, target: Target, way: Way) -> Answers:
    """What is sent with a transition: a resolution where the screen takes one and a reason is
    known or it must have one, and what else it demands, as the rules fill it in. What it does
    not demand is left alone."""
    found = Answers()
    screen = way.fields.get("resolution")
    if screen is not None:
        _resolve(found, target, way, screen)
    for id, told in way.demands():
        if id == "resolution":
            continue
        name = str(told.get("name") or id)
        given = value_for(id, name, target.fill, way.fields)
        if not given:
            words = f"the transition {way.name} demands {name}: name a value for it under fill"
            found.lacking[id] = words
            continue
        try:
            found.fields[id] = as_taken(site, told, given)
        except ValueError as fault:
            found.lacking[id] = f"the transition {way.name} does not take {name}: {fault}"
    return found


def _resolve(found: Answers, target: Target, way: Way, screen: Mapping[str, Any]) -> None:
    needed = bool(screen.get("required"))
    if not needed and way.category is not StatusCategory.DONE:
        return
    names = [str(one.get("name")) for one in screen.get("allowedValues") or ()]
    chosen = target.reason(names, needed=needed)
    if chosen is not None:
        found.fields["resolution"] = {"name": chosen}
    elif needed:
        words = f"the transition {way.name} demands a resolution, and allows none"
        found.lacking["resolution"] = words
