"""Fields by name. Several custom ones of one site may have the same name, and each team-managed
project of Cloud has its own:
https://support.atlassian.com/jira-software-cloud/docs/customize-an-issues-fields-in-team-managed-projects/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from workflows.policy import same_word

#: What all ids of custom fields begin with; the others are Jira's own.
_CUSTOM = "customfield_"


def by_name(values: Mapping[str, str], names: Mapping[str, Any]) -> dict[str, str]:
    """Values of fields by the fields' names, of those that hold something by id. Where several of
    one name hold different things, what stands there says so instead: to read one of them would
    be to guess. So it does where one of them is Jira's own, and one holds nothing: an empty
    *Resolution* of people's own is not the one that Jira sets."""
    alike: dict[str, dict[str, str]] = {}
    for id, name in names.items():
        alike.setdefault(same_word(str(name)), {})[id] = values.get(id, "")
    found: dict[str, str] = {}
    for id in values:
        if id in names:
            name = str(names[id])
            found[name] = _said(name, alike[same_word(name)])
    return found


def _said(name: str, values: Mapping[str, str]) -> str:
    if len({id.startswith(_CUSTOM) for id in values}) == 1:
        values = {id: value for id, value in values.items() if value}
    if len(set(values.values())) == 1:
        return next(iter(values.values()))
    return f"{' and '.join(sorted(values))} are both called {name}"


def seen_in(project: Mapping[str, Any], fields: Iterable[Mapping[str, Any]]) -> list[Any]:
    """The custom fields among these that issues of the project may have: those of a team-managed
    project are no other project's.
    https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-fields/#api-rest-api-3-field-get
    """
    return [field for field in fields if field.get("custom") and _is_seen(project, field)]


def _is_seen(project: Mapping[str, Any], field: Mapping[str, Any]) -> bool:
    scope = field.get("scope") or {}
    if scope.get("type") != "PROJECT":
        return True
    return str((scope.get("project") or {}).get("id")) == str(project.get("id"))
