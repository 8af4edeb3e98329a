"""Roles given fairly: by how often who had which lately, as the incidents on record tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from service.store import Store
from workflows.model import Incident
from workflows.policy import Policy
from workflows.standing import Decision

#: So far back is counted.
LATELY = timedelta(days=180)


def judge_fairly(
    store: Store, judge: Callable[[Policy], Decision], before: Incident | None, policy: Policy
) -> tuple[Decision, Policy]:
    """The decision, and the policy that it was taken under: one that knows who had which role
    lately, where roles are given now. Two incidents that are closed in one moment may both find
    the same."""
    decision = judge(policy)
    given = decision.incident
    if given is None or not given.roles or (before is not None and before.roles):
        return decision, policy
    with store.read() as tx:
        policy = replace(policy, served=tx.incidents.served(tx.now - LATELY, given.id))
    return judge(policy), policy
