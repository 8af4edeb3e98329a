"""GitHub's JSON as tickets. Facts only: what they mean, the rules say.

Shapes: https://docs.github.com/en/rest/issues/issues#get-an-issue and
https://docs.github.com/en/rest/using-the-rest-api/issue-event-types
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.github.marker import due_in
from workflows.model import Change, Comment, Person, Status, StatusCategory, Ticket, TicketRef
from workflows.tasks import TaskState

Json = dict[str, Any]


def place_of(issue: Json) -> str:
    """``owner/name`` of the repository that an issue stands in."""
    return str(issue["repository_url"]).rsplit("/repos/", 1)[-1]


def ref_of(connection: str, issue: Json) -> TicketRef:
    """The node id is the identity; `link_id` is the number that the sub-issue routes want."""
    return TicketRef(
        connection=connection,
        id=str(issue["node_id"]),
        key=f"{place_of(issue)}#{issue['number']}",
        url=str(issue["html_url"]),
        link_id=str(issue["id"]),
    )


def ticket_of(
    connection: str, issue: Json, timeline: Iterable[Json], writes: Callable[[Json], bool]
) -> Ticket:
    """The issue with its timeline: comments and changes in the order in which they happened.
    `writes` says of an issue or comment whether its author may write there."""
    ref = ref_of(connection, issue)
    events = list(timeline)
    changes = [_change(event, ref.url) for event in events]
    assignees = [person_of(user) for user in issue.get("assignees") or []]
    return Ticket(
        ref=ref,
        place=place_of(issue),
        title=str(issue["title"]),
        text=str(issue.get("body") or "").replace("\r\n", "\n"),
        status=status_of(issue),
        created=time_of(issue["created_at"]),
        updated=time_of(issue["updated_at"]),
        type=(issue.get("type") or {}).get("name"),
        author=person_of(issue.get("user")),
        author_may_write=writes(issue),
        owner=assignees[0] if assignees else None,
        closed=time_of(issue["closed_at"]) if issue.get("closed_at") else None,
        labels=labels_of(issue),
        milestone=(issue.get("milestone") or {}).get("title"),
        due=due_in(issue.get("body")),
        comments=tuple(
            _comment(event, writes(event)) for event in events if event.get("event") == "commented"
        ),
        changes=tuple(change for change in changes if change is not None),
        related=_related(events),
        shown_by=_closed_by(issue, events),
    )


def state_of(connection: str, issue: Json) -> TaskState:
    """An issue as a task. An issue can say each of the fields, so none is silent."""
    milestone = issue.get("milestone")
    people = [person_of(user) for user in issue.get("assignees") or []]
    return TaskState(
        ref=ref_of(connection, issue),
        place=place_of(issue),
        title=str(issue["title"]),
        status=status_of(issue),
        updated=time_of(issue["updated_at"]),
        owners=tuple(person for person in people if person is not None),
        milestones=(str(milestone["title"]),) if milestone else (),
        due=due_in(issue.get("body")),
        labels=labels_of(issue),
    )


def labels_of(issue: Json) -> tuple[str, ...]:
    """The names of an issue's labels, each an object or a text: "Labels to associate with this
    issue", `oneOf` string and object, https://docs.github.com/en/rest/issues/issues#get-an-issue"""
    labels = issue.get("labels") or []
    return tuple(one if isinstance(one, str) else str(one["name"]) for one in labels)


def person_of(user: Json | None) -> Person | None:
    """None for an account that was deleted. GitHub gives no name or e-mail with an issue."""
    return Person(handle=str(user["login"]), name=str(user["login"])) if user else None


def status_of(issue: Json) -> Status:
    """Open, or closed with GitHub's reason for it (null on servers that know none)."""
    if issue["state"] == "closed":
        return Status("closed", StatusCategory.DONE, issue.get("state_reason"))
    return Status("open", StatusCategory.NEW)


def _comment(event: Json, may_write: bool) -> Comment:
    return Comment(
        id=str(event["id"]),
        author=person_of(event.get("user") or event.get("actor")),
        at=time_of(event["created_at"]),
        text=str(event.get("body") or "").replace("\r\n", "\n"),
        url=str(event.get("html_url") or ""),
        may_write=may_write,
        edited=str(event.get("updated_at") or event["created_at"]) != str(event["created_at"]),
    )


def _change(event: Json, issue_url: str) -> Change | None:
    """One timeline event as a change of one field; None for events that change none."""
    told = _fields(event)
    if told is None or not event.get("created_at"):
        return None
    field, before, after = told
    return Change(
        at=time_of(event["created_at"]),
        by=person_of(event.get("actor")),
        field=field,
        before=before,
        after=after,
        url=f"{issue_url}#event-{event['id']}" if event.get("id") else issue_url,
    )


def _fields(event: Json) -> tuple[str, str | None, str | None] | None:
    """Field, before and after, of an event; one case a kind of event."""
    match event.get("event"):
        case "closed":
            return "status", "open", "closed"
        case "reopened":
            return "status", "closed", "open"
        case "labeled":
            return "label", None, _name(event, "label", "name")
        case "unlabeled":
            return "label", _name(event, "label", "name"), None
        case "assigned":
            return "assignee", None, _name(event, "assignee", "login")
        case "unassigned":
            return "assignee", _name(event, "assignee", "login"), None
        case "milestoned":
            return "milestone", None, _name(event, "milestone", "title")
        case "demilestoned":
            return "milestone", _name(event, "milestone", "title"), None
        case "renamed":
            return "title", _name(event, "rename", "from"), _name(event, "rename", "to")
        case "sub_issue_added":
            return "sub-issue", None, _name(event, "sub_issue", "title")
        case "sub_issue_removed":
            return "sub-issue", _name(event, "sub_issue", "title"), None
        case _:
            return None


def _name(event: Json, part: str, key: str) -> str | None:
    value = (event.get(part) or {}).get(key)
    return None if value is None else str(value)


def _related(events: Iterable[Json]) -> tuple[str, ...]:
    """Ids of the sub-issues, where the server's timeline carries them; not all servers do."""
    related: dict[str, None] = {}
    for event in events:
        child = (event.get("sub_issue") or {}).get("node_id")
        if child and event.get("event") == "sub_issue_added":
            related[str(child)] = None
        elif child and event.get("event") == "sub_issue_removed":
            related.pop(str(child), None)
    return tuple(related)


#: So soon after a pull request is merged what it closes is closed.
_AT_ONCE = timedelta(minutes=1)


def _closed_by(issue: Json, events: Iterable[Json]) -> tuple[str, ...]:
    """The commit or pull request that closed the issue. "When the commit_id is present, it
    identifies the commit that closed the issue using "closes / fixes #NN" syntax",
    https://docs.github.com/en/rest/using-the-rest-api/issue-event-types#closed
    Of a pull request REST tells only that it refers to the issue
    (https://github.com/PyGithub/PyGithub/issues/1164): it counts if it stands with the same owner,
    where no stranger merges, and was merged when the issue was closed."""
    known = list(events)
    closings = [event for event in known if event.get("event") == "closed"]
    if issue["state"] != "closed" or not closings:
        return ()
    last, found = closings[-1], dict[str, None]()
    if last.get("commit_id") and last.get("commit_url"):
        found[_page_of(str(last["commit_url"]), str(issue["html_url"]))] = None
    owner = place_of(issue).partition("/")[0].casefold()
    for event in known:
        source = (event.get("source") or {}).get("issue") or {}
        merged = (source.get("pull_request") or {}).get("merged_at")
        if event.get("event") != "cross-referenced" or not merged:
            continue
        whose = place_of(source).partition("/")[0].casefold()
        if whose == owner and abs(time_of(last["created_at"]) - time_of(merged)) <= _AT_ONCE:
            found[str(source["html_url"])] = None
    return tuple(found)


def _page_of(commit_url: str, issue_page: str) -> str:
    """Where a commit is shown, by its address in the API and that of an issue's page."""
    place, _, sha = commit_url.rpartition("/repos/")[2].partition("/commits/")
    host = "/".join(issue_page.split("/")[:3])
    return f"{host}/{place}/commit/{sha}"


def time_of(text: str) -> datetime:
    """A moment as GitHub writes it, "2026-11-23T12:00:00Z"."""
    return datetime.fromisoformat(text).astimezone(UTC)
