"""Jira's fields: how a value sent by REST is checked, stored, shown and said in a changelog.

Stored forms: people are account ids, versions ids, components, priorities and security levels
names; options {"value": …}; everything else is kept as it was sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from integrations.sandbox import adf

if TYPE_CHECKING:
    from integrations.sandbox.jira_site import JiraSite, Project

# https://jira.atlassian.com/browse/JRACLOUD-68949. Which form of a document is counted is not
# documented; here it is its text.
LONGEST_TEXT = 32_767
TOO_LONG = "The entered text is too long. It exceeds the allowed limit of 32,767 characters."
RESOLUTIONS = ("Done", "Won't Do", "Duplicate", "Cannot Reproduce")
PRIORITIES = ("Highest", "High", "Medium", "Low", "Lowest")
SECURITY_LEVELS = ("Staff only", "Security team")
CUSTOM_KINDS = (
    *("string", "text", "number", "date", "datetime", "option", "options", "user"),
    "request",
)

# https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-fields/#api-rest-api-3-field-post
_CUSTOM = "com.atlassian.jira.plugin.system.customfieldtypes:"
#: https://confluence.atlassian.com/jirakb/how-to-find-the-request-type-using-rest-api-1044803833.html
REQUEST_TYPE = "com.atlassian.servicedesk:vp-origin"
_TYPES = {
    "string": "textfield",
    "text": "textarea",
    "number": "float",
    "date": "datepicker",
    "option": "select",
    "options": "multiselect",
    "user": "userpicker",
}


@dataclass(frozen=True, slots=True)
class Field:
    id: str
    name: str
    kind: str
    options: tuple[str, ...] = ()
    project: str = ""  # the only one that has it: it is team-managed

    def schema(self) -> dict[str, Any]:
        """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-fields/"""
        arrays = {"labels": "string", "options": "option", "versions": "version"}
        arrays |= {"components": "component", "issuelinks": "issuelinks"}
        shown: dict[str, Any] = {"type": "array" if self.kind in arrays else self.kind}
        if self.kind == "text":
            shown["type"] = "string"
        if self.kind in arrays:
            shown["items"] = arrays[self.kind]
        if self.id.startswith("customfield_"):
            shown["customId"] = int(self.id.removeprefix("customfield_"))
            shown["custom"] = _CUSTOM + _TYPES.get(self.kind, self.kind)
            if self.kind == "request":
                shown |= {"type": "sd-customerrequesttype", "custom": REQUEST_TYPE}
        else:
            shown["system"] = self.id
        return shown


SYSTEM_FIELDS = {
    id: Field(id, name, kind)
    for id, name, kind in (
        ("summary", "Summary", "string"),
        ("issuetype", "Issue Type", "issuetype"),
        ("project", "Project", "project"),
        ("description", "Description", "text"),
        ("labels", "Labels", "labels"),
        ("assignee", "Assignee", "user"),
        ("reporter", "Reporter", "user"),
        ("priority", "Priority", "priority"),
        ("duedate", "Due date", "date"),
        ("fixVersions", "Fix versions", "versions"),
        ("components", "Components", "components"),
        ("issuelinks", "Linked Issues", "issuelinks"),
        ("parent", "Parent", "issuelink"),
        ("security", "Security Level", "securitylevel"),
        ("status", "Status", "status"),
        ("resolution", "Resolution", "resolution"),
        ("resolutiondate", "Resolved", "datetime"),
        ("created", "Created", "datetime"),
        ("updated", "Updated", "datetime"),
        ("creator", "Creator", "user"),
        ("subtasks", "Sub-tasks", "subtasks"),
        ("comment", "Comment", "comments-page"),
    )
}


def stored(site: JiraSite, project: Project, field: Field, value: Any) -> Any:
    """The stored form of a value sent by REST; ValueError in Jira's words when it is not valid."""
    if value is None:
        return [] if field.kind in ("labels", "options", "versions", "components") else None
    if field.kind in ("string", "text"):
        return _text(site, field, value)
    if field.kind == "labels":
        if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
            raise ValueError("data was not an array of strings")
        if spaced := [label for label in value if " " in label]:
            raise ValueError(f"The label '{spaced[0]}' contains spaces which is invalid.")
        return list(dict.fromkeys(value))
    if field.kind in ("date", "datetime"):
        return _time(field, value)
    if field.kind == "number":
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("Operation value must be a number")
        return value
    if field.kind == "user":
        return _person(site, project, field, value)
    if field.kind in ("versions", "options", "components"):
        if not isinstance(value, list):
            raise ValueError("data was not an array")
        return [_choice(site, project, field, item) for item in value]
    return _choice(site, project, field, value)


def _text(site: JiraSite, field: Field, value: Any) -> Any:
    if field.kind == "text" and site.cloud:
        if isinstance(value, str) or (fault := adf.fault_in(value)) is not None:
            told = "" if isinstance(value, str) else f" ({fault})"
            raise ValueError(
                "Operation value must be an Atlassian Document (see the Atlassian Document"
                f" Format){told}"
            )
    elif not isinstance(value, str):
        raise ValueError("Operation value must be a string")
    if field.id == "summary" and (not value.strip() or "\n" in value or len(value) > 255):
        raise ValueError(
            "You must specify a summary of the issue."
            if not value.strip()
            else "The summary is invalid because it contains newline characters."
            if "\n" in value
            else "Summary can't exceed 255 characters."
        )
    if len(adf.plain(value)) > LONGEST_TEXT:
        raise ValueError(TOO_LONG)
    return value


def _time(field: Field, value: Any) -> str:
    try:
        date.fromisoformat(value) if field.kind == "date" else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        shape = "yyyy-MM-dd" if field.kind == "date" else "yyyy-MM-dd'T'HH:mm:ss.SSSZ"
        raise ValueError(f"Operation value must be a date in the format '{shape}'") from None
    return str(value)


def _person(site: JiraSite, project: Project, field: Field, value: Any) -> str | None:
    # Cloud knows people by accountId only, Data Center by name:
    # https://developer.atlassian.com/cloud/jira/platform/deprecation-notice-user-privacy-api-migration-guide/
    named = "accountId" if site.cloud else "name"
    who = (
        value.get(named, value.get("id") if site.cloud else None) if isinstance(value, dict) else 0
    )
    if who is None and isinstance(value, dict) and named in value:
        return None
    if not isinstance(who, str) or who not in site.users:
        raise ValueError(f"{named} must be specified for an existing user: {value!r}")
    if field.id == "assignee" and who not in project.assignable:
        raise ValueError(f"User '{who}' cannot be assigned issues.")
    return who


def choices(site: JiraSite, project: Project, field: Field) -> list[dict[str, Any]]:
    """The allowed values, each with its id and name (or value, for options)."""
    if field.kind == "versions":
        return [{"id": version.id, "name": version.name} for version in project.versions]
    if field.kind == "issuetype":
        return [{"id": site.types[name], "name": name} for name in project.types]
    if field.kind in ("option", "options", "request"):
        number = field.id.removeprefix("customfield_")
        return [{"id": f"{number}{n}", "value": v} for n, v in enumerate(field.options)]
    names = {
        "priority": PRIORITIES,
        "resolution": RESOLUTIONS,
        "securitylevel": SECURITY_LEVELS,
        "components": project.components,
    }.get(field.kind, ())
    return [{"id": str(10000 + n), "name": name} for n, name in enumerate(names)]


def _choice(site: JiraSite, project: Project, field: Field, value: Any) -> Any:
    if field.kind == "issuelink":
        key = value.get("id") or value.get("key") if isinstance(value, dict) else None
        found = next((i for i in site.issues.values() if key in (i.id, i.key)), None)
        if found is None:
            raise ValueError("Could not find issue by id or key.")
        return found.id
    if not isinstance(value, dict):
        raise ValueError(f"Specify a valid 'id' or 'name' for {field.name}")  # noqa: TRY004
    for choice in choices(site, project, field):
        if any(name in value and str(value[name]) == str(choice[name]) for name in choice):
            if field.kind == "versions":
                return choice["id"]
            return choice if "value" in choice else choice["name"]
    said = value.get("name") or value.get("value") or value.get("id")
    raise ValueError(f"{field.name} name '{said}' is not valid")


def said(
    site: JiraSite, project: Project, field: Field, value: Any
) -> tuple[str | None, str | None]:
    """A stored value as a changelog has it: its id, where it has one, and its words."""
    if value in (None, "", []):
        return None, None
    if field.kind == "user":
        return value, site.users[value].name
    if field.kind == "versions":
        return value, next((v.name for v in project.versions if v.id == value), None)
    if field.kind == "issuelink":
        return value, site.issues[value].key
    if field.kind == "status":
        return site.status_ids[value], value
    if field.kind in ("labels", "text", "string"):
        return None, " ".join(value) if field.kind == "labels" else adf.plain(value).strip()
    if isinstance(value, list):  # of options
        return None, ", ".join(str(one["value"]) for one in value)
    if isinstance(value, dict):
        return str(value["id"]), str(value["value"])
    for choice in choices(site, project, field):
        if choice.get("name") == value:
            return choice["id"], value
    return None, str(value)


def changes(site: JiraSite, project: Project, id: str, old: Any, new: Any) -> list[dict[str, Any]]:
    """The changelog items of one field: one for the field, or one for each version or component
    that came or went. Data Center's carry no fieldId."""
    field = site.fields[id]
    if field.kind in ("versions", "components"):
        pairs = [(one, None) for one in old or [] if one not in (new or [])]
        pairs += [(None, one) for one in new or [] if one not in (old or [])]
    else:
        pairs = [(old, new)] if old != new and (old or new) else []
    custom = id.startswith("customfield_")
    shown = {"fixVersions": "Fix Version", "components": "Component"}.get(id, id)
    items = []
    for before, after in pairs:
        item = {
            "field": field.name if custom else shown,
            "fieldtype": "custom" if custom else "jira",
        }
        item |= {"fieldId": id} if site.cloud else {}
        was, now = (said(site, project, field, value) for value in (before, after))
        items.append(
            {**item, "from": was[0], "fromString": was[1], "to": now[0], "toString": now[1]}
        )
    return items
