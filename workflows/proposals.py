"""Proposals: lines that cause nothing by themselves, and how somebody who may write accepts one.

On the incident ticket, in a comment, on a line of its own, outside of quotes and code::

    /accept P-2

A proposal is accepted by its number, and a number belongs to one text for ever. So what is
accepted is what was shown, whoever edits the line meanwhile; and an acceptance is answered once,
when it is first read, so that one that named nothing then never comes to name something later.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from workflows.actions import prose
from workflows.model import Acceptance, ActionItem, Incident, Proposal, Ticket, Way
from workflows.policy import same_word
from workflows.watched import Source, counted

_COMMAND = re.compile(r"^\s*/accept\s+(?P<names>P-[0-9]{1,6}(?:[\s,]+P-[0-9]{1,6})*)\s*\.?$", re.I)
_NUMBER = re.compile(r"P-([0-9]+)", re.I)


def number_in(typed: str) -> int | None:
    """The number that a person means by ``P-2``, None when it is no proposal's name."""
    match = _NUMBER.fullmatch(typed.strip())
    return int(match[1]) if match else None


def asked_in(ticket: Ticket, own_comment: str | None) -> list[Acceptance]:
    """What the comments of people who may write accept; nothing in a restricted ticket, nothing
    in internal comments, and nothing in the comment that is ours."""
    if ticket.restricted:
        return []
    found: dict[str, Acceptance] = {}
    for comment in ticket.comments:
        if comment.internal or not comment.may_write or comment.id == own_comment:
            continue
        by = comment.author.name if comment.author else "somebody"
        for number in _accepted(comment.text):
            id = f"comment/{comment.id}/{number}"
            found.setdefault(id, Acceptance(id, number, by, comment.at, Way.COMMENT))
    return list(found.values())


def _accepted(text: str) -> Iterator[int]:
    for line in prose(text):
        if match := _COMMAND.match(line):
            yield from map(int, _NUMBER.findall(match["names"]))


def hear(incident: Incident, said: Iterable[Acceptance]) -> Incident:
    """The incident with acceptances that it did not know yet, to be answered."""
    known = {one.id for one in incident.acceptances}
    new = tuple(one for one in said if one.id not in known)
    return replace(incident, acceptances=incident.acceptances + new)


def hear_comments(incident: Incident, ticket: Ticket) -> Incident:
    """The same with what comments say. One that was turned down is forgotten with its comment:
    whoever deletes it has read the answer."""
    said = asked_in(ticket, incident.comment_id)
    ids = {one.id for one in said}
    kept = (
        one
        for one in incident.acceptances
        if one.way is not Way.COMMENT or one.item is not None or one.id in ids
    )
    return hear(replace(incident, acceptances=tuple(kept)), said)


def details(proposal: Proposal) -> str:
    """What a proposal says beside its title, "" when that is all: whoever accepts it must have
    seen what it asks for."""
    line = proposal.line
    if line is None:
        return ""
    said = [
        ("owner", line.owner),
        ("due", line.due and line.due.isoformat()),
        ("kind", line.kind and line.kind.value),
        ("area", line.area and line.area.value),
        ("milestone", line.milestone),
        ("measure", line.success_measure),
        *(("check" if n.source is Source.CHECK else "keeps", n.name) for n in counted(line.named)),
    ]
    return ", ".join(f"{name} {value}" for name, value in said if value)


def numbered(incident: Incident, current: Iterable[Proposal]) -> Incident:
    """The incident with these proposals: those that it had keep their numbers, others get new
    ones."""
    had: defaultdict[object, list[int]] = defaultdict(list)
    for before in incident.proposals:
        if before.number:
            had[_same(before)].append(before.number)
    highest = incident.proposals_numbered
    proposals: list[Proposal] = []
    for proposal in current:
        numbers = had[_same(proposal)]
        if not numbers:
            highest += 1
            numbers.append(highest)
        proposals.append(replace(proposal, number=numbers.pop(0)))
    return replace(incident, proposals=tuple(proposals), proposals_numbered=highest)


def _same(proposal: Proposal) -> object:
    """What makes two proposals one: where it stands and all that it says. Its place among the
    lines there, and the reason, may change."""
    origin = proposal.origin
    return (origin.source, origin.id, proposal.title, proposal.line, proposal.instead)


def find(number: int, incident: Incident) -> Proposal | str:
    """The proposal of this number, if it can be accepted; otherwise why not, in words."""
    made = next((a for a in incident.acceptances if a.number == number and a.item), None)
    if made is not None:
        return f"P-{number} is AI-{made.item} already"
    if not 0 < number <= incident.proposals_numbered:
        return no_such(number)
    proposal = next((p for p in incident.proposals if p.number == number), None)
    if proposal is None:
        return (
            f"P-{number} does not stand any more as it was shown: its line was changed or removed,"
            " or an action item says it by now"
        )
    if not proposal.acceptable:
        return f"P-{number} cannot be accepted ({proposal.why}): {proposal.instead}"
    return proposal


def no_such(number: int) -> str:
    return f"there is no P-{number}"


def turned_down(incident: Incident, said: Acceptance, why: str) -> Incident:
    """The incident after it answered an acceptance with no."""
    return _answered(incident, replace(said, answer=why))


def made(incident: Incident, said: Acceptance, item: ActionItem) -> Incident:
    """The incident after an acceptance made this action item: what says the same is proposed no
    more."""
    title = same_word(item.title)
    rest = (p for p in incident.proposals if not p.acceptable or same_word(p.title) != title)
    answer = replace(said, answer=f"it became {item.name}", item=item.number)
    return _answered(replace(incident, proposals=tuple(rest)), answer)


def _answered(incident: Incident, answer: Acceptance) -> Incident:
    after = (answer if one.id == answer.id else one for one in incident.acceptances)
    return replace(incident, acceptances=tuple(after))
