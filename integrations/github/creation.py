"""Creating remediation tasks as issues: what can be set is set, what cannot is said.

Where the server has GraphQL, several are created in one request, each with its parent at once; one
that fails there is created by itself over REST, which says what it would not take.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from integrations.github.answers import Invalid
from integrations.github.choices import DROPPED, Choices
from integrations.github.client import GitHubClient, repo_path
from integrations.github.graphql import Abilities, GraphQL, NotDone, Unclear
from integrations.github.marker import marked
from integrations.github.node_ids import NodeIds
from integrations.github.reading import labels_of, ref_of
from integrations.github.recent import Recent
from integrations.http import in_shape
from integrations.tracker import (
    NotThere,
    OutcomeUnknown,
    Rejected,
    TaskResult,
    TrackerError,
)
from workflows.effects import CreateTask
from workflows.model import TicketRef

Json = dict[str, Any]

#: How many issues one request creates at most: "a document over 10 s fails", and each counts
#: as new content. https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
AT_ONCE = 10

#: GitHub answers 422 "title is too long (maximum is 256 characters)".
_TITLE_LIMIT = 256

#: What an issue can do without, by the names that GitHub's `errors` use.
_OPTIONAL = {
    "assignees": "owner",
    "milestone": "milestone",
    "labels": "labels",
    "type": "issue type",
}


@dataclass(frozen=True, slots=True)
class _Asked:
    """A task as it is asked for in REST's names (`body`), and in GraphQL's ids (`input`)."""

    task: CreateTask
    body: Json
    input: Json
    unset: tuple[str, ...]


class TaskCreation:
    """Creates issues, with what can be chosen there remembered. `takes_sub_issues` is what is known
    of incidents, by id, that take no more."""

    def __init__(
        self,
        connection: str,
        client: GitHubClient,
        choices: Choices,
        takes_sub_issues: Recent[str, bool],
    ) -> None:
        self._connection = connection
        self._client = client
        self._choices = choices
        self._takes_sub_issues = takes_sub_issues
        self._graphql = GraphQL(client)
        self._ids = NodeIds(client)
        #: Keys of tasks that failed among others for what is not understood: they go by themselves.
        self._by_themselves: set[str] = set()

    def at_once(self, place: str) -> int:
        """How many one call creates; asks the server once a day."""
        return AT_ONCE if self._graphql.abilities(place).issues else 1

    def create(self, tasks: Sequence[CreateTask]) -> Iterator[TaskResult]:
        """Each task's result as soon as it is known."""
        if not tasks:
            return
        abilities = self._graphql.abilities(tasks[0].target.place)
        together: list[_Asked] = []
        for task in tasks:
            try:
                body, unset = self._body(task)
                input = self._in_ids(task, body, abilities, unset)
                if input is None:
                    yield self._alone(task, body, unset)
                else:
                    together.append(_Asked(task, body, input, tuple(unset)))
            except TrackerError as error:
                yield TaskResult(task.key, error=error)
        if together:
            yield from self._together(together, abilities)

    # --- several in one request -----------------------------------------------------------------

    def _together(self, asked: Sequence[_Asked], abilities: Abilities) -> Iterator[TaskResult]:
        by_name = {f"t{number}": each for number, each in enumerate(asked)}
        inputs = {name: each.input for name, each in by_name.items()}
        try:
            place, names = asked[0].task.target.place, list(inputs)
            ended = self._graphql.write(place, _document(inputs, abilities), inputs, names)
        except NotDone:
            yield from map(self._once_more, asked)
            return
        except TrackerError as error:
            yield from (TaskResult(each.task.key, error=error) for each in asked)
            return
        for name, how in sorted(ended.items(), key=lambda one: isinstance(one[1], NotDone)):
            each = by_name[name]
            if isinstance(how, TrackerError) and self._is_of_parent(each, how):
                yield self._without_parent(each, how)
            elif isinstance(how, NotDone):
                yield self._once_more(each)
            elif isinstance(how, TrackerError):
                if isinstance(how, Unclear):
                    self._by_themselves.add(each.task.key)
                yield TaskResult(each.task.key, error=how)
            else:
                yield self._result(each, how)

    def _result(self, asked: _Asked, answer: Json) -> TaskResult:
        issue = answer.get("issue")
        try:
            if not isinstance(issue, dict):
                raise OutcomeUnknown("the new issue is not shown", mend="It is looked up.")
            with in_shape(asked.task.key):
                shown = _as_rest_shows(issue)
                ref = TicketRef(
                    self._connection,
                    str(issue["id"]),
                    f"{issue['repository']['nameWithOwner']}#{issue['number']}",
                    str(issue["url"]),
                    link_id=str(issue.get("fullDatabaseId") or ""),
                )
                unset = (*asked.unset, *_dropped(asked.body, shown))
        except TrackerError as error:
            mend = "Nothing to do: what became of it is looked up first."
            return TaskResult(asked.task.key, error=OutcomeUnknown(error.words, mend=mend))
        parent = (issue.get("parent") or {}).get("id")
        linked = parent is not None and parent == asked.input.get("parentIssueId")
        return TaskResult(asked.task.key, ref=ref, linked=linked, unset=unset)

    def _once_more(self, asked: _Asked) -> TaskResult:
        try:
            self._ids.forget(asked.task.target.place)
            return self._alone(asked.task, asked.body, list(asked.unset))
        except TrackerError as error:
            return TaskResult(asked.task.key, error=error)

    def _is_of_parent(self, asked: _Asked, error: TrackerError) -> bool:
        words = error.words.lower()
        about = "sub-issue" in words or "sub issue" in words or "parent" in words
        return about and isinstance(error, NotDone | Unclear) and "parentIssueId" in asked.input

    def _without_parent(self, asked: _Asked, error: TrackerError) -> TaskResult:
        """Nobody says that an issue is made with its parent or not at all: it may be there. So it
        is looked for first, and if it is not, asked for without the parent.
        https://docs.github.com/en/graphql/reference/mutations#createissue"""
        if asked.task.incident is not None:
            self._takes_sub_issues.believe(asked.task.incident.id, False)
        mend = "Nothing to do: it is looked for, and created without its parent where it is not."
        return TaskResult(asked.task.key, error=OutcomeUnknown(error.words, mend=mend))

    def _in_ids(
        self, task: CreateTask, body: Json, abilities: Abilities, unset: list[str]
    ) -> Json | None:
        """What GraphQL is asked for; None where it cannot take all of it, or an id is not to be
        had: then REST, which needs none, says what cannot be set."""
        try:
            together = abilities.issues and task.key not in self._by_themselves
            input = self._input(task, body, abilities) if together else None
        except (Rejected, NotThere):
            return None
        parent = self._parent(task) if input is not None and abilities.parents else None
        if input is None or parent is None:
            return input
        if self._takes_sub_issues.get(parent.id, lambda: True):
            return input | {"parentIssueId": parent.id}
        unset.append(f"sub-issue: {parent.key} does not take it")
        return input

    def _input(self, task: CreateTask, body: Json, abilities: Abilities) -> Json | None:
        place = task.target.place
        repository = self._ids.repository(place)
        if not repository or ("type" in body and not abilities.types):
            return None
        input: Json = {"repositoryId": repository, "title": body["title"], "body": body["body"]}
        if "labels" in body:
            input["labelIds"] = [self._ids.label(place, name) for name in body["labels"]]
        if "assignees" in body:
            input["assigneeIds"] = [self._ids.person(place, login) for login in body["assignees"]]
        if "milestone" in body and task.milestone is not None:
            input["milestoneId"] = self._choices.milestone_id(place, task.milestone)
        if "type" in body:
            input["issueTypeId"] = self._ids.issue_type(place, body["type"])
        return input

    def _parent(self, task: CreateTask) -> TicketRef | None:
        """The incident's issue, where it is one of the same owner's.
        https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/adding-sub-issues
        """
        incident = task.incident
        if incident is None or not task.is_remedy or incident.connection != self._connection:
            return None
        owners = {each.partition("/")[0].lower() for each in (incident.key, task.target.place)}
        return incident if len(owners) == 1 else None

    # --- one by itself --------------------------------------------------------------------------

    def _alone(self, task: CreateTask, body: Json, unset: list[str]) -> TaskResult:
        path = f"{repo_path(task.target.place)}/issues"
        try:
            issue = self._client.write("POST", path, body)
        except Invalid as error:
            # 422 is certainly without effect, so asking once more in other words is safe.
            refused = [field for field in _OPTIONAL if field in body and field in error.fields]
            if not refused:
                raise
            body = {name: value for name, value in body.items() if name not in refused}
            unset += [f"{_OPTIONAL[field]}: {error.words}" for field in refused]
            self._choices.forget_milestones(task.target.place)
            issue = self._client.write("POST", path, body)
        self._by_themselves.discard(task.key)
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
        if task.target.issue_type:
            body["type"] = task.target.issue_type
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


def _document(inputs: Json, abilities: Abilities) -> str:
    variables = ", ".join(f"${name}: CreateIssueInput!" for name in inputs)
    writes = "\n".join(
        f"  {name}: createIssue(input: ${name}) {{ issue {{ ...Made }} }}" for name in inputs
    )
    more = " parent { id }" if abilities.parents else ""
    more += " issueType { name }" if abilities.types else ""
    return f"""\
mutation({variables}) {{
{writes}
}}
fragment Made on Issue {{
  id fullDatabaseId number url repository {{ nameWithOwner }} milestone {{ title }}{more}
  assignees(first: 10) {{ nodes {{ login }} }}
  labels(first: 100) {{ nodes {{ name }} }}
}}
"""


def _as_rest_shows(issue: Json) -> Json:
    """What `_dropped` looks at."""
    shown = {name: (issue.get(name) or {}).get("nodes") or [] for name in ("assignees", "labels")}
    return shown | {"milestone": issue.get("milestone"), "type": issue.get("issueType")}


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
    if "type" in asked and not issue.get("type"):
        unset.append(f"issue type: {asked['type']} {DROPPED}")
    return unset
