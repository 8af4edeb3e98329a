"""The part of a turn that is about audits, in the order in which a decision needs it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from workflows import audits, checks, opening, recurrence, verdicts
from workflows.events import AuditRead, AuditReading
from workflows.model import Incident
from workflows.policy import Policy, Team, same_word
from workflows.postmortem import MUTE_LABEL
from workflows.rungs import Place


def heard_audits(
    incident: Incident,
    readings: Sequence[AuditReading],
    team: Team,
    policy: Policy,
    now: datetime,
    known: Collection[Place],
) -> tuple[Incident, list[str]]:
    """The incident after the tickets of audits were read, and with its audits planned as its
    measures stand then: before the document is looked at, which lists them. `known` as in
    `audited`."""
    incident, heard = verdicts.hear(_muted(incident, readings), readings, team, policy, now)
    incident, planned = audited(incident, policy, now, known)
    return incident, [*heard, *planned]


def _muted(incident: Incident, readings: Sequence[AuditReading]) -> Incident:
    """The incident with what the labels of its audits' tickets say of notes on them."""
    for reading in readings:
        audit = audits.find(incident, reading.audit)
        if audit is not None and isinstance(reading, AuditRead):
            labels = map(same_word, reading.ticket.labels)
            audit = replace(audit, muted=same_word(MUTE_LABEL) in labels)
            incident = audits.changed(incident, audit)
    return incident


def audited(
    incident: Incident, policy: Policy, now: datetime, known: Collection[Place]
) -> tuple[Incident, list[str]]:
    """The incident with its audits planned, prepared and withdrawn; as it is where the rules know
    its team no more. `known` are those that there were before this turn looked at anything: no
    other is opened in it, because the tickets of its measure were not read for that."""
    team = policy.teams.get(incident.team)
    if team is None:
        return incident, []
    incident, refused = audits.succeed_refused(incident, team, policy, now)
    incident, recurred = recurrence.told(incident)
    incident, planned = audits.plan(incident, team, now)
    incident = checks.with_alarms_told(incident, team)
    return opening.prepared(incident, team, policy, now, known), [*refused, *recurred, *planned]


def wanted_by_audits(incident: Incident, policy: Policy, now: datetime) -> opening.Wanted:
    """What the audits ask for now; nothing where the rules know the team no more. Raises
    HolidaysUnknown."""
    team = policy.teams.get(incident.team)
    return opening.wanted(incident, team, policy, now) if team else opening.Wanted()
