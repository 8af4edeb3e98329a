"""The part of a turn that is about how action items ended, in the order in which a decision needs
it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from workflows import proof
from workflows.events import ProofRead
from workflows.model import Incident
from workflows.policy import Policy


def heard_proofs(
    incident: Incident, readings: Sequence[ProofRead], policy: Policy, now: datetime
) -> tuple[Incident, list[str]]:
    """The incident after its items' statuses were heard, and tickets of those that ended."""
    incident, begun = settled(incident, policy, now)
    team = policy.teams.get(incident.team)
    if team is None:
        return incident, begun
    incident, heard = proof.hear(incident, readings, team, policy)
    return incident, [*begun, *heard]


def settled(incident: Incident, policy: Policy, now: datetime) -> tuple[Incident, list[str]]:
    """The incident with the ends of its items as these stand at `now` (UTC); as it is where the
    rules know its team no more."""
    team = policy.teams.get(incident.team)
    return proof.settle(incident, team, now) if team else (incident, [])
