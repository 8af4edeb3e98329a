"""How the API refuses: ``application/problem+json`` as in RFC 9457, whatever went wrong."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from flask import Response
from marshmallow import Schema, fields
from werkzeug.exceptions import (
    HTTPException,
    MethodNotAllowed,
    ServiceUnavailable,
    Unauthorized,
)

MEDIA_TYPE = "application/problem+json"

_WORDS = {
    400: "The body is no JSON.",
    404: "There is no such thing, or it is not for you to see.",
    405: "That cannot be done with this address.",
    413: "That is more than a request may hold.",
    415: "Send JSON: Content-Type: application/json.",
    422: "Something that was sent is not right.",
    500: "It is on record in the log. Nothing that was received is lost.",
}


class ProblemSchema(Schema):
    """What is wrong, as in RFC 9457: https://www.rfc-editor.org/rfc/rfc9457"""

    type = fields.String(metadata={"description": "Always about:blank: the status says it all."})
    title = fields.String()
    status = fields.Integer()
    detail = fields.String()
    errors = fields.Dict(
        keys=fields.String(),
        metadata={"description": "By where it stands, and field, what is wrong; for 422."},
    )


def refusal(error: HTTPException) -> Response:
    """An error as the API tells it."""
    code = error.code or 500
    ours = error.description != type(error).description
    detail = error.description if ours else _WORDS.get(code, error.description)
    told: dict[str, Any] = {
        "type": "about:blank",
        "title": _title(code),
        "status": code,
        "detail": detail or "",
    }
    wrong = getattr(error, "data", {}).get("messages")
    if code == 422 and isinstance(wrong, dict):
        told["errors"] = wrong
        told["detail"] = _WORDS[422]
    answer = Response(json.dumps(told), code, mimetype=MEDIA_TYPE)
    if isinstance(error, MethodNotAllowed):
        answer.allow.update(error.valid_methods or ())
    if isinstance(error, Unauthorized):
        answer.headers["WWW-Authenticate"] = 'Bearer realm="Followthrough"'
    if isinstance(error, ServiceUnavailable):
        answer.retry_after = error.retry_after
    return answer


def _title(code: int) -> str:
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return "Error"
