"""Remediation tasks created in bulk: what is asked for each, and what the answer says of each.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-bulk-post
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from integrations.jira.client import Refused, words_of
from integrations.jira.filling import filled, mend_of
from integrations.jira.site import JiraSite, Screen, label, summary
from integrations.jira.webhook import PROPERTY
from integrations.tracker import (
    NotThere,
    OutcomeUnknown,
    Rejected,
    TaskResult,
    TrackerError,
)
from workflows.effects import CreateTask

#: The most that one bulk call takes.
MOST = 50

#: What a task can do without, and what we call it: these are tried once and then left out.
_OPTIONAL = {
    "assignee": "owner",
    "duedate": "due date",
    "fixVersions": "milestone",
    "labels": "labels",
    "issuelinks": "links",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """One task as it will be asked for: its JSON, and what is left out already and why."""

    task: CreateTask
    fields: Mapping[str, Any]
    links: Sequence[Mapping[str, Any]]
    unset: tuple[str, ...] = ()

    def body(self) -> dict[str, Any]:
        """As an IssueUpdateDetails. The marker comes with the creation, so that no issue of ours
        is ever without one."""
        body: dict[str, Any] = {
            "fields": dict(self.fields),
            "properties": [{"key": PROPERTY, "value": {"key": self.task.key}}],
        }
        return {**body, "update": {"issuelinks": list(self.links)}} if self.links else body

    def without(self, refused: Mapping[str, str]) -> Draft | None:
        """The same without what was refused, or None when it cannot do without."""
        set_here = {*self.fields, *(["issuelinks"] if self.links else [])}
        if not refused or not refused.keys() <= (_OPTIONAL.keys() & set_here):
            return None
        return replace(
            self,
            fields={id: value for id, value in self.fields.items() if id not in refused},
            links=() if "issuelinks" in refused else self.links,
            unset=(*self.unset, *(f"{_OPTIONAL[id]}: {words}" for id, words in refused.items())),
        )


def create_tasks(site: JiraSite, tasks: Sequence[CreateTask]) -> Iterator[TaskResult]:
    """Create tasks of one target, `MOST` at most; yields each result as soon as its call is
    answered."""
    target = tasks[0].target
    try:
        screen = site.screen(target.place, target.issue_type or "Task")
    except TrackerError as error:  # nothing was sent
        yield from (TaskResult(task.key, error=error) for task in tasks)
        return
    drafts: list[Draft] = []
    for task in tasks:
        try:
            drafts.append(_draft(site, screen, task))
        except TrackerError as error:  # such as a value under fill that its field does not take
            yield TaskResult(task.key, error=error)
    if drafts:
        yield from _create(site, drafts)


def _draft(site: JiraSite, screen: Screen, task: CreateTask) -> Draft:
    target = task.target
    kind = f"{target.place}'s {target.issue_type or 'Task'}"
    where = f"the create screen of {kind}"
    fields: dict[str, Any] = {
        **filled(site, screen, dict(target.fill), kind),
        "project": {"key": target.place},
        "issuetype": {"id": screen.type_id},
        "summary": summary(task.title),
    }
    unset: list[str] = []
    if screen.takes("description"):
        fields["description"] = site.description(task.text)
    if task.owner and (why_not := _unassignable(site, screen, task)):
        unset.append(f"owner: {why_not}")
    elif task.owner:
        fields["assignee"] = site.assignee(task.owner)
    if task.due and screen.takes("duedate"):
        fields["duedate"] = task.due.isoformat()
    elif task.due:
        unset.append(f"due date: not on {where}")
    if task.milestone and not screen.takes("fixVersions"):
        unset.append(f"milestone: not on {where}")
    elif task.milestone and site.version(target.place, task.milestone):
        fields["fixVersions"] = [{"name": task.milestone}]
    elif task.milestone:
        unset.append(
            f"milestone: {target.place} has no version {task.milestone!r}, and we may not add it"
        )
    if target.labels and screen.takes("labels"):
        fields["labels"] = [label(one) for one in target.labels]
    elif target.labels:
        unset.append(f"labels: not on {where}")
    document = task.document.ticket if task.document else None
    others = (task.incident, document, task.measure)
    links = site.links(*others) if screen.takes("issuelinks") else []
    return Draft(task, fields, links, tuple(unset))


def _unassignable(site: JiraSite, screen: Screen, task: CreateTask) -> str:
    place, owner = task.target.place, task.owner or ""
    if not screen.takes("assignee"):
        return f"the assignee is not on the create screen of {place}"
    try:
        name = task.owner_name or owner
        return "" if site.assignable(place, owner) else f"{name} is not assignable in {place}"
    except (Rejected, NotThere):  # we may not look people up: then the creation itself tells
        return ""


def _create(site: JiraSite, drafts: Sequence[Draft], again: bool = True) -> Iterator[TaskResult]:
    """One bulk call, and at most one more for what was refused for things it can do without."""
    try:
        answer = site.client.post("/issue/bulk", {"issueUpdates": [d.body() for d in drafts]})
    except Refused as error:
        answer = error.answer
        if not isinstance(answer, Mapping) or not isinstance(answer.get("errors"), list):
            yield from (TaskResult(d.task.key, error=error) for d in drafts)
            return
    except TrackerError as error:
        yield from (TaskResult(d.task.key, error=error) for d in drafts)
        return
    refused = {int(e["failedElementNumber"]): e for e in answer.get("errors") or ()}
    made = iter(answer.get("issues") or ())
    reduced: list[Draft] = []
    for number, draft in enumerate(drafts):
        if number not in refused:
            yield _result(site, draft, next(made, None))
            continue
        said = refused[number].get("elementErrors") or {}
        less = draft.without(said.get("errors") or {}) if again else None
        if less is not None and not said.get("errorMessages"):
            reduced.append(less)
        else:
            yield TaskResult(draft.task.key, error=_refusal(draft, said))
    if reduced:
        yield from _create(site, reduced, again=False)


def _result(site: JiraSite, draft: Draft, issue: Mapping[str, Any] | None) -> TaskResult:
    if issue is None:
        words = "Jira's answer names fewer issues than were asked for"
        return TaskResult(draft.task.key, error=OutcomeUnknown(words))
    incident = draft.task.incident
    here = incident is not None and incident.connection == site.connection
    shown = {link["add"]["outwardIssue"]["id"] for link in draft.links}
    return TaskResult(
        draft.task.key,
        ref=site.reader.ref(issue),
        linked=here and incident is not None and incident.id in shown,
        unset=draft.unset,
    )


def _refusal(draft: Draft, said: Mapping[str, Any]) -> Refused:
    target = draft.task.target
    kind = f"{target.place}'s {target.issue_type or 'Task'}"
    mend = mend_of(said.get("errors"), draft.fields, kind)
    return Refused(words_of(said) or "refused without a word", said, mend=mend)
