"""Registering a GitHub App: a form of ours, GitHub's own page, and back with a code.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

import hmac
import json
import secrets
import shlex
from collections.abc import Mapping

from flask import (
    Blueprint,
    Response,
    abort,
    g,
    make_response,
    render_template,
    request,
    session,
    url_for,
)

from integrations.github.manifest import EVENTS, PERMISSIONS, called
from service.registering import NotYet, Registered, Unfit, Wish, wish
from service.store.codec import Json
from service.web import WebContainer
from service.web.sign_in import actor

#: Under this name the session remembers what was asked for, until GitHub sends the browser back.
_ASKED = "github-app"

_NOT_BEGUN = "This browser did not begin that, or began another since: begin anew."


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("setup", __name__)

    @routes.get("/setup/github")
    def form() -> Response:
        return _form(container)

    @routes.post("/setup/github")
    def offer() -> str | Response:
        """The next step is GitHub's: no script of ours sends anybody there, so a page with one
        button does."""
        state = secrets.token_urlsafe(24)
        here = (container.public_url or request.url_root.rstrip("/")) + url_for("setup.made")
        try:
            wished = _typed()
            offered = container.registering.offer(wished, state, here, container.public_url)
        except Unfit as error:
            return _form(container, str(error))
        session[_ASKED] = {"state": state, "url": wished.url, "connection": wished.connection}
        g.form_action = offered.server
        return render_template(
            "app_offer.html",
            offered=offered,
            manifest=json.dumps(offered.manifest),
            called=called,
            permissions=PERMISSIONS,
            events={each: EVENTS[each] for each in offered.manifest.get("default_events", ())},
        )

    @routes.get("/setup/github/made")
    def made() -> str | Response:
        """Where GitHub sends the browser back to. Only the browser that asked has the state; the
        session holds what came of it, so that the page may be loaded again."""
        asked = session.get(_ASKED)
        state = request.args.get("state", "")
        if asked is None or not hmac.compare_digest(asked["state"].encode(), state.encode()):
            session.pop(_ASKED, None)
            return _form(container, _NOT_BEGUN)
        if "app" not in asked:
            try:
                app = _finished(container, asked, request.args.get("code", ""))
            except Unfit as error:
                session.pop(_ASKED)
                return _form(container, str(error))
            asked = session[_ASKED] = {**asked, "app": app.told()}
        app = Registered.of(asked["app"])
        rules = snippet(app, asked["connection"], asked["url"])
        first = None if container.doors else begin(app, asked["url"])
        return render_template("app_made.html", app=app, rules=rules, first=first)

    return routes


def _finished(container: WebContainer, asked: Mapping[str, str], code: str) -> Registered:
    """The App of this code, on record. Raises Unfit."""
    with container.store.write():
        pass  # a database that is away is told of now, while the code is good yet

    def record(app: Registered) -> None:
        after: Json = {"id": app.id, "page": app.page, "connection": asked["connection"]}
        with container.store.write() as tx:
            tx.changes.add(actor(), "register GitHub App", app.slug, None, after)

    try:
        return container.registering.finish(asked["url"], code, record)
    except NotYet as error:  # the code is good yet, and the App would have no key without it
        abort(503, str(error))


def _form(container: WebContainer, sentence: str = "") -> Response:
    """The first page, with what was typed; `sentence` is what is wrong, so that it is a refusal."""
    known = sorted(container.doors)
    first = {
        "organisation": "",
        "server": "https://github.com",
        "connection": known[0] if len(known) == 1 else "github",
        "public": "",
    }
    page = render_template(
        "app_form.html",
        typed={name: request.form.get(name, value) for name, value in first.items()},
        sentence=sentence,
        public_url=container.public_url,
        first=not known,
    )
    return make_response(page, 400 if sentence else 200)


def _typed() -> Wish:
    """What the form says. Raises Unfit."""
    typed = {name: text.strip() for name, text in request.form.items()}
    server, organisation = typed.get("server", ""), typed.get("organisation", "")
    public = bool(typed.get("public"))
    return wish(server, organisation, typed.get("connection", ""), public=public)


def begin(app: Registered, url: str) -> str:
    """The command that writes first rules with the App."""
    key = shlex.quote(f"file:{app.private_key}")
    return f"followthrough init --tracker github --url {url} --app {app.id} --token {key}"


def snippet(app: Registered, connection: str, url: str) -> str:
    """The connection, as it stands in the rules."""
    lines = [
        "connections:",
        f"  {connection}:",
        "    kind: github",
        f"    url: {url}",
        "    auth:",
        "      type: app",
        f"      app_id: {json.dumps(app.id)}",
        f"      private_key: {{file: {json.dumps(str(app.private_key))}}}",
    ]
    if app.webhook_secret is not None:
        lines.append(f"    webhook_secrets: [{{file: {json.dumps(str(app.webhook_secret))}}}]")
    return "\n".join(lines)
