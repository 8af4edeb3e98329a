"""What the API gives: the shape of each thing. `service.web.api.shown` makes them."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from service.store.deliveries import DeliveryState
from service.store.journal import EntryKind
from service.web.api.values import Moment, one_of, page_of
from workflows.attached import EvidenceKind
from workflows.model import Kind, Outlook, Phase
from workflows.rights import Role
from workflows.rungs import Verdict
from workflows.snapshots import Field


def string(what: str = "", *, null: bool = False) -> fields.String:
    """Text that is given, with what there is to say of it."""
    return fields.String(allow_none=null, metadata={"description": what} if what else {})


def maybe(schema: type[Schema]) -> fields.Nested:
    return fields.Nested(schema, allow_none=True)


def many(schema: type[Schema]) -> fields.List[Any]:
    return fields.List(fields.Nested(schema))


class TicketSchema(Schema):
    connection = string("The connection of the rules.")
    key = string()
    url = string()


class OfIncident(Schema):
    """What says which incident something stands in."""

    incident = string("Our id of the incident.")
    incident_key = string("The key of its ticket.")
    team = string()


class ActionSchema(OfIncident):
    number = fields.Integer()
    name = string("AI-number")
    title = string()
    kind = one_of(Kind)
    owner = string(null=True)
    due = fields.Date(allow_none=True)
    milestone = string(null=True)
    success_measure = string(null=True)
    status = string("How far it is, empty before anybody said.")
    task = maybe(TicketSchema)
    twin = maybe(TicketSchema)


class AuditSchema(OfIncident):
    name = string()
    item = fields.Integer(metadata={"description": "n of the measure, AI-n"})
    round = fields.Integer()
    rung = fields.Integer()
    standing = string("planned, open, overdue (by UTC), withdrawn, or the verdict")
    opens = Moment()
    due = fields.Date(allow_none=True)
    owner = string()
    reviewer = string()
    ticket = maybe(TicketSchema)
    verdict = one_of(Verdict, allow_none=True)
    judged_by = string()
    judged_at = Moment(allow_none=True)
    evidence = string()
    suspect = string("Why the verdict is in doubt, empty while it is not.")


class ProposalSchema(OfIncident):
    number = fields.Integer()
    name = string("P-number")
    title = string()
    details = string()
    by = string()
    why = string("Why it is only proposed.")
    acceptable = fields.Boolean()


class ClaimSchema(Schema):
    number = fields.Integer(metadata={"description": "What to choose it by."})
    value = string(null=True)
    said = string("Where, by whom and when it was said.")


class ConflictSchema(OfIncident):
    item = fields.Integer(metadata={"description": "n of the action item, AI-n"})
    name = string()
    field = one_of(Field)
    holds = string("What holds until somebody chooses.", null=True)
    says = fields.Dict(keys=fields.String(), values=fields.String(allow_none=True))
    waits = fields.Boolean(metadata={"description": "Somebody must settle it."})
    claims = many(ClaimSchema)
    refused = fields.Dict(
        keys=fields.String(), values=fields.String(), metadata={"description": "By side, why."}
    )
    resting = fields.Dict(keys=fields.String(), values=Moment())


class EvidenceSchema(Schema):
    id = fields.Integer()
    kind = one_of(EvidenceKind)
    url = string()
    title = string()
    at = Moment()
    source = string()
    by = string()


class PlaceSchema(Schema):
    what = string("postmortem, task, twin, audit or ticket")
    name = string()
    url = string()


class RelatedSchema(Schema):
    incident = string()
    incident_key = string()
    url = string()
    earlier = fields.Boolean()
    why = string("Empty where it may not be repeated.")


class MissingSchema(Schema):
    where = string()
    what = string()
    write = string("What to write.")


class GateSchema(Schema):
    """What the postmortem lacks before it can be published."""

    status = string("draft, in review, published, declined, gone")
    read = fields.Boolean(metadata={"description": "Whether it was read since it was made."})
    missing = many(MissingSchema)


class IncidentSchema(Schema):
    id = string()
    key = string()
    url = string()
    title = string()
    team = string()
    service = string(null=True)
    severity = string(null=True)
    phase = one_of(Phase)
    outlook = one_of(Outlook)
    waiting_for = string(null=True)
    waiting_until = Moment(allow_none=True)
    restricted = fields.Boolean()
    opened = Moment(allow_none=True)
    closed = Moment(allow_none=True)
    created = Moment(metadata={"description": "When it came to be known here."})
    updated = Moment()


class MomentsSchema(Schema):
    opened = Moment(allow_none=True)
    started = Moment(allow_none=True)
    detected = Moment(allow_none=True)
    acknowledged = Moment(allow_none=True)
    mitigated = Moment(allow_none=True)
    resolved = Moment(allow_none=True)


class WholeIncidentSchema(IncidentSchema):
    owner = string(null=True)
    roles = fields.Dict(keys=fields.String(), values=fields.String())
    tags = fields.List(fields.String())
    review_due = fields.Date(allow_none=True)
    given_up = string("Who decided that it gets no document, and why.")
    moments = fields.Nested(MomentsSchema)
    actions = many(ActionSchema)
    proposals = many(ProposalSchema)
    audits = many(AuditSchema)
    gate = maybe(GateSchema)
    conflicts = many(ConflictSchema)
    evidence = many(EvidenceSchema)
    places = many(PlaceSchema)
    related = many(RelatedSchema)


class EntrySchema(Schema):
    at = Moment()
    kind = one_of(EntryKind)
    title = string()
    detail = string()
    mend = string("What a person can do.")
    trouble = fields.Boolean()


class AheadSchema(Schema):
    due = Moment()
    what = string()


class JobSchema(Schema):
    due = Moment()
    failures = fields.Integer()
    reason = string()


class ExplanationSchema(Schema):
    incident = string()
    incident_key = string()
    entries = many(EntrySchema)
    ahead = many(AheadSchema)
    refused = fields.List(fields.String(), metadata={"description": "Ids of its dead letters."})
    job = maybe(JobSchema)


class DeliverySchema(Schema):
    id = fields.Integer()
    connection = string()
    delivery_id = string("The sender's id.")
    event = string()
    received = Moment()
    handled = Moment(allow_none=True)
    state = one_of(DeliveryState)
    why = string()
    incident = string(null=True)
    repeats = fields.Integer()


class WholeDeliverySchema(DeliverySchema):
    sent = string("What was sent, without what only some may read.")


class LetterSchema(Schema):
    id = string()
    kind = string("effect or delivery")
    wanted = string()
    connection = string()
    incident = string(null=True)
    incident_key = string(null=True)
    at = Moment()
    attempts = fields.Integer()
    words = string("The tracker's.")
    mend = string()
    standing = string()
    waits = fields.Boolean()
    dropped = fields.Boolean()


class TokenSchema(Schema):
    id = fields.Integer()
    name = string()
    role = one_of(Role)
    teams = fields.List(
        fields.String(), allow_none=True, metadata={"description": "null: all of them."}
    )
    created = Moment()
    created_by = string()
    expires = Moment()
    used = Moment(allow_none=True, metadata={"description": "When last, to ten minutes."})
    revoked = Moment(allow_none=True)
    standing = string("valid, expired or revoked")


class NewTokenSchema(TokenSchema):
    token = string("Shown this once; null where this was sent before.", null=True)


class ChangeSchema(Schema):
    id = fields.Integer()
    at = Moment()
    who = string()
    role = one_of(Role)
    token = fields.Integer(allow_none=True)
    action = string()
    subject = string()
    before = fields.Raw(allow_none=True)
    after = fields.Raw(allow_none=True)


class VersionSchema(Schema):
    number = fields.Integer()
    at = Moment()
    by = string()
    commit = string()
    sha256 = string()


class WholeVersionSchema(VersionSchema):
    text = string()


class SectionSchema(Schema):
    title = string()
    lines = fields.List(fields.String())


class DifferenceSchema(Schema):
    before = fields.Integer()
    after = fields.Integer()
    sections = many(SectionSchema)


class DoneSchema(Schema):
    """What came of it, in words."""

    told = string()


def pages(*schemas: type[Schema]) -> dict[Any, type[Schema]]:
    return {each: page_of(each, each.__name__.replace("Schema", "Page")) for each in schemas}


PAGE_OF = pages(
    *(IncidentSchema, ActionSchema, AuditSchema, ProposalSchema, ConflictSchema, EvidenceSchema),
    *(DeliverySchema, LetterSchema, TokenSchema, ChangeSchema, VersionSchema),
)
