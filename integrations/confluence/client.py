"""One Confluence site over HTTP: each call is made once, and ends in an answer or an error."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import HTTPBasicAuth

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
from integrations.gate import OPEN, Answered, Call, Gate, Pause
from integrations.http import Answer, an_object, parsed
from integrations.tracker import (
    NotThere,
    RateLimited,
    Rejected,
    SignInFailed,
    StaleVersion,
    TrackerError,
    Unavailable,
)

Clock = Callable[[], datetime]

#: What one or the other version's error answers hold.
_OWN_WORDS = frozenset({"errors", "statusCode"})

#: "Version must be incremented on update. Current version is: 5", as 409, before that as 400:
#: https://github.com/justmiles/go-markdown2confluence/issues/43
_NOT_NEXT = re.compile("version must be incremented", re.IGNORECASE)


_MEND_RIGHTS = (
    "Let this account view the space, and add and edit pages in it; a page may be restricted, too."
)


class Refused(Rejected):
    """Confluence said no, and why."""


class ConfluenceClient:
    """Calls to one site through one account.

    `url` is the site's address; on Cloud everything is below its ``/wiki``. `user` with `token` is
    Basic (Cloud: e-mail and API token), `token` alone is Bearer (Data Center's personal access
    tokens). `cloud` None: by the address. An answer is waited for `timeout` seconds; every request
    passes the `gate` under the name of its `connection`.
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
        connection: str = "confluence",
        gate: Gate = OPEN,
    ) -> None:
        base = url.rstrip("/")
        host = urlsplit(base).hostname or ""
        self.cloud = host.endswith(".atlassian.net") if cloud is None else cloud
        self.url = f"{base.removesuffix('/wiki')}/wiki" if self.cloud else base
        self.connection = connection
        self.clock = clock
        self._timeout = (CONNECT_SECONDS, timeout)
        self._gate = gate
        self._user, self._token = user, token
        self._of_thread = threading.local()  # requests' sessions are not made for several threads

    def get(self, path: str, **params: Any) -> Answer:
        """Read one object. Raises NotThere, Rejected, SignInFailed, RateLimited, Unavailable; the
        last also when the answer, now or as it is read, is not in shape."""
        return self._object("GET", path, params=params)

    def post(self, path: str, body: Any, **params: Any) -> Answer:
        """Create. Raises as `get` does, and OutcomeUnknown when no answer came back, or one that
        is not in shape."""
        return self._object("POST", path, body=body, params=params)

    def put(self, path: str, body: Mapping[str, Any], **params: Any) -> Answer:
        """Change. Raises as `post` does, and StaleVersion when somebody else wrote meanwhile."""
        return self._object("PUT", path, body=body, params=params)

    def delete(self, path: str) -> None:
        """Take away; the answer holds nothing. Raises as `post` does."""
        self._call("DELETE", path, params={})

    def anybody_reads(self, path: str, **params: Any) -> Any:
        """What GET answers to somebody who is not signed in; None for a refusal, a sign-in page or
        a way to one. No credentials are sent. Raises RateLimited, Unavailable."""
        with self._gate.passing(Call(self.connection, "GET", path)) as report:
            answer = self._sent_by_nobody(path, params)
            if isinstance(answer, TrackerError):
                report(_told(0, answer))
                raise answer
            failed = answer.status_code == 429 or answer.status_code >= 500
            error = self._error(answer, "GET") if failed else None
            report(_told(answer.status_code, error))
        if error is not None:
            raise error
        return json_of(answer) if answer.status_code == 200 else None

    @property
    def _session(self) -> requests.Session:
        if not hasattr(self._of_thread, "session"):
            session = requests.Session()
            session.headers["Accept"] = "application/json"
            session.auth = self._signed  # with an `auth` ~/.netrc is not looked at
            self._of_thread.session = session
        found: requests.Session = self._of_thread.session
        return found

    def _signed(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._user:
            HTTPBasicAuth(self._user, self._token)(request)
            return request
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def _object(self, method: str, path: str, **asked: Any) -> Answer:
        def odd(words: str) -> TrackerError:
            return lost(method, f"{method} {self.url}{path}: {words}")

        return an_object(parsed(self._call(method, path, **asked), odd), odd)

    def _call(self, method: str, path: str, params: Mapping[str, Any], body: Any = None) -> bytes:
        with self._gate.passing(Call(self.connection, method, path)) as report:
            answer = self._sent(method, path, params, body)
            if isinstance(answer, TrackerError):
                report(_told(0, answer))
                raise answer
            good = answer.ok and not answer.is_redirect and not is_anonymous(answer)
            error = None if good else self._error(answer, method)
            report(_told(answer.status_code, error))
        if error is not None:
            raise error
        return answer.content

    def _sent_by_nobody(
        self, path: str, params: Mapping[str, Any]
    ) -> requests.Response | TrackerError:
        try:
            return get_as_nobody(self.url + path, params, timeout=self._timeout)
        except requests.RequestException as error:
            return unanswered(self.url, "GET", error)

    def _sent(
        self, method: str, path: str, params: Mapping[str, Any], body: Any
    ) -> requests.Response | TrackerError:
        try:
            return self._session.request(
                method,
                self.url + path,
                params=params,
                json=body,
                timeout=self._timeout,
                allow_redirects=False,  # credentials never follow one
            )
        except requests.RequestException as error:
            return unanswered(self.url, method, error)

    def _error(self, response: requests.Response, method: str) -> TrackerError:
        status, answer = response.status_code, json_of(response)
        words = spoken(response, _said(answer), self._token)
        if status == 429:
            now = self.clock()
            return RateLimited(
                words, retry_at=retry_after(response, now) or now + WAIT_WITHOUT_A_WORD
            )
        if status in (401, 403) or is_anonymous(response):
            mend = mend_sign_in("Confluence", response, _MEND_RIGHTS)
            if mend == _MEND_RIGHTS and method != "GET":  # no other sign-in will change that
                return Refused(words, mend=mend)
            return SignInFailed(words, mend=mend)
        if status in (404, 410) and not (isinstance(answer, Mapping) and _OWN_WORDS & {*answer}):
            # never take a proxy's 404 for a deleted page
            return Unavailable(f"{self.url}: {words}", mend="Check the address of the site.")
        if status in (404, 410):
            return NotThere(words)
        if method == "PUT" and (status == 409 or (status == 400 and _NOT_NEXT.search(words))):
            return StaleVersion(words)
        if status == 409:  # another change at the same moment; this one was not made
            return Unavailable(words)
        if status == 408 or (status >= 500 and status != 501):
            return lost(method, words)
        if status < 400:
            return led_away(self.url, "Confluence", response)
        if status == 413:
            return Refused(words, mend="Shorten the page: Confluence takes 5 MB at most.")
        return Refused(words)


def moment(told: str) -> datetime:
    """A time as Confluence writes it, in UTC; ValueError for anything else."""
    return datetime.fromisoformat(told).astimezone(UTC)


def _said(answer: Any) -> str:
    """What an error answer says: version 2 has a list of errors, version 1 a message."""
    if not isinstance(answer, Mapping):
        return ""
    errors = answer.get("errors")
    if isinstance(errors, list):
        found = [each for each in errors if isinstance(each, Mapping)]
        parts = (f"{e.get('title') or ''} {e.get('detail') or ''}".strip() for e in found)
        if words := "; ".join(part for part in parts if part):
            return words
    return str(answer.get("message") or "")


def _told(status: int, error: TrackerError | None) -> Answered:
    if isinstance(error, RateLimited):
        return Answered(pause=Pause(error.words, told=error.retry_at), status=status)
    failing = status == 0 or status >= 500
    return Answered(failing, error.words if error and failing else "", status=status)
