"""Remedies of what customers felt: once one is in place, those who speak with customers are told.

A remedy is in place when its action item is done, and once for each time that it becomes so. What
was done before the rules named anybody is told to nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from workflows.model import ActionItem, Incident, Ticket
from workflows.named_fields import said_in
from workflows.notices import CUSTOMERS, Notice, about, of_kind
from workflows.participants import CustomerRules
from workflows.policy import Team, same_word
from workflows.snapshots import Agreement, Progress, Side
from workflows.timeline import under_heading


def felt(ticket: Ticket, severity: str | None, team: Team) -> bool:
    """Whether the incident's ticket shows that customers felt it. One that only some may read shows
    nothing."""
    rules = team.participants.customers
    if rules is None or ticket.restricted:
        return False
    return (
        severity in rules.severities
        or _says(rules.labels, ticket.labels)
        or _any_says(rules.fields, ticket.fields)
        or _any_says(rules.headings, _under_headings(ticket, rules))
    )


def _under_headings(ticket: Ticket, rules: CustomerRules) -> dict[str, str]:
    return {name: under_heading(name, ticket.text) or "" for name in rules.headings}


def _any_says(wanted: Mapping[str, frozenset[str]], values: Mapping[str, str]) -> bool:
    """Whether one of the values is one that is wanted; or, where no word is named, any."""
    said = ((words, said_in(values, name)) for name, words in wanted.items())
    return any(_says(words, [value]) if words else bool(value.strip()) for words, value in said)


def _says(wanted: Iterable[str], found: Iterable[str]) -> bool:
    return not {same_word(w) for w in wanted}.isdisjoint(same_word(f) for f in found)


def first_asked(incident: Incident, team: Team) -> bool:
    """Whether the rules ask for such notes, and never did before of this incident."""
    return team.participants.customers is not None and not of_kind(incident.notices, CUSTOMERS)


def as_it_stands(incident: Incident, team: Team, now: datetime) -> Incident:
    """The incident without what its notes say of remedies that are not done any more: done again,
    they are told again. When first asked, all that is done is taken for told."""
    if team.participants.customers is None:
        return incident
    done = {item.name for item in incident.actions if item.status == Progress.DONE.value}
    if first_asked(incident, team):
        first = Notice(CUSTOMERS, 0, tuple(sorted(done)), now)
        return replace(incident, notices=(*incident.notices, first))
    if about(incident.notices, CUSTOMERS) <= done:
        return incident
    notices = tuple(
        replace(each, about=tuple(name for name in each.about if name in done))
        if each.what == CUSTOMERS
        else each
        for each in incident.notices
    )
    return replace(incident, notices=notices)


def to_tell(incident: Incident, team: Team) -> tuple[str, ...]:
    """The names of the remedies that came to be in place since, and were not told."""
    if team.participants.customers is None or not incident.felt:
        return ()
    known = about(incident.notices, CUSTOMERS)
    return tuple(i.name for i in incident.actions if _is_in_place(i) and i.name not in known)


def in_place(incident: Incident, notice: Notice) -> list[ActionItem]:
    """The remedies that a note is about, as far as they are in place and may be told."""
    return [i for i in incident.actions if i.name in notice.about and _is_in_place(i)]


def _is_in_place(item: ActionItem) -> bool:
    """Whether it is done, and its ticket may be written to."""
    there = item.task is not None and not item.sides.get(Side.TASK, Agreement()).gone
    return there and item.status == Progress.DONE.value and not item.given_up and not item.muted
