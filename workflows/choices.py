"""Choices: how somebody settles what the sides of an action item do not agree on.

The page and the command line write down what was chosen; the incident's own turn takes it in and
answers it, once. What is chosen is one of the values that were said, and nothing else: to set
another, one changes the task or the row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from workflows.model import ActionItem, Incident
from workflows.policy import same_word
from workflows.snapshots import Choice, Claim, Conflict, Field, Value
from workflows.sync import choose, close_circuit
from workflows.voices import record

#: How a field without a value reads where values are told.
EMPTY = "(empty)"

#: So much of a value is told; a status that nobody can read may be a whole page.
LONGEST = 160


def item_in(incident: Incident, number: int) -> ActionItem | None:
    """The action item ``AI-number``."""
    return next((item for item in incident.actions if item.number == number), None)


def conflict_of(item: ActionItem, field: Field) -> Conflict | None:
    """The open conflict of a field."""
    return next((conflict for conflict in item.conflicts if conflict.field is field), None)


def claim_of(conflict: Conflict, value: Value) -> Claim | None:
    """The claim that a person means by a value: as it was said, or in another case where only one
    is like it."""
    for claim in conflict.claims:
        if claim.said.value == value:
            return claim
    typed = same_word(value or "")
    like = [c for c in conflict.claims if same_word(c.said.value or "") == typed]
    return like[0] if len(like) == 1 else None


def not_said(item: ActionItem, conflict: Conflict, value: Value) -> str:
    """Why a value cannot be chosen that nobody said."""
    said = (f"{in_words(c.said.value)} ({n})" for n, c in enumerate(conflict.claims, 1))
    return (
        f"{in_words(value)} is none of what was said of {item.name} {conflict.field}:"
        f" choose {' or '.join(said)}"
    )


def not_open(item: ActionItem, field: Field) -> str:
    """Why there is nothing to choose, and what holds."""
    holds = in_words(record(item)[field])
    return f"nothing is in conflict about {item.name} {field} (any more): {holds} holds"


def nothing_rests(item: ActionItem, field: Field) -> str:
    """Why there is nothing to try again."""
    return f"{item.name} {field} is neither left alone nor refused anywhere"


def in_words(value: Value) -> str:
    """A value as people read it, of a very long one its beginning."""
    if value is None:
        return EMPTY
    return f"“{value if len(value) <= LONGEST else f'{value[: LONGEST - 1].rstrip()}…'}”"


def may_resume(item: ActionItem, field: Field) -> bool:
    """Whether the field is left alone, or its value was refused, on some side."""
    return any(field in a.resting or field in a.stuck for a in item.sides.values())


def hear(incident: Incident, said: Iterable[Choice]) -> Incident:
    """The incident with choices that it did not know yet, to be answered."""
    known = {one.id for one in incident.choices}
    new = tuple(one for one in said if one.id not in known)
    return replace(incident, choices=incident.choices + new) if new else incident


def settle(incident: Incident, now: datetime) -> tuple[Incident, list[str]]:
    """The incident after each choice that had no answer got one, and what that came to. What was
    settled meanwhile, by an earlier choice or a later edit, stays so."""
    notes: list[str] = []
    for one in incident.choices:
        if one.answer:
            continue
        item = item_in(incident, one.item)
        if item is None:
            after, answer = None, f"there is no AI-{one.item}"
        elif one.resumes:
            after, answer = _resumed(item, one.field)
        else:
            after, answer = _chosen(item, one, now)
        if after is not None:
            items = (after if each.number == after.number else each for each in incident.actions)
            incident = replace(incident, actions=tuple(items))
            notes.append(f"AI-{one.item} {one.field}: {one.by}, {answer}")
        else:
            notes.append(f"AI-{one.item} {one.field}: {one.by} settled nothing: {answer}")
        answered = replace(one, answer=answer)
        choices = (answered if each.id == one.id else each for each in incident.choices)
        incident = replace(incident, choices=tuple(choices))
    return incident, notes


def _chosen(item: ActionItem, one: Choice, now: datetime) -> tuple[ActionItem | None, str]:
    conflict = conflict_of(item, one.field)
    if conflict is None:
        return None, not_open(item, one.field)
    if one.value not in {claim.said.value for claim in conflict.claims}:
        return None, not_said(item, conflict, one.value)
    merged = choose(item, one.field, one.value, one.by, now)
    return merged.item, f"chosen: {in_words(one.value)} holds"


def _resumed(item: ActionItem, field: Field) -> tuple[ActionItem | None, str]:
    """On every side: what was refused is asked for again, what was left alone is kept in sync."""
    if not may_resume(item, field):
        return None, nothing_rests(item, field)
    for side in list(item.sides):
        item = close_circuit(item, side, field)
        agreement = item.sides[side]
        stuck = {f: s for f, s in agreement.stuck.items() if f is not field}
        item = replace(item, sides={**item.sides, side: replace(agreement, stuck=stuck)})
    return item, "kept in sync again"


__all__ = [
    "EMPTY",
    "claim_of",
    "conflict_of",
    "hear",
    "in_words",
    "item_in",
    "may_resume",
    "not_open",
    "not_said",
    "nothing_rests",
    "settle",
]
