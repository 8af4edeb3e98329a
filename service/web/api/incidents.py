"""Incidents, their evidence, their versions, and why each stands as it does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from flask import abort
from marshmallow import Schema, ValidationError, fields, validates

from service import acts
from service.attaching import NotAttachable
from service.explain import explain
from service.store import Transaction
from service.store.incidents import IncidentRecord, Wanted
from service.web import WebContainer
from service.web.api import paging, shown
from service.web.api.learning_schemas import PublishedSchema
from service.web.api.operations import Operations
from service.web.api.schemas import (
    PAGE_OF,
    DifferenceSchema,
    DoneSchema,
    EvidenceSchema,
    ExplanationSchema,
    IncidentSchema,
    VersionSchema,
    WholeIncidentSchema,
    WholeVersionSchema,
)
from service.web.api.values import Address, Given, Line, Moment, one_of
from service.web.sign_in import actor
from workflows.attached import LONGEST_SOURCE, LONGEST_TITLE, LONGEST_URL, EvidenceKind
from workflows.differences import changed
from workflows.model import Incident, Outlook, Phase
from workflows.versions import Version

#: By how much a sender's clock may be ahead of ours.
AHEAD = timedelta(minutes=1)


class IncidentsIn(paging.Paged):
    team = fields.String()
    service = fields.String()
    severity = fields.String()
    key = fields.String(metadata={"description": "The key of its ticket, as it is written there."})
    phase = one_of(Phase)
    outlook = one_of(Outlook)
    opened_since = Moment(load_default=None)
    opened_until = Moment(load_default=None, metadata={"description": "Before that time."})


class EvidenceIn(Given):
    kind = one_of(EvidenceKind, required=True)
    url = Address(LONGEST_URL, required=True)
    title = Line(LONGEST_TITLE, required=True)
    at = Moment(required=True, metadata={"description": "When what it shows happened."})
    source = Line(LONGEST_SOURCE, least=0, load_default="")


class DifferenceIn(Schema):
    before = fields.Integer(required=True)
    after = fields.Integer(required=True)

    @validates("before", "after")
    def _is_a_number(self, value: int, data_key: str) -> None:  # noqa: ARG002
        if not 0 < value < 10**9:
            raise ValidationError("Is the number of no version.")


def wanted(asked: dict[str, Any], *holding: str) -> Wanted:
    """Which incidents, by what the query says, of those that whoever asks may see."""
    names = ("team", "service", "severity", "key", "phase", "outlook")
    equal = {name: str(asked[name]) for name in names if name in asked}
    opened = (asked.get("opened_since"), asked.get("opened_until"))
    return Wanted(actor().teams, equal, opened, holding)


def record_of(tx: Transaction, incident_id: str) -> IncidentRecord:
    """The incident of the address; 404 without one."""
    record = tx.incidents.get(incident_id)
    if record is None:
        abort(404)
    return record


def operations(container: WebContainer) -> Operations:
    api = Operations(container, "incidents", "Incidents, their evidence and their versions")
    _reading(api)
    _evidence(api, container)
    _versions(api)
    _acts(api)
    return api


def _reading(api: Operations) -> None:
    @api.get("/incidents", PAGE_OF[IncidentSchema], query=IncidentsIn)
    def list(tx: Transaction, asked: dict[str, Any]) -> object:
        """List incidents, the latest first."""
        page = paging.incidents(tx, asked, wanted(asked))
        return {**page, "items": [shown.incident(each) for each in page["items"]]}

    @api.get("/incidents/<incident_id>", WholeIncidentSchema)
    def one(tx: Transaction, incident_id: str) -> object:
        """Get one incident with its actions, audits, gate, conflicts, evidence and places."""
        record = record_of(tx, incident_id)
        related = [*_related(tx, record.incident)]
        return shown.whole_incident(record, tx.now, related)

    @api.get("/incidents/<incident_id>/explanation", ExplanationSchema)
    def explanation(tx: Transaction, incident_id: str) -> object:
        """Explain one: every delivery, decision, effect and outcome, the earliest first."""
        found = explain(tx, incident_id)
        if found is None:
            abort(404)
        return shown.explanation(found)


def _related(tx: Transaction, of: Incident) -> Iterator[shown.Shown]:
    """The incidents that may be the same again, of those that whoever asks may see."""
    for each in of.recurrences:
        if not each.withdrawn and actor().sees(tx.incidents.team(each.other)):
            yield {
                "incident": each.other,
                "incident_key": each.ticket.key,
                "url": each.ticket.url,
                "earlier": each.earlier,
                "why": each.why,
            }


def _evidence(api: Operations, container: WebContainer) -> None:
    @api.get("/incidents/<incident_id>/evidence", PAGE_OF[EvidenceSchema])
    def evidence(tx: Transaction, incident_id: str) -> object:
        """List what was attached to one, in the order in which it came."""
        record_of(tx, incident_id)
        return paging.whole(tx.evidence.of_incident(incident_id))

    @api.write("/incidents/<incident_id>/evidence", EvidenceSchema, body=EvidenceIn, status=201)
    def attach(tx: Transaction, sent: dict[str, Any], incident_id: str) -> object:
        """Attach a link. It comes into the timeline with the incident's next turn, and nobody
        follows it."""
        record = record_of(tx, incident_id)
        if sent["at"] > container.clock() + AHEAD:
            abort(422, "at: lies in the future.")
        link = (sent["title"], sent["url"])
        at, source = sent["at"], sent["source"]
        try:
            return acts.attach_evidence(tx, actor(), record, sent["kind"], link, at, source)
        except NotAttachable as error:
            abort(409, f"Nothing was done: {error}.")


def _versions(api: Operations) -> None:
    @api.get("/incidents/<incident_id>/versions", PAGE_OF[VersionSchema])
    def versions(tx: Transaction, incident_id: str) -> object:
        """List what was published of its postmortem, the first one first."""
        record_of(tx, incident_id)
        return paging.whole([shown.version(v) for v in tx.versions.of_incident(incident_id)])

    @api.get("/incidents/<incident_id>/versions/<int(max=999999999):number>", WholeVersionSchema)
    def version(tx: Transaction, incident_id: str, number: int) -> object:
        """Get one version with its text."""
        return shown.version(_version(tx, incident_id, number))

    @api.get("/incidents/<incident_id>/difference", DifferenceSchema, query=DifferenceIn)
    def difference(tx: Transaction, asked: dict[str, int], incident_id: str) -> object:
        """Tell what changed between two versions, section by section."""
        old, new = (_version(tx, incident_id, asked[name]) for name in ("before", "after"))
        sections = changed(old.publication.text, new.publication.text)
        return {"before": old.number, "after": new.number, "sections": sections}


def _acts(api: Operations) -> None:
    @api.write("/incidents/<incident_id>/publish", PublishedSchema)
    def publish(tx: Transaction, incident_id: str) -> object:
        """Publish its postmortem, once it was read again and lacks nothing."""
        answer = acts.publish_document(tx, actor(), record_of(tx, incident_id))
        return {"granted": answer.granted, "told": answer.words, "missing": answer.missing}

    @api.write("/incidents/<incident_id>/retry", DoneSchema)
    def retry(tx: Transaction, incident_id: str) -> object:
        """Try again what was refused, and read its ticket."""
        found = explain(tx, incident_id)
        if found is None:
            abort(404)
        acts.try_again(tx, actor(), found)
        return {"told": "It is tried again now."}


def _version(tx: Transaction, incident_id: str, number: int) -> Version:
    record_of(tx, incident_id)
    found = (each for each in tx.versions.of_incident(incident_id) if each.number == number)
    version = next(found, None)
    if version is None:
        abort(404)
    return version
