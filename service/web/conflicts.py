"""The page of what the sides of action items do not agree on, and the forms that settle it."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from service import acts
from service.choosing import NotChoosable
from service.store import Transaction
from service.store.incidents import IncidentRecord
from service.web import WebContainer
from service.web.sign_in import actor
from workflows.apart import apart, whence
from workflows.choices import in_words
from workflows.snapshots import Field

#: So many are shown, and what else waits in the incident of the last.
MOST_SHOWN = 50

_ITEM = re.compile(r"[0-9]{1,6}")


def blueprint(container: WebContainer) -> Blueprint:
    routes = Blueprint("conflicts", __name__)
    routes.add_app_template_filter(in_words, "said")
    routes.add_app_template_filter(whence, "whence")

    @routes.get("/conflicts")
    def conflicts() -> str:
        with container.store.read() as tx:
            teams = actor().teams
            first = {each.id for each in tx.conflicts.first(MOST_SHOWN, teams)}
            found = [
                (record.incident, each)
                for record in tx.incidents.apart(teams, first)
                for each in apart(record.incident, tx.now)
                if each.waits
            ]
            more = tx.conflicts.count(teams) - len(found)
        return render_template("conflicts.html", found=found, more=more)

    @routes.post("/incidents/<incident_id>/choose")
    def choose_value(incident_id: str) -> Response:
        item, field = _asked()
        value = None if "nothing" in request.form else request.form.get("value")
        if value is None and "nothing" not in request.form:
            abort(400, "Say which value is to hold.")

        def chosen(tx: Transaction, record: IncidentRecord) -> str:
            return acts.choose_value(tx, actor(), record, item, field, value)

        return _settled(container, incident_id, chosen)

    @routes.post("/incidents/<incident_id>/resume")
    def resume_field(incident_id: str) -> Response:
        item, field = _asked()

        def resumed(tx: Transaction, record: IncidentRecord) -> str:
            return acts.resume_field(tx, actor(), record, item, field)

        return _settled(container, incident_id, resumed)

    return routes


def _asked() -> tuple[int, Field]:
    """The action item and field that a form is about."""
    item, field = request.form.get("item", ""), request.form.get("field", "")
    if not _ITEM.fullmatch(item) or field not in set(Field):
        abort(400, "Say which field of which action item.")
    return int(item), Field(field)


def _settled(
    container: WebContainer,
    incident_id: str,
    settle: Callable[[Transaction, IncidentRecord], str],
) -> Response:
    with container.store.write() as tx:
        record = tx.incidents.get(incident_id)
        if record is None:
            abort(404, "There is no incident with this id.")
        try:
            told = settle(tx, record)
        except NotChoosable as error:
            abort(409, f"Nothing was done: {error}.")
    flash(told)
    return redirect(url_for("pages.incident", incident_id=incident_id), 303)
