"""Requests, checked against what their vendor published of its API; `asked` hears them.

The files are the vendors' own, and no part of this project: ``jira-platform-v3.json``
(https://developer.atlassian.com/cloud/jira/platform/swagger-v3.v3.json), ``confluence-v2.json``
(from https://developer.atlassian.com/cloud/confluence/rest/v2/) and
``api.github.com.json`` (``npm install --no-save @octokit/openapi``). They are looked for in the
folders that ``VENDOR_SPECS`` names, as ``PATH`` names its own; or else in ``shared/specs`` beside
the checkout and in its ``node_modules``. What is not there is not checked.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jsonschema_rs

ROOT = Path(__file__).parents[1]
BESIDE = (
    ROOT.parent / "shared" / "specs",
    ROOT / "node_modules" / "@octokit" / "openapi" / "generated",
)
NAMED = os.environ.get("VENDOR_SPECS")
FOLDERS = BESIDE if NAMED is None else tuple(map(Path, NAMED.split(os.pathsep)))

_METHODS = ("get", "put", "post", "patch", "delete")


@dataclass(frozen=True)
class Known:
    """Requests that are valid although the file does not say so: those to `operation` of which it
    says `fault` (regular expressions), and `why`."""

    operation: str
    fault: str
    why: str


@dataclass(frozen=True)
class Server:
    """What answers below `prefix` and is described by `file`, where its paths begin with `base`."""

    prefix: str
    file: str
    base: str
    known: tuple[Known, ...] = ()

    def told(self, fault: str, operation: str) -> bool:
        return any(
            re.fullmatch(each.operation, operation) and re.search(each.fault, fault)
            for each in self.known
        )


JIRA, CONFLUENCE, GITHUB = "jira-platform-v3.json", "confluence-v2.json", "api.github.com.json"


@dataclass(frozen=True)
class Operation:
    """One method of one path. `queries` are its parameters by name, `body` is the schema of its
    JSON, which it must have where `demanded`."""

    name: str
    queries: Mapping[str, Mapping[str, Any]]
    body: Mapping[str, Any] | None
    demanded: bool
    description: Description

    @cached_property
    def _body(self) -> jsonschema_rs.Draft4Validator:
        return self.description.validator(self.body or {})

    @cached_property
    def _queries(self) -> dict[str, jsonschema_rs.Draft4Validator]:
        schemas = {name: told.get("schema", {}) for name, told in self.queries.items()}
        return {name: self.description.validator(schema) for name, schema in schemas.items()}

    def faults(self, query: str, body: bytes, content_type: str) -> Iterator[str]:
        asked: dict[str, list[str]] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            asked.setdefault(name, []).append(value)
        for name, told in self.queries.items():
            if told.get("required") and name not in asked:
                yield f"the query has no {name}"
        for name, values in asked.items():
            if name not in self.queries:
                yield f"the query has {name}, which is not described"
                continue
            schema = self.description.resolved(self.queries[name].get("schema", {}))
            for error in self._queries[name].iter_errors(_meant(schema, values)):
                yield f"{name} in the query: {error.message}"
        yield from self._of_body(body, content_type)

    def _of_body(self, body: bytes, content_type: str) -> Iterator[str]:
        if not body:
            if self.demanded:
                yield "it has no body"
            return
        if self.body is None:
            yield "it has a body, of which nothing is described"
            return
        if not content_type.startswith("application/json"):
            yield f"its body is {content_type or 'of no type'}"
        try:
            said = json.loads(body)
        except ValueError:
            yield "its body is not JSON"
            return
        for error in self._body.iter_errors(said):
            place = "/".join(map(str, error.instance_path))
            yield f"body {place}: {error.message}"


def _meant(schema: Mapping[str, Any], values: Sequence[str]) -> Any:
    """A parameter of the query, as the type that its schema gives it reads."""
    kind = schema.get("type")
    if kind == "array":
        items = schema.get("items", {})
        return [_meant(items, [one]) for each in values for one in each.split(",")]
    value = values[-1]
    if kind in ("integer", "number") and re.fullmatch(r"-?\d+", value):
        return int(value)
    return {"true": True, "false": False}.get(value, value) if kind == "boolean" else value


@dataclass
class _Node:
    """One step of a path: what follows, and the operations of a path that ends here."""

    below: dict[str, _Node] = field(default_factory=dict)
    methods: dict[str, Operation] = field(default_factory=dict)


_ANY, _REST = "{}", "{…}"


class Description:
    """One vendor's file. Validators are made when an operation is first used, of the parts of the
    file that it refers to."""

    def __init__(self, file: Path) -> None:
        self._whole = json.loads(file.read_bytes())
        self._top = _Node()
        for path, item in self._whole["paths"].items():
            self._add(path, item)

    def _add(self, path: str, item: Mapping[str, Any]) -> None:
        for method in _METHODS:
            if method not in item:
                continue
            asked = item[method]
            both = [*item.get("parameters", ()), *asked.get("parameters", ())]
            parameters = [self.resolved(each) for each in both]
            body = self.resolved(asked.get("requestBody", {}))
            content = body.get("content", {}).items()
            schemas = [told.get("schema") for kind, told in content if "json" in kind]
            operation = Operation(
                f"{method.upper()} {path}",
                {each["name"]: each for each in parameters if each["in"] == "query"},
                schemas[0] if schemas else None,
                bool(body.get("required")),
                self,
            )
            many = {each["name"] for each in parameters if each.get("x-multi-segment")}
            self._place(path, many).methods[method.upper()] = operation

    def _place(self, path: str, many: set[str]) -> _Node:
        node = self._top
        *steps, last = path.strip("/").split("/")
        # GitHub says `x-multi-segment` of some that end a path, and means it of this one, too
        rest = last[:1] == "{" and last.strip("{}") in {*many, "path"}
        for step in (*steps, _REST if rest else last):
            name = step if step == _REST else re.sub(r"\{[^}]*\}", _ANY, step)
            node = node.below.setdefault(name, _Node())
        return node

    def operation(self, method: str, path: str) -> Operation | str:
        """What `path` is, or why it is nothing."""
        nodes = list(_found(self._top, path.strip("/").split("/")))
        if not nodes:
            return "no such path is described"
        for node in nodes:
            if method in node.methods:
                return node.methods[method]
        return "the path is described, and not this method"

    def resolved(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a reference leads to."""
        while "$ref" in part:
            found = self._whole
            for step in part["$ref"].lstrip("#/").split("/"):
                found = found[step.replace("~1", "/").replace("~0", "~")]
            part = found
        return part

    def validator(self, schema: Mapping[str, Any]) -> jsonschema_rs.Draft4Validator:
        """Of one schema, with all that it refers to and nothing else."""
        definitions: dict[str, Any] = {}
        whole = self._plain(schema, definitions, closed=True)
        return jsonschema_rs.Draft4Validator({**whole, "definitions": definitions})

    def _plain(self, part: Mapping[str, Any], definitions: dict[str, Any], closed: bool) -> Any:
        """As JSON Schema says it, and with nothing allowed that is not named (both vendors ignore
        it), but where objects are put together of several. The alternatives of `oneOf` overlap in
        both vendors' files, so that one of them at least must fit."""
        if "$ref" in part:
            name = part["$ref"].rpartition("/")[2] + ("" if closed else " and more")
            if name not in definitions:
                definitions[name] = {}
                definitions[name] = self._plain(self.resolved(part), definitions, closed)
            return {"$ref": f"#/definitions/{name}"}
        said = {word: told for word, told in part.items() if word in _WORDS}
        for word, several in _SEVERAL.items():
            if word in part:
                alone = closed and (word != "allOf" or len(part[word]) == 1)
                said[several] = [self._plain(each, definitions, alone) for each in part[word]]
        if "properties" in part:
            said["properties"] = {
                name: self._plain(each, definitions, True)
                for name, each in part["properties"].items()
            }
            if closed:
                said["additionalProperties"] = False
        for word in ("items", "additionalProperties"):
            if isinstance(part.get(word), dict):
                said[word] = self._plain(part[word], definitions, True)
            elif part.get(word) is False:
                said[word] = False
        return {"anyOf": [said, {"type": "null"}]} if part.get("nullable") is True else said


#: Words that mean the same in OpenAPI and in JSON Schema, and hold no schemas.
_WORDS = (
    *("type", "format", "enum", "pattern", "required", "multipleOf", "uniqueItems"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"),
    *("minItems", "maxItems", "minProperties", "maxProperties"),
)
_SEVERAL = {"allOf": "allOf", "oneOf": "anyOf", "anyOf": "anyOf"}


def _found(node: _Node, steps: list[str]) -> Iterator[_Node]:
    """The places of a path, the most literal one first."""
    if not steps:
        yield node
        return
    for step in (steps[0], _ANY):
        if step in node.below:
            yield from _found(node.below[step], steps[1:])
    if _REST in node.below:
        yield node.below[_REST]


@cache
def described(file: str) -> Description | None:
    """What the vendor's file says; None where it is absent."""
    there = [folder / file for folder in FOLDERS if (folder / file).is_file()]
    return Description(there[0]) if there else None


@cache
def faults_of(
    server: Server, method: str, path: str, query: str, body: bytes, content_type: str
) -> tuple[str, ...]:
    """What is wrong with a request, but for what is known."""
    description = described(server.file)
    if description is None:
        return ()
    inner = server.base + path.removeprefix(server.prefix)
    operation = description.operation(method, inner)
    if isinstance(operation, str):
        named, faults = f"{method} {inner}", iter([operation])
    else:
        named, faults = operation.name, operation.faults(query, body, content_type)
    asked = f"{path}?{query}" if query else path
    return tuple(f"{method} {asked}: {f}" for f in faults if not server.told(f, named))
