"""Incidents that may have to do with one, and saying that one has not."""

from __future__ import annotations

from typing import Any

from flask import abort

from service import acts
from service import related as service
from service.related import LONGEST_REASON, NotDismissable, related
from service.store import Transaction
from service.web import WebContainer
from service.web.api import paging
from service.web.api.incidents import record_of
from service.web.api.learning_schemas import PAGE_OF, DismissedSchema, ProposedSchema
from service.web.api.operations import Operations
from service.web.api.schemas import DoneSchema
from service.web.api.values import Given, Line
from service.web.sign_in import actor, sight
from workflows.related import Related


class DismissIn(Given):
    why = Line(LONGEST_REASON, required=True, metadata={"description": "It stays on record."})


def operations(container: WebContainer) -> tuple[Operations, ...]:
    api = Operations(container, "related", "What may have to do with an incident")
    _reading(api)
    _writing(api)
    return (api,)


def _reading(api: Operations) -> None:
    @api.get("/incidents/<incident_id>/related", PAGE_OF[ProposedSchema])
    def list(tx: Transaction, incident_id: str) -> object:
        """List incidents and imported files that may have to do with one, what tells most first."""
        record = record_of(tx, incident_id)
        return paging.whole([_proposed(each) for each in related(tx, record.incident, sight())])

    @api.get("/incidents/<incident_id>/related/dismissed", PAGE_OF[DismissedSchema])
    def dismissed(tx: Transaction, incident_id: str) -> object:
        """List what somebody said has nothing to do with it, and why."""
        record_of(tx, incident_id)
        found = service.dismissed(tx, incident_id, sight())
        return paging.whole([_said(each) for each in found])


def _writing(api: Operations) -> None:
    path = "/incidents/<incident_id>/related/<other>"

    @api.write(f"{path}/dismiss", DoneSchema, body=DismissIn)
    def dismiss(tx: Transaction, sent: dict[str, Any], incident_id: str, other: str) -> object:
        """Say that the other has nothing to do with it: neither is proposed for the other any more,
        and they count as a recurrence no more."""
        record = record_of(tx, incident_id)
        _visible(tx, other)
        try:
            return {"told": acts.dismiss_related(tx, actor(), record, other, sent["why"])}
        except NotDismissable as error:
            abort(409, f"Nothing was done: {error}.")

    @api.write(f"{path}/take-back", DoneSchema)
    def take_back(tx: Transaction, incident_id: str, other: str) -> object:
        """Take that back: what they have in common counts again."""
        record = record_of(tx, incident_id)
        _visible(tx, other)
        try:
            return {"told": acts.take_back_dismissal(tx, actor(), record, other)}
        except NotDismissable as error:
            abort(409, f"Nothing was done: {error}.")


def _visible(tx: Transaction, other: str) -> None:
    """404 where the other is nothing that may be seen."""
    if not tx.related.may_see(other, sight()):
        abort(404)


def _said(each: service.Dismissed) -> dict[str, object]:
    known, said = each.known, each.said
    return {"id": known.id, "key": known.key, "by": said.by, "at": said.at, "why": said.why}


def _proposed(each: Related) -> dict[str, object]:
    names = ("id", "key", "url", "title", "team", "service", "opened", "imported")
    return {**{name: getattr(each.known, name) for name in names}, "why": each.why}
