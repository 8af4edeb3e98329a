"""The pages of what was published of one incident, what changed in between, and its review."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from service import acts
from service.web import WebContainer
from service.web.sign_in import actor
from workflows.differences import changed
from workflows.model import Incident
from workflows.perspectives import unheard
from workflows.publishing import advised, has_signal
from workflows.review import missing
from workflows.versions import Version
from workflows.wording import Advice


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("versions", __name__)

    def wording(incident: Incident) -> tuple[Advice, ...]:
        return advised(incident, container.people)

    routes.add_app_template_filter(missing, "missing")
    routes.add_app_template_filter(wording, "wording")
    routes.add_app_template_filter(unheard, "unheard")
    routes.add_app_template_filter(has_signal, "has_signal")

    @routes.get("/incidents/<incident_id>/versions")
    def versions(incident_id: str) -> str:
        incident, found = _found(container, incident_id)
        last = len(found)
        old = _version(found, request.args.get("before", type=int) or last - 1)
        new = _version(found, request.args.get("after", type=int) or last)
        return render_template(
            "versions.html",
            incident=incident,
            versions=found,
            old=old,
            new=new,
            changed=changed(old.publication.text, new.publication.text) if old and new else None,
        )

    @routes.get("/incidents/<incident_id>/versions/<int(max=999999999):number>")
    def version(incident_id: str, number: int) -> str:
        incident, found = _found(container, incident_id)
        shown = _version(found, number)
        if shown is None:
            abort(404, "There is no such version.")
        return render_template("version.html", incident=incident, version=shown)

    @routes.post("/incidents/<incident_id>/publish")
    def publish_document(incident_id: str) -> Response:
        with container.store.write() as tx:
            record = tx.incidents.get(incident_id)
            answer = acts.publish_document(tx, actor(), record) if record else None
        if answer is None:
            abort(404, "There is no incident with this id.")
        flash(answer.words)
        return redirect(url_for("pages.incident", incident_id=incident_id), 303)

    return routes


def _found(container: WebContainer, incident_id: str) -> tuple[Incident, list[Version]]:
    with container.store.read() as tx:
        record = tx.incidents.get(incident_id)
        found = tx.versions.of_incident(incident_id)
    if record is None:
        abort(404, "There is no incident with this id.")
    return record.incident, found


def _version(found: list[Version], number: int) -> Version | None:
    return next((each for each in found if each.number == number), None)
