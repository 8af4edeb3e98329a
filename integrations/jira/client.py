"""One Jira site over HTTP: each call is made once, and ends in an answer or a TrackerError."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from jira import JIRA

from integrations.atlassian import (
    CONNECT_SECONDS,
    WAIT_WITHOUT_A_WORD,
    get_as_nobody,
    is_anonymous,
    json_of,
    led_away,
    lost,
    mend_sign_in,
    retry_after,
    spoken,
    unanswered,
)
from integrations.gate import OPEN, Call, Gate
from integrations.http import Answer, Odd, an_object, date_of, objects, parsed
from integrations.jira import budgets
from integrations.tracker import (
    NotThere,
    RateLimited,
    Rejected,
    SignInFailed,
    TrackerError,
    Unavailable,
)

Clock = Callable[[], datetime]

_MEND_RIGHTS = "Grant this account the permission in the project's permission scheme."

#: A Date is in whole seconds, and a site has several machines.
_DATES_DIFFER = timedelta(seconds=2)


class Refused(Rejected):
    """Jira said no and why: `fields` are its words by field, `answer` is all that it said."""

    def __init__(self, words: str, answer: Any, *, mend: str = "") -> None:
        super().__init__(words, mend=mend)
        self.answer = answer
        told = answer.get("errors") if isinstance(answer, Mapping) else None
        self.fields = dict(told) if isinstance(told, Mapping) else {}


class NotJira(Unavailable):
    """Something else than Jira answered: a proxy, a maintenance page, another address."""


class JiraClient:
    """Calls to one site through one account.

    `user` with `token` is Basic (Cloud: e-mail and API token), `token` alone is Bearer (Data
    Center's personal access tokens). `cloud` None: asked for once, when it first matters. An
    answer is waited for `timeout` seconds; every request passes the `gate` under the name of its
    `connection`.
    """

    def __init__(
        self,
        url: str,
        *,
        user: str | None,
        token: str,
        clock: Clock,
        cloud: bool | None = None,
        timeout: int = 20,
        connection: str = "jira",
        gate: Gate = OPEN,
    ) -> None:
        self.url = url.rstrip("/")
        self.clock = clock
        self._timeout = (CONNECT_SECONDS, timeout)
        self._connection = connection
        self._gate = gate
        self._user, self._token = user, token
        self._cloud = cloud
        self._of_thread = threading.local()  # requests' sessions are not made for several threads
        self._answered: datetime | None = None

    @property
    def cloud(self) -> bool:
        """Whether this is Jira Cloud. By default its address says so; otherwise serverInfo does,
        which version 2 has in both. No answer, or a proxy's, is not remembered.
        https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-server-info/"""
        if self._cloud is None:
            host = urlsplit(self.url).hostname or ""
            self._cloud = host.endswith(".atlassian.net") or self._says_cloud()
        return self._cloud

    @property
    def answered(self) -> datetime | None:
        """When, by the site's own clock (UTC), all that it answered so far had certainly been done:
        by the latest Date of its answers. None where none had one."""
        return None if self._answered is None else self._answered + _DATES_DIFFER

    def _says_cloud(self) -> bool:
        return str(self.info().get("deploymentType", "")).casefold() == "cloud"

    def get(self, path: str, **params: Any) -> Answer:
        """Read one object, ``/issue/…``. Raises NotThere, Rejected, SignInFailed, RateLimited,
        Unavailable; the last also when the answer, now or as it is read, is not in shape."""
        return self._object("GET", self._api + path, params=params)

    def listed(self, path: str, **params: Any) -> list[Answer]:
        """Read a list that has no pages. Raises as `get` does."""
        answer = self._call("GET", self._api + path, params=params)
        return objects(answer, self._odd("GET", path))

    def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Create. Raises as `get` does, and OutcomeUnknown when no answer came back, or one
        that is not in shape."""
        return self._object("POST", self._api + path, body=body)

    def put(self, path: str, body: Mapping[str, Any]) -> None:
        """Change. Raises as `post` does."""
        self._call("PUT", self._api + path, body=body)

    def beside(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """A call to what stands beside the REST API, ``/rest/webhooks/…``. Raises as the others
        do."""
        return self._call(method, path, body=body)

    def info(self) -> Answer:
        """What the site tells of itself.
        https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-server-info/"""
        return self._object("GET", "/rest/api/2/serverInfo")

    def pages(self, path: str, name: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Every item of a list that is paged by ``startAt``; Cloud calls the items `name`, Data
        Center calls them ``values``."""
        start = 0
        while True:
            page = self.get(path, startAt=start, **params)
            items = objects(page[name if name in page else "values"], self._odd("GET", path))
            yield from _named(items, page)
            start += len(items)
            if not items or page.get("isLast") is True or start >= page.get("total", start + 1):
                return

    def anybody_reads(self, path: str) -> bool:
        """Whether GET answers with an object to somebody who is not signed in, as "this operation
        can be accessed anonymously" promises; a refusal, a sign-in page or a way to one is a no.
        No credentials are sent. Raises RateLimited, Unavailable.
        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-projects/#api-rest-api-3-project-projectidorkey-get
        """
        path = self._api + path
        with self._gate.passing(Call(self._connection, "GET", path)) as report:
            answer = self._sent_by_nobody(path)
            if isinstance(answer, TrackerError):
                report(budgets.answered(0, {}, answer, ()))
                raise answer
            failed = answer.status_code == 429 or answer.status_code >= 500
            error = self._error(answer, "GET") if failed else None
            headers = {name.lower(): value for name, value in answer.headers.items()}
            report(budgets.answered(answer.status_code, headers, error, ()))
        if error is not None:
            raise error
        return answer.status_code == 200 and isinstance(json_of(answer), dict)

    def _sent_by_nobody(self, path: str) -> requests.Response | TrackerError:
        try:
            return get_as_nobody(self.url + path, timeout=self._timeout)
        except requests.RequestException as error:
            return unanswered(self.url, "GET", error)

    def search(
        self, jql: str, fields: str, properties: str = "", expand: str = ""
    ) -> Iterator[dict[str, Any]]:
        """Every issue that the query finds, with these fields. With ``expand=names`` each tells the
        names of its fields as well, which Jira tells once a page.

        Cloud pages by token and tells no total; Data Center pages by number.
        https://developer.atlassian.com/changelog/#CHANGE-2046
        """
        asked = {"jql": jql, "fields": fields, "maxResults": 100}
        if expand:
            asked["expand"] = expand
        if not self.cloud:
            yield from self.pages("/search", "issues", **asked)
            return
        if properties:
            asked["properties"] = properties
        token: str | None = None
        while True:
            page = self.get("/search/jql", **asked, **({"nextPageToken": token} if token else {}))
            yield from _named(objects(page["issues"], self._odd("GET", "/search/jql")), page)
            token = page.get("nextPageToken")
            if not token or page.get("isLast") is True:
                return

    @property
    def _api(self) -> str:
        return f"/rest/api/{3 if self.cloud else 2}"

    @property
    def _session(self) -> requests.Session:
        if not hasattr(self._of_thread, "session"):
            basic = (self._user, self._token) if self._user else None
            library = JIRA(
                options={"server": self.url, "check_update": False},
                basic_auth=basic,
                token_auth=None if basic else self._token,
                get_server_info=False,
                max_retries=0,
                timeout=self._timeout,
            )
            self._of_thread.session = library._session
        session: requests.Session = self._of_thread.session
        return session

    def _object(self, method: str, path: str, **asked: Any) -> Answer:
        odd = self._odd(method, path)
        answer = self._call(method, path, **asked)
        return Answer({}, odd) if answer is None else an_object(answer, odd)

    def _odd(self, method: str, path: str) -> Odd:
        return lambda words: lost(method, f"{method} {self.url}{path}: {words}")

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        # Whether this is Cloud may itself be what is being asked: the address alone tells here.
        costs = budgets.costs(method, path) if self._cloud else ()
        with self._gate.passing(Call(self._connection, method, path, costs)) as report:
            answer = self._sent(method, path, params, body)
            if isinstance(answer, TrackerError):
                report(budgets.answered(0, {}, answer, costs))
                raise answer
            good = answer.ok and not answer.is_redirect and not is_anonymous(answer)
            error = None if good else self._error(answer, method)
            headers = {name.lower(): value for name, value in answer.headers.items()}
            report(budgets.answered(answer.status_code, headers, error, costs))
            dated = date_of(answer.headers.get("Date", ""))
            self._answered = max(dated, self._answered or dated) if dated else self._answered
        if error is not None:
            raise error
        return parsed(answer.content, self._odd(method, path))

    def _sent(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None,
        body: Mapping[str, Any] | None,
    ) -> requests.Response | TrackerError:
        try:
            # requests' own method, past the library's: that one sleeps and repeats (even POSTs),
            # and stumbles over error answers that are not in its shape
            # (https://github.com/pycontribs/jira/blob/3.10.5/jira/resilientsession.py).
            # Credentials never follow a redirect.
            return requests.Session.request(
                self._session,
                method,
                self.url + path,
                params=params,
                data=None if body is None else json.dumps(body),
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return unanswered(self.url, method, error)

    def _error(self, response: requests.Response, method: str) -> TrackerError:
        status = response.status_code
        answer = json_of(response)
        words = spoken(response, words_of(answer), self._token)
        if status == 429:
            return RateLimited(words, retry_at=self._retry_at(response))
        if status in (401, 403) or is_anonymous(response):
            return SignInFailed(words, mend=mend_sign_in("Jira", response, _MEND_RIGHTS))
        if status == 404 and not (isinstance(answer, Mapping) and "errorMessages" in answer):
            # Never take a proxy's 404 for a deleted ticket
            return NotJira(f"{self.url}: {words}", mend="Check the address of the site.")
        if status == 404:
            return NotThere(words)
        if status == 409:  # another change at the same moment; this one was not made
            return Unavailable(words)
        if status == 408 or (status >= 500 and status != 501):  # 501: no such route there
            return lost(method, words)
        if status < 400:
            return led_away(self.url, "Jira", response)
        return Refused(words, answer)

    def _retry_at(self, response: requests.Response) -> datetime:
        """By ``Retry-After``, or ``X-RateLimit-Reset`` as an ISO 8601 time:
        https://developer.atlassian.com/cloud/jira/platform/rate-limiting/"""
        now = self.clock()
        if told := retry_after(response, now):
            return told
        try:
            reset = datetime.fromisoformat(response.headers.get("X-RateLimit-Reset", ""))
            reset = reset if reset.tzinfo else reset.replace(tzinfo=UTC)
            return min(max(reset, now + timedelta(seconds=1)), now + timedelta(days=1))
        except ValueError:
            return now + WAIT_WITHOUT_A_WORD


def _named(items: list[Answer], page: Answer) -> list[Answer]:
    """The items, each with the names of its fields where the page tells those."""
    if "names" in page:
        for item in items:
            item["names"] = page["names"]
    return items


def words_of(answer: Any) -> str:
    """What an error answer says: its messages, then its words by field."""
    if not isinstance(answer, Mapping):
        return ""
    messages = answer.get("errorMessages")
    said = [str(m) for m in messages] if isinstance(messages, list) else []
    fields = answer.get("errors")
    if isinstance(fields, Mapping):
        said += [f"{field}: {words}" for field, words in fields.items()]
    elif isinstance(fields, list):  # a bulk answer
        said += [words_of(e.get("elementErrors")) for e in fields if isinstance(e, Mapping)]
    if not said and answer.get("message"):
        said = [str(answer["message"])]
    return "; ".join(part for part in said if part)
