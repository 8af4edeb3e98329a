"""Creating remediation tasks as issues: what can be set is set, what cannot is said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from integrations.github.answers import Invalid
from integrations.github.choices import DROPPED, Choices
from integrations.github.client import GitHubClient, repo_path
from integrations.github.marker import marked
from integrations.github.reading import labels_of, ref_of
from integrations.tracker import NotThere, Rejected, TaskResult, TrackerError
from workflows.effects import CreateTask

Json = dict[str, Any]

#: GitHub answers 422 "title is too long (maximum is 256 characters)".
_TITLE_LIMIT = 256

#: What an issue can do without, by the names that GitHub's `errors` use.
_OPTIONAL = {"assignees": "owner", "milestone": "milestone", "labels": "labels"}


class TaskCreation:
    """Creates issues, one POST each, with what can be chosen there remembered."""

    def __init__(self, connection: str, client: GitHubClient, choices: Choices) -> None:
        self._connection = connection
        self._client = client
        self._choices = choices

    def create(self, tasks: Sequence[CreateTask]) -> Iterator[TaskResult]:
        """Each task's result as soon as it is known."""
        for task in tasks:
            try:
                yield self._create(task)
            except TrackerError as error:
                yield TaskResult(task.key, error=error)

    def _create(self, task: CreateTask) -> TaskResult:
        body, unset = self._body(task)
        path = f"{repo_path(task.target.place)}/issues"
        try:
            issue = self._client.write("POST", path, body)
        except Invalid as error:
            # 422 is certainly without effect, so asking once more in other words is safe.
            refused = [field for field in _OPTIONAL if field in body and field in error.fields]
            if not refused:
                raise
            for field in refused:
                unset.append(f"{_OPTIONAL[field]}: {error.words}")
                del body[field]
            self._choices.forget_milestones(task.target.place)
            issue = self._client.write("POST", path, body)
        unset += _dropped(body, issue)
        return TaskResult(task.key, ref=ref_of(self._connection, issue), unset=tuple(unset))

    def _body(self, task: CreateTask) -> tuple[Json, list[str]]:
        place, unset = task.target.place, list[str]()
        body: Json = {
            "title": task.title[:_TITLE_LIMIT],
            "body": marked(task.text, task.key, task.due),
        }
        if task.target.labels:
            body["labels"] = list(task.target.labels)
        if task.owner is not None:
            if self._choices.is_assignable(place, task.owner):
                body["assignees"] = [task.owner]
            else:
                name = task.owner_name or task.owner
                unset.append(f"owner: {name} is not assignable in {place}")
        if task.milestone is not None:
            try:
                body["milestone"] = self._choices.milestone(place, task.milestone)
            except (Rejected, NotThere) as error:
                unset.append(f"milestone: {task.milestone}: {error.words}")
        return body, unset


def _dropped(asked: Json, issue: Json) -> list[str]:
    """What GitHub left out in silence, as it does for callers without push access:
    https://docs.github.com/en/rest/issues/issues#create-an-issue"""
    unset = []
    owners = {str(user["login"]).lower() for user in issue.get("assignees") or []}
    unset += [
        f"owner: {o} {DROPPED}" for o in asked.get("assignees", ()) if o.lower() not in owners
    ]
    labels = {label.lower() for label in labels_of(issue)}
    missing = [label for label in asked.get("labels", ()) if label.lower() not in labels]
    if missing:
        unset.append(f"labels: {', '.join(missing)} {DROPPED}")
    if "milestone" in asked and not issue.get("milestone"):
        unset.append(f"milestone: {DROPPED}")
    return unset
