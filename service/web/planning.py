"""What people plan with: the export of measures."""

from __future__ import annotations

from flask import Blueprint, Response, abort, request

from service.web import WebContainer
from workflows.export import Format, in_order, written
from workflows.sight import Sight

_TYPES = {
    Format.CSV: "text/csv; charset=utf-8; header=present",
    Format.JSON: "application/json",
    Format.MARKDOWN: "text/markdown; charset=utf-8",
}


def sight() -> Sight:
    """What whoever asks may read here: whoever is signed in sees all teams. What only some may read
    of an incident is left out, because these lists are passed on."""
    return Sight(None)


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("planning", __name__)
    _export(routes, container)
    return routes


def _export(routes: Blueprint, container: WebContainer) -> None:
    @routes.get("/export/measures.<ending>")
    def measures(ending: str) -> Response:
        as_ = next((each for each in Format if each == ending), None)
        if as_ is None:
            abort(404, "Measures are exported as .csv, .json or .md.")
        team = request.args.get("team") or None
        with container.store.read() as tx:
            found = tx.exports.measures(sight(), team, ended="all" in request.args)
        pieces = written(in_order(found, container.severities), as_)
        answer = Response("".join(pieces), mimetype=None, content_type=_TYPES[as_])
        answer.headers["Content-Disposition"] = f'attachment; filename="measures.{as_.value}"'
        return answer
