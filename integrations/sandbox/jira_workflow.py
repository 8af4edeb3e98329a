"""What a Jira workflow does: what it offers, what it asks and refuses, and what it leaves behind.

https://support.atlassian.com/jira-cloud-administration/docs/configure-advanced-issue-workflows/
"""

from __future__ import annotations

from typing import Any

from integrations.sandbox import jira_views
from integrations.sandbox.jira_fields import changes, choices
from integrations.sandbox.jira_site import Issue, JiraSite, Transition
from integrations.sandbox.world import Object


def offered(site: JiraSite, issue: Issue, me: str) -> list[Transition]:
    """The transitions from where the issue is whose conditions it meets; none to whoever may not
    transition issues, as the description of GET transitions says."""
    if not site.may(me, "TRANSITION_ISSUES", issue.project.key):
        return []
    return [
        way
        for way in issue.project.transitions
        if (not way.froms or issue.status in way.froms)
        and (not way.condition or issue.values.get(way.condition))
    ]


def shown(site: JiraSite, issue: Issue, way: Transition, with_fields: bool) -> Object:
    """A transition as GET transitions tells it; the fields of its screen on demand."""
    one: Object = {"id": way.id, "name": way.name, "hasScreen": bool(way.asks or way.needs)}
    one |= {"isGlobal": not way.froms, "isInitial": False, "isConditional": bool(way.condition)}
    one |= {"isAvailable": True, "to": jira_views.status(site, issue.project, way.to)}
    if with_fields:
        one["fields"] = {}
        for id in dict.fromkeys((*way.asks, *way.needs)):
            field = site.fields[id]
            told: Object = {"required": id in way.needs, "schema": field.schema()}
            told |= {"name": field.name, "key": id, "operations": ["set"]}
            if allowed := choices(site, issue.project, field):
                told["allowedValues"] = allowed
            one["fields"][id] = told | {"hasDefaultValue": False}
    return one


def missing(site: JiraSite, issue: Issue, way: Transition, fields: Object) -> dict[str, str]:
    """Required fields that are neither sent nor filled already: what an issue holds is retained
    where the request does not speak of it (Jira's own IssueInputParametersAssembler)."""
    return {
        id: f"{site.fields[id].name} is required."
        for id in way.needs
        if not fields.get(id) and (id in fields or not _held(issue, id))
    }


def veto(issue: Issue, way: Transition, values: Object) -> str:
    """What a validator says, or "". It sees the issue as it is about to be."""
    filled = way.until and (values.get(way.until) or issue.values.get(way.until))
    return "" if filled else way.validator


def moved(site: JiraSite, issue: Issue, way: Transition, chosen: Any) -> list[Object]:
    """Put the issue where the transition leads; returns the changelog's items. Reaching a done
    status sets a resolution and leaving it clears it, as the default workflow's post functions do:
    https://support.atlassian.com/jira-cloud-administration/docs/workflow-post-functions/
    What a screen sets elsewhere is set, and makes an issue look closed that is not."""
    project, old = issue.project, (issue.status, issue.resolution)
    was_done, done = (project.statuses[name] == "done" for name in (issue.status, way.to))
    resolution = chosen or way.resolves or issue.resolution or "Done"
    issue.status = way.to
    issue.resolution = resolution if done else None if was_done else chosen
    issue.resolved = (issue.resolved or site.world.now()) if done else None
    items = changes(site, project, "resolution", old[1], issue.resolution)
    return items + changes(site, project, "status", old[0], issue.status)


def _held(issue: Issue, id: str) -> bool:
    return bool(issue.resolution if id == "resolution" else issue.values.get(id))
