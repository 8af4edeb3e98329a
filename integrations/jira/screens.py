"""What a transition's screen asks for, and what it is answered.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-transitions-get
describes each field with its schema, whether it is required, and the values that it allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from integrations.jira.site import JiraSite
from integrations.jira.statuses import Target
from integrations.jira.workflow import Way
from workflows.model import StatusCategory
from workflows.policy import same_word


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
        given = target.fill(id, name)
        if given is None:
            words = f"the transition {way.name} demands {name}: name a value for it under fill"
            found.lacking[id] = words
            continue
        try:
            found.fields[id] = _sent(site, told, given)
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


def _sent(site: JiraSite, told: Mapping[str, Any], given: str) -> Any:
    """A value as its field takes it; ValueError where it does not."""
    schema = told.get("schema") or {}
    kind, many = schema.get("type"), schema.get("type") == "array"
    allowed = told.get("allowedValues")
    if allowed:
        chosen = {"id": _option(allowed, given)}
        return [chosen] if many else chosen
    if many:
        return given.split() if schema.get("system") == "labels" else [given]
    if kind == "number":
        return float(given)
    if kind == "user":
        return site.assignee(given)
    rich = str(schema.get("custom") or "").endswith(":textarea")
    if rich or schema.get("system") in ("description", "environment"):
        return site.description(given)
    return given


def _option(allowed: Any, given: str) -> str:
    for one in allowed:
        if same_word(str(one.get("value") or one.get("name"))) == same_word(given):
            return str(one["id"])
    names = ", ".join(str(one.get("value") or one.get("name")) for one in allowed[:20])
    raise ValueError(f"{given!r} is not one of {names}")
