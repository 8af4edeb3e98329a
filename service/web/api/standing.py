"""How the service itself stands: what failed, drift, and whether the trackers answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from marshmallow import Schema, fields

from service import backfilling
from service.backfilling import Progress
from service.processes import processes
from service.rules_standing import rules_standing
from service.standings import Answers, Standing, standings
from service.store import Transaction
from service.store.backfills import BackfillState, TicketState
from service.store.deliveries import DeliveryState
from service.store.drifts import DriftRecord
from service.web import WebContainer
from service.web.api import paging
from service.web.api.operations import Operations
from service.web.api.schemas import many, maybe, pages, string
from service.web.api.shown import Shown
from service.web.api.values import Moment, one_of
from service.web.operation import failing
from service.web.sign_in import actor
from workflows.drift import TICKET, Became


class DriftSchema(Schema):
    id = fields.Integer()
    incident = string("Our id of the incident.")
    incident_key = string()
    connection = string()
    key = string("The ticket or document that differs.")
    item = string("AI-number, empty for none.")
    what = string(f"The field, or {TICKET} for the ticket itself.")
    agreed = string(null=True)
    found = string(null=True)
    since = Moment(allow_none=True, metadata={"description": "When it last changed there."})
    found_at = Moment()
    became = one_of(Became, allow_none=True)
    ended = Moment(allow_none=True)


class FailingJobSchema(Schema):
    kind = string()
    subject = string()
    failures = fields.Integer()
    due = Moment()
    reason = string()


class LostPlaceSchema(Schema):
    """Where not all could be listed: asked anew when the backfill is resumed."""

    connection = string()
    place = string("A project or repository.")
    reason = string()


class BackfillSchema(Schema):
    id = fields.Integer()
    state = one_of(BackfillState)
    ended = fields.Integer(metadata={"description": "Tickets that are done with."})
    total = fields.Integer(metadata={"description": "Tickets that were found and are to be read."})
    listing = fields.Boolean(metadata={"description": "Whether more may be found."})
    stuck = fields.Integer(metadata={"description": "Tickets that wait for a person."})
    lost_places = many(LostPlaceSchema)
    an_hour = fields.Float(metadata={"description": "As fast as it went in the last hour."})
    waits_for = string("Empty for nothing.")


class InForceSchema(Schema):
    hash = string("The same hash, the same rules.")
    since = Moment()
    by = string("The process that put them in force.")
    why = string()


class RulesReadSchema(Schema):
    process = string()
    decides = fields.Boolean(
        metadata={"description": "A worker, which waits where others are in force."}
    )
    hash = string("Of the rules that it works by, or would.")
    read_at = Moment()
    problems = fields.List(
        fields.String(), metadata={"description": "Of rules beside it that cannot be used."}
    )
    wrong_since = Moment(allow_none=True)


class RulesSchema(Schema):
    in_force = maybe(InForceSchema)
    agreed = fields.Integer(metadata={"description": "How many processes have read these."})
    apart = many(RulesReadSchema)
    wrong = many(RulesReadSchema)


class WorkerSchema(Schema):
    host = string()
    pid = fields.Integer()
    version = string("Of the program.")
    threads = fields.Integer(metadata={"description": "How many jobs it runs at once."})
    since = Moment()
    heard_at = Moment(metadata={"description": "When it last said that it is alive."})
    rules = string("The hash of the rules that it has read.", null=True)


class OperationSchema(Schema):
    dead_letters = fields.Integer()
    failing = fields.Integer(metadata={"description": "Jobs that failed when they ran last."})
    jobs = many(FailingJobSchema)
    deliveries = fields.Dict(
        keys=one_of(DeliveryState),
        values=fields.Integer(),
        metadata={"description": "How many, by state."},
    )
    backfill = maybe(BackfillSchema)
    rules = maybe(RulesSchema)
    workers = many(WorkerSchema)


class QuotaSchema(Schema):
    limit = fields.Integer()
    left = fields.Integer()
    reset = Moment()


class UsedSchema(Schema):
    budget = string()
    used = fields.Integer()
    most = fields.Integer()
    seconds = fields.Integer(metadata={"description": "The length of the window."})


class PauseSchema(Schema):
    scope = string("Empty for all of it.")
    until = Moment()
    why = string()


class WaitsSchema(Schema):
    ticket = string()
    until = Moment()
    why = string()


class TrackerSchema(Schema):
    connection = string()
    answers = one_of(Answers)
    failures = fields.Integer(metadata={"description": "In a row."})
    failing_since = Moment(allow_none=True)
    again_at = Moment(
        allow_none=True, metadata={"description": "When it is asked next, where not now."}
    )
    why = string()
    quota = maybe(QuotaSchema)
    used = many(UsedSchema)
    pauses = many(PauseSchema)
    waiting = fields.Integer(metadata={"description": "Jobs that wait for a time."})
    next = many(WaitsSchema)


PAGE_OF = pages(DriftSchema, TrackerSchema)


def operations(container: WebContainer) -> tuple[Operations, ...]:
    return (
        _operation(Operations(container, "operation", "How the service stands")),
        _drift(Operations(container, "drift", "What differed although nobody told of it")),
        _trackers(Operations(container, "trackers", "Whether the trackers answer"), container),
    )


def _backfill(told: Progress | None) -> object:
    return told and {
        "id": told.backfill.id,
        "state": told.backfill.state,
        "ended": told.pace.ended,
        "total": told.pace.total,
        "listing": told.listing,
        "stuck": told.counts.get(TicketState.STUCK, 0),
        "lost_places": [
            {"connection": each.place.connection, "place": each.place.place, "reason": each.words}
            for each in told.lost
        ],
        "an_hour": told.pace.per_hour,
        "waits_for": told.backfill.why,
    }


def _operation(api: Operations) -> Operations:
    @api.get("/operation", OperationSchema)
    def summary(tx: Transaction) -> object:
        """Tell what waits for the operator."""
        found = failing(tx, actor().teams)
        return {
            "dead_letters": found.letters_count,
            "failing": found.jobs_count,
            "jobs": [
                {
                    "kind": job.kind,
                    "subject": job.subject,
                    "failures": job.failures,
                    "due": job.due_at,
                    "reason": job.reason or "",
                }
                for job in found.jobs
            ],
            "deliveries": tx.deliveries.counts(actor().teams),
            "backfill": _backfill(backfilling.shown_now(tx, actor().teams)),
            "rules": rules_standing(tx) if actor().teams is None else None,
            "workers": processes(tx) if actor().teams is None else [],
        }

    return api


def _drift(api: Operations) -> Operations:
    @api.get("/drift", PAGE_OF[DriftSchema], query=paging.Paged)
    def list(tx: Transaction, asked: dict[str, Any]) -> object:
        """List what was found to differ, the latest first."""

        def found(limit: int, before: int | None) -> Sequence[DriftRecord]:
            return tx.drifts.page(limit, before, actor().teams)

        page = paging.numbered(asked, found)
        return {**page, "items": [_drifted(each) for each in page["items"]]}

    return api


def _drifted(each: DriftRecord) -> Shown:
    return {
        "id": each.id,
        "incident": each.incident_id,
        "incident_key": each.incident,
        "connection": each.connection,
        "key": each.key,
        "item": each.item,
        "what": each.drift.what,
        "agreed": each.drift.agreed,
        "found": each.drift.found,
        "since": each.drift.since,
        "found_at": each.found_at,
        "became": each.became,
        "ended": each.ended_at,
    }


def _trackers(api: Operations, container: WebContainer) -> Operations:
    @api.get("/trackers", PAGE_OF[TrackerSchema])
    def list(tx: Transaction) -> object:
        """List the trackers: whether each answers, what may still be asked of it, what waits."""
        return paging.whole([_tracker(each) for each in standings(tx, container.limits)])

    return api


def _tracker(each: Standing) -> Shown:
    circuit = each.circuit
    return {
        "connection": each.connection,
        "answers": each.answers,
        "failures": circuit.failures,
        "failing_since": circuit.since,
        "again_at": each.again_at,
        "why": circuit.why,
        "quota": circuit.quota,
        "used": [
            {
                "budget": used.budget,
                "used": used.used,
                "most": used.most,
                "seconds": int(used.length.total_seconds()),
            }
            for used in each.used
        ],
        "pauses": each.pauses,
        "waiting": each.waiting,
        "next": each.next,
    }
