"""Who asks: whoever has the admin token or an API token, as a bearer or once on the sign-in page;
for metrics a token of their own.

The session is a signed cookie whose key is made from the admin token: a new one signs everyone
out. It carries the id of the API token that opened it, and ends with that. What somebody may do
stands in `service.web.access`; what that does not name is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, urlsplit

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
)
from flask.sessions import SecureCookieSessionInterface
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized
from werkzeug.wrappers import Response as AnyResponse

from config.secrets import Secret
from service.store.tokens import Token
from service.tokens import use_is_news
from service.web import WebContainer
from service.web.access import TABLE, Entry, is_theirs
from service.web.checks import PREFIX as CHECKS
from service.web.webhooks import PREFIX as WEBHOOKS
from workflows.rights import Actor, Role
from workflows.sight import Sight

#: Below it are the pages' sisters for programs, which are never sent to a form.
API: Final = "/api/"

#: The endpoint that a token of the settings opens besides.
METRICS: Final = "watching.measured"

#: Who it is that has the admin token: there is no name behind it.
_ADMIN: Final = "an admin"

_UNKNOWN: Final = "This token opens nothing: it is not known, has expired, or was revoked."

STAY = timedelta(days=7)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# A path of ours: not "//host", not "/\host", which browsers read as "//host", and without
# white space and control characters, which they drop: https://url.spec.whatwg.org/#url-parsing
_LOCAL = re.compile(r"/(?![/\\])[^\\\s\x00-\x20\x7f]*")


def guard(app: Flask, container: WebContainer) -> None:
    """Let nobody past without a token, except to what asks for none, and to the doors of webhooks
    and of checks, which have secrets of their own."""
    app.secret_key = _derived(container.admin_token, "sign-in cookie")
    app.session_interface = _Sessions(container.public_url)
    app.config.update(
        SESSION_COOKIE_NAME="followthrough",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=STAY,
    )

    @app.before_request
    def stop() -> AnyResponse | None:
        entry = TABLE.get(request.endpoint or "")
        asks_nothing = entry is not None and entry.least is None
        if asks_nothing or request.path.startswith((WEBHOOKS, CHECKS)) or _measures(container):
            return None
        given = request.authorization
        bearer = given is not None and given.type == "bearer"
        if given is not None and bearer:
            found = _opened(container, given.token or "")
        else:
            found = _of_session(container)
        if found is None:
            return _stranger(bearer=bearer)
        g.actor = found
        # A cookie is sent by any page that makes the browser ask, a bearer token is not.
        if not bearer and request.method not in SAFE_METHODS:
            sent = request.form.get("csrf", "")
            if not hmac.compare_digest(sent.encode(), str(session["csrf"]).encode()):
                abort(403, "The form was not sent from a page of this service, or is too old.")
        if request.endpoint is not None:
            _admit(container, entry, found)
        return None

    app.add_template_global(may, "may")
    app.register_blueprint(_blueprint(container))


def _measures(container: WebContainer) -> bool:
    """Whether somebody with the token for metrics asks for them. It is looked at first: it needs no
    database, and metrics tell that there is none."""
    given, token = request.authorization, container.metrics_token
    if request.endpoint != METRICS or token is None or given is None:
        return False
    return given.type == "bearer" and _same(given.token or "", token)


def _admit(container: WebContainer, entry: Entry | None, who: Actor) -> None:
    """Refuse what the table does not grant: 403 where the role is not enough, whether there is
    such a thing or not; 404 where it is another team's."""
    if entry is None:
        abort(403, "Nobody may do this: no rule says who may.")
    if entry.least is not None and not who.role.reaches(entry.least):
        abort(403, f"This takes the role {entry.least}; you are {who.role}.")
    if who.teams is None:
        return
    with container.store.read() as tx:
        theirs = is_theirs(tx, entry, who, request.view_args or {})
    if not theirs:
        abort(404)


def _stranger(*, bearer: bool) -> AnyResponse:
    """How somebody is received who is nobody we know."""
    if request.path.startswith(API):
        words = _UNKNOWN if bearer else "Send a token: Authorization: Bearer …"
        challenge = WWWAuthenticate("bearer", {"realm": "Followthrough"})
        raise Unauthorized(words, www_authenticate=challenge)
    if bearer:
        return _refused(_UNKNOWN, bearer=True)
    if request.method in SAFE_METHODS:
        return redirect(f"/sign-in?next={quote(request.full_path.rstrip('?'))}")
    return _refused("Sign in first; then send the form again.")


def _opened(container: WebContainer, text: str) -> Actor | None:
    """Whoever has this token, None where it opens nothing."""
    if _same(text, container.admin_token):
        return Actor(_ADMIN, Role.ADMIN, None, _way())
    with container.store.read() as tx:
        found, now = tx.tokens.known(text), tx.now
    return _alive(container, found, now)


def _way() -> str:
    return "API" if request.path.startswith(API) else "web page"


def _of_session(container: WebContainer) -> Actor | None:
    """Whoever is signed in; nobody any more, once their token opens nothing."""
    if session.get("csrf") is None:
        return None
    number = session.get("token")
    if number is None:
        return Actor(_ADMIN, Role.ADMIN, None, _way())
    with container.store.read() as tx:
        found, now = tx.tokens.get(number), tx.now
    whose = _alive(container, found, now)
    if whose is None:
        session.clear()
    return whose


def _alive(container: WebContainer, token: Token | None, now: datetime) -> Actor | None:
    if token is None or not token.lives(now):
        return None
    if use_is_news(token, now):
        with container.store.write() as tx:
            tx.tokens.use(token.id)
    return Actor(token.name, token.role, token.teams, _way(), token.id)


def _blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("sign_in", __name__)

    @routes.get("/sign-in")
    def form() -> AnyResponse:
        if _of_session(container) is not None:
            return redirect(local_path(request.args.get("next")))
        return _form(local_path(request.args.get("next")))

    @routes.post("/sign-in")
    def enter() -> AnyResponse:
        following = local_path(request.form.get("next"))
        found = _opened(container, request.form.get("token", "").strip())
        if found is None:
            return _refused(_UNKNOWN, following=following)
        session.clear()
        session["token"] = found.token
        session.permanent = True
        session["csrf"] = secrets.token_urlsafe(24)
        return redirect(following, 303)

    @routes.post("/sign-out")
    def leave() -> AnyResponse:
        session.clear()
        return redirect("/sign-in", 303)

    return routes


def actor() -> Actor:
    """Who asks. There is always somebody, where the table asks for a sign-in."""
    found: Actor = g.actor
    return found


def sight() -> Sight:
    """What whoever asks may see of what incidents teach: as on the incidents' own pages, that of
    their teams, restricted ones too."""
    return Sight(actor().teams, restricted=True)


def may(endpoint: str) -> bool:
    """Whether whoever asks may use this endpoint, of what they see: for links and buttons."""
    entry = TABLE.get(endpoint)
    return entry is not None and "actor" in g and entry.admits(actor())


def local_path(wanted: str | None) -> str:
    """`wanted` when it is a path on this service, otherwise the first page."""
    return wanted if wanted and _LOCAL.fullmatch(wanted) else "/"


class _Sessions(SecureCookieSessionInterface):
    """Signed cookies that are Secure wherever people come by https.

    Behind a proxy the request itself looks like http; then the address that people use tells.
    """

    digest_method = staticmethod(hashlib.sha256)

    def __init__(self, public_url: str | None) -> None:
        public = urlsplit(public_url or "")
        self._https_host = public.netloc if public.scheme == "https" else None

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002  (Flask's signature)
        return request.is_secure or request.host == self._https_host


def _same(given: str, token: Secret) -> bool:
    ours = token.reveal().encode()
    return bool(ours) and hmac.compare_digest(given.encode(), ours)


def _derived(token: Secret, purpose: str) -> bytes:
    return hmac.digest(token.reveal().encode(), f"followthrough {purpose}".encode(), "sha256")


def _form(following: str, sentence: str = "") -> Response:
    return make_response(render_template("sign_in.html", following=following, sentence=sentence))


def _refused(sentence: str, following: str = "/", *, bearer: bool = False) -> Response:
    answer = _form(following, sentence)
    answer.status_code = 401
    if bearer:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="Followthrough"'
    return answer
