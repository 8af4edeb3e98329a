"""What people say in comments of how an action item ended: ``/evidence`` and ``/waive``.

As with verdicts (`workflows.verdicts`) a command is the first line of a comment, outside of quotes
and code, by somebody who may write there, and not changed since. What counts for nothing is
answered once, with the reason.
"""

from __future__ import annotations

import re
from dataclasses import replace

from workflows import evidence, waivers
from workflows.commands import short, spoken
from workflows.markup import inert
from workflows.model import ActionItem, Comment, Incident, Ticket
from workflows.people import name_of
from workflows.policy import Policy, Team
from workflows.proven import Evidence, Reply
from workflows.snapshots import Progress, Side

HOW = "`/evidence` with a link behind it"

_COMMAND = re.compile(r"^\s*/(?P<word>evidence|waive)(?=\s|$)(?P<rest>.*)$", re.I)

#: All who may not write are answered under one id: a stranger can write any number of commands.
#: Under another where nobody can tell who may: what those say counts once that is mended.
_STRANGERS, _UNKNOWN = "strangers", "unknown"

#: Which end each command is about.
_OF = {"evidence": Progress.DONE, "waive": Progress.WONT_DO}


def answered(
    item: ActionItem, side: Side, ticket: Ticket, incident: Incident, team: Team, policy: Policy
) -> tuple[ActionItem, list[str]]:
    """The item after the commands on its ticket of this side were heard, the first said first, and
    what each came to. What was dealt with is not heard again."""
    notes: list[str] = []
    for comment in sorted(ticket.comments, key=lambda each: (each.at, each.id)):
        proof = item.proof
        if comment.internal or comment.id in {*proof.heard, *proof.notes}:
            continue
        lines = spoken(comment)
        match = _COMMAND.match(lines[0]) if lines else None
        if match is None:
            continue
        if comment.may_write or not ticket.writers_unknown:
            item = replace(item, proof=replace(proof, heard=(*proof.heard, comment.id)))
        elif any(each.id == f"{_UNKNOWN}-{side}" for each in proof.replies):
            continue
        item, told = _obeyed(item, side, comment, match, lines[1:], ticket, incident, team, policy)
        notes += told
    return item, notes


def _obeyed(
    item: ActionItem,
    side: Side,
    comment: Comment,
    match: re.Match[str],
    below: list[str],
    ticket: Ticket,
    incident: Incident,
    team: Team,
    policy: Policy,
) -> tuple[ActionItem, list[str]]:
    word, id = match["word"].casefold(), f"c{short(comment.id)}"
    kind = policy.connections.get(ticket.ref.connection, "")
    by = name_of(comment.author, kind, policy) if comment.author else "somebody"
    why = _refusal(item, word, comment, ticket)
    if why:
        if not comment.may_write:
            id = f"{_UNKNOWN if ticket.writers_unknown else _STRANGERS}-{side}"
        asks = comment.may_write and not evidence.is_old(item, comment.at)
        return _refused(item, side, id, word, by, why, asks=asks)
    if word == "waive":
        said = waivers.read_command(match["rest"], below)
        if said is None:
            return _refused(item, side, id, word, by, f"it cannot be read: write {waivers.HOW}")
        until, reason = said
        before = item.proof.waiver
        given = waivers.waiver(until, reason, by, comment.at, "a comment", team, before)
        if ticket.restricted and not isinstance(given, str):
            given = replace(given, reason=HIDDEN)
        return waivers.with_answer(item, given, side, id)
    found = evidence.links("\n".join([match["rest"].strip(), *below]))
    useful = evidence.useful(found, incident)
    if not useful:
        what = "what it links to is our own" if found else "it names no link"
        return _refused(item, side, id, word, by, f"{what}: write {HOW}, to what shows it")
    hidden = ticket.restricted
    new = [Evidence("" if hidden else url, "a comment", by, comment.at) for url in useful]
    item, told = evidence.with_evidence(item, new)
    text = f"**Evidence is noted**, by {inert(by)}: {item.name} counts as proven."
    return _reply(item, Reply(id, side, text)), told


#: What stands in for the reason that a ticket gives which only some may read.
HIDDEN = "(only some may read it)"


def _refusal(item: ActionItem, word: str, comment: Comment, ticket: Ticket) -> str:
    """Why a command counts for nothing, "" where it does."""
    if not comment.may_write:
        return ticket.writers_unknown or "who wrote it may not write in this tracker"
    if comment.edited:
        return "the comment was edited; write a new one"
    if evidence.is_old(item, comment.at):
        return "it was written before this was opened again; write a new one"
    if item.proof.end is _OF[word]:
        return ""
    if word == "waive" and item.proof.end is Progress.DUPLICATE:
        return "a duplicate needs no waiver"
    nothing = "there is nothing to prove" if word == "evidence" else "there is nothing to waive"
    return f"{item.name} is {item.status}: {nothing}"


def _refused(
    item: ActionItem,
    side: Side,
    id: str,
    word: str,
    by: str,
    why: str,
    *,
    asks: bool = True,
) -> tuple[ActionItem, list[str]]:
    text = f"**This `/{word}` does not count:** {inert(why)}"
    note = f"{item.name}: /{word} by {by} does not count: {why}"
    return _reply(item, Reply(id, side, text, asks and item.proof.end is _OF[word])), [note]


def _reply(item: ActionItem, reply: Reply) -> ActionItem:
    replies = item.proof.replies
    if any(each.id == reply.id for each in replies):
        return item
    return replace(item, proof=replace(item.proof, replies=(*replies, reply)))
