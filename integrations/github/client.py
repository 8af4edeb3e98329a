"""One GitHub server through one account: exact requests, and how each can end.

Built on PyGithub's requester, with everything that repeats, waits or reads on its own turned
off: its default retry repeats POST on 5xx, and it sleeps between requests.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import requests
from github import Auth, Github
from github.Requester import Requester
from requests.utils import parse_header_links

from integrations.gate import OPEN, Call, Gate
from integrations.github import budgets
from integrations.github.answers import NotOverGraphQL, error_of, throttled
from integrations.github.recent import Recent
from integrations.github.signing import Signature, Signer, Token
from integrations.http import Answer, Odd, an_object, never_arrived, objects, parsed
from integrations.tracker import OutcomeUnknown, RateLimited, Rejected, TrackerError, Unavailable

Json = dict[str, Any]

#: The same of servers, which change with their version.
_BELIEVED_OF_SERVERS = timedelta(days=1)

#: How far our clock and GitHub's may differ when we ask for what we created since a time.
CLOCKS_DIFFER = timedelta(minutes=10)

_NONE: Mapping[str, str] = {}


class _NotModified(Exception):
    """304: what is known already is what there is."""


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. `following` is what the next one is asked for with, None for the last;
    `etag` is "" where the server gives none."""

    items: list[Answer]
    following: dict[str, str | int] | None
    etag: str


@dataclass(frozen=True, slots=True)
class Repository:
    """What is remembered of a repository; `may_push` is None where the server does not say."""

    id: str
    name: str
    default_branch: str
    private: bool
    has_issues: bool
    archived: bool
    may_push: bool | None


class GitHubClient:
    """Requests to one server, signed with one token or by the `Signer` of a GitHub App.

    `url` is the API's root: ``https://api.github.com`` or an Enterprise Server's ``/api/v3``.
    Every method raises the TrackerError family only. Nothing is ever repeated, but once what was
    refused because an App's token had ended, and so did nothing; redirects are followed within the
    same host only, reads by PyGithub (which refuses others), writes here: a 307 did nothing yet.
    `timeout` is in seconds, to connect and for an answer each; every request passes the `gate` as
    one of its `connection`. `limited`: counted against github.com's budgets; None: as usual.
    """

    def __init__(
        self,
        url: str,
        signer: str | Signer,
        *,
        clock: Callable[[], datetime] = utc_now,
        timeout: int = 20,
        connection: str = "github",
        gate: Gate = OPEN,
        limited: bool | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.clock = clock
        self.signer: Signer = Token(signer) if isinstance(signer, str) else signer
        self._timeout = timeout
        self._connection = connection
        self._gate = gate
        self._limited = budgets.applies(self.url, limited)
        self._of_this_thread = threading.local()
        self._repositories: Recent[str, Repository] = Recent(clock)
        self._login: str | None = None
        #: What the server can do over GraphQL (`integrations.github.graphql`).
        self.abilities: Recent[str, Any] = Recent(clock, _BELIEVED_OF_SERVERS)

    def read(self, path: str, **parameters: str | int) -> Answer:
        """The object that GET answers. Of a repository that may have been renamed, a path with
        `parameters` starts with `present_path`."""
        return an_object(self.read_any(path, **parameters), _odd("GET", path))

    def read_any(self, path: str, **parameters: str | int) -> Any:
        """The same where GitHub answers with an object, a list, or nothing (204: None)."""
        return self._ask("GET", path, parameters, None)[1]

    def headers(self, path: str) -> dict[str, str]:
        """The headers that GET answers, with lower-case names."""
        return self._ask("GET", path, {}, None)[0]

    def write(self, verb: str, path: str, body: Json | None) -> Answer:
        """The object that a POST, PUT or PATCH answers; OutcomeUnknown where it is none."""
        return an_object(self._ask(verb, path, {}, body)[1], _odd(verb, path))

    def send(self, verb: str, path: str) -> None:
        """A POST or DELETE without a body, whatever is answered beside that it was done."""
        self._ask(verb, path, {}, None)

    def graphql(self, place: str, document: str, variables: Json, mutations: int = 0) -> Answer:
        """The whole answer to a GraphQL document about the repository `place`, which may hold
        errors beside its data; a query where it has no `mutations`. NotThere where the server has
        no GraphQL, NotOverGraphQL where its gate or its points let nothing through. https://docs.github.com/en/graphql/guides/forming-calls-with-graphql"""
        asked = ({"query": document, "variables": variables}, mutations)
        signature = self.signer.sign(repo_path(place))
        status, headers, text, error = self._passed_graphql(signature, *asked)
        if status == 401 and self.signer.refused(signature):  # nothing was done
            signature = self.signer.sign(repo_path(place))
            status, headers, text, error = self._passed_graphql(signature, *asked)
        slower = error or throttled(headers, text, self.clock())
        odd = partial(_unanswered, mutations > 0)
        answer = Answer({}, odd) if error else an_object(parsed(text, odd), odd)
        if slower is None or answer.get("data"):
            return answer
        used_up = self._limited and budgets.points_are_used_up(headers)
        raise (
            NotOverGraphQL(slower.words) if used_up and isinstance(slower, RateLimited) else slower
        )

    def _passed_graphql(
        self, signature: Signature, body: Json, mutations: int
    ) -> tuple[int, dict[str, str], str, TrackerError | None]:
        """What `_sent` returns, through the gate, which hears of an answer that asks for patience
        beside its data."""
        costs = budgets.graphql_costs(mutations) if self._limited else ()
        asks = not mutations
        call = Call(self._connection, "POST", "/graphql", costs, signature.account, asks)
        url = self._requester(signature).graphql_url
        try:
            with self._gate.passing(call) as report:
                sent = self._sent(signature, call.writes, "POST", url, {}, body, _NONE)
                status, headers, text, error = sent
                slower = error or throttled(headers, text, self.clock())
                report(budgets.answered(status, headers, slower, self._limited))
        except RateLimited as refused:
            raise NotOverGraphQL(refused.words) from None
        return status, headers, text, error

    def pages(self, path: str, /, **parameters: str | int) -> Iterator[Answer]:
        """The items of all pages of a list, a hundred a page. `path` starts with `present_path`.

        Of the next page's address only the query is used, so that it leads to no other host.
        """
        asked: dict[str, str | int] | None = {"per_page": 100, **parameters}
        while asked is not None:
            page = self._page(path, asked)
            yield from page.items
            asked = page.following

    def page_unless(self, etag: str, path: str, asked: Mapping[str, str | int]) -> Page | None:
        """The one page that is asked for so, or None where it is still the one with this ETag
        ("": always the page). An answer of "not modified" does not count against the hour's
        requests.
        https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate
        """
        try:
            return self._page(path, asked, {"If-None-Match": etag} if etag else {})
        except _NotModified:
            return None

    def _page(
        self, path: str, asked: Mapping[str, str | int], conditions: Mapping[str, str] = _NONE
    ) -> Page:
        headers, listed = self._ask("GET", path, asked, None, conditions)
        items = objects(listed, _odd("GET", path))
        following = [
            link["url"]
            for link in parse_header_links(headers.get("link", ""))
            if link.get("rel") == "next"
        ]
        if not following:
            return Page(items, None, headers.get("etag", ""))
        query = dict(parse_qsl(urlsplit(following[0]).query))
        if query == asked:  # a redirect that lost its query would lead here for ever
            raise _odd("GET", path)("the next page is the same page")
        return Page(items, dict(query), headers.get("etag", ""))

    def present_path(self, place: str) -> str:
        """``/repos/owner/name`` with the repository's present name, for paths with a query.

        A renamed repository redirects, and PyGithub follows a redirect without its query: a
        file would be read from the default branch, a list of what is open from any state.
        https://github.com/PyGithub/PyGithub/blob/v2.10.0/github/Requester.py
        """
        return repo_path(self.repository(place).name)

    def present_issue_path(self, key: str) -> str:
        """``/repos/owner/name/issues/7`` for ``owner/name#7``, likewise."""
        place, number = _parts(key)
        return f"{self.present_path(place)}/issues/{number}"

    def issues(self, place: str, since: datetime, **asked: str) -> Iterator[Answer]:
        """Issues and pull requests of `place` updated since then, in any state."""
        stamp = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self.pages(f"{self.present_path(place)}/issues", state="all", since=stamp, **asked)

    def ours(self, place: str, since: datetime) -> Iterator[Answer]:
        """Of `issues`, those that our account opened, and perhaps others: an Enterprise Cloud was
        seen to find none by the login of an App, https://github.com/renovatebot/renovate/issues/44730
        """
        return self.issues(
            place, since, **({} if self.signer.is_app else {"creator": self.login()})
        )

    def login(self, *, anew: bool = False) -> str:
        """The account that acts; asked for once, an App's now and then, or `anew`."""
        if (of_app := self.signer.login(anew=anew)) is not None:
            return of_app
        if self._login is None or anew:
            self._login = str(self.read("/user")["login"])
        return self._login

    def repository(self, place: str) -> Repository:
        """``owner/name``, at most ten minutes old."""
        return self._repositories.get(place, lambda: self._repository(place))

    def forget_repository(self, place: str) -> None:
        """Somebody saw that it is not what is remembered."""
        self._repositories.forget(place)

    def _repository(self, place: str) -> Repository:
        answer = self.read(repo_path(place))
        # The role of a person: what an App may is in its permissions.
        permissions = None if self.signer.is_app else answer.get("permissions")
        return Repository(
            id=str(answer.get("node_id") or ""),
            name=answer["full_name"],
            default_branch=answer["default_branch"],
            private=bool(answer.get("private")),
            has_issues=bool(answer.get("has_issues", True)),
            archived=bool(answer.get("archived")),
            may_push=None if permissions is None else bool(permissions.get("push")),
        )

    def _ask(
        self,
        verb: str,
        path: str,
        parameters: Mapping[str, str | int],
        body: Json | None,
        conditions: Mapping[str, str] = _NONE,
    ) -> tuple[dict[str, str], Any]:
        asked = (verb, path, parameters, body, conditions)
        signature = self.signer.sign(path)
        status, headers, text, error = self._passed(signature, *asked)
        if status == 401 and self.signer.refused(signature):  # nothing was done
            status, headers, text, error = self._passed(self.signer.sign(path), *asked)
        if status == 403 and not isinstance(error, RateLimited):
            self.signer.refused(signature)  # of an App, a newer one may do more
        if status == 404 and self.signer.missed(path, signature):  # nothing was done
            status, headers, text, error = self._passed(self.signer.sign(path), *asked)
        if error is not None:
            raise error
        if status == 304 and conditions:
            raise _NotModified
        return headers, parsed(text, _odd(verb, path))

    def _passed(
        self, signature: Signature, verb: str, path: str, *asked: Any
    ) -> tuple[int, dict[str, str], str, TrackerError | None]:
        """What `_sent` returns, through the gate."""
        costs = budgets.costs(verb) if self._limited else ()
        call = Call(self._connection, verb, path, costs, signature.account)
        with self._gate.passing(call) as report:
            status, headers, text, error = self._sent(signature, call.writes, verb, path, *asked)
            report(budgets.answered(status, headers, error))
        return status, headers, text, error

    def _sent(
        self,
        signature: Signature,
        writes: bool,
        verb: str,
        path: str,
        parameters: Mapping[str, str | int],
        body: Json | None,
        conditions: Mapping[str, str],
    ) -> tuple[int, dict[str, str], str, TrackerError | None]:
        """Status (0: nobody answered), headers and text of the answer, and the error that it is."""
        requester = self._requester(signature)
        try:
            status, headers, text = requester.requestJson(
                verb, path, parameters=dict(parameters), headers=dict(conditions), input=body
            )
            if status == 307 and (there := self._leads_to(headers)) not in ("", path):
                status, headers, text = requester.requestJson(verb, there, input=body)
        except requests.RequestException as error:
            return 0, {}, "", _transport_error(error, writes=writes)
        except RuntimeError as error:
            # PyGithub's refusal to follow a redirect to another host or scheme.
            mend = "Correct the connection's url in the rules."
            return 301, {}, "", Rejected(str(error), mend=mend)
        if status < 300 or (status == 304 and conditions):
            return status, headers, text or "", None
        now = self.clock()
        words = self._clean(text, signature)
        refused = error_of(status, headers, words, writes=writes, path=path, now=now)
        return status, headers, text or "", refused

    def _leads_to(self, headers: Mapping[str, str]) -> str:
        """The path that a renamed repository's answer to a write leads to, on this server.
        https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
        """
        address = headers.get("location", "")
        return address.removeprefix(self.url) if address.startswith(f"{self.url}/") else ""

    def _requester(self, signature: Signature) -> Requester:
        """One a thread: neither PyGithub's requester nor its session may be shared by several."""
        kept: dict[str, Requester] = self._of_this_thread.__dict__.setdefault("requesters", {})
        requester = kept.get(signature.account)
        if requester is None:
            requester = Github(
                auth=Auth.Token(signature.token),
                base_url=self.url,
                retry=None,
                seconds_between_requests=0,
                seconds_between_writes=0,
                timeout=self._timeout,
                lazy=True,
            ).requester
            kept[signature.account] = requester
        elif requester.auth is None or requester.auth.token != signature.token:
            requester = kept[signature.account] = requester.withAuth(Auth.Token(signature.token))
        return requester

    @staticmethod
    def _clean(text: str, signature: Signature) -> str:
        """A server that echoes the request must not put the token into our errors."""
        return text.replace(signature.token, "…") if signature.token else text


def repo_path(place: str) -> str:
    """``/repos/owner/name`` for ``owner/name``; Rejected when `place` is no such thing."""
    owner, slash, name = place.partition("/")
    if not (owner and slash and name) or "/" in name or {owner, name} & {".", ".."}:
        raise Rejected(f"{place!r} is no repository", mend="Write it as owner/name.")
    return f"/repos/{quote(owner, safe='')}/{quote(name, safe='')}"


def issue_path(key: str) -> str:
    """``/repos/owner/name/issues/7`` for ``owner/name#7``; Rejected when unreadable."""
    place, number = _parts(key)
    return f"{repo_path(place)}/issues/{number}"


def _parts(key: str) -> tuple[str, int]:
    place, _, number = key.rpartition("#")
    if not (number.isascii() and number.isdigit()):
        raise Rejected(f"{key!r} is no issue", mend="Write it as owner/name#number.")
    return place, int(number)


def _odd(verb: str, path: str) -> Odd:
    return lambda words: _unanswered(verb != "GET", f"{verb} {path}: {words}")


def _transport_error(error: requests.RequestException, *, writes: bool) -> TrackerError:
    """A request that was certainly not sent had no effect; of any other write nobody knows."""
    words = f"{type(error).__name__}: the server could not be reached"
    mend = "Check the connection's url, its DNS name, and the way through the proxy."
    if never_arrived(error):
        return Unavailable(words, mend=mend)
    return _unanswered(writes, f"{type(error).__name__}: the connection ended without an answer")


def _unanswered(writes: bool, words: str) -> TrackerError:
    if writes:
        return OutcomeUnknown(words, mend="Nothing to do: what became of it is looked up first.")
    return Unavailable(words, mend="Nothing to do: it is asked again.")
