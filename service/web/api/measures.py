"""Actions, audits, proposals and conflicts: what stands in incidents, and what to say to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import abort
from marshmallow import ValidationError, fields, validate, validates_schema

from service import acts
from service.accepting import NotAcceptable
from service.choosing import NotChoosable
from service.judging import NotJudgeable, until_then
from service.store import Transaction
from service.store.incidents import APART, WITH_ACTIONS, WITH_AUDITS, WITH_PROPOSALS
from service.web import WebContainer
from service.web.api import paging, shown
from service.web.api.incidents import record_of, wanted
from service.web.api.operations import Operations
from service.web.api.paging import Key
from service.web.api.schemas import (
    PAGE_OF,
    ActionSchema,
    AuditSchema,
    ConflictSchema,
    DoneSchema,
    ProposalSchema,
)
from service.web.api.shown import Shown
from service.web.api.values import Given, Line, one_of
from service.web.sign_in import actor
from workflows.apart import apart
from workflows.judging import LONGEST_EVIDENCE
from workflows.model import Incident, Kind
from workflows.rungs import Verdict
from workflows.snapshots import Field

#: What stands in the path for a number of ours.
_NUMBER = "int(min=1,max=999999)"
_FIELD = f"any({','.join(field.value for field in Field)})"


class OfTeam(paging.Paged):
    team = fields.String()


class ActionsIn(OfTeam):
    status = fields.String(metadata={"description": "As it is given here, in any case."})
    owner = fields.String(metadata={"description": "In any case."})
    kind = one_of(Kind)
    due_since = fields.Date()
    due_until = fields.Date(metadata={"description": "With that day."})


class AuditsIn(OfTeam):
    standing = fields.String(
        validate=validate.OneOf(("planned", "open", "overdue", "withdrawn", *Verdict))
    )


class VerdictIn(Given):
    verdict = one_of(Verdict, required=True)
    evidence = Line(LONGEST_EVIDENCE, required=True)
    link = fields.String(load_default="", validate=validate.Length(max=2000))
    by = Line(200, required=True, metadata={"description": "Who judges, as the rules name them."})


class ChoiceIn(Given):
    """Either the value that is to hold, null for nothing, or the number of a claim."""

    value = Line(2000, least=0, allow_none=True)
    claim = fields.Integer(strict=True, validate=validate.Range(min=1, max=1000))

    @validates_schema
    def _one_of_both(self, data: dict[str, Any], **_: Any) -> None:
        if len(data) != 1:
            raise ValidationError("Give either value or claim.")


def operations(container: WebContainer) -> tuple[Operations, ...]:
    return (
        _actions(Operations(container, "actions", "Action items of all incidents")),
        _audits(Operations(container, "audits", "Do the measures work?"), container),
        _proposals(Operations(container, "proposals", "Lines that are action items once accepted")),
        _conflicts(Operations(container, "conflicts", "Where the sides of an item do not agree")),
    )


def _actions(api: Operations) -> Operations:
    def fits(item: Shown, asked: dict[str, Any]) -> bool:
        said = [("status", item["status"]), ("owner", item["owner"] or "")]
        same = all(asked[n].casefold() == v.casefold() for n, v in said if n in asked)
        kind = asked.get("kind") in (None, item["kind"])
        since, until, due = asked.get("due_since"), asked.get("due_until"), item["due"]
        if due is None:
            return same and kind and since is None and until is None
        return same and kind and (since or due) <= due <= (until or due)

    @api.get("/actions", PAGE_OF[ActionSchema], query=ActionsIn)
    def list(tx: Transaction, asked: dict[str, Any]) -> object:
        """List action items by team, status, owner, due date and kind, of the latest incident
        first."""

        def pick(of: Incident) -> Iterator[tuple[Key, Shown]]:
            items = ((item.number, shown.action(of, item)) for item in of.actions)
            return (((number,), item) for number, item in sorted(items, key=_first))

        fitting = _only(pick, lambda item: fits(item, asked))
        return paging.inside(tx, asked, wanted(_team(asked), *WITH_ACTIONS), fitting)

    return api


def _audits(api: Operations, container: WebContainer) -> Operations:
    @api.get("/audits", PAGE_OF[AuditSchema], query=AuditsIn)
    def list(tx: Transaction, asked: dict[str, Any]) -> object:
        """List audits of measures, of the latest incident first."""

        def pick(of: Incident) -> Iterator[tuple[Key, Shown]]:
            items = ((each.place, shown.audit(of, each, tx.now)) for each in of.audits)
            return iter(sorted(items, key=_first))

        fitting = _only(pick, lambda item: asked.get("standing") in (None, item["standing"]))
        return paging.inside(tx, asked, wanted(_team(asked), *WITH_AUDITS), fitting)

    path = f"<{_NUMBER}:item>/<{_NUMBER}:round>/<{_NUMBER}:rung>"

    @api.write(f"/incidents/<incident_id>/audits/{path}/verdict", DoneSchema, body=VerdictIn)
    def judge(
        tx: Transaction, sent: dict[str, Any], incident_id: str, item: int, round: int, rung: int
    ) -> object:
        """Give the verdict on an open audit. It holds as soon as the audit's ticket was read."""
        record, place = record_of(tx, incident_id), (item, round, rung)
        evidence = (sent["evidence"], sent["link"])
        whose = {"by": sent["by"], "people": container.people}
        try:
            told = acts.give_verdict(tx, actor(), record, place, sent["verdict"], evidence, **whose)
        except NotJudgeable as error:
            abort(409, f"Nothing was done: {error}.")
        return {"told": f"{told}.{until_then(record.incident, place, container.doors)}"}

    return api


def _proposals(api: Operations) -> Operations:
    @api.get("/proposals", PAGE_OF[ProposalSchema], query=OfTeam)
    def list(tx: Transaction, asked: dict[str, Any]) -> object:
        """List proposals, of the latest incident first."""

        def pick(of: Incident) -> Iterator[tuple[Key, Shown]]:
            items = (((each.number,), shown.proposal(of, each)) for each in of.proposals)
            return iter(sorted((each for each in items if each[0][0]), key=_first))

        return paging.inside(tx, asked, wanted(_team(asked), *WITH_PROPOSALS), pick)

    @api.write(f"/incidents/<incident_id>/proposals/<{_NUMBER}:number>/accept", DoneSchema)
    def accept(tx: Transaction, incident_id: str, number: int) -> object:
        """Accept a proposal: the incident's next turn makes an action item of it."""
        record = record_of(tx, incident_id)
        try:
            found = acts.accept_proposal(tx, actor(), record, number)
        except NotAcceptable as error:
            abort(409, f"Nothing was done: {error}.")
        return {"told": f"{found.name} is accepted."}

    return api


def _conflicts(api: Operations) -> Operations:
    @api.get("/conflicts", PAGE_OF[ConflictSchema], query=OfTeam)
    def list(tx: Transaction, asked: dict[str, Any]) -> object:
        """List what waits for somebody to choose or to try again, of the latest incident first."""
        order = {field: number for number, field in enumerate(Field)}

        def pick(of: Incident) -> Iterator[tuple[Key, Shown]]:
            found = [each for each in apart(of, tx.now) if each.waits]
            items = (((e.item, order[e.field]), shown.conflict(of, e)) for e in found)
            return iter(sorted(items, key=_first))

        return paging.inside(tx, asked, wanted(_team(asked), *APART), pick)

    path = f"/incidents/<incident_id>/actions/<{_NUMBER}:item>/<{_FIELD}:field>"

    @api.write(f"{path}/choose", DoneSchema, body=ChoiceIn)
    def choose(
        tx: Transaction, sent: dict[str, Any], incident_id: str, item: int, field: str
    ) -> object:
        """Settle a conflict: the value, or the claim of this number, holds from now on."""
        record = record_of(tx, incident_id)
        value = sent["claim"] if "claim" in sent else sent["value"] or None
        try:
            return {"told": acts.choose_value(tx, actor(), record, item, Field(field), value)}
        except NotChoosable as error:
            abort(409, f"Nothing was done: {error}.")

    @api.write(f"{path}/resume", DoneSchema)
    def resume(tx: Transaction, incident_id: str, item: int, field: str) -> object:
        """Try again a value that was refused, and keep in sync a field that was left alone."""
        record = record_of(tx, incident_id)
        try:
            return {"told": acts.resume_field(tx, actor(), record, item, Field(field))}
        except NotChoosable as error:
            abort(409, f"Nothing was done: {error}.")

    return api


def _team(asked: dict[str, Any]) -> dict[str, Any]:
    """What of the query is about the incident and not about what stands in it."""
    return {"team": asked["team"]} if "team" in asked else {}


def _only(pick: Any, fits: Any) -> Any:
    def picked(of: Incident) -> Iterator[tuple[Key, Shown]]:
        return ((key, item) for key, item in pick(of) if fits(item))

    return picked


def _first(pair: tuple[Any, Shown]) -> Any:
    return pair[0]
