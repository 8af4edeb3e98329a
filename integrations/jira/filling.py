"""Values that the rules name for fields that must have one, as Jira takes them.

https://developer.atlassian.com/server/jira/platform/jira-rest-api-examples/#creating-an-issue-using-custom-fields
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Container, Mapping
from typing import Any

from integrations.jira.site import JiraSite, Screen
from integrations.tracker import Rejected
from workflows.named_fields import said_in
from workflows.policy import same_word


def filled(site: JiraSite, screen: Screen, given: Mapping[str, str], kind: str) -> dict[str, Any]:
    """Fields that a creation screen demands and for which a value is `given` by their name or id;
    what is not demanded is left alone. Rejected where Jira would not take a value; `kind` says
    where, for the words."""
    found: dict[str, Any] = {}
    for id, name in screen.demands().items():
        value = value_for(id, name, given, screen.fields)
        if not value:
            continue
        try:
            found[id] = as_taken(site, screen.fields[id], value)
        except ValueError as fault:
            words = f"{kind} does not take {name}: {fault}"
            raise Rejected(words, mend=f"Name another value for {name} under fill.") from fault
    return found


def value_for(id: str, name: str, given: Mapping[str, str], ids: Container[str]) -> str:
    """What is given for a field, "" for nothing. What is given by one of the screen's `ids` is for
    that field alone, whatever another one is called."""
    if id in given:
        return given[id]
    return said_in({key: value for key, value in given.items() if key not in ids}, name)


def mend_of(refused: Any, sent: Collection[str], kind: str) -> str:
    """What to do about a creation that Jira refused, by its words for each field: fields that were
    not `sent` must have a value. "" where it is none of these; `kind` says where, for the words."""
    missing = sorted(set(refused) - set(sent)) if isinstance(refused, Mapping) else []
    if not missing:
        return ""
    return f"Name a value for {', '.join(missing)} under fill, or make it optional for {kind}."


def as_taken(site: JiraSite, told: Mapping[str, Any], given: str) -> Any:
    """A value as its field takes it; ValueError where it does not."""
    schema = told.get("schema") or {}
    many = schema.get("type") == "array"
    kind = str(schema.get("items" if many else "type"))
    allowed = told.get("allowedValues")
    if allowed:
        chosen = {"id": _option(allowed, given)}
        return [chosen] if many else chosen
    custom = str(schema.get("custom") or "")
    if many and (schema.get("system") == "labels" or custom.endswith(":labels")):
        return given.split()
    if kind in _BY_REFERENCE:
        one = _BY_REFERENCE[kind](site, given)
        return [one] if many else one
    if many:
        return [given]
    if kind == "number":
        return _finite(given)
    if custom.endswith(":textarea") or schema.get("system") in ("description", "environment"):
        return site.description(given)
    return given


def _finite(given: str) -> float:
    """JSON has no other numbers: https://www.rfc-editor.org/rfc/rfc8259#section-6"""
    if not math.isfinite(number := float(given)):
        raise ValueError(given)
    return number


#: Types whose values are objects that name something else. A parent is of type ``issuelink``.
_BY_REFERENCE: Mapping[str, Callable[[JiraSite, str], Mapping[str, str]]] = {
    "user": lambda site, given: site.assignee(given),
    "group": lambda _, given: {"name": given},
    "issuelink": lambda _, given: {"key": given},
}


def _option(allowed: Any, given: str) -> str:
    for one in allowed:
        if same_word(str(one.get("value") or one.get("name"))) == same_word(given):
            if one.get("id") is None:
                raise ValueError(f"{given!r} has no id there")
            return str(one["id"])
    names = ", ".join(str(one.get("value") or one.get("name")) for one in allowed[:20])
    raise ValueError(f"{given!r} is not one of {names}")
