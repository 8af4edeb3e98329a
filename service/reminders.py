"""Reminders that do not flood: nobody gets more on a day than the rules allow."""

from __future__ import annotations

from dataclasses import replace

from service.store import Transaction
from service.store.effects import EffectState
from workflows.effects import Effect
from workflows.notices import is_notice
from workflows.outside import whom as whom_outside
from workflows.policy import Policy
from workflows.reminders import is_reminder, whom
from workflows.standing import Decision


def within_limits(tx: Transaction, decision: Decision, policy: Policy) -> Decision:
    """The decision without the reminders, and notes to those who were not in the room, for which
    somebody has enough of today: they are looked at again on the next business day. Those that are
    left are counted, in the transaction that asks for them; what was refused, and nobody tries
    again, counts for nobody. Raises HolidaysUnknown."""
    incident = decision.incident
    team = policy.teams.get(incident.team) if incident else None
    if incident is None or team is None or team.reminders is None:
        return decision
    today = team.calendar.day_of(tx.now)
    kept: list[Effect] = []
    for effect in decision.effects:
        if is_reminder(effect.key):
            people = whom(incident, effect.key, policy)
        elif is_notice(effect.key):
            people = whom_outside(incident, effect.key, policy, today)
        else:
            kept.append(effect)
            continue
        limit = team.reminders.daily_limit
        if _is_refused(tx, effect) or tx.reminders.count(effect.key, people, today, limit):
            kept.append(effect)
    if len(kept) == len(decision.effects):
        return decision
    following = team.calendar.business_days_after(today, 1)
    at = team.calendar.speak_at(team.calendar.opening(following))
    again_at = min(at, decision.again_at or at)
    return replace(decision, effects=tuple(kept), again_at=again_at)


def _is_refused(tx: Transaction, effect: Effect) -> bool:
    """Whether it waits for a person. Asked for in other words it is tried again."""
    known = tx.effects.get(effect.key)
    return known is not None and known.state is EffectState.REJECTED and known.wish == effect
