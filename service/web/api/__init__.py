"""The REST API: what the pages can do, for programs. Its description is made from its code, and
served as OpenAPI and as a page."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import flask_smorest
from flask import Blueprint, Flask, Response, render_template

from service.web import WebContainer
from service.web.api import (
    incidents,
    learnt,
    measures,
    planning,
    relations,
    standing,
    upkeep,
)
from service.web.api.document import VERSION, Spec, completed, operations
from service.web.api.operations import Operations, tagged
from service.web.api.problems import MEDIA_TYPE, ProblemSchema, refusal

#: What is below it is refused as problems.
PREFIX = "/api/"


def install(app: Flask, container: WebContainer) -> None:
    """Register the operations, and where they are described."""
    every = (
        incidents.operations(container),
        *measures.operations(container),
        *learnt.operations(container),
        *relations.operations(container),
        *planning.operations(container),
        *upkeep.operations(container),
        *standing.operations(container),
    )
    for each in every:
        app.register_blueprint(each.blueprint)
    app.register_blueprint(_described(every))


def _description(every: Iterable[Operations]) -> Spec:
    """The document of these operations, by an application that answers nothing."""
    app = Flask(__name__)
    app.config.update(
        API_TITLE="Followthrough",
        API_VERSION="v1",
        OPENAPI_VERSION=VERSION,
        OPENAPI_URL_PREFIX=None,
    )
    api: Any = flask_smorest.Api()
    api.ERROR_SCHEMA, api.DEFAULT_ERROR_RESPONSE_NAME = ProblemSchema, None
    api.init_app(app)
    for each in every:
        api.register_blueprint(each.blueprint)
    return completed(api.spec.to_dict())


def _described(every: Iterable[Operations]) -> Blueprint:
    routes = Blueprint("api", __name__)

    # Few ever ask, and it takes as long as all else that a web process starts with.
    @cache
    def described() -> Spec:
        return _description(every)

    @routes.get("/api/openapi.json")
    def openapi() -> Response:
        return tagged(described())

    @routes.get("/api")
    def page() -> str:
        spec = described()
        return render_template("api.html", spec=spec, operations=list(operations(spec)))

    return routes


__all__ = ["MEDIA_TYPE", "PREFIX", "install", "refusal"]
