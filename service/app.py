"""The web application: webhooks and health for everybody, pages for whoever has the token."""

from __future__ import annotations

from flask import Flask, Response, g, jsonify, make_response, render_template, request, session
from werkzeug.exceptions import HTTPException, MethodNotAllowed, ServiceUnavailable

from service import dead_letters
from service.web import (
    WebContainer,
    api,
    boards,
    changes,
    checks,
    conflicts,
    drift,
    figures,
    judging,
    letters,
    operation,
    outage,
    overview,
    pages,
    patterns,
    places,
    planning,
    related,
    search,
    setup,
    showing,
    sign_in,
    trackers,
    versions,
    watching,
    webhooks,
    zones,
)

#: What a form of ours may weigh; webhooks have their own measure.
LARGEST_FORM = 64 * 1024

# No script runs, nothing is loaded from elsewhere, and no other site may show or use our forms.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self' data:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


def create_app(container: WebContainer | None = None) -> Flask:
    """The WSGI application for `container`, or for one built from the environment."""
    if container is None:
        from service.container import build_web  # only now: it reads rules and opens the store

        container = build_web()
    app = Flask("service.web")
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_FORM
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    showing.install(app)
    sign_in.guard(app, container)
    app.register_blueprint(webhooks.blueprint(container))
    app.register_blueprint(checks.blueprint(container))
    app.register_blueprint(watching.blueprint(container))
    app.register_blueprint(overview.blueprint(container))
    app.register_blueprint(pages.blueprint(container))
    app.register_blueprint(search.blueprint(container))
    app.register_blueprint(boards.blueprint(container))
    app.register_blueprint(letters.blueprint(container))
    app.register_blueprint(conflicts.blueprint(container))
    app.register_blueprint(judging.blueprint(container))
    app.register_blueprint(versions.blueprint(container))
    app.register_blueprint(drift.blueprint(container))
    app.register_blueprint(figures.blueprint(container))
    app.register_blueprint(trackers.blueprint(container))
    app.register_blueprint(setup.blueprint(container))
    app.register_blueprint(changes.blueprint(container))
    api.install(app, container)
    app.register_blueprint(operation.blueprint(container))
    app.register_blueprint(zones.blueprint(container))
    app.register_blueprint(patterns.blueprint(container))
    app.register_blueprint(related.blueprint(container))
    app.register_blueprint(planning.blueprint(container))
    app.register_error_handler(HTTPException, _error)
    outage.install(app, container.clock, _error)
    app.after_request(_protect)
    app.context_processor(_page_facts)

    @app.context_processor
    def dead_letters_waiting() -> dict[str, object]:
        def count_dead_letters() -> int:
            with container.store.read() as tx:
                return dead_letters.count(tx, sign_in.actor().teams)

        return {"count_dead_letters": count_dead_letters}

    @app.get("/healthz")
    def health() -> Response:
        return jsonify(status="ok")

    return app


def _page_facts() -> dict[str, object]:
    """What every page knows: whether somebody is signed in, the token of its forms, and where one
    can go."""
    return {
        "signed_in": "actor" in g,
        "csrf": session.get("csrf", ""),
        "places": places.PLACES,
        "operation_places": places.OPERATION,
        "action_places": places.ACTIONS,
    }


def _error(error: HTTPException) -> Response:
    """An error as a page, or as whoever sends webhooks or results reads it. Faults were logged by
    Flask."""
    if request.path.startswith(webhooks.PREFIX):
        return webhooks.refusal(error)
    if request.path.startswith(checks.PREFIX):
        return checks.refusal(error)
    if request.path.startswith(api.PREFIX):
        return api.refusal(error)
    code = error.code or 500
    ours = error.description != type(error).description
    words = error.description if ours else _WORDS.get(code, error.description)
    name = _NAMES.get(code, error.name)
    page = render_template("error.html", code=code, name=name, words=words)
    response = make_response(page, code)
    if isinstance(error, MethodNotAllowed):
        response.allow.update(error.valid_methods or ())
    if isinstance(error, ServiceUnavailable):
        response.retry_after = error.retry_after
    return response


_NAMES = {500: "A fault of ours", 503: "Not at the moment"}
_WORDS = {
    400: "The request could not be read.",
    404: "There is no such page.",
    405: "That page cannot be used in this way.",
    413: "That is more than a form of ours can hold.",
    500: "It is on record in the log. Nothing that was received is lost.",
}


def _policy(form_action: str) -> str:
    """What browsers let a page of ours do; one form of it may lead to the server `form_action`."""
    ours = "form-action 'self'"
    return CONTENT_SECURITY_POLICY.replace(ours, f"{ours} {form_action}".rstrip())


def _protect(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _policy(g.get("form_action", ""))
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response
