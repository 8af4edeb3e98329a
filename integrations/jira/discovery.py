"""What a Jira site offers, for those who write rules: projects, types, fields, people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from integrations.http import Answer
from integrations.jira.client import JiraClient
from integrations.jira.named_fields import seen_in
from integrations.jira.reading import NOT_A_VALUE, person
from integrations.jira.site import JiraSite
from integrations.tracker import CustomField, Place, Rejected, Survey
from workflows.model import Person


def places(client: JiraClient) -> Iterator[Place]:
    """The projects that the account sees. Data Center lists all at once and has no pages:
    https://developer.atlassian.com/server/jira/platform/rest/v10000/api-group-project/"""
    listed = (
        client.pages("/project/search", "values") if client.cloud else client.listed("/project")
    )
    for project in listed:
        yield Place(str(project["key"]), str(project.get("name") or project["key"]))


def survey(site: JiraSite, place: str, issue_type: str) -> Survey:
    """The project, its issue types (without sub-tasks) and components, the site's custom fields
    and the first people to whom issues can be assigned."""
    project = site.client.get(f"/project/{place}")
    types = [t for t in project.get("issueTypes") or () if not t.get("subtask")]
    assignable = site.client.listed("/user/assignable/search", project=place, maxResults=100)
    fields = site.client.listed("/field")
    return Survey(
        place=Place(str(project["key"]), str(project.get("name") or project["key"])),
        types=tuple(str(t["name"]) for t in types),
        components=tuple(str(c["name"]) for c in project.get("components") or ()),
        fields=_custom(site, project, fields, issue_type),
        built_in=tuple(
            CustomField(str(field["id"]), str(field["name"]))
            for field in fields
            if not field.get("custom") and field["id"] not in NOT_A_VALUE
        ),
        people=tuple(p for user in assignable if (p := person(user)) is not None),
    )


def find_person(client: JiraClient, email: str) -> Person | None:
    """The active user whose visible address this is. Both deployments match the beginnings of
    names and addresses, so that there may be others in the list; on Cloud an address may be
    hidden, and who may not browse users finds none.
    https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-user-search/#api-rest-api-3-user-search-get
    https://developer.atlassian.com/server/jira/platform/rest/v10000/api-group-user/#api-api-2-user-search-get
    """
    asked = {"query" if client.cloud else "username": email}
    users = client.listed("/user/search", maxResults=50, **asked)
    people = [p for user in users if (p := person(user)) is not None and p.active]
    theirs = [p for p in people if p.email and p.email.casefold() == email.casefold()]
    return theirs[0] if len(theirs) == 1 else None


def _custom(
    site: JiraSite, project: Answer, fields: Iterable[Any], issue_type: str
) -> tuple[CustomField, ...]:
    """All custom fields that the project may have, also those that are on no create screen; the
    options are told by the create screen only, and only to those who may create such issues."""
    screen: dict[str, Any] = {}
    if issue_type:
        try:
            screen = dict(site.screen(str(project["key"]), issue_type).fields)
        except Rejected:
            screen = {}
    return tuple(
        CustomField(str(field["id"]), str(field["name"]), _options(screen.get(str(field["id"]))))
        for field in seen_in(project, fields)
    )


def _options(told: Any) -> tuple[str, ...]:
    allowed = (told or {}).get("allowedValues") or ()
    return tuple(str(one.get("value") or one.get("name")) for one in allowed)
