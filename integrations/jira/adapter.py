"""Jira Cloud and Jira Data Center as a tracker.

REST references: https://developer.atlassian.com/cloud/jira/platform/rest/v3/ (Cloud) and
https://developer.atlassian.com/server/jira/platform/rest/ (Data Center, version 2).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from integrations.gate import OPEN, Gate
from integrations.http import in_shape
from integrations.jira import checks, creating, discovery
from integrations.jira.client import Clock, JiraClient, Refused
from integrations.jira.reading import NOBODY, marker, person, project_of, related
from integrations.jira.site import JiraSite, summary
from integrations.jira.tasks import Tasks
from integrations.jira.text import calling
from integrations.jira.webhook import PROPERTY
from integrations.tracker import (
    FieldsSet,
    Finding,
    Glimpse,
    Lost,
    NotThere,
    Overtaken,
    Place,
    Rejected,
    Survey,
    TaskResult,
)
from integrations.uses import Use
from workflows.effects import CreateTask, SetFields
from workflows.model import Person, Ticket, TicketRef
from workflows.tasks import TaskState

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*-[0-9]+")

#: In a service desk's request, a comment that its customers do not see. Both deployments take it
#: with the comment; elsewhere it is a property like any other, which nothing reads.
#: https://jira.atlassian.com/browse/JSDSERVER-3295
_FOR_AGENTS = {"key": "sd.public.comment", "value": {"internal": True}}

#: `updated` has the precision of a minute and the index lags behind.
_OVERLAP_MINUTES = 15


#: All fields but what is long and what nothing is decided by in a list. "By default, it returns all
#: navigable fields"; which of one's own those are, a site may change.
#: https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search/
_IN_LISTS = "*all,-comment,-worklog,-attachment"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class JiraTracker:
    """One Jira site through one account, as `integrations.tracker.Tracker`.

    `url` is the site's base address. `user` and `token` sign in by Basic (Cloud: e-mail and API
    token), `token` alone by Bearer (Data Center's personal access token). `cloud` None: found
    out. `link_type` names the issue link between an incident and what belongs to it. `timeout`
    and `gate` are as in `JiraClient`. `writers` maps each project of incidents or audits to the
    roles whose members may cause effects by what they write; none: any role but those of
    onlookers (see `integrations.jira.writers`).
    """

    def __init__(
        self,
        connection: str,
        url: str,
        *,
        token: str,
        user: str | None = None,
        cloud: bool | None = None,
        link_type: str = "Relates",
        writers: Mapping[str, frozenset[str]] | None = None,
        clock: Clock = _utc_now,
        timeout: int = 20,
        gate: Gate = OPEN,
    ) -> None:
        self.connection = connection
        client = JiraClient(
            url,
            user=user,
            token=token,
            clock=clock,
            cloud=cloud,
            timeout=timeout,
            connection=connection,
            gate=gate,
        )
        self.site = JiraSite(connection, client, link_type=link_type, writers=writers or {})
        self._client = client
        self._tasks = Tasks(self.site)

    def account(self) -> str:
        """The handle of the account that we act as: accountId on Cloud, name on Data Center."""
        return self.site.account()

    # --- reading ----------------------------------------------------------------------------

    def fetch(self, ref: TicketRef) -> Ticket:
        """The whole issue by its id: one call, and more only when Jira embedded less than all of
        its comments or changelog, or the project's roles were not looked at lately."""
        with in_shape(ref.key):
            issue = self._client.get(f"/issue/{ref.id}", fields="*all", expand="changelog,names")
            comments, histories = self._comments(issue), self._histories(issue)
            writers = self.site.writers(project_of(issue))
            return self.site.reader.ticket(issue, comments, histories, writers)

    def _comments(self, issue: Mapping[str, Any]) -> list[dict[str, Any]]:
        fields = issue["fields"]
        embedded = fields.get("comment") or {}
        comments: list[dict[str, Any]] = list(embedded.get("comments") or ())
        desk = (fields.get("project") or {}).get("projectTypeKey") == "service_desk"
        # Data Center tells internal comments by a property, which is not embedded
        unmarked = bool(comments) and desk and not self._client.cloud
        if unmarked or int(embedded.get("total") or 0) > len(comments):
            return self._all_comments(str(issue["id"]))
        return comments

    def _all_comments(self, issue_id: str) -> list[dict[str, Any]]:
        path = f"/issue/{issue_id}/comment"
        return list(self._client.pages(path, "comments", expand="properties", maxResults=100))

    def _histories(self, issue: Mapping[str, Any]) -> list[dict[str, Any]]:
        embedded = issue.get("changelog") or {}
        histories: list[dict[str, Any]] = list(embedded.get("histories") or ())
        # Cloud embeds a part of a long changelog; Data Center embeds all and has no pages
        if int(embedded.get("total") or 0) > len(histories) and self._client.cloud:
            path = f"/issue/{issue['id']}/changelog"
            return list(self._client.pages(path, "values", maxResults=100))
        return histories

    def find(self, typed: str) -> TicketRef:
        """The issue that a person means by ``INC-42`` or by its address on this site."""
        issue = self._client.get(f"/issue/{self._key(typed.strip())}", fields="summary")
        return self.site.reader.ref(issue)

    def _key(self, typed: str) -> str:
        if _KEY.fullmatch(typed):
            return typed.upper()
        address = urlsplit(typed)
        if typed.startswith(f"{self._client.url}/"):
            selected = parse_qs(address.query).get("selectedIssue", [""])[0]
            for part in (selected, *reversed(address.path.split("/"))):
                if _KEY.fullmatch(part):
                    return part.upper()
        raise Rejected(
            f"{typed!r} is neither a key nor an address of {self._client.url}",
            mend=f"Write a key like INC-42, or {self._client.url}/browse/INC-42.",
        )

    def changed(self, place: str, since: datetime) -> Iterator[Glimpse]:
        """Issues of the project updated since then, the latest first, with 15 minutes of overlap:
        times in JQL are read in the account's time zone and to the minute, so a relative one is
        asked for. An issue that is edited between two pages moves to the front, so the next page
        repeats one and misses none."""
        for issue in self._client.search(self._updated(place, since), "updated"):
            updated = str(issue["fields"]["updated"])
            yield Glimpse(self.site.reader.ref(issue), updated, datetime.fromisoformat(updated))

    def history(self, place: str, since: datetime, until: datetime) -> Iterator[Ticket]:
        """A hundred issues a call, in the order of `changed` and with its overlap. What was closed
        is not asked for: which statuses are, the rules say."""
        made = f" AND created <= -{self._minutes_ago(until)}m"
        of_late = f" AND updated >= -{self._minutes(since)}m"
        jql = f"project = {_quoted(place)}{of_late}{made} ORDER BY updated DESC"
        for issue in self._client.search(jql, _IN_LISTS, expand="names"):
            with in_shape(str(issue.get("key"))):
                ticket = self.site.reader.ticket(issue, (), (), NOBODY)
            if ticket.created < until:
                yield ticket

    def _updated(self, place: str, since: datetime | None) -> str:
        of_late = f" AND updated >= -{self._minutes(since)}m" if since else ""
        return f"project = {_quoted(place)}{of_late} ORDER BY updated DESC"

    def _minutes_ago(self, until: datetime) -> int:
        """Whole minutes since then, a few too few rather than too many."""
        passed = (self._client.clock() - until).total_seconds() / 60
        return max(0, math.floor(passed) - _OVERLAP_MINUTES)

    def _minutes(self, since: datetime) -> int:
        passed = (self._client.clock() - since).total_seconds() / 60
        return max(0, math.ceil(passed)) + _OVERLAP_MINUTES

    # --- tasks ------------------------------------------------------------------------------

    def at_once(self, place: str) -> int:  # noqa: ARG002 - the protocol's
        """As many as one bulk call takes."""
        return creating.MOST

    def create_tasks(self, tasks: Sequence[CreateTask]) -> Iterator[TaskResult]:
        """See `integrations.jira.creating`: 50 a call, each marked and linked as it is made."""
        return creating.create_tasks(self.site, tasks)

    def find_created(self, lost: Lost) -> Mapping[str, TicketRef]:
        """First the relations of incident and document and what was sighted, all read by id and
        so without the search index, then what this account created in the project since then.
        Only what our own account created counts: whoever may create or edit an issue may give it
        the property that marks ours."""
        found: dict[str, TicketRef] = {}
        for issue in self._candidates(lost):
            key = marker(issue.get("properties"), PROPERTY)
            if key in lost.keys and self._is_me(issue["fields"].get("creator")):
                found.setdefault(str(key), self.site.reader.ref(issue))
            if len(found) == len(set(lost.keys)):
                break
        return found

    def _candidates(self, lost: Lost) -> Iterator[Mapping[str, Any]]:
        """Issues that may be what was lost. What is known is not read again: each read is one
        more that may fail, and the look-up with it."""
        document = lost.document.ticket if lost.document else None
        for near in (lost.incident, document):
            if near is not None and near.connection == self.connection:
                yield from self._read_each(id for id in self._related(near) if id not in lost.known)
        yield from self._read_each(id for id, _ in lost.sighted)
        jql = (
            f"creator = currentUser() AND project = {_quoted(lost.place)}"
            f" AND created >= -{self._minutes(lost.since)}m"
        )
        for issue in self._client.search(jql, "creator", PROPERTY):
            if "properties" in issue:
                yield issue
            elif str(issue["id"]) not in lost.known:  # Data Center's search returns no properties
                yield from self._read_each([str(issue["id"])])

    def _related(self, ticket: TicketRef) -> tuple[str, ...]:
        try:
            issue = self._client.get(f"/issue/{ticket.id}", fields="issuelinks,subtasks")
        except NotThere:
            return ()
        return related(issue["fields"])

    def _read_each(self, ids: Iterable[str]) -> Iterator[Mapping[str, Any]]:
        for id in ids:
            try:
                yield self._with_marker(id)
            except NotThere:  # deleted meanwhile, or hidden
                continue

    def _with_marker(self, id: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._client.get(
            f"/issue/{id}", fields="creator", properties=PROPERTY
        )
        return found

    def link(self, incident: TicketRef, task: TicketRef, title: str, key: str) -> None:
        """An issue link between two issues of this site, else a remote link, whose `globalId` is
        `key`, so that the same link again is an update."""
        if task.connection != self.connection:
            body = {"globalId": key, "object": {"url": task.url, "title": summary(title)}}
            self._client.post(f"/issue/{incident.id}/remotelink", body)
            return
        relation = self.site.relation()
        if relation is None:
            raise Rejected(
                f"Jira has no issue link type {self.site.link_type!r}",
                mend="Add it under Jira's issue linking, or name another one.",
            )
        try:
            self._client.post(
                "/issueLink",
                {
                    "type": {"name": relation},
                    "inwardIssue": {"id": task.id},
                    "outwardIssue": {"id": incident.id},
                },
            )
        except Refused:  # perhaps only because they are linked already
            issue = self._client.get(f"/issue/{incident.id}", fields="issuelinks")
            if task.id not in related(issue["fields"]):
                raise

    # --- tasks kept in sync -----------------------------------------------------------------

    def look(self, ref: TicketRef) -> TaskState:
        """One call; `changes` are those of the changelog's newest part, that Jira embeds."""
        return self._tasks.look(ref)

    def look_through(self, place: str, since: datetime | None) -> Iterator[TaskState]:
        """Issues of the project as `changed` lists them, with the same overlap, and as the search
        index has them: it lags, and `updated` says how old a state is. Jira cannot tell what has
        not changed, so all that the query finds is sent."""
        return self._tasks.look_through(self._updated(place, since))

    def set_fields(self, wanted: SetFields, overtaken: Overtaken) -> FieldsSet:
        """See `integrations.jira.tasks` and `integrations.jira.transitions`."""
        return self._tasks.set_fields(wanted, overtaken)

    # --- the comment ------------------------------------------------------------------------

    def write_comment(
        self,
        ticket: TicketRef,
        text: str,
        key: str,
        comment_id: str | None,
        to: Sequence[str] = (),
    ) -> str:
        """Write or rewrite our comment; it carries `key` as an entity property. NotThere when
        `comment_id` is gone, which Jira may also tell as a fault of the request."""
        body = {
            "body": calling(to, self.site.description(text)),
            "properties": [{"key": PROPERTY, "value": {"key": key}}, _FOR_AGENTS],
        }
        path = f"/issue/{ticket.id}/comment"
        if comment_id is None:
            return str(self._client.post(path, body)["id"])
        try:
            self._client.put(f"{path}/{comment_id}", body)
        except Refused:
            self._client.get(f"{path}/{comment_id}")
            raise
        return comment_id

    def find_comment(self, ticket: TicketRef, key: str) -> str | None:
        """The id of the comment of ours that carries `key`, if there is one. Another's, with our
        marker in its properties, could not be written, and its words would not be read."""
        for comment in self._all_comments(ticket.id):
            marked = marker(comment.get("properties"), PROPERTY) == key
            if marked and self._is_me(comment.get("author")):
                return str(comment["id"])
        return None

    def _is_me(self, user: Any) -> bool:
        who = person(user)
        return who is not None and who.handle == self.site.account()

    def check(self, places: Mapping[str, Use]) -> Iterator[Finding]:
        """See `integrations.jira.checks`."""
        return checks.check(self.site, places)

    def places(self) -> Iterator[Place]:
        """See `integrations.jira.discovery`."""
        return discovery.places(self._client)

    def survey(self, place: str, issue_type: str = "") -> Survey:
        """See `integrations.jira.discovery`."""
        return discovery.survey(self.site, place, issue_type)

    def milestones(self, place: str) -> Mapping[str, bool]:
        """The project's versions, released and archived ones too; asked for anew."""
        self.site.forget_versions(place)
        return {name: version.released for name, version in self.site.versions(place).items()}

    def close_milestone(self, place: str, name: str, closed: bool) -> None:
        """Release the version, or take that back."""
        self.site.release(place, name, closed)

    def can_assign(self, place: str, handle: str) -> bool:
        """Whether issues of the project can be assigned to this accountId (Cloud) or name."""
        return self.site.assignable(place, handle) is not None

    def find_person(self, email: str) -> Person | None:
        """See `integrations.jira.discovery`."""
        return discovery.find_person(self._client, email)

    def is_public(self, place: str) -> bool:
        """Whether the project answers to somebody who is not signed in."""
        return self.site.public(place)

    def place_of(self, ticket: TicketRef) -> str:
        """The project's key, ``INC`` of ``INC-42``."""
        return ticket.key.rpartition("-")[0]


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
