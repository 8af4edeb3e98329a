"""Decisions not to do an action item: how they are given, and until when they hold.

In the first line of a comment on its ticket, by somebody who may write there::

    /waive until 2027-06-30 because the queue goes away in May

or in a line of the document: ``AI-2 waived until 2027-06-30: the queue goes away in May``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from workflows.calendars import Calendar, HolidaysUnknown
from workflows.commands import short
from workflows.markup import as_said, inert
from workflows.model import ActionItem, Incident
from workflows.policy import Team
from workflows.proven import Reply, Waiver
from workflows.review import is_said
from workflows.sections import sections
from workflows.snapshots import Side
from workflows.spans import after

#: So much of a reason is kept.
LONGEST_REASON = 2000

#: A waiver is looked at again: none holds for longer. In practice an exception is renewed after
#: half a year or a year: "Exceptions shall not exceed 180 calendar days without re-approval",
#: https://aulendur-cyber-policies.pages.dev/policies/00-governance/07-policy-exception-waiver-policy/
LONGEST = timedelta(days=2 * 365)

HOW = "`/waive until 2027-06-30 because …`"

_SAID = re.compile(
    r"^\s*+(?:until\b\s*(?P<until>\S+?)[.,;:]?(?=\s|$))?\s*+(?:because\b\s*:?(?P<why>.*))?$", re.I
)
_IN_DOCUMENT = re.compile(
    r"^\s*(?:[-*+]\s+)?[*_]*(?P<name>AI-\d+)[*_]*\s*+[:,·–—-]?\s*+waived"
    r"(?:\s+until\s+(?P<until>[^\s:,]++))?[*_]*\s*+(?::|,?\s*+because\b)[*_]*\s*(?P<why>.*)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Line:
    """A waiver as the document gives it: `id` changes with what it says."""

    id: str
    until: str
    why: str


def read_command(rest: str, below: list[str]) -> tuple[str, str] | None:
    """What stands behind ``/waive`` and below it: the end date ("" for none) and the reason (the
    same). None where that is something else."""
    match = _SAID.match(rest)
    if match is None:
        return None
    why = (match["why"] or "").strip()
    reason = " ".join(part for part in (why, *below) if part) if match["why"] is not None else ""
    return match["until"] or "", reason


def in_document(text: str) -> dict[str, Line]:
    """The waivers that the document gives: AI-n → its last line of that kind."""
    found: dict[str, Line] = {}
    for section in sections(text):
        for _, line in section.prose:
            if match := _IN_DOCUMENT.match(as_said(line)):
                until, why = (match["until"] or "").rstrip("*_"), match["why"].strip()
                id = f"d{short(match['name'].upper(), until, why)}"
                found[match["name"].upper()] = Line(id, until, why)
    return found


def waiver(
    until: str,
    reason: str,
    by: str,
    at: datetime,
    way: str,
    team: Team,
    before: Waiver | None,
) -> Waiver | str:
    """The waiver that somebody gave, or in words why it counts for nothing. Without an end date it
    ends as the rules say; who renews one need not give its reason again."""
    if team.waivers is None:
        return "this team has no waivers"
    today = team.calendar.day_of(at)
    if not is_said(reason):
        if before is None or reason:
            return f"it gives no reason: write {HOW}"
        reason = before.reason
    if until:
        end = _date(until)
        if end is None:
            return "what stands behind “until” is not a date: write it as 2027-06-30"
        if end < today:
            return f"{end} is over: name a day that is still to come"
        if end > today + LONGEST:
            return f"{end} is too far away: name a day before {today + LONGEST}, and renew it then"
    else:
        try:
            end = after(team.waivers.last, at, team.calendar)
        except HolidaysUnknown:
            return f"the holidays up to its last day are not known yet: name that day, as in {HOW}"
    return Waiver(reason[:LONGEST_REASON], by, at, end, way)


def with_answer(
    item: ActionItem, given: Waiver | str, side: Side, id: str
) -> tuple[ActionItem, list[str]]:
    """The item with a waiver that was given, or that counts for nothing (why, in words), and with
    the answer to that on the ticket of this side, under this `id`; and the same in a sentence."""
    proof = item.proof
    if isinstance(given, str):
        text = f"**This waiver does not count:** {inert(given)}"
        reply = Reply(id, side, text, asks=True)
        item = replace(item, proof=replace(proof, replies=(*proof.replies, reply)))
        return item, [f"{item.name}: a waiver does not count: {given}"]
    again = "Still waived" if proof.waiver is not None else "Waived"
    text = (
        f"**{again} until {given.until}**, by {inert(given.by)}. {item.name} counts as decided"
        f" until then; on the day after it is asked whether that still holds. To renew it, write"
        f" {HOW} again; to do it after all, open this ticket again."
    )
    replies = (*proof.replies, Reply(id, side, text))
    item = replace(item, proof=replace(proof, waiver=given, replies=replies))
    why = f"{item.name} is waived until {given.until}, by {given.by}: {given.reason}"
    return item, [why]


def is_over(known: Waiver, calendar: Calendar, now: datetime) -> bool:
    """Whether its last day is over by now."""
    return calendar.day_of(now) > known.until


def ends(incident: Incident, team: Team) -> Iterator[tuple[str, str, datetime]]:
    """The ends of all waivers that hold: a key for each, in words, and when (UTC) that is."""
    for item in incident.actions:
        known = item.proof.waiver
        if known is not None and not known.expired and item.proof.counts:
            key = f"waiver:{incident.id}:{item.number}:{item.proof.round}:{known.until}"
            over = team.calendar.at(known.until + timedelta(days=1), time(0))
            yield key, f"the waiver of {item.name} ends: {known.until}", over


def _date(said: str) -> date | None:
    """Only as it is written here: elsewhere the order of day and month is anybody's guess."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", said, re.ASCII):
        return None
    try:
        return date.fromisoformat(said)
    except ValueError:
        return None
