"""A GitHub App on several accounts: which installation serves a repository, and its tokens.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/authenticating-as-a-github-app-installation
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote

from integrations.github.client import GitHubClient, repo_path
from integrations.github.recent import Recent
from integrations.github.signing import MEND_APP, Signature, Signer
from integrations.http import Answer, in_shape
from integrations.tracker import (
    NotThere,
    OutcomeUnknown,
    Rejected,
    SignInFailed,
    Unavailable,
)

#: A token is good for an hour. Another is fetched so long before it ends that a request which was
#: just signed arrives in time, whatever the clocks say.
_FRESH_FOR = timedelta(minutes=5)

_REPOSITORY = re.compile(r"/repos/([^/?]+)/([^/?]+)")

#: What is asked as the App itself.
_OWN = re.compile(r"/app(?:/|$)|/repos/[^/?]+/[^/?]+/installation$")


@dataclass(frozen=True, slots=True)
class Installation:
    """The App on one account, `owner`. `permissions` maps names, such as ``issues``, to ``read``
    or ``write``; `suspended` ones serve nothing."""

    id: int
    owner: str
    permissions: Mapping[str, str]
    page: str


@dataclass(frozen=True, slots=True)
class App:
    """What the server says of the App. `page` is where people find it; `events` are those that
    its webhook tells of."""

    slug: str
    page: str
    events: frozenset[str]

    @property
    def login(self) -> str:
        """The account under which it acts, as webhooks and issues name it."""
        return f"{self.slug}[bot]"


class Installations:
    """The `integrations.github.signing.Signer` of an App: what is about a repository is signed
    with a token of the installation that serves it, what is about the App with its key.

    `client` signs with the App's key. Tokens are kept in memory, fetched by one thread at a time
    for each installation, and never shown.
    """

    is_app = True

    def __init__(self, client: GitHubClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._locks: dict[int, threading.Lock] = {}
        self._tokens: dict[int, tuple[Signature, datetime]] = {}
        # It is asked anew now and then, because a repository may be taken out of an installation.
        self._serving: Recent[str, Installation] = Recent(client.clock)
        # It may be renamed, and acts under its new name then.
        self._app: Recent[str, App] = Recent(client.clock)

    # --- signing ------------------------------------------------------------------------------

    def sign(self, path: str) -> Signature:
        """See `Signer`. Raises Rejected where the App is not installed on the repository."""
        if _OWN.match(path):
            return self._client.signer.sign(path)
        there = _REPOSITORY.match(path)
        if there is None:
            raise Rejected(
                f"a GitHub App cannot ask for {path}: no repository says which installation",
                mend="Use a connection with type: token for this.",
            )
        place = f"{unquote(there[1])}/{unquote(there[2])}"
        return self._token_of(self.serving(place), place)

    def refused(self, signature: Signature) -> bool:
        """The token ended before its time, was revoked, or is older than what the App may do by
        now: the next one is fetched anew."""
        with self._lock:
            held = [id for id, (kept, _) in self._tokens.items() if kept == signature]
            for id in held:
                del self._tokens[id]
        return bool(signature.account)

    def missed(self, path: str, signature: Signature) -> bool:
        """The repository may have been taken out of the installation since it was looked for, or
        transferred to an owner of another one."""
        there = _REPOSITORY.match(path)
        if there is None or _OWN.match(path):
            return False
        self._serving.forget(f"{unquote(there[1])}/{unquote(there[2])}".casefold())
        return self.sign(path) != signature

    def login(self, *, anew: bool = False) -> str | None:
        """See `Signer`. No answer tells the id of the account that acts, which would stay: ``/app``
        has the App's own, and ``/users/…[bot]`` is about no repository, so that nobody signs it; it
        was also seen to be 404, https://github.com/actions/create-github-app-token/issues/172"""
        if anew:
            self._app.forget("")
        return self.app().login

    def _token_of(self, installation: Installation, place: str) -> Signature:
        with self._lock:
            lock = self._locks.setdefault(installation.id, threading.Lock())
        with lock:
            kept = self._tokens.get(installation.id)
            if kept is None or kept[1] - self._client.clock() < _FRESH_FOR:
                kept = self._fetched(installation, place)
                with self._lock:
                    self._tokens[installation.id] = kept
        return kept[0]

    def _fetched(self, installation: Installation, place: str) -> tuple[Signature, datetime]:
        """A new token, and when it ends.
        https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app"""
        path = f"/app/installations/{installation.id}/access_tokens"
        with _as_app():
            try:
                answer = self._client.write("POST", path, {})
            except NotThere as error:
                self._serving.forget(place.casefold())
                words = f"the GitHub App was uninstalled from {installation.owner}: {error.words}"
                raise Unavailable(words, mend="Nothing to do: it is looked for again.") from None
            with in_shape(path):
                ends = datetime.fromisoformat(str(answer["expires_at"]))
            return Signature(str(answer["token"]), account=installation.owner), ends

    # --- what there is ------------------------------------------------------------------------

    def serving(self, place: str) -> Installation:
        """The installation that serves ``owner/name``, at most ten minutes old. Raises Rejected
        where none does.
        https://docs.github.com/en/rest/apps/apps#get-a-repository-installation-for-the-authenticated-app
        """
        return self._serving.get(place.casefold(), lambda: self._serving_now(place))

    def _serving_now(self, place: str) -> Installation:
        with _as_app():
            try:
                answer = self._client.read(f"{repo_path(place)}/installation")
            except NotThere:
                words = f"the GitHub App {self.app().slug} is not installed on {place}"
                mend = f"Install it there: {self.app().page}/installations/new. Of an "
                mend += "installation for selected repositories, add this one to them. If it was "
                mend += "transferred to another owner, install the App there."
                raise Rejected(words, mend=mend) from None
            return _installation(answer)

    def each(self) -> tuple[Signer, ...]:
        """See `Signer`. Installations that are suspended serve nothing.
        https://docs.github.com/en/rest/apps/apps#list-installations-for-the-authenticated-app"""
        with _as_app():
            listed = list(self._client.pages("/app/installations"))
        serving = [_installation(told) for told in listed if not told.get("suspended_at")]
        if not serving:
            what = "suspended wherever it is installed" if listed else "installed nowhere yet"
            words = f"the GitHub App {self.app().slug} is {what}"
            mend = "Let it work again, or install it" if listed else "Install it"
            raise Rejected(words, mend=f"{mend}: {self.app().page}/installations/new.")
        return tuple(_Installed(self, installation) for installation in serving)

    def token_of(self, installation: Installation) -> Signature:
        """Of what no repository tells the installation."""
        return self._token_of(installation, "")

    def app(self) -> App:
        """At most ten minutes old.
        https://docs.github.com/en/rest/apps/apps#get-the-authenticated-app"""
        return self._app.get("", self._app_now)

    def _app_now(self) -> App:
        with _as_app():
            answer = self._client.read("/app")
            with in_shape("/app"):
                events = frozenset(map(str, answer.get("events") or ()))
                return App(str(answer["slug"]), str(answer["html_url"]), events)


class _Installed:
    """The `Signer` of what is asked of one installation as a whole."""

    is_app = True

    def __init__(self, app: Installations, installation: Installation) -> None:
        self._app = app
        self._installation = installation

    def sign(self, path: str) -> Signature:  # noqa: ARG002 - the protocol's
        return self._app.token_of(self._installation)

    def refused(self, signature: Signature) -> bool:
        return self._app.refused(signature)

    def missed(self, path: str, signature: Signature) -> bool:  # noqa: ARG002 - the protocol's
        return False

    def login(self, *, anew: bool = False) -> str | None:
        return self._app.login(anew=anew)

    def each(self) -> tuple[Signer, ...]:
        return (self,)


def _installation(told: Answer) -> Installation:
    with in_shape("an installation"):
        return Installation(
            id=int(told["id"]),
            owner=str(told["account"]["login"]),
            permissions={str(k): str(v) for k, v in told["permissions"].items()},
            page=str(told.get("html_url") or ""),
        )


@contextmanager
def _as_app() -> Iterator[None]:
    """While something is asked as the App: no answer means that nothing was signed yet and so
    nothing done, whatever the request was for; and another refusal needs another mend."""
    try:
        yield
    except OutcomeUnknown as error:
        raise Unavailable(error.words, mend="Nothing to do: it is asked again.") from None
    except NotThere as error:
        raise SignInFailed(error.words, mend=MEND_APP) from None
    except SignInFailed as error:
        mend = MEND_APP
        if "suspended" in error.words.lower():
            mend = "Let the App work again: its page among the owner's installed GitHub Apps."
        raise SignInFailed(error.words, mend=mend) from None
