"""A project's versions as they come, are renamed, merged and go, and the webhooks that tell of it.

A version that goes leaves its issues, or they are swapped to another; each of them is updated, and
told as `jira:issue_updated` (Jira's own DefaultVersionManager.swapVersionForRelatedIssues). A
renamed one is the same version: no issue changes, and none is told of.
https://developer.atlassian.com/cloud/jira/platform/webhooks/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from integrations.sandbox import jira_views
from integrations.sandbox.jira_fields import changes
from integrations.sandbox.jira_site import Project, Version
from integrations.sandbox.world import Object, Refused

if TYPE_CHECKING:
    from integrations.sandbox.jira_acts import Jira


def add(site: Jira, project: Project, name: str) -> str:
    """Returns its id. Names are unique in a project, whatever their case."""
    _check_name(project, name)
    made = Version(str(site.world.next_id()), name)
    project.versions.append(made)
    site.tell("jira:version_created", None, version=jira_views.version(site, project, made))
    return made.id


def rename(site: Jira, project: Project, name: str, new: str) -> None:
    found = _named(project, name)
    if name.casefold() != new.casefold():
        _check_name(project, new)
    found.name = new
    site.tell("jira:version_updated", None, version=jira_views.version(site, project, found))


def release(site: Jira, project: Project, name: str, released: bool) -> None:
    """https://developer.atlassian.com/server/jira/platform/webhooks/; of a version that is so
    already nothing is told (a guess)."""
    found = _named(project, name)
    if found.released == released:
        return
    found.released = released
    event = "jira:version_released" if released else "jira:version_unreleased"
    site.tell(event, None, version=jira_views.version(site, project, found))


def delete(site: Jira, project: Project, name: str, by: str, into: str = "") -> None:
    """A merge is a deletion that says `mergedTo`."""
    gone, target = _named(project, name), _named(project, into) if into else None
    carriers = [i for i in site.issues.values() if gone.id in _versions(i)]
    for issue in carriers:
        old = _versions(issue)
        new = [id for id in old if id != gone.id]
        if target and target.id not in new:
            new.append(target.id)
        items = changes(site, project, "fixVersions", old, new)
        issue.values["fixVersions"] = new
        site.record(issue, by, items, "issue_updated")
    told: Object = {"version": jira_views.version(site, project, gone)}
    if target:
        told["mergedTo"] = jira_views.version(site, project, target)
    project.versions.remove(gone)
    site.tell("jira:version_deleted", None, **told)


def _versions(issue: Any) -> list[str]:
    kept: list[str] = issue.values.get("fixVersions") or []
    return kept


def _named(project: Project, name: str) -> Version:
    for version in project.versions:
        if version.name == name:
            return version
    raise Refused(404, {"errorMessages": [f"Could not find version {name}"], "errors": {}})


def _check_name(project: Project, name: str) -> None:
    if any(version.name.casefold() == name.casefold() for version in project.versions):
        words = "A version with this name already exists in this project."
        raise Refused(400, {"errorMessages": [], "errors": {"name": words}})
