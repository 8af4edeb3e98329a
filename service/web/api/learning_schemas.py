"""What the API gives of what incidents teach, and for planning. `service.web.api.learnt` makes
them."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from service.web.api.schemas import MissingSchema, TicketSchema, many, maybe, pages, string
from service.web.api.values import Moment, one_of
from workflows.patterns import State
from workflows.projection import Part, What
from workflows.release import About, Fail


def counts(what: str) -> fields.Dict:
    """How many there are of each."""
    return fields.Dict(
        keys=fields.String(), values=fields.Integer(), metadata={"description": what}
    )


class TallySchema(Schema):
    """What became of measures."""

    measures = fields.Integer()
    open = fields.Integer()
    effective = fields.Integer()
    partly = fields.Integer()
    not_effective = fields.Integer()
    suspect = fields.Integer()
    unproven = fields.Integer()
    answered = Moment(
        allow_none=True,
        metadata={"description": "When the latest was done of those that were judged effective."},
    )


class PatternSchema(Schema):
    name = string("As it is counted, in normal words and after the rules' synonyms.")
    state = one_of(State)
    incidents = fields.Integer()
    lately = fields.Integer(metadata={"description": "Within the time that the rules say."})
    services = fields.Integer()
    teams = fields.Integer()
    last = Moment()
    tally = fields.Nested(TallySchema)
    quarters = counts("Incidents by quarter, 2026Q4; those without any are left out.")


class PatternHereSchema(Schema):
    team = string()
    service = string("In normal words.")
    incidents = fields.Integer()
    quarters = counts("Incidents by quarter.")


class NamedSchema(Schema):
    id = string()
    key = string()
    url = string()
    title = string()
    team = string()
    service = string()
    severity = string()
    opened = Moment(allow_none=True)
    imported = fields.Boolean()
    document_url = string()


class AgainstSchema(Schema):
    incident = string()
    incident_key = string()
    item = fields.Integer()
    title = string()
    kind = string()
    owner = string()
    status = string()
    open = fields.Boolean()
    verdict = string()
    suspect = string()
    proved = string("How effective it proved, in a word or two.")
    task_key = string()
    task_url = string()


class WholePatternSchema(Schema):
    name = string()
    said = string("As the incident wrote it that named it last.")
    counted = maybe(PatternSchema)
    incidents_count = fields.Integer(metadata={"description": "Of all times."})
    where = many(PatternHereSchema)
    incidents = many(NamedSchema)
    measures = many(AgainstSchema)


class ReviewSchema(Schema):
    """One architecture review."""

    team = string()
    service = string("In normal words.")
    factor = string()
    round = fields.Integer()
    asked = Moment()
    state = string("to be opened, opened, given up")
    ticket = maybe(TicketSchema)


class FigureNameSchema(Schema):
    name = string()
    title = string()


class PeriodSchema(Schema):
    first = fields.Date()
    last = fields.Date(metadata={"description": "In it."})


class ColumnSchema(Schema):
    name = string()
    unit = string("Empty for names and numbers of things.")


class FigureSchema(Schema):
    name = string()
    title = string()
    words = string("What it shows.")
    notes = fields.List(fields.String(), metadata={"description": "What it does not show."})
    period = fields.Nested(PeriodSchema)
    columns = many(ColumnSchema)
    rows = fields.List(
        fields.List(fields.Raw(allow_none=True)),
        metadata={"description": "Values in the units of the columns; null: not known."},
    )
    empty = fields.Boolean()
    page = string("Its address here.")
    csv = string("Where the same is as CSV.")


class SegmentSchema(Schema):
    text = string()
    found = fields.Boolean(metadata={"description": "It is what was looked for."})


class ExcerptSchema(Schema):
    part = one_of(Part)
    title = string()
    segments = many(SegmentSchema)


class HitSchema(Schema):
    id = string("Our id of the incident, or of the imported file.")
    key = string()
    url = string()
    title = string()
    team = string()
    service = string()
    severity = string()
    restricted = fields.Boolean()
    imported = fields.Boolean()
    opened = Moment(allow_none=True)
    document_url = string()
    excerpts = many(ExcerptSchema)


class FoundSchema(Schema):
    items = many(HitSchema)
    next = string(null=True)
    lacking = fields.Boolean(
        metadata={"description": "None has all words: these have as many as any has."}
    )
    understood = fields.List(fields.String(), metadata={"description": "The filters."})
    told = fields.List(fields.String(), metadata={"description": "What was not understood."})


class LabelSchema(Schema):
    what = one_of(What)
    name = string("As it is counted.")
    said = string()


class PassageSchema(Schema):
    title = string()
    words = string()


class ImportedSchema(Schema):
    id = string()
    key = string()
    title = string()
    team = string()
    service = string()
    severity = string()
    opened = Moment(allow_none=True)
    labels = many(LabelSchema)
    sections = many(PassageSchema)


class ProposedSchema(Schema):
    """An incident, or imported file, that may have to do with one."""

    id = string()
    key = string()
    url = string()
    title = string()
    team = string()
    service = string()
    opened = Moment(allow_none=True)
    imported = fields.Boolean()
    why = string()


class DismissedSchema(Schema):
    id = string()
    key = string()
    by = string()
    at = Moment()
    why = string()


class PublishedSchema(Schema):
    granted = fields.Boolean()
    told = string()
    missing = many(MissingSchema)


# --- for planning ---------------------------------------------------------------------------------


class SaidSchema(Schema):
    words = string()
    url = string("Empty for mere words.")
    incident = string("Our id of the incident that they lead to, empty for none.")


class PartSchema(Schema):
    title = string()
    lines = fields.List(fields.List(fields.Nested(SaidSchema)))
    more = fields.Integer(metadata={"description": "So many lines are not told."})


class PrereadSchema(Schema):
    team = string()
    quarter = string()
    today = fields.Date(metadata={"description": "As it stands on this day."})
    title = string()
    in_short = string()
    says_nothing = fields.Boolean()
    parts = many(PartSchema)


class PlannedSchema(Schema):
    """A measure, with the columns of the export."""

    team = string()
    milestone = string()
    priority = string("The severity of its incident.")
    due = fields.Date(allow_none=True)
    incident = string("The key of its incident's ticket.")
    item = string("AI-number")
    title = string()
    kind = string()
    area = string()
    owner = string()
    status = string()
    service = string()
    task = string()
    task_url = string()
    incident_url = string()
    document_url = string()
    success_measure = string()
    verdict = string()
    suspect = string()


class FindingSchema(Schema):
    about = fields.String(validate=validate.OneOf([each.value for each in About]))
    what = string()
    url = string()
    why = string()


class ReleaseSchema(Schema):
    service = string()
    today = fields.Date()
    fail_on = fields.List(one_of(Fail))
    clear = fields.Boolean(metadata={"description": "Nothing stops the release."})
    stops = counts("What stops it, and how many there are of each.")
    counts = counts("How many there are of each.")
    findings = many(FindingSchema)


PAGE_OF: dict[Any, type[Schema]] = pages(
    *(PatternSchema, ReviewSchema, FigureNameSchema, ProposedSchema, DismissedSchema),
    PlannedSchema,
)
