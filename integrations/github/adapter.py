"""GitHub issues as tickets: `integrations.tracker.Tracker` over REST.

Routes: https://docs.github.com/en/rest/issues
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from urllib.parse import urlsplit

from integrations.github import checks, discovery
from integrations.github.answers import Invalid
from integrations.github.choices import Choices
from integrations.github.client import GitHubClient, issue_path
from integrations.github.creation import TaskCreation
from integrations.github.lost import candidates
from integrations.github.marker import key_in, marked
from integrations.github.reading import place_of, ref_of, ticket_of, time_of
from integrations.github.recent import Recent
from integrations.github.servers import pages_of
from integrations.github.setting import FieldSetting
from integrations.github.tasks import TaskReading
from integrations.github.writers import Writers
from integrations.http import in_shape
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
from workflows.model import Comment, Person, Ticket, TicketRef
from workflows.tasks import TaskState

_KEY = re.compile(r"(?P<place>[\w-]+/[\w.-]+)#(?P<number>\d{1,10})", re.ASCII)
_ADDRESS = re.compile(r"/(?P<place>[\w-]+/[\w.-]+)/issues/(?P<number>\d{1,10})/?$", re.ASCII)


class GitHubTracker:
    """One GitHub server, through one account.

    A ticket's id is its node id and its key ``owner/name#number``. Every method raises the
    TrackerError family only.
    """

    def __init__(self, connection: str, client: GitHubClient) -> None:
        self.connection = connection
        self._client = client
        self._choices = choices = Choices(client)
        self._tasks = TaskReading(connection, client)
        self._setting = FieldSetting(client, choices, self._tasks)
        self._writers = Writers(client)
        self._takes_sub_issues: Recent[str, bool] = Recent(client.clock)
        self._creation = TaskCreation(connection, client, choices, self._takes_sub_issues)

    def account(self) -> str:
        """The login that the token belongs to; asked for once."""
        return self._client.login()

    def fetch(self, ref: TicketRef) -> Ticket:
        """Two reads: the issue, and its timeline, which holds the comments (one more for every
        further hundred events); and one for each member or collaborator who wrote there and was
        not asked about lately. A transferred issue answers 301 and is read where it is now, so
        the ticket's key may differ from `ref.key`. Pull requests are NotThere: no tickets."""
        issue = self._client.read(issue_path(ref.key))
        if "pull_request" in issue:
            raise NotThere(f"{ref.key} is a pull request", mend="Name an issue.")
        place = place_of(issue)
        path = issue_path(f"{place}#{issue['number']}")
        timeline = self._client.pages(f"{path}/timeline")
        writes = partial(self._writers.may_write, place)
        with in_shape(ref.key):
            ticket = ticket_of(self.connection, issue, timeline, writes)
        ours = (key_in(c.text) for c in ticket.comments if "<!--" in c.text and self._wrote(c))
        return replace(ticket, marks=tuple(key for key in ours if key is not None))

    def find(self, typed: str) -> TicketRef:
        """From ``owner/name#7`` or the issue's address; a bare number has no repository."""
        typed = typed.strip()
        address = urlsplit(typed)
        ours = address.netloc in self._hosts()
        match = _KEY.fullmatch(typed) or (_ADDRESS.search(address.path) if ours else None)
        if match is None:
            raise Rejected(
                f"{typed!r} does not say which issue of which repository of this server",
                mend="Write owner/name#number, or paste the issue's address.",
            )
        issue = self._client.read(issue_path(f"{match['place']}#{match['number']}"))
        if "pull_request" in issue:
            raise NotThere(f"{typed} is a pull request", mend="Name an issue.")
        return ref_of(self.connection, issue)

    def changed(self, place: str, since: datetime) -> Iterator[Glimpse]:
        """Issues of `place` that were updated at `since` or later, the latest update first: one
        that is edited between two pages moves to the front, so the next page repeats one and
        misses none. GitHub lists pull requests too; they are left out."""
        for issue in self._client.issues(place, since, sort="updated", direction="desc"):
            if "pull_request" not in issue:
                updated = str(issue["updated_at"])
                at = datetime.fromisoformat(updated)
                yield Glimpse(ref_of(self.connection, issue), updated, at)

    def history(self, place: str, since: datetime, until: datetime) -> Iterator[Ticket]:
        """A hundred issues a call, in the order of `changed`. GitHub's lists know no time of
        closing to ask for, and its search gives a thousand results at most:
        https://docs.github.com/en/rest/search/search#about-search"""
        for issue in self._client.issues(place, since, sort="updated", direction="desc"):
            with in_shape(place):
                if "pull_request" in issue or time_of(issue["created_at"]) >= until:
                    continue
                ticket = ticket_of(self.connection, issue, (), lambda _: False)
            yield ticket

    def at_once(self, place: str) -> int:
        """Ten where the server has GraphQL, else one."""
        return self._creation.at_once(place)

    def create_tasks(self, tasks: Sequence[CreateTask]) -> Iterator[TaskResult]:
        """One request for all, with their parent, where the server has GraphQL; else one POST a
        task, without: then a sub-issue needs a call of its own."""
        return self._creation.create(tasks)

    def find_created(self, lost: Lost) -> Mapping[str, TicketRef]:
        """See `integrations.github.lost`."""
        found = dict[str, TicketRef]()
        for issue in candidates(self._client, self.connection, lost):
            key = key_in(issue.get("body"))
            if key in lost.keys:
                found.setdefault(key, ref_of(self.connection, issue))
            if len(found) == len(set(lost.keys)):
                break
        return found

    def look(self, ref: TicketRef) -> TaskState:
        """See `integrations.github.tasks`."""
        return self._tasks.look(ref)

    def look_through(self, place: str, since: datetime | None) -> Iterator[TaskState]:
        """See `integrations.github.tasks`."""
        return self._tasks.look_through(place, since)

    def set_fields(self, wanted: SetFields, overtaken: Overtaken) -> FieldsSet:
        """See `integrations.github.setting`."""
        return self._setting.set_fields(wanted, overtaken)

    def link(
        self,
        incident: TicketRef,
        task: TicketRef,
        title: str,  # noqa: ARG002 - the protocol's; a sub-issue shows its own title
        key: str,  # noqa: ARG002 - the protocol's; asking twice for one relation is harmless
    ) -> None:
        """Make `task` a sub-issue of `incident`.

        Where that cannot be (the task is in another tracker or belongs to another owner, the
        incident has a hundred sub-issues, the server has none) there is nothing to do: the one
        comment on the incident lists every task.
        """
        if task.connection != self.connection:
            return
        if not self._takes_sub_issues.get(incident.id, lambda: True):
            return
        child = task.link_id or self.find(task.key).link_id
        path = f"{issue_path(incident.key)}/sub_issues"
        try:
            self._client.write("POST", path, {"sub_issue_id": int(child)})
        except Invalid:
            # "Issue may not contain duplicate sub-issues", another parent, more than a hundred.
            return
        except NotThere:
            # GitHub's description of Enterprise Server (up to 3.19) has no such route. Further
            # tasks of this incident need not ask again.
            self._takes_sub_issues.believe(incident.id, False)

    def write_comment(
        self,
        ticket: TicketRef,
        text: str,
        key: str,
        comment_id: str | None,
        to: Sequence[str] = (),
    ) -> str:
        """One write: PATCH of `comment_id`, which is NotThere once somebody deleted it, or POST
        without one; a comment that may be there already is found with `find_comment`."""
        body = {"body": marked(f"{_calls(to)}\n\n{text}" if to else text, key)}
        issue = issue_path(ticket.key)
        if comment_id is None:
            return str(self._client.write("POST", f"{issue}/comments", body)["id"])
        path = f"{issue.rpartition('/')[0]}/comments/{int(comment_id)}"
        return str(self._client.write("PATCH", path, body)["id"])

    def find_comment(self, ticket: TicketRef, key: str) -> str | None:
        """The id of the comment on `ticket` that is marked with `key` and is our own: somebody
        who copied our marker would otherwise have their comment overwritten."""
        path = self._client.present_issue_path(ticket.key)
        for comment in self._client.pages(f"{path}/comments"):
            author = (comment.get("user") or {}).get("login", "")
            if key_in(comment.get("body")) == key and self._is_surely_me(str(author)):
                return str(comment["id"])
        return None

    def check(self, places: Mapping[str, Use]) -> Iterator[Finding]:
        """See `integrations.github.checks`."""
        return checks.check(self._client, places)

    def places(self) -> Iterator[Place]:
        """See `integrations.github.discovery`."""
        return discovery.places(self._client)

    def survey(self, place: str, issue_type: str = "") -> Survey:  # noqa: ARG002 - the protocol's
        """See `integrations.github.discovery`."""
        return discovery.survey(self._client, place)

    def milestones(self, place: str) -> Mapping[str, bool]:
        """Open and closed ones; asked for anew, whatever is remembered of them."""
        return self._choices.closed(place)

    def close_milestone(self, place: str, name: str, closed: bool) -> None:
        """See `integrations.github.choices`."""
        self._choices.close(place, name, closed)

    def can_assign(self, place: str, handle: str) -> bool:
        """Whether issues of the repository can be assigned to this login."""
        return discovery.can_assign(self._client, place, handle)

    def find_person(self, email: str) -> Person | None:  # noqa: ARG002 - the protocol's
        """Nobody. GitHub's search for users matches words of public addresses, tells none, leaves
        out managed users and is limited on its own, and an address on an Enterprise Server need
        not be its owner's: no certain answer to be had.
        https://docs.github.com/en/rest/search/search#search-users"""
        return None

    def is_public(self, place: str) -> bool:
        """By the repository's visibility: an internal one, which all members of an enterprise may
        read, says that it is private as well.
        What this account cannot see, not everybody sees.
        https://docs.github.com/en/rest/repos/repos#get-a-repository"""
        try:
            return not self._client.repository(place).private
        except NotThere:
            return False

    def place_of(self, ticket: TicketRef) -> str:
        """``owner/name`` of ``owner/name#7``."""
        return ticket.key.rpartition("#")[0]

    def _hosts(self) -> set[str]:
        """Where this server shows issues, to people and to programs."""
        return {urlsplit(url).netloc for url in (self._client.url, pages_of(self._client.url))}

    def _wrote(self, comment: Comment) -> bool:
        return comment.author is not None and self._is_me(comment.author.handle)

    def _is_me(self, login: str) -> bool:
        return login.lower() == self._client.login().lower()

    def _is_surely_me(self, login: str) -> bool:
        """One read where it is not by the name that is remembered: we may have been renamed."""
        return self._is_me(login) or login.lower() == self._client.login(anew=True).lower()


def _calls(handles: Sequence[str]) -> str:
    return " ".join(f"@{each}" for each in handles)
