"""The audit log as a page: who changed what, for admins."""

from __future__ import annotations

from flask import Blueprint, render_template

from service.explain import facts
from service.web import WebContainer
from service.web.pages import PAGE, id_before


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("changes", __name__)
    routes.add_app_template_filter(facts, "facts")

    @routes.get("/changes")
    def changes() -> str:
        before = id_before()
        with container.store.read() as tx:
            found = tx.changes.page(PAGE + 1, before)
        shown = found[:PAGE]
        return render_template(
            "changes.html",
            found=shown,
            older=shown[-1].id if len(found) > PAGE else None,
            paged=before is not None,
        )

    return routes
