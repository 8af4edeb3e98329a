"""The door for results of checks: CI and monitoring post them, and nothing is asked of anybody."""

from __future__ import annotations

import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, request
from marshmallow import Schema, ValidationError, fields, validate
from werkzeug.exceptions import HTTPException

from service.checks import record
from service.store.checks import Recorded
from service.web import CheckDoor, WebContainer
from service.web.webhooks import said
from workflows.watched import Result

PREFIX = "/api/v1/checks/"

LARGEST_BODY = 16 * 1024
LONGEST_SUMMARY, LONGEST_URL, LONGEST_RUN = 500, 2000, 200

#: By how much a sender's clock may be ahead of ours.
AHEAD = timedelta(minutes=1)

#: What no address holds, and what would end a link that we write.
_NOT_IN_URLS = frozenset(' <>()[]{}\\|"`')


def is_address(value: str) -> bool:
    """Whether this is an http or https address that ends no link. Raises ValidationError."""
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError:
        host = None
    plain = value.isprintable() and not _NOT_IN_URLS & set(value)
    if not host or parts.scheme not in ("http", "https") or not plain:
        raise ValidationError("Not an http or https address.")
    return True


class _ResultSchema(Schema):
    status = fields.String(required=True, validate=validate.OneOf(("passed", "failed")))
    summary = fields.String(load_default="", validate=validate.Length(max=LONGEST_SUMMARY))
    url = fields.String(load_default="", validate=[validate.Length(max=LONGEST_URL), is_address])
    at = fields.AwareDateTime(format="iso", load_default=None)
    run = fields.String(load_default="", validate=validate.Length(min=1, max=LONGEST_RUN))


def refusal(error: HTTPException) -> Response:
    """How a request to this door fails before or while it is served."""
    if error.code == 413:
        return said(413, f"larger than {LARGEST_BODY // 1024} KiB")
    if error.code == 405:
        answer = said(405, "results are posted with POST")
        answer.headers["Allow"] = "POST"
        return answer
    if error.code is not None and error.code < 500:
        return said(error.code, "not a result of a check")
    answer = said(503, "could not be recorded; please send it again")
    answer.headers["Retry-After"] = "5"
    return answer


def blueprint(container: WebContainer) -> Blueprint:
    """``POST /api/v1/checks/<name>``."""
    routes = Blueprint("checks", __name__)

    @routes.post(f"{PREFIX}<name>")
    def receive(name: str) -> Response:
        opened = _opened(container.check_doors)
        if not opened:
            answer = said(401, "no token of a team's checks")
            answer.headers["WWW-Authenticate"] = 'Bearer realm="Followthrough checks"'
            return answer
        if not any(name in door.names for door in opened):
            return said(404, "the rules know no check of this name for this token")
        if not request.is_json:
            return said(415, "send JSON: Content-Type: application/json")
        # One byte more, as in `service.web.webhooks`.
        request.max_content_length = LARGEST_BODY + 1
        body = request.get_data(cache=False, parse_form_data=False)
        if len(body) > LARGEST_BODY:
            return said(413, f"larger than {LARGEST_BODY // 1024} KiB")
        result = _read(body, container.clock())
        if isinstance(result, Response):
            return result
        with container.store.write() as tx:
            recorded = record(tx, name, result)
        if recorded is Recorded.DUPLICATE:
            return said(200, "recorded before")
        if recorded is Recorded.CONTRADICTION:
            return said(409, "this run was recorded before, with something else")
        return said(202, "recorded")

    return routes


def _opened(doors: tuple[CheckDoor, ...]) -> list[CheckDoor]:
    """The doors that the token opens. Each is tried, and each takes the same time."""
    given = request.authorization
    token = given.token if given is not None and given.type == "bearer" else None
    sent = (token or "").encode()
    fits = [hmac.compare_digest(sent, door.token.reveal().encode()) for door in doors]
    return [door for door, fit in zip(doors, fits, strict=True) if fit and sent]


def _read(body: bytes, now: datetime) -> Result | Response:
    """The result that was posted, or how it is refused, which repeats nothing of it."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return said(400, "not JSON")
    if not isinstance(data, dict):
        return said(400, "not a JSON object")
    try:
        loaded: dict[str, Any] = _ResultSchema().load(data)
    except ValidationError as error:
        wrong = error.messages_dict
        told = {str(name): _words(each) for name, each in wrong.items() if name in _KNOWN}
        if len(told) < len(wrong):
            told["others"] = f"Unknown: only {', '.join(_KNOWN)} may be there."
        words = {"status": "not a result of a check", "errors": told}
        return Response(json.dumps(words) + "\n", 400, mimetype="application/json")
    try:
        at = loaded["at"].astimezone(UTC) if loaded["at"] else now
    except OverflowError:  # at the end of all years
        return said(400, "at: is no time that there is")
    if at > now + AHEAD:
        return said(400, "at: lies in the future")
    at = min(at, now)
    return Result(
        passed=loaded["status"] == "passed",
        at=at,
        since=at,
        summary=_clean(loaded["summary"]),
        url=loaded["url"],
        run=_clean(loaded["run"]),
    )


_KNOWN = tuple(_ResultSchema().fields)


def _words(messages: object) -> str:
    return " ".join(map(str, messages)) if isinstance(messages, list) else str(messages)


def _clean(text: str) -> str:
    """JSON can hold NUL and half surrogate pairs, and no database keeps them."""
    kept = (each for each in text if each != "\0" and not "\ud800" <= each <= "\udfff")
    return "".join(kept)
