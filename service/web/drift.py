"""The drift report as a page: what differed although nobody had told of it, and what was done."""

from __future__ import annotations

from flask import Blueprint, render_template

from service.web import WebContainer
from service.web.pages import PAGE, id_before
from service.web.sign_in import actor
from workflows.drift import TICKET, in_words


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("drift", __name__)
    routes.add_app_template_filter(in_words, "drifted")

    @routes.get("/drift")
    def drift() -> str:
        before = id_before()
        with container.store.read() as tx:
            found = tx.drifts.page(PAGE + 1, before, actor().teams)
        shown = found[:PAGE]
        return render_template(
            "drift.html",
            found=shown,
            older=shown[-1].id if len(found) > PAGE else None,
            paged=before is not None,
            ticket=TICKET,
        )

    return routes
