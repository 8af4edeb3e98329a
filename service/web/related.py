"""The part of an incident's page that proposes related incidents, and the form to dismiss one."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, abort, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from service import acts
from service.related import NotDismissable, related
from service.web import WebContainer
from service.web.sign_in import actor, sight
from workflows.model import Incident
from workflows.related import Related


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("related", __name__)

    @routes.app_context_processor
    def proposals() -> dict[str, Callable[[Incident], list[Related]]]:
        def related_to(incident: Incident) -> list[Related]:
            with container.store.read() as tx:
                return related(tx, incident, sight())

        return {"related_to": related_to}

    @routes.post("/incidents/<incident_id>/related/dismiss")
    def dismiss_related(incident_id: str) -> Response:
        other, why = request.form.get("other", ""), request.form.get("why", "")
        if not other:
            abort(400, "Say which incident has nothing to do with it.")
        with container.store.write() as tx:
            record = tx.incidents.get(incident_id)
            if record is None:
                abort(404, "There is no incident with this id.")
            if not tx.related.may_see(other, sight()):
                abort(404, "There is no such related incident.")
            try:
                told = acts.dismiss_related(tx, actor(), record, other, why)
            except NotDismissable as error:
                abort(400, f"Nothing was done: {error}.")
        flash(told)
        where = url_for("pages.incident", incident_id=incident_id, _anchor="related")
        return redirect(where, 303)

    return routes
