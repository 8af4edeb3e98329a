"""The part of a turn that is about audits, in the order in which a decision needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from workflows import audits, checks, opening, recurrence, verdicts
from workflows.audit_keys import audit_key
from workflows.effects import Hold
from workflows.events import AuditRead, AuditReading, TaskReading
from workflows.model import Incident
from workflows.policy import Policy, Team, same_word
from workflows.postmortem import MUTE_LABEL
from workflows.rungs import Audit, Place
from workflows.snapshots import Side


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read for one decision: the `measures`, by number, all of whose tickets were, and the
    `audits` whose tickets were. Of no other measure an audit is opened, and no other audit that has
    a ticket is withdrawn: what people said there last may not be known. `dropped`: the audits whose
    opening somebody gave up, which so have none."""

    measures: frozenset[int] = frozenset()
    audits: frozenset[Place] = frozenset()
    dropped: frozenset[Place] = frozenset()


def seen_in(
    incident: Incident,
    tasks: Sequence[TaskReading],
    read: Sequence[AuditReading],
    held: Mapping[str, Hold],
) -> Seen:
    """What these readings are of, in an incident as it is before they are heard, and what is known
    of its effects that are `held`, by key."""
    sides = {(reading.number, reading.side) for reading in tasks}
    whole = (
        item.number
        for item in incident.actions
        if all(
            (item.number, side) in sides
            for side, ref in ((Side.TASK, item.task), (Side.TWIN, item.twin))
            if ref is not None
        )
    )
    given_up = {key for key, hold in held.items() if hold.given_up}
    dropped = (a.place for a in incident.audits if audit_key(incident, a) in given_up)
    heard = frozenset(reading.audit for reading in read)
    return Seen(frozenset(whole), heard, frozenset(dropped))


def heard_audits(
    incident: Incident,
    readings: Sequence[AuditReading],
    team: Team,
    policy: Policy,
    now: datetime,
    seen: Seen,
) -> tuple[Incident, list[str]]:
    """The incident after the tickets of audits were read, and with its audits planned as its
    measures stand then: before the document is looked at, which lists them."""
    incident, heard = verdicts.hear(_muted(incident, readings), readings, team, policy, now)
    incident, planned = audited(incident, policy, now, seen)
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
    incident: Incident, policy: Policy, now: datetime, seen: Seen
) -> tuple[Incident, list[str]]:
    """The incident with its audits planned, prepared and withdrawn; as it is where the rules know
    its team no more."""
    team = policy.teams.get(incident.team)
    if team is None:
        return incident, []
    incident, refused = audits.succeed_refused(incident, team, policy, now)
    incident, recurred = recurrence.told(incident)
    unread = {a.place for a in incident.audits if _may_say_more(a, policy, seen)}
    incident, planned = audits.plan(incident, team, now, unread)
    incident = checks.with_alarms_told(incident, team)
    incident = opening.prepared(incident, team, policy, now, seen.measures)
    return incident, [*refused, *recurred, *planned]


def _may_say_more(audit: Audit, policy: Policy, seen: Seen) -> bool:
    """Whether there may be a verdict that was not read: in a ticket that was not, or in one that
    may have been opened without a word of it having come back. Where the rules have lost the
    connection of its ticket, nobody waits for what it says."""
    if not audit.lives or audit.ticket is None:
        return audit.is_opening and audit.place not in seen.dropped
    known = audit.stands and audit.ticket.connection in policy.connections
    return known and audit.place not in seen.audits


def wanted_by_audits(
    incident: Incident, policy: Policy, now: datetime, seen: Seen
) -> opening.Wanted:
    """What the audits ask for now; nothing where the rules know the team no more. Raises
    HolidaysUnknown."""
    team = policy.teams.get(incident.team)
    if team is None:
        return opening.Wanted()
    return opening.wanted(incident, team, policy, now, seen.measures)
