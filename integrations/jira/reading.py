"""Jira's JSON as what `workflows.model` knows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from integrations.jira.named_fields import by_name
from integrations.jira.text import Markup
from workflows.model import Change, Comment, Person, Status, StatusCategory, Ticket, TicketRef
from workflows.snapshots import Field
from workflows.tasks import TaskState

Json = Mapping[str, Any]

#: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-workflow-status-categories/
_CATEGORIES = {
    "new": StatusCategory.NEW,
    "indeterminate": StatusCategory.IN_PROGRESS,
    "done": StatusCategory.DONE,
}

#: Fields that say nothing as one text, or are read on their own.
NOT_A_VALUE = frozenset(
    (
        *("aggregateprogress", "attachment", "comment", "description", "issuelinks", "progress"),
        *("subtasks", "thumbnail", "timetracking", "votes", "watches", "worklog"),
    )
)


@dataclass(frozen=True, slots=True)
class Writers:
    """Those who may write in a project, by handle. `unknown` says why others may, too, "" when
    these are all, and `mend` what to do about it. `roles` are the names of those that count."""

    handles: frozenset[str] = frozenset()
    unknown: str = ""
    mend: str = ""
    roles: tuple[str, ...] = ()

    def include(self, *users: Any) -> bool:
        """Whether each of these users, as Jira's JSON tells them, is one."""
        people = [person(user) for user in users]
        return all(who is not None and who.handle in self.handles for who in people)


NOBODY = Writers()


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the JSON of one site. `url` is the site's address, without a slash at its end."""

    connection: str
    url: str
    markup: Markup

    def ref(self, issue: Json) -> TicketRef:
        key = str(issue["key"])
        return TicketRef(self.connection, str(issue["id"]), key, f"{self.url}/browse/{key}")

    def ticket(
        self, issue: Json, comments: Iterable[Json], histories: Iterable[Json], writers: Writers
    ) -> Ticket:
        """A whole issue, read with all fields and ``expand=names``, with these comments and this
        changelog. `writers` are those who may write in its project."""
        ref, fields = self.ref(issue), issue.get("fields") or {}
        history = changes(ref, histories, issue.get("names") or {})
        versions = names(fields.get("fixVersions"))
        read_status = status(fields)
        told_by = fields.get("reporter") or fields.get("creator")
        # The reporter can be changed, by whom we need not know: the words stay their creator's.
        wrote = [fields.get("creator") or told_by, *_editors(histories, "description")]
        return Ticket(
            ref=ref,
            place=project_of(issue),
            title=str(fields.get("summary") or ""),
            text=self.markup.to_markdown(fields.get("description")),
            status=read_status,
            created=moment(fields["created"]),
            updated=moment(fields["updated"]),
            type=(fields.get("issuetype") or {}).get("name"),
            author=person(told_by),
            author_may_write=writers.include(told_by, *wrote),
            writers_unknown=f"{writers.unknown}. {writers.mend}" if writers.unknown else "",
            owner=person(fields.get("assignee")),
            closed=_closed(fields, read_status, history),
            labels=tuple(str(label) for label in fields.get("labels") or ()),
            components=names(fields.get("components")),
            milestone=versions[0] if versions else None,
            due=day(fields.get("duedate")),
            fields=self._values(fields, issue.get("names") or {}),
            comments=tuple(self._comment(ref, comment, writers) for comment in comments),
            changes=history,
            related=related(fields),
            restricted=fields.get("security") is not None,
            shown_by=tuple(dict.fromkeys(_links(histories, writers))),
            duplicate_of=_duplicate_of(fields),
        )

    def _comment(self, ref: TicketRef, comment: Json, writers: Writers) -> Comment:
        author = comment.get("author")
        return Comment(
            id=str(comment["id"]),
            author=person(author),
            at=moment(comment["created"]),
            text=self.markup.to_markdown(comment.get("body")),
            url=f"{ref.url}?focusedCommentId={comment['id']}",
            may_write=writers.include(author, comment.get("updateAuthor") or author),
            internal=_internal(comment),
            edited=str(comment.get("updated") or comment["created"]) != str(comment["created"]),
        )

    def _values(self, fields: Json, names: Json) -> dict[str, str]:
        """Every field that holds something, by its id and by its name."""
        by_id = {
            field: text
            for field, value in fields.items()
            if field not in NOT_A_VALUE and (text := self.value(value))
        }
        readable = {id: name for id, name in names.items() if id not in NOT_A_VALUE}
        return {**by_name(by_id, readable), **by_id}

    def value(self, value: Any) -> str:
        """A field's value as text: an option's value, a person's name, an ISO 8601 time, several
        joined by commas; "" for none."""
        if value is None or isinstance(value, str):
            return _maybe_moment(value or "")
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int | float):
            return f"{value:g}" if abs(value) < 1e6 else str(value)
        if isinstance(value, list):
            return ", ".join(text for item in value if (text := self.value(item)))
        if value.get("type") == "doc":
            return self.markup.to_markdown(value)
        # A service desk's request type comes in a request, as its own interface describes it:
        # https://developer.atlassian.com/cloud/jira/service-desk/rest/api-group-request/
        value = value.get("requestType") or value
        for name in ("value", "displayName", "name", "key"):
            if isinstance(value.get(name), str):
                child = self.value(value.get("child"))  # a cascading select
                return f"{value[name]}, {child}" if child else str(value[name])
        return ""


def project_of(issue: Json) -> str:
    """The key of the project that an issue is in."""
    told = (issue.get("fields") or {}).get("project") or {}
    return str(told.get("key") or str(issue["key"]).rpartition("-")[0])


def _editors(histories: Iterable[Json], field: str) -> list[Any]:
    """Everybody who changed this field: one need not be its author to write into it."""
    return [
        history.get("author")
        for history in histories
        if any(item.get("field") == field for item in history.get("items") or ())
    ]


def person(user: Any) -> Person | None:
    """Somebody: by accountId on Cloud, by name on Data Center."""
    if not isinstance(user, Mapping):
        return None
    handle = user.get("accountId") or user.get("name") or user.get("key")
    if not handle:
        return None
    name = user.get("displayName") or handle
    active = user.get("active") is not False
    address = user.get("emailAddress")
    return Person(str(handle), str(name), str(address) if address else None, active)


#: Jira's names of fields in a changelog that have another name here.
_FIELDS = {
    "Fix Version": "milestone",
    "RemoteIssueLink": "remote link",
    "RemoteWorkItemLink": "remote link",
    "duedate": "due",
    "summary": "title",
}


def _fields(item: Json) -> Iterator[tuple[str, str | None, str | None]]:
    """Field, before and after, of one changelog item. Labels are told as the whole sets, words
    with spaces between: each that came or went is a change of its own."""
    name = str(item.get("field") or item.get("fieldId") or "")
    before, after = item.get("fromString"), item.get("toString")
    if name != "labels":
        yield _FIELDS.get(name, name), before, after
        return
    old, new = (before or "").split(), (after or "").split()
    yield from (("label", None, label) for label in new if label not in old)
    yield from (("label", label, None) for label in old if label not in new)


def _is_comment(item: Json) -> bool:
    """A comment that was edited or deleted may leave its old words in the changelog, where nothing
    says who may read them."""
    return str(item.get("field") or "").casefold() == "comment"


def status(fields: Json) -> Status:
    told = fields.get("status") or {}
    resolution = (fields.get("resolution") or {}).get("name")
    return Status(
        str(told.get("name") or ""),
        category_of(told),
        None if resolution is None else str(resolution),
    )


def category_of(status: Json) -> StatusCategory:
    """The category of a status's JSON."""
    key = (status.get("statusCategory") or {}).get("key")
    return _CATEGORIES.get(str(key), StatusCategory.NEW)


def related(fields: Json) -> tuple[str, ...]:
    """The ids of linked issues, sub-tasks and the parent."""
    ends = [
        link.get("outwardIssue") or link.get("inwardIssue")
        for link in fields.get("issuelinks") or ()
    ]
    near = [*ends, *(fields.get("subtasks") or ()), fields.get("parent")]
    return tuple(dict.fromkeys(str(issue["id"]) for issue in near if issue))


def _links(histories: Iterable[Json], writers: Writers) -> Iterator[str]:
    """Web links that a writer set, as far as the changelog tells their addresses: it tells what a
    link is called, which is its address where nobody named it. To read the links themselves would
    be one more call, and they do not tell who set them.
    https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-remote-links/"""
    for history in histories:
        for item in history.get("items") or ():
            told = str(item.get("toString") or "")
            if _FIELDS.get(str(item.get("field"))) == "remote link" and "://" in told:
                named = re.search(r"https?://[^\s\"<>]+", told)
                if named and writers.include(history.get("author")):
                    yield named[0]


def _duplicate_of(fields: Json) -> str:
    """The key of the issue that this one duplicates, by the link type that Jira ships with, whose
    outward words are "duplicates".
    https://confluence.atlassian.com/adminjiraserver/configuring-issue-linking-938847862.html"""
    for link in fields.get("issuelinks") or ():
        outward = str((link.get("type") or {}).get("outward") or "").casefold()
        if outward == "duplicates" and link.get("outwardIssue"):
            return str(link["outwardIssue"]["key"])
    return ""


def moment(told: str) -> datetime:
    """Jira writes times as ``2026-12-01T10:30:00.000+0100``."""
    at = datetime.fromisoformat(told)
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def day(told: Any) -> date | None:
    try:
        return date.fromisoformat(str(told)[:10]) if told else None
    except ValueError:
        return None


def marker(properties: Any, name: str) -> str | None:
    """Our effect key among entity properties: a mapping on issues, a list on comments."""
    if isinstance(properties, list):
        properties = {one.get("key"): one.get("value") for one in properties}
    value = properties.get(name) if isinstance(properties, Mapping) else None
    key = value.get("key") if isinstance(value, Mapping) else None
    return str(key) if key else None


def _maybe_moment(text: str) -> str:
    """A date-time custom field's value in UTC, with a colon in the offset; other text as it is."""
    if len(text) >= 19 and text[4:5] == "-" and text[10:11] == "T":
        try:
            return moment(text).isoformat()
        except ValueError:
            return text
    return text


def _closed(fields: Json, now: Status, changes: Iterable[Change]) -> datetime | None:
    """When it was closed. Team-managed projects set no resolution, then the category's date or
    the last change of status tells."""
    if now.category is not StatusCategory.DONE:
        return None
    for name in ("resolutiondate", "statuscategorychangedate"):
        if fields.get(name):
            return moment(fields[name])
    moved = [change.at for change in changes if change.field == "status"]
    return moved[-1] if moved else moment(fields["updated"])


def _internal(comment: Json) -> bool:
    """A service desk's internal comment, or one that only some may see. Data Center says so in a
    property: https://jira.atlassian.com/browse/JSDSERVER-3295"""
    if comment.get("jsdPublic") is False or comment.get("visibility"):
        return True
    for one in comment.get("properties") or ():
        if one.get("key") == "sd.public.comment" and isinstance(one.get("value"), Mapping):
            return one["value"].get("internal") in (True, "true")
    return False


def names(values: Any) -> tuple[str, ...]:
    """The names of versions or components."""
    return tuple(str(one["name"]) for one in values or () if one and one.get("name"))


#: What each of our fields is in Jira.
FIELD_IDS = {
    Field.OWNER: "assignee",
    Field.MILESTONE: "fixVersions",
    Field.STATUS: "status",
    Field.DUE: "duedate",
    Field.TITLE: "summary",
}


def task_state(ref: TicketRef, issue: Json, changes: tuple[Change, ...] = ()) -> TaskState:
    """An issue as a task; a field that its JSON lacks is one of which it cannot speak."""
    fields = issue["fields"]
    owner = person(fields.get("assignee"))
    return TaskState(
        ref=ref,
        place=project_of(issue),
        title=str(fields.get("summary") or ""),
        status=status(fields),
        updated=moment(fields["updated"]),
        owners=(owner,) if owner else (),
        milestones=names(fields.get("fixVersions")),
        due=day(fields.get("duedate")),
        silent=tuple(field for field, id in FIELD_IDS.items() if id not in fields),
        changes=changes,
        restricted=fields.get("security") is not None,
        labels=tuple(str(label) for label in fields.get("labels") or ()),
    )


def changes(
    ref: TicketRef, histories: Iterable[Json], names: Mapping[str, str] | None = None
) -> tuple[Change, ...]:
    """A changelog, the oldest first, without what it holds of comments. Cloud gives the newest
    first, so that of one moment its ids tell the order. `names` are those of fields by their ids:
    a changelog of Data Center tells names alone, and Jira's own fields by their ids."""
    ids: dict[str, str] = {}
    for id, name in (names or {}).items():
        if id.startswith("customfield_"):  # of two with one name, it tells neither
            ids[str(name)] = "" if str(name) in ids else id
    found = [
        Change(
            at=moment(history["created"]),
            by=person(history.get("author")),
            field=field,
            before=before,
            after=after,
            url=ref.url,
            field_id=str(item.get("fieldId") or ids.get(str(item.get("field")), "")),
        )
        for history in sorted(histories, key=lambda one: str(one.get("id")).zfill(20))
        for item in history.get("items") or ()
        if not _is_comment(item)
        for field, before, after in _fields(item)
    ]
    return tuple(sorted(found, key=lambda change: change.at))


#: What is kept in sync, by the names of `changes`. A resolution that changes
#: without the status is a change of the status's reason.
_CHANGED = {
    "assignee": Field.OWNER,
    "milestone": Field.MILESTONE,
    "status": Field.STATUS,
    "resolution": Field.STATUS,
    "due": Field.DUE,
    "title": Field.TITLE,
}


def task_changes(ref: TicketRef, histories: Iterable[Json]) -> tuple[Change, ...]:
    """Changes of what is kept in sync, by our names of it: who made them and when."""
    found = changes(ref, histories)
    moved = {change.at for change in found if change.field == "status"}
    return tuple(
        replace(change, field=_CHANGED[change.field].value, before=None, after=None)
        for change in found
        if change.field in _CHANGED and not (change.field == "resolution" and change.at in moved)
    )
