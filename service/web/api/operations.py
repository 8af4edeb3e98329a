"""The operations of the API: how one is registered, read, done and described.

A reading operation is answered with an ETag, and 304 to whoever has it already. A writing one is a
transaction, see `once`. What all have in common is said here, once, and described in `document`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any

import flask_smorest
from flask import Response, abort, request
from marshmallow import Schema
from webargs.flaskparser import FlaskParser

from service.store import Transaction
from service.web import WebContainer
from service.web.api.once import answered, once

PREFIX = "/api/v1"

#: What an operation tells `document` with: its query may name what there is not.
MAY_LACK = "x-may-lack"

#: What asks the store and gives what the schema shows; named arguments are those of the path.
Read = Callable[..., object]


def tagged(body: object) -> Response:
    """What was read, or 304 to whoever has it already."""
    answer = answered(body, 200)
    answer.add_etag()
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.vary.update(("Authorization", "Cookie"))
    answer.make_conditional(request)
    return answer


class _Parser(FlaskParser):
    """Bodies that Python cannot read are no JSON, however deep they are."""

    def load_json(self, req: Any, schema: Any) -> Any:
        try:
            return super().load_json(req, schema)
        except RecursionError:
            abort(400)


@dataclass
class Operations:
    """Those of one `name`, which stands before each: ``api-incidents.one``."""

    container: WebContainer
    name: str
    description: str
    blueprint: Any = field(init=False)

    def __post_init__(self) -> None:
        name = f"api-{self.name}"
        said = {"url_prefix": PREFIX, "description": self.description}
        self.blueprint = flask_smorest.Blueprint(name, name, **said)
        self.blueprint.ARGUMENTS_PARSER = _Parser()

    def get(
        self,
        path: str,
        schema: type[Schema],
        *,
        query: type[Schema] | None = None,
        may_lack: bool = False,
    ) -> Callable[[Read], Read]:
        """Register what reads, with the transaction first and then what the query says. With
        `may_lack` the query may name what there is not (404)."""

        def register(view: Read) -> Read:
            def handle(*query: Any, **path: Any) -> Response:
                with self.container.store.read() as tx:
                    body = schema().dump(view(tx, *query, **path))
                return tagged(body)

            told = self.blueprint.doc(**{MAY_LACK: may_lack})(handle)
            self._add(view, told, path, "GET", schema, 200, query, "query")
            return view

        return register

    def write(
        self,
        path: str,
        schema: type[Schema],
        *,
        body: type[Schema] | None = None,
        status: int = 200,
        method: str = "POST",
        hidden: tuple[str, ...] = (),
    ) -> Callable[[Read], Read]:
        """Register what writes, with the transaction first and then what the body says. `hidden`
        are parts of the answer that are kept nowhere."""

        def register(view: Read) -> Read:
            def handle(*body: Any, **path: Any) -> Response:
                def act(tx: Transaction) -> object:
                    return view(tx, *body, **path)

                return once(self.container.store, act, schema(), status, frozenset(hidden))

            self._add(view, handle, path, method, schema, status, body, "json")
            return view

        return register

    def _add(
        self,
        view: Read,
        handle: Callable[..., Response],
        path: str,
        method: str,
        schema: type[Schema],
        status: int,
        asked: type[Schema] | None,
        location: str,
    ) -> None:
        handle.__name__, handle.__doc__ = view.__name__, view.__doc__
        done: Any = self.blueprint.response(status, schema)(handle)
        if asked is not None:
            done = self.blueprint.arguments(asked, location=location)(done)
        done = self.blueprint.doc(operationId=f"{self.name}.{view.__name__}")(done)

        @wraps(done)
        def checked(**path: Any) -> Any:
            if method != "GET" and request.content_length and not request.is_json:
                abort(415)
            return done(**path)

        name, tags = view.__name__, [self.name]
        route = partial(self.blueprint.route, path, methods=[method], endpoint=name, tags=tags)
        route()(checked)
