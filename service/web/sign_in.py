"""Who may look: whoever has the admin token, as a bearer or once on the sign-in page.

The session is a signed cookie whose key is made from the token: a new token signs everyone out.
What needs no sign-in is named in `OPEN`; whatever is added later is private by itself.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import timedelta
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
from werkzeug.wrappers import Response as AnyResponse

from config.secrets import Secret
from service.web.checks import PREFIX as CHECKS
from service.web.webhooks import PREFIX as WEBHOOKS

OPEN: Final = frozenset({"sign_in.form", "sign_in.enter", "health", "static"})
STAY = timedelta(days=7)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# A path of ours: not "//host", not "/\host", which browsers read as "//host", and without
# white space and control characters, which they drop: https://url.spec.whatwg.org/#url-parsing
_LOCAL = re.compile(r"/(?![/\\])[^\\\s\x00-\x20\x7f]*")


def guard(app: Flask, token: Secret, public_url: str | None) -> None:
    """Let nobody past without the token, except to what is `OPEN`, and to the doors of webhooks
    and of checks, which have secrets of their own."""
    app.secret_key = _derived(token, "sign-in cookie")
    app.session_interface = _Sessions(public_url)
    app.config.update(
        SESSION_COOKIE_NAME="followthrough",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=STAY,
    )

    @app.before_request
    def stop() -> AnyResponse | None:
        if request.endpoint in OPEN or request.path.startswith((WEBHOOKS, CHECKS)):
            return None
        given = request.authorization
        if given is not None and given.type == "bearer":
            if _same(given.token or "", token):
                g.signed_in = True
                return None
            return _refused("This is not the admin token.", bearer=True)
        if session.get("csrf") is None:
            if request.method in SAFE_METHODS:
                return redirect(f"/sign-in?next={quote(request.full_path.rstrip('?'))}")
            return _refused("Sign in first; then send the form again.")
        g.signed_in = True
        # A cookie is sent by any page that makes the browser ask, a bearer token is not.
        if request.method not in SAFE_METHODS:
            sent = request.form.get("csrf", "")
            if not hmac.compare_digest(sent.encode(), str(session["csrf"]).encode()):
                abort(403, "The form was not sent from a page of this service, or is too old.")
        return None

    app.register_blueprint(_blueprint(token))


def _blueprint(token: Secret) -> Blueprint:
    routes = Blueprint("sign_in", __name__)

    @routes.get("/sign-in")
    def form() -> AnyResponse:
        if session.get("csrf") is not None:
            return redirect(local_path(request.args.get("next")))
        return _form(local_path(request.args.get("next")))

    @routes.post("/sign-in")
    def enter() -> AnyResponse:
        following = local_path(request.form.get("next"))
        if not _same(request.form.get("token", "").strip(), token):
            return _refused("This is not the admin token.", following=following)
        session.clear()
        session.permanent = True
        session["csrf"] = secrets.token_urlsafe(24)
        return redirect(following, 303)

    @routes.post("/sign-out")
    def leave() -> AnyResponse:
        session.clear()
        return redirect("/sign-in", 303)

    return routes


def who() -> str:
    """Who asks, as it stands on record: so far there is one token, and whoever has it."""
    return "an admin (web page)"


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
