"""What people and pipelines plan with: the pre-read, measures, and the release check."""

from __future__ import annotations

from typing import Any

from flask import abort
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from service.store import Transaction
from service.web import WebContainer
from service.web.api import paging
from service.web.api.learning_schemas import (
    PAGE_OF,
    PlannedSchema,
    PrereadSchema,
    ReleaseSchema,
)
from service.web.api.operations import Operations
from service.web.api.shown import Shown
from service.web.planning import sight
from workflows.export import COLUMNS
from workflows.measured import Measured
from workflows.preread import Line, Preread, in_short, parts, title
from workflows.quarters import quarter_of, read_quarter
from workflows.release import USUAL, Fail, as_data

#: What is asked for, where nothing is to stop a release.
NOTHING = "none"


class PrereadIn(Schema):
    team = fields.String(required=True)
    quarter = fields.String(load_default="", metadata={"description": "2026Q4; else the present."})


class MeasuresIn(paging.Paged):
    team = fields.String(load_default=None)
    ended = fields.Boolean(
        load_default=False, metadata={"description": "With those that ended too."}
    )


class ReleaseIn(Schema):
    service = fields.String(required=True, metadata={"description": "As incidents name it."})
    fail_on = fields.List(
        fields.String(validate=validate.OneOf([*(each.value for each in Fail), NOTHING])),
        load_default=[each.value for each in USUAL],
        metadata={"description": "What stops the release, once for each; none stands alone."},
    )

    @validates_schema
    def _nothing_stands_alone(self, data: dict[str, Any], **_: Any) -> None:
        said = data.get("fail_on", ())
        if NOTHING in said and len(set(said)) > 1:
            raise ValidationError(f"{NOTHING} stands alone.", "fail_on")


def operations(container: WebContainer) -> tuple[Operations, ...]:
    return (
        _preread(Operations(container, "preread", "The pre-read of a quarterly review")),
        _measures(Operations(container, "measures", "Measures for planning elsewhere")),
        _release(Operations(container, "release-check", "Before a service is released")),
    )


def _preread(api: Operations) -> Operations:
    @api.get("/preread", PrereadSchema, query=PrereadIn, may_lack=True)
    def one(tx: Transaction, asked: dict[str, Any]) -> object:
        """Get the pre-read of a team's quarter. What only some may read is left out."""
        today = tx.now.date()
        quarter = read_quarter(asked["quarter"]) if asked["quarter"] else quarter_of(today)
        if quarter is None:
            abort(422, "quarter: write it as 2026Q4.")
        if asked["team"] not in tx.prereads.teams(sight()):
            abort(404)
        return _told(tx.prereads.of(asked["team"], quarter, today, sight()))

    return api


def _told(found: Preread) -> Shown:
    return {
        "team": found.team,
        "quarter": str(found.quarter),
        "today": found.today,
        "title": title(found.team, found.quarter),
        "in_short": in_short(found),
        "says_nothing": found.says_nothing,
        "parts": [
            {"title": each.title, "lines": list(map(_line, each.lines)), "more": each.more}
            for each in parts(found)
        ],
    }


def _line(line: Line) -> list[Shown]:
    """Words and links, of which each may be empty in part."""
    return [
        {"words": each, "url": "", "incident": ""}
        if isinstance(each, str)
        else {"words": each.words, "url": each.url, "incident": each.incident}
        for each in line
    ]


def _measures(api: Operations) -> Operations:
    @api.get("/measures", PAGE_OF[PlannedSchema], query=MeasuresIn)
    def list(tx: Transaction, asked: dict[str, Any]) -> object:
        """List measures that are open, by incident. What only some may read is left out."""
        after, limit = paging.measure_after(asked), asked["limit"]
        found = tx.exports.page(sight(), asked["team"], asked["ended"], after, limit + 1)
        page = found[:limit]
        last = [page[-1].incident, page[-1].item] if len(found) > limit else None
        items = [_planned(each) for each in page]
        return {"items": items, "next": None if last is None else paging.write(last)}

    return api


def _planned(each: Measured) -> Shown:
    return {**{name: says(each) for name, says in COLUMNS.items()}, "due": each.due}


def _release(api: Operations) -> Operations:
    @api.get("/release-check", ReleaseSchema, query=ReleaseIn, may_lack=True)
    def one(tx: Transaction, asked: dict[str, Any]) -> object:
        """Tell what one should know of a service before it is released, and whether that is to
        stop the release. What only some may read is left out."""
        found = tx.releases.of(asked["service"], tx.now.date(), sight())
        if found is None:
            abort(404, "No incident of such a service is known.")
        fail_on = [each for each in Fail if each in asked["fail_on"]]
        return {**as_data(found, fail_on), "today": found.today, "fail_on": fail_on}

    return api
