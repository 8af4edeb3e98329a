"""The page that finds incidents by their words."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request

from service.web import WebContainer
from service.web.sign_in import sight
from workflows.projection import Part
from workflows.queries import By, parse

#: So many are shown at once, and so many at most are leafed through.
PAGE, LAST = 20, 400


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("search", __name__)

    @routes.get("/search")
    def search() -> str:
        typed = request.args.get("q", "")
        skip = min(max(0, request.args.get("skip", 0, type=int)), LAST)
        query = parse(typed)
        with container.store.read() as tx:
            found = tx.search.find(query, sight(), limit=PAGE, skip=skip)
        return render_template(
            "search.html",
            typed=typed,
            query=query,
            found=found,
            skip=skip,
            following=skip + PAGE if found.more and skip + PAGE <= LAST else None,
            filters=[*(f"{by}:" for by in By), "after:", "before:", "opened:"],
        )

    @routes.get("/imported/<id>")
    def imported(id: str) -> str:
        with container.store.read() as tx:
            kept = tx.learning.kept(id)
        if kept is None or not kept.facts.imported:
            abort(404, "There is no such file.")
        return render_template("imported.html", kept=kept, parts_of=Part)

    return routes
