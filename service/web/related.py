"""The part of an incident's page that proposes related incidents, and the forms that dismiss one
and take that back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from flask import Blueprint, abort, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from service import acts
from service.related import Dismissed, NotDismissable, dismissed, related
from service.store import Transaction
from service.store.incidents import IncidentRecord
from service.web import WebContainer
from service.web.sign_in import actor, sight
from workflows.model import Incident
from workflows.related import Related
from workflows.rights import Actor


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("related", __name__)

    @routes.app_context_processor
    def proposals() -> dict[str, Callable[[Incident], Sequence[object]]]:
        def related_to(incident: Incident) -> list[Related]:
            with container.store.read() as tx:
                return related(tx, incident, sight())

        def dismissed_of(incident: Incident) -> list[Dismissed]:
            with container.store.read() as tx:
                return dismissed(tx, incident.id, sight())

        return {"related_to": related_to, "dismissed_of": dismissed_of}

    @routes.post("/incidents/<incident_id>/related/dismiss")
    def dismiss_related(incident_id: str) -> Response:
        why = request.form.get("why", "")
        return _done(container, incident_id, partial(acts.dismiss_related, why=why))

    @routes.post("/incidents/<incident_id>/related/take-back")
    def take_back_dismissal(incident_id: str) -> Response:
        return _done(container, incident_id, acts.take_back_dismissal)

    return routes


class _Act(Protocol):
    """Something that is said of an incident and another one."""

    def __call__(
        self, tx: Transaction, actor: Actor, record: IncidentRecord, other_id: str
    ) -> str: ...


def _done(container: WebContainer, incident_id: str, act: _Act) -> Response:
    other = request.form.get("other", "")
    if not other:
        abort(400, "Say which incident is meant.")
    with container.store.write() as tx:
        record = tx.incidents.get(incident_id)
        if record is None:
            abort(404, "There is no incident with this id.")
        if not tx.related.may_see(other, sight()):
            abort(404, "There is no such related incident.")
        try:
            told = act(tx, actor(), record, other)
        except NotDismissable as error:
            abort(400, f"Nothing was done: {error}.")
    flash(told)
    where = url_for("pages.incident", incident_id=incident_id, _anchor="related")
    return redirect(where, 303)
