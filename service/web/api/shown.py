"""What the API shows of each thing: plain data, which the schemas describe."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from service.dead_letters import DeadLetter
from service.explain import Explanation
from service.store.deliveries import Delivery
from service.store.incidents import IncidentRecord
from service.store.tokens import Token
from service.tokens import standing
from workflows.apart import Apart, whence
from workflows.apart import apart as differing
from workflows.audits import standing_at
from workflows.model import ActionItem, Incident, Proposal, TicketRef
from workflows.proposals import details
from workflows.review import missing
from workflows.rungs import Audit
from workflows.snapshots import Side
from workflows.versions import Version

Shown = dict[str, Any]


def incident(record: IncidentRecord) -> Shown:
    """An incident as lists show it."""
    of = record.incident
    return {
        "id": of.id,
        "key": of.ticket.key,
        "url": of.ticket.url,
        "title": of.title,
        "team": of.team,
        "service": of.service,
        "severity": of.severity,
        "phase": of.phase,
        "outlook": of.outlook,
        "waiting_for": of.waiting_for,
        "waiting_until": of.waiting_until,
        "restricted": of.restricted,
        "opened": of.opened,
        "closed": of.closed,
        "created": record.created_at,
        "updated": record.updated_at,
    }


def whole_incident(record: IncidentRecord, now: datetime, related: Any) -> Shown:
    """The same with all that stands in it; with its `related` incidents."""
    of = record.incident
    return {
        **incident(record),
        "owner": of.owner.name if of.owner else None,
        "roles": dict(of.roles),
        "tags": list(of.tags),
        "review_due": of.review_due,
        "given_up": of.given_up,
        "moments": of.moments,
        "actions": [action(of, item) for item in of.actions],
        "proposals": [proposal(of, each) for each in of.proposals],
        "audits": [audit(of, each, now) for each in of.audits],
        "gate": gate(of),
        "conflicts": [conflict(of, each) for each in differing(of, now)],
        "evidence": of.attached,
        "places": list(_places(of)),
        "related": related,
    }


def action(of: Incident, item: ActionItem) -> Shown:
    return {
        **_inside(of),
        "number": item.number,
        "name": item.name,
        "title": item.title,
        "kind": item.kind,
        "owner": item.owner,
        "due": item.due,
        "milestone": item.milestone,
        "success_measure": item.success_measure,
        "status": item.status,
        "task": item.task,
        "twin": item.twin,
    }


def audit(of: Incident, each: Audit, now: datetime) -> Shown:
    return {
        **_inside(of),
        "name": each.name,
        "item": each.item,
        "round": each.round,
        "rung": each.rung,
        "standing": standing_at(each, now),
        "opens": each.opens,
        "due": each.due,
        "owner": each.owner,
        "reviewer": each.reviewer,
        "ticket": each.ticket,
        "verdict": each.verdict,
        "judged_by": each.by,
        "judged_at": each.at,
        "evidence": each.evidence,
        "suspect": each.suspect,
    }


def proposal(of: Incident, each: Proposal) -> Shown:
    return {
        **_inside(of),
        "number": each.number,
        "name": each.name,
        "title": each.title,
        "details": details(each),
        "by": each.by,
        "why": each.why,
        "acceptable": bool(each.acceptable and each.number),
    }


def conflict(of: Incident, each: Apart) -> Shown:
    claims = each.conflict.claims if each.conflict else ()
    return {
        **_inside(of),
        "item": each.item,
        "name": each.name,
        "field": each.field,
        "holds": each.holds,
        "says": _by_side(each.says),
        "waits": each.waits,
        "claims": [
            {"number": number, "value": claim.said.value, "said": whence(claim)}
            for number, claim in enumerate(claims, 1)
        ],
        "refused": {side.value: stuck.words for side, stuck in (each.stuck or {}).items()},
        "resting": _by_side(each.resting or {}),
    }


def gate(of: Incident) -> Shown | None:
    """What the postmortem lacks, None where there is no document."""
    if of.postmortem is None:
        return None
    lacks = missing(of)
    return {
        "status": of.postmortem.status.value,
        "read": lacks is not None,
        "missing": lacks or (),
    }


def explanation(found: Explanation) -> Shown:
    job = found.job
    return {
        "incident": found.incident.id,
        "incident_key": found.incident.ticket.key,
        "entries": found.entries,
        "ahead": found.ahead,
        "refused": [f"e{effect.id}" for effect in found.refused],
        "job": job and {"due": job.due_at, "failures": job.failures, "reason": job.reason or ""},
    }


def delivery(each: Delivery) -> Shown:
    return {
        "id": each.id,
        "connection": each.connection,
        "delivery_id": each.delivery_id,
        "event": each.event,
        "received": each.received_at,
        "handled": each.handled_at,
        "state": each.state,
        "why": each.why,
        "incident": each.incident_id,
        "repeats": each.repeats,
    }


def letter(each: DeadLetter) -> Shown:
    return {
        "id": each.id,
        "kind": each.kind.value,
        "wanted": each.wanted,
        "connection": each.connection,
        "incident": each.incident_id,
        "incident_key": each.ticket.key if each.ticket else None,
        "at": each.at,
        "attempts": each.attempts,
        "words": each.words,
        "mend": each.mend,
        "standing": each.standing,
        "waits": each.waits,
        "dropped": each.dropped,
    }


def token(each: Token, now: datetime, text: str | None = None) -> Shown:
    """What is known of a token, and itself where it was made just now."""
    return {
        "id": each.id,
        "name": each.name,
        "role": each.role,
        "teams": None if each.teams is None else sorted(each.teams),
        "created": each.created,
        "created_by": each.created_by,
        "expires": each.expires,
        "used": each.used,
        "revoked": each.revoked,
        "standing": standing(each, now),
        "token": text,
    }


def version(each: Version) -> Shown:
    of = each.publication
    told = {"at": of.at, "by": of.by, "commit": of.commit, "text": of.text}
    return {"number": each.number, "sha256": each.digest, **told}


def _inside(of: Incident) -> Shown:
    return {"incident": of.id, "incident_key": of.ticket.key, "team": of.team}


def _by_side(values: Any) -> dict[str, Any]:
    return {side.value: values[side] for side in Side if side in values}


def _places(of: Incident) -> Iterator[Shown]:
    yield _place("ticket", of.ticket.key, of.ticket)
    if of.postmortem:
        yield {"what": "postmortem", "name": "postmortem", "url": of.postmortem.ref.url}
    for item in of.actions:
        if item.task:
            yield _place("task", item.name, item.task)
        if item.twin:
            yield _place("twin", item.name, item.twin)
    for each in of.audits:
        if each.ticket:
            yield _place("audit", each.name, each.ticket)


def _place(what: str, name: str, ref: TicketRef) -> Shown:
    return {"what": what, "name": name, "url": ref.url}
