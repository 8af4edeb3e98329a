"""How a Jira site shows what it holds: the JSON of its REST answers and webhooks.

Shapes: https://developer.atlassian.com/cloud/jira/platform/rest/v3/intro/ (OpenAPI) and, for Data
Center, https://developer.atlassian.com/server/jira/platform/rest/
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from integrations.sandbox import adf
from integrations.sandbox.jira_fields import Field, choices
from integrations.sandbox.jira_site import (
    LINK_TYPES,
    Comment,
    Issue,
    JiraSite,
    Link,
    Project,
    Version,
)
from integrations.sandbox.world import Object

CATEGORIES = {
    "new": (2, "blue-gray", "To Do"),
    "indeterminate": (4, "yellow", "In Progress"),
    "done": (3, "green", "Done"),
}


def stamp(at: datetime) -> str:
    """Jira's way to write a time: "2026-11-23T12:00:00.000+0000"."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0000"


def user(site: JiraSite, account_id: Any, own: bool = False) -> Object | None:
    """Somebody. On Cloud the e-mail is hidden unless they show it (or it is themselves)."""
    if account_id is None:
        return None
    who = site.users[account_id]
    shown: Object = {"displayName": who.name, "active": who.active, "timeZone": "Etc/UTC"}
    shown["avatarUrls"] = {"48x48": f"{site.url}/avatar/{account_id}"}
    if site.cloud:
        shown |= {"self": f"{site.api}/user?accountId={account_id}", "accountId": account_id}
        shown["accountType"] = "atlassian"
        return shown | ({"emailAddress": who.email} if own or who.shows_email else {})
    shown |= {"self": f"{site.api}/user?username={account_id}", "name": account_id}
    return shown | {"key": f"JIRAUSER{account_id}", "emailAddress": who.email}


def status(site: JiraSite, project: Project, name: str) -> Object:
    key = project.statuses[name]
    number, color, shown = CATEGORIES[key]
    identifier = site.status_ids[name]
    return {
        "self": f"{site.api}/status/{identifier}",
        "id": identifier,
        "name": name,
        "description": "",
        "iconUrl": f"{site.url}/images/icons/status.png",
        "statusCategory": {
            "self": f"{site.api}/statuscategory/{number}",
            "id": number,
            "key": key,
            "colorName": color,
            "name": shown,
        },
    }


def issue_type(site: JiraSite, name: str) -> Object:
    identifier = site.types[name]
    return {
        "self": f"{site.api}/issuetype/{identifier}",
        "id": identifier,
        "name": name,
        "description": "",
        "iconUrl": f"{site.url}/images/icons/type.png",
        "subtask": name.lower() in ("sub-task", "subtask"),
    }


def project(site: JiraSite, shown: Project) -> Object:
    return {
        "self": f"{site.api}/project/{shown.id}",
        "id": shown.id,
        "key": shown.key,
        "name": shown.name,
        "projectTypeKey": shown.kind,
        "avatarUrls": {"48x48": f"{site.url}/avatar/{shown.key}"},
    }


def version(site: JiraSite, owner: Project, shown: Version) -> Object:
    return {
        "self": f"{site.api}/version/{shown.id}",
        "id": shown.id,
        "name": shown.name,
        "archived": shown.archived,
        "released": shown.released,
        "projectId": int(owner.id),
    }


def comment(site: JiraSite, issue: Issue, shown: Comment, expand: str = "") -> Object:
    view: Object = {
        "self": f"{site.api}/issue/{issue.id}/comment/{shown.id}",
        "id": shown.id,
        "author": user(site, shown.author),
        "updateAuthor": user(site, shown.editor or shown.author),
        "body": shown.body,
        "created": stamp(shown.created),
        "updated": stamp(shown.updated),
    }
    if site.cloud:
        # A service desk's internal comment: https://jira.atlassian.com/browse/JSDCLOUD-4632
        internal = shown.properties.get("sd.public.comment")
        view["jsdPublic"] = not (isinstance(internal, dict) and internal.get("internal"))
    if shown.visibility:
        view["visibility"] = shown.visibility
    if "properties" in expand:
        view["properties"] = [{"key": k, "value": v} for k, v in shown.properties.items()]
    return view


def link_type(site: JiraSite, name: str) -> Object:
    inward, outward = LINK_TYPES[name]
    identifier = str(10000 + list(LINK_TYPES).index(name))
    url = f"{site.api}/issueLinkType/{identifier}"
    return {"id": identifier, "name": name, "inward": inward, "outward": outward, "self": url}


def link(site: JiraSite, seen_from: Issue, shown: Link) -> Object:
    outward = shown.inward == seen_from.id
    other = site.issues[shown.outward if outward else shown.inward]
    return {
        "id": shown.id,
        "self": f"{site.api}/issueLink/{shown.id}",
        "type": link_type(site, shown.type),
        "outwardIssue" if outward else "inwardIssue": _brief(site, other),
    }


def _brief(site: JiraSite, other: Issue) -> Object:
    return {
        "id": other.id,
        "key": other.key,
        "self": f"{site.api}/issue/{other.id}",
        "fields": {
            "summary": other.values.get("summary"),
            "status": status(site, other.project, other.status),
            "priority": _named(site, other.project, "priority", other.values.get("priority")),
            "issuetype": issue_type(site, other.type),
        },
    }


def _named(site: JiraSite, owner: Project, field_id: str, name: Any) -> Object | None:
    known = choices(site, owner, site.fields[field_id])
    return next(
        ({**c, "self": f"{site.api}/{field_id}/{c['id']}"} for c in known if c["name"] == name),
        None,
    )


def value(site: JiraSite, issue: Issue, field: Field, kept: Any) -> Any:
    """One stored value as REST shows it."""
    if field.kind == "user":
        return user(site, kept)
    if field.kind == "versions":
        wanted = kept or []
        return [version(site, issue.project, v) for v in issue.project.versions if v.id in wanted]
    if field.kind in ("priority", "securitylevel"):
        return _named(site, issue.project, field.id, kept)
    if field.kind == "components":
        return [_named(site, issue.project, field.id, name) for name in kept or []]
    if field.kind == "issuelink":
        return _brief(site, site.issues[kept]) if kept in site.issues else None
    if field.kind in ("labels", "options"):
        return kept or []
    if field.kind == "request" and kept:
        return {"requestType": {"id": kept["id"], "name": kept["value"]}}
    return kept


def fields(site: JiraSite, issue: Issue) -> Object:
    """Every field of an issue."""
    resolution = _named(site, issue.project, "resolution", issue.resolution)
    shown: Object = {
        field.id: value(site, issue, field, issue.values.get(field.id))
        for field in site.fields.values()
        if field.project in ("", issue.project.key)
    }
    if shown["parent"] is None:
        del shown["parent"]
    children = [i for i in site.issues.values() if i.values.get("parent") == issue.id]
    listed = [comment(site, issue, c) for c in issue.comments[-site.embedded_limit :]]
    return shown | {
        "issuetype": issue_type(site, issue.type),
        "project": project(site, issue.project),
        "status": status(site, issue.project, issue.status),
        "resolution": resolution,
        "resolutiondate": stamp(issue.resolved) if issue.resolved else None,
        "created": stamp(issue.created),
        "updated": stamp(issue.updated),
        "creator": user(site, issue.creator),
        "issuelinks": [link(site, issue, kept) for kept in site.links_of(issue)],
        "subtasks": [_brief(site, child) for child in children],
        "comment": {
            "comments": listed,
            "self": f"{site.api}/issue/{issue.id}/comment",
            "maxResults": len(listed),
            "total": len(issue.comments),
            "startAt": 0,
        },
    }


def issue(
    site: JiraSite,
    shown: Issue,
    wanted: str = "*all",
    expand: str = "",
    properties: str = "",
) -> Object:
    """An issue with the `wanted` fields ("a,b", "*all", "*navigable", "-a"), as GET gives it."""
    view: Object = {
        "expand": "names,schema,changelog",
        "id": shown.id,
        "self": f"{site.api}/issue/{shown.id}",
        "key": shown.key,
    }
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    everything = fields(site, shown)
    whole = {"*all", "*navigable"} & set(names) or all(name.startswith("-") for name in names)
    view["fields"] = {
        id: kept
        for id, kept in everything.items()
        if (whole or id in names)
        and id not in shown.project.hidden
        and f"-{id}" not in names
        and not (id == "comment" and "*navigable" in names)
    }
    if "names" in expand:
        view["names"] = {id: site.fields[id].name for id in view["fields"]}
    if "changelog" in expand:
        # The newest come first, and Cloud embeds a bounded number of them only.
        kept = list(reversed(shown.history))[: site.embedded_limit if site.cloud else None]
        view["changelog"] = {
            "startAt": 0,
            "maxResults": len(kept),
            "total": len(shown.history),
            "histories": [history(site, entry) for entry in kept],
        }
    if properties:
        asked = properties.split(",")
        every = "*all" in asked
        view["properties"] = {k: v for k, v in shown.properties.items() if every or k in asked}
    return view


def history(site: JiraSite, entry: Object) -> Object:
    return {**entry, "author": user(site, entry["author"])}


def hook_issue(site: JiraSite, shown: Issue) -> Object:
    """An issue as webhooks carry it: the v2 form, in which rich text is plain."""
    view = issue(site, shown)
    for field in site.fields.values():
        if field.kind == "text" and view["fields"].get(field.id) is not None:
            view["fields"][field.id] = adf.plain(view["fields"][field.id]).strip()
    del view["fields"]["comment"]
    return {"id": view["id"], "self": view["self"], "key": view["key"], "fields": view["fields"]}
