"""Who may write in a project: whose words may cause effects.

In Jira that is whoever has one of the project's roles; permissions alone do not tell, because
many projects let everybody who is signed in, or everybody, comment. The routes:
https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-project-roles/ and
https://developer.atlassian.com/server/jira/platform/rest/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from integrations.jira.client import JiraClient
from integrations.jira.reading import Writers, person
from integrations.tracker import NotThere, SignInFailed

#: Roles of people who look on or ask for help, and of apps, which repeat what others say:
#: "Viewer" of team-managed projects, "Service Desk Customers" of service projects,
#: https://support.atlassian.com/jira-work-management/docs/manage-how-people-access-your-team-managed-project
#: https://confluence.atlassian.com/display/SERVICEDESK020/Users%2C+groups+and+project+roles
#: https://support.atlassian.com/jira/kb/the-atlassian-addons-project-access-project-role-in-jira-cloud/
_NOT_WRITERS = re.compile(r"\b(viewers?|customers?)\b|^atlassian-addons-project-access$", re.I)

#: Groups that are larger are not read: fifty people a call, it would take too long.
MOST_MEMBERS = 2000


def read_writers(client: JiraClient, project: str, wanted: frozenset[str]) -> Writers:
    """Those who have one of the `wanted` roles in the project; none named: any role but those of
    onlookers. Raises what reading raises, except that we are not allowed to look."""
    try:
        listed = client.get(f"/project/{project}/role")
        counted = {name: _number(url) for name, url in listed.items() if _counts(name, wanted)}
        actors = [actor for id in counted.values() for actor in _actors(client, project, id)]
    except (NotThere, SignInFailed) as error:  # Cloud answers 404 to whom it does not let
        return _closed(project, error.words)
    handles = {handle for actor in actors if (handle := _user(actor))}
    unread: list[str] = []
    for name, asked in dict(filter(None, map(_group, actors))).items():
        members = _members(client, asked)
        if members is None:
            unread.append(name)
        else:
            handles |= members
    found = Writers(frozenset(handles), roles=tuple(sorted(counted)))
    return _not_all(found, project, unread, client.cloud) if unread else found


def _counts(role: str, wanted: frozenset[str]) -> bool:
    if wanted:
        return role.casefold() in {name.casefold() for name in wanted}
    return _NOT_WRITERS.search(role) is None


def _number(url: object) -> str:
    """A role's id, with which its address ends; the address itself is never followed."""
    id = str(url).rstrip("/").rpartition("/")[2]
    return id if id.isascii() and id.isdigit() else "0"


def _actors(client: JiraClient, project: str, role_id: str) -> list[Mapping[str, Any]]:
    asked = {"excludeInactiveUsers": "true"} if client.cloud else {}
    role = client.get(f"/project/{project}/role/{role_id}", **asked)
    return [actor for actor in role.get("actors") or () if isinstance(actor, Mapping)]


def _user(actor: Mapping[str, Any]) -> str | None:
    """The handle of somebody who has the role in person: an accountId on Cloud, a name on Data
    Center."""
    if actor.get("type") != "atlassian-user-role-actor":
        return None
    return (actor.get("actorUser") or {}).get("accountId") or actor.get("name")


def _group(actor: Mapping[str, Any]) -> tuple[str, tuple[str, str]] | None:
    """A group that has the role: its name, and how its members are asked for."""
    if actor.get("type") != "atlassian-group-role-actor":
        return None
    told = actor.get("actorGroup") or {}
    name = str(told.get("name") or actor.get("name") or actor.get("displayName") or "")
    id = told.get("groupId")
    return name, ("groupId", str(id)) if id else ("groupname", name)


def _members(client: JiraClient, asked: tuple[str, str]) -> set[str] | None:
    """The handles of a group's active members; None when we may not know, or it is too large.
    https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-groups/#api-rest-api-3-group-member-get
    """
    how, group = asked
    pages = client.pages("/group/member", "values", **{how: group, "maxResults": 50})
    try:
        users = list(islice(pages, MOST_MEMBERS + 1))
    except (NotThere, SignInFailed):
        return None
    people = (person(user) for user in users)
    return {who.handle for who in people if who} if len(users) <= MOST_MEMBERS else None


def _closed(project: str, words: str) -> Writers:
    return Writers(
        unknown=f"it is not known who may write in {project}, because Jira does not show its roles"
        f" to this account ({words.rstrip('.')})",
        mend=f"Grant this account Administer projects in {project}.",
    )


def _not_all(found: Writers, project: str, groups: Iterable[str], cloud: bool) -> Writers:
    grant = "Browse users and groups" if cloud else "Jira Administrators"
    return replace(
        found,
        unknown=f"it is not known of everybody whether they may write in {project}, because the"
        f" members of {', '.join(groups)} cannot be read",
        mend=f"Grant this account the global permission {grant}, or name roles without these"
        f" groups as writers; groups of more than {MOST_MEMBERS} people are not read.",
    )
