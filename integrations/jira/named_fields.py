"""Custom fields by name. Several of one site may have the same name, and each team-managed project
of Cloud has its own: https://support.atlassian.com/jira-software-cloud/docs/customize-an-issues-fields-in-team-managed-projects/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def by_name(values: Mapping[str, str], names: Mapping[str, Any]) -> dict[str, str]:
    """Values of fields by the fields' names, of those that hold something by id. Where several of
    one name hold different things, what stands there says so instead: to read one of them would
    be to guess."""
    ids: dict[str, list[str]] = {}
    for id in values:
        if id in names:
            ids.setdefault(str(names[id]), []).append(id)
    return {name: _said(name, {id: values[id] for id in same}) for name, same in ids.items()}


def _said(name: str, values: Mapping[str, str]) -> str:
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
