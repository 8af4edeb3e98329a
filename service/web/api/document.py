"""The OpenAPI document: what each operation says of itself, and what all have in common.

https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from service.web.access import TABLE, Whose
from service.web.api.once import HEADER
from service.web.api.operations import MAY_LACK
from service.web.api.problems import MEDIA_TYPE
from service.web.checks import LARGEST_BODY, LONGEST_RUN, LONGEST_SUMMARY, LONGEST_URL, PREFIX

VERSION = "3.1.0"

Spec = dict[str, Any]

_METHODS = frozenset({"get", "post", "put", "patch", "delete"})

_ANSWERS = {
    "400": "The body is no JSON",
    "401": "No token, or one that opens nothing",
    "403": "The token's role is not enough",
    "404": "There is no such thing, or it is another team's",
    "409": "It cannot be done as things stand, or is being done by another request of this key",
    "413": "The request is larger than 64 KiB",
    "415": "The body is not sent as JSON",
    "422": "Something that was sent is not right; or the key was used for another request",
    "503": "The database cannot be used at the moment: ask again after Retry-After seconds",
}

_ETAG = {"description": "Tells this answer from others.", "schema": {"type": "string"}}

_KEPT = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of what is there already.",
    "schema": {"type": "string"},
}

_ONCE = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Sent again with the same key within 24 hours, it is done once.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
}


def completed(spec: Spec) -> Spec:
    """The document as it is served, of what the operations said."""
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    for name, schema in schemas.items():
        if not name.endswith("In") and "properties" in schema:
            # what is given is given whole, but for what is wrong field by field
            schema["required"] = sorted(set(schema["properties"]) - {"errors"})
    spec["components"]["responses"] = {}
    spec["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "An API token."},
        "checks": {"type": "http", "scheme": "bearer", "description": "Of a team's checks."},
    }
    spec["security"] = [{"token": []}]
    for path in spec["paths"].values():
        for method in _METHODS & set(path):
            _complete(path[method], method, path)
    spec["paths"][f"{PREFIX}{{name}}"] = {"post": _checks()}
    return spec


def operations(spec: Spec) -> Iterator[tuple[str, str, Spec]]:
    """Path, method and operation of each, in the order of the paths."""
    for path, found in sorted(spec["paths"].items()):
        for method in sorted(_METHODS & set(found)):
            yield path, method.upper(), found[method]


def _complete(operation: Spec, method: str, path: Mapping[str, Any]) -> None:
    reads = method == "get"
    entry = TABLE[f"api-{operation['operationId']}"]
    answers = operation["responses"]
    answers.pop("default", None)
    given = next(code for code in answers if str(code).startswith("2"))
    operation["responses"] = {str(given): answers[given]}
    parameters = operation.setdefault("parameters", [])
    parameters.append(_KEPT if reads else _ONCE)
    told = {"401", "403", "503"}
    query = any(each.get("in") == "query" for each in parameters)
    lacks = operation.pop(MAY_LACK, False)
    if lacks or path.get("parameters") or entry.whose is Whose.ALL:
        told.add("404")
    if reads:
        operation["responses"][str(given)]["headers"] = {"ETag": _ETAG}
        operation["responses"]["304"] = {"description": "It is there already"}
        told |= {"422"} if query else set()
    else:
        told |= {"409", "413", "415", "422"}
        told |= {"400"} if "requestBody" in operation else set()
    for code in sorted(told):
        operation["responses"][code] = _problem(_ANSWERS[code])
    least = entry.least.value if entry.least else "none"
    operation["description"] = f"Least role: {least}. Team: {entry.whose.value}."


def _problem(description: str) -> Spec:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


def _checks() -> Spec:
    """The door for results of checks, which is older than the rest of the API."""

    def text(longest: int, **more: Any) -> Spec:
        return {"type": "string", "maxLength": longest, **more}

    body = {
        "type": "object",
        "required": ["status"],
        "additionalProperties": False,
        "properties": {
            "status": {"type": "string", "enum": ["passed", "failed"]},
            "summary": text(LONGEST_SUMMARY),
            "url": text(LONGEST_URL, format="uri"),
            "at": {"type": ["string", "null"], "format": "date-time"},
            "run": text(LONGEST_RUN, minLength=1),
        },
    }
    said = {
        "type": "object",
        "required": ["status"],
        "properties": {"status": {"type": "string"}, "errors": {"type": "object"}},
    }
    answers = {
        "200": "This run was recorded before",
        "202": "Recorded",
        "400": "Not a result of a check",
        "401": "No token of a team's checks",
        "404": "The rules know no check of this name for this token",
        "409": "This run was recorded before, with something else",
        "413": f"Larger than {LARGEST_BODY // 1024} KiB",
        "415": "The body is not sent as JSON",
        "503": "Not recorded: send it again",
    }
    return {
        "operationId": "checks.receive",
        "summary": "Post the result of a check.",
        "description": "With a token of the team's checks, which the rules name.",
        "tags": ["checks"],
        "security": [{"checks": []}],
        "parameters": [
            {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            code: {"description": words, "content": {"application/json": {"schema": said}}}
            for code, words in answers.items()
        },
    }
