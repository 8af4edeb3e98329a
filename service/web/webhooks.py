"""The doors for trackers: verify the raw bytes, record, acknowledge; nothing else happens here."""

from __future__ import annotations

import json

from flask import Blueprint, Response, abort, request
from werkzeug.exceptions import HTTPException

from integrations.tracker import BadSignature, Malformed
from service import traces
from service.intake import Accepted, Intake
from service.refusing import Refusals
from service.web import WebContainer

PREFIX = "/webhooks/"

#: GitHub sends no payload above 25 MB; Jira's are far smaller.
#: https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap
LARGEST_BODY = 25 * 1024 * 1024


def said(status: int, words: str) -> Response:
    """A small JSON answer. It never repeats anything that was sent."""
    return Response(json.dumps({"status": words}) + "\n", status, mimetype="application/json")


def refusal(error: HTTPException) -> Response:
    """How a request to a door fails before or while it is served.

    A fault of ours is 503, not 500: the sender is to try again, and Jira does so on 5xx.
    """
    if error.code == 413:
        return said(413, f"larger than {LARGEST_BODY // 2**20} MiB")
    if error.code == 405:
        answer = said(405, "webhooks are sent with POST")
        answer.headers["Allow"] = "POST"
        return answer
    if error.code is not None and error.code < 500:
        return said(error.code, "not a webhook")
    answer = said(503, "could not be recorded; please send it again")
    answer.headers["Retry-After"] = "5"
    return answer


def blueprint(container: WebContainer) -> Blueprint:
    """``POST /webhooks/<connection>``."""
    routes = Blueprint("webhooks", __name__)
    intake, refusals = Intake(container.store), Refusals(container.store)

    @routes.post(PREFIX + "<connection>", strict_slashes=False)
    def receive(connection: str) -> Response:
        door = container.doors.get(connection)
        if door is None:
            return said(404, "no such connection")
        if door.verify is None:
            return said(403, "this connection has no webhook secret, so it takes no webhooks")
        # A body that says its length is refused by it, unread; one that comes in chunks is cut
        # without a word at this length (werkzeug.wsgi.LimitedStream), hence the one byte more.
        request.max_content_length = LARGEST_BODY + 1
        body = request.get_data(cache=False, parse_form_data=False)
        if len(body) > LARGEST_BODY:
            abort(413)
        try:
            envelope = door.verify(dict(request.headers.items()), body)
        except BadSignature:
            refusals.note(connection, container.clock())
            return said(401, "the signature does not fit")
        except Malformed:
            return said(400, "signed, but not a webhook of this tracker")
        with traces.webhook(connection, envelope.id):
            accepted = intake.accept(connection, envelope, container.clock())
        if accepted is Accepted.DUPLICATE:
            return said(200, "recorded before")
        return said(202, "recorded")

    return routes
