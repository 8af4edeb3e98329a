"""Issues as tasks that are kept in sync: read one by one, or a whole repository at a time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from integrations.github.client import GitHubClient, Json, issue_path, repo_path
from integrations.github.marker import key_in
from integrations.github.reading import place_of, state_of
from integrations.github.recent import Recent
from integrations.http import in_shape
from integrations.tracker import NotThere, Unavailable
from workflows.model import TicketRef
from workflows.tasks import TaskState

#: How many pages of a hundred issues are remembered; those asked for the longest ago go first.
_PAGES_KNOWN = 300


@dataclass(frozen=True, slots=True)
class _Known:
    """A page as it was when it had this ETag. `asked` is what it was asked for with, and
    `following` what the next one was."""

    asked: dict[str, str | int]
    etag: str
    tasks: tuple[TaskState, ...]
    following: dict[str, str | int] | None


class _RenamedError(Exception):
    """The repository has another name by now, so that its lists were asked for in vain."""


class TaskReading:
    """Reads tasks of one server. Every method raises the TrackerError family only."""

    def __init__(self, connection: str, client: GitHubClient) -> None:
        self._connection = connection
        self._client = client
        self._names: dict[str, str] = {}
        self._known: OrderedDict[tuple[str, bool, int], _Known] = OrderedDict()
        self._lock = threading.Lock()
        self._discussions: Recent[tuple[str, str], bool] = Recent(client.clock)

    def look(self, ref: TicketRef) -> TaskState:
        """One read. A transferred issue answers 301 and is read where it is now. NotThere: 410 when
        it was deleted, 404 when it is hidden, in their words; pull requests; and an issue that was
        converted to a discussion, which GitHub goes on to show as a closed and locked one: an issue
        of ours that is both costs one more read, of its timeline.
        https://docs.github.com/en/rest/issues/issues#get-an-issue"""
        return self.read(ref)[0]

    def read(self, ref: TicketRef) -> tuple[TaskState, Json]:
        """As `look`, and the issue as GitHub shows it."""
        issue = self._client.read(issue_path(ref.key))
        if "pull_request" in issue:
            raise NotThere(f"{ref.key} is a pull request", mend="Name an issue.")
        with in_shape(ref.key):
            state = state_of(self._connection, issue)
        if self._is_discussion(issue, state):
            raise NotThere(f"{state.ref.key} was converted to a discussion")
        return state, issue

    def look_through(self, place: str, since: datetime | None) -> Iterator[TaskState]:
        """The issues of `place`, the latest update first, a hundred a call; what was converted to a
        discussion is left out, as in `look`.

        Pages are remembered with their ETags, of lists with a `since` those of the last one, and
        one that did not change is not sent again. Which page follows it is remembered as well: an
        answer of "not modified" has no links that could be relied on.
        """
        asked: dict[str, str | int] = {"per_page": 100, "state": "all"}
        asked |= {"sort": "updated", "direction": "desc"}
        if since is not None:
            asked["since"] = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        try:
            yield from self._through(place, asked)
        except _RenamedError:
            self._names.pop(place, None)
            self._client.forget_repository(place)
            try:
                yield from self._through(place, asked)
            except _RenamedError:
                words = f"{place}: its list is not of the repository that it was asked of"
                raise Unavailable(words, mend="Nothing to do: it is asked again.") from None

    def _through(self, place: str, asked: dict[str, str | int]) -> Iterator[TaskState]:
        """The name that the repository had is believed for as long as its lists show it: to ask
        for it each time would be one more call."""
        name = self._names.get(place) or self._client.repository(place).name
        following: dict[str, str | int] | None = asked
        number = 0
        while following is not None:
            page = self._page(place, name, following, number)
            self._names[place] = name
            yield from page.tasks
            following, number = page.following, number + 1

    def _page(self, place: str, name: str, asked: dict[str, str | int], number: int) -> _Known:
        path = f"{repo_path(name)}/issues"
        key = (path, "since" in asked, number)
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
        if known is not None and known.asked != asked:
            known = None
        page = self._client.page_unless(known.etag if known else "", path, asked)
        if page is None and known is not None:
            return known
        if page is None:
            raise Unavailable(f"{path}: not modified, said of a page that nobody knew")
        with in_shape(path):
            self._stands_in(place, name, page.items)
            issues = [issue for issue in page.items if "pull_request" not in issue]
            states = [state_of(self._connection, issue) for issue in issues]
        there = zip(issues, states, strict=True)
        tasks = tuple(state for issue, state in there if not self._is_discussion(issue, state))
        known = _Known(asked, page.etag, tasks, page.following)
        if page.etag:
            self._remember(key, known)
        return known

    def _remember(self, key: tuple[str, bool, int], page: _Known) -> None:
        with self._lock:
            self._known[key] = page
            self._known.move_to_end(key)
            while len(self._known) > _PAGES_KNOWN:
                self._known.popitem(last=False)

    def _stands_in(self, place: str, name: str, issues: Sequence[Json]) -> None:
        """A renamed repository redirects, and the redirect is followed without the query (see
        `GitHubClient.present_path`): the answer is then another list, and tells its new name."""
        now = place_of(issues[0]) if issues else self._client.repository(place).name
        if now.casefold() != name.casefold():
            raise _RenamedError

    def _is_discussion(self, issue: Json, state: TaskState) -> bool:
        """Whether an issue that we made was converted to a discussion: "The issue was closed and
        converted to a discussion", and locked; nothing but its timeline tells.
        https://docs.github.com/en/rest/using-the-rest-api/issue-event-types#converted_to_discussion
        https://github.com/dessant/lock-threads/issues/24"""
        ours = key_in(issue.get("body")) is not None
        if not (ours and issue["state"] == "closed" and issue.get("locked")):
            return False

        def ask() -> bool:
            events = self._client.pages(f"{issue_path(state.ref.key)}/timeline")
            return any(event.get("event") == "converted_to_discussion" for event in events)

        return self._discussions.get((state.ref.id, str(issue["updated_at"])), ask)
