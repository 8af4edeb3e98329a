"""Registering a GitHub App: a form of ours, GitHub's own page, and back with a code.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from __future__ import annotations

import hmac
import json
import secrets

from flask import Blueprint, abort, g, render_template, request, session, url_for

from integrations.github.manifest import EVENTS, PERMISSIONS, called
from service.registering import NotYet, Registered, Unfit, Wish, wish
from service.web import WebContainer
from service.web.sign_in import actor

#: Under this name the session remembers what was asked for, until GitHub sends the browser back.
_ASKED = "github-app"


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("setup", __name__)

    @routes.get("/setup/github")
    def form() -> str:
        known, address = sorted(container.doors), container.public_url
        return render_template("app_form.html", connections=known, public_url=address)

    @routes.post("/setup/github")
    def offer() -> str:
        """The next step is GitHub's: no script of ours sends anybody there, so a page with one
        button does."""
        state = secrets.token_urlsafe(24)
        base = container.public_url or request.url_root.rstrip("/")
        here = base + url_for("setup.made")
        try:
            wished = _typed()
            offered = container.registering.offer(wished, state, here, container.public_url)
        except Unfit as error:
            abort(400, str(error))
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
    def made() -> str:
        """Where GitHub sends the browser back to. Only the browser that asked has the state."""
        asked = session.pop(_ASKED, None)
        state = request.args.get("state", "")
        if asked is None or not hmac.compare_digest(asked["state"].encode(), state.encode()):
            abort(400, "This browser did not begin that, or went on already: begin anew.")
        try:
            found = container.registering.finish(asked["url"], request.args.get("code", ""))
        except NotYet as error:  # the code is good yet, and the App would have no key without it
            session[_ASKED] = asked
            abort(503, str(error))
        except Unfit as error:
            abort(400, str(error))
        with container.store.write() as tx:
            after = {"id": found.id, "page": found.page, "connection": asked["connection"]}
            tx.changes.add(actor(), "register GitHub App", found.slug, None, after)
        rules = snippet(found, asked["connection"], asked["url"])
        return render_template("app_made.html", app=found, rules=rules)

    return routes


def _typed() -> Wish:
    """What the form says. Raises Unfit."""
    typed = {name: text.strip() for name, text in request.form.items()}
    server, organisation = typed.get("server", ""), typed.get("organisation", "")
    public = bool(typed.get("public"))
    return wish(server, organisation, typed.get("connection", ""), public=public)


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
