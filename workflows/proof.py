"""How action items ended, by what is known of them: begun, heard, and over again.

An item that becomes done, won't do or a duplicate is asked for what belongs to that, as far as the
rules say so: its evidence, or its reason. Opened again, that is over, and the next end is asked
anew. All of it is asked again and again and leads to the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from workflows import evidence, waivers
from workflows.events import ProofRead
from workflows.model import ActionItem, DocumentStatus, Incident, Phase
from workflows.policy import Mode, Policy, Team
from workflows.proof_commands import answered
from workflows.proven import Evidence, Proof
from workflows.snapshots import Field, Progress, Side

_NO_MORE = (DocumentStatus.DECLINED, DocumentStatus.GONE)


def settle(incident: Incident, team: Team, now: datetime) -> tuple[Incident, list[str]]:
    """The incident with what its items' ends ask for begun, ended and expired, as these stand at
    `now` (UTC), and with what its document says of them; and what that came to, in sentences.
    Nothing while the team only plans."""
    notes: list[str] = []
    if team.mode is Mode.PLAN or incident.phase is Phase.GONE or incident.postmortem is None:
        return incident, notes
    items: list[ActionItem] = []
    for item in incident.actions:
        item, told = _stand(item, team, now)
        notes += told
        items.append(item)
    incident = replace(incident, actions=tuple(items))
    incident, told = _by_document(incident, team, now)
    return incident, [*notes, *told]


def hear(
    incident: Incident,
    readings: Sequence[ProofRead],
    team: Team,
    policy: Policy,
) -> tuple[Incident, list[str]]:
    """The incident after tickets of items that ended were read whole, and what that came to."""
    notes: list[str] = []
    for reading in readings:
        item = next((i for i in incident.actions if i.number == reading.number), None)
        if item is None or not item.proof.counts:
            continue
        ticket, proof = reading.ticket, item.proof
        proof = replace(proof, read={**proof.read, reading.side: ticket.updated})
        if proof.end is Progress.DUPLICATE and ticket.duplicate_of:
            proof = replace(proof, duplicate_of=ticket.duplicate_of)
        item = replace(item, proof=proof)
        if proof.end is Progress.DONE:
            item, told = evidence.with_evidence(
                item, evidence.in_ticket(ticket, item, incident, policy)
            )
            notes += told
        item, told = answered(item, reading.side, ticket, incident, team, policy)
        notes += told
        incident = _with(incident, item)
    return incident, notes


# --- rounds ---------------------------------------------------------------------------------------


def _stand(item: ActionItem, team: Team, now: datetime) -> tuple[ActionItem, list[str]]:
    """The item with its end begun, at rest, over, or its waiver expired."""
    notes: list[str] = []
    end, proof = _end(item), item.proof
    if proof.end is not None and end is not proof.end:
        item, told = _over(item, now)
        notes += told
        proof = item.proof
    asked = end is not None and _is_asked(item, end, team)
    if asked and proof.end is None:
        since = _since(item, now)
        proof = replace(proof, end=end, round=proof.round + 1, since=since)
        return replace(item, proof=proof), notes
    if proof.end is not None and asked is proof.rests:
        # asked again, its tickets are read again: nobody listened meanwhile
        proof = replace(proof, rests=not asked, read={} if asked else proof.read)
        item = replace(item, proof=proof)
    known = proof.waiver
    if asked and known and not known.expired and waivers.is_over(known, team.calendar, now):
        item = replace(item, proof=replace(proof, waiver=replace(known, expired=True)))
        notes.append(f"{item.name}: its waiver ended on {known.until}")
    return item, notes


def _end(item: ActionItem) -> Progress | None:
    """How the item ended, None while it has not."""
    if item.given_up or not item.status:
        return None
    status = Progress(item.status)
    ends = (Progress.DONE, Progress.WONT_DO, Progress.DUPLICATE)
    return status if status in ends else None


def _is_asked(item: ActionItem, end: Progress, team: Team) -> bool:
    """Whether the rules ask for anything of such an end."""
    if end is Progress.DONE:
        return team.evidence is not None and item.kind in team.evidence.ask
    return team.waivers is not None


def _over(item: ActionItem, now: datetime) -> tuple[ActionItem, list[str]]:
    """The item after the end that it had is none any more. What counted for that does not count for
    the next one by itself; what was said before it was opened again is old, where it was."""
    proof, notes = item.proof, list[str]()
    if proof.waiver is not None:
        what = f"its waiver until {proof.waiver.until}, by {proof.waiver.by}, is over"
        notes.append(f"{item.name} is {item.status}: {what} ({proof.waiver.reason})")
    used = {evidence.spent(each.url) for each in proof.evidence if each.url}
    after = Proof(
        round=proof.round,
        opened=_since(item, now) if _end(item) is None else proof.opened,
        spent=tuple(sorted(used | set(proof.spent))),
        heard=proof.heard,
        notes=proof.notes,
    )
    return replace(item, proof=after), notes


def _since(item: ActionItem, now: datetime) -> datetime:
    """Since when its status is what it is, by the clock of the tracker that said so where that is
    known."""
    claim = item.said.get(Field.STATUS)
    if claim is None or claim.said.value != item.status or claim.said.at.year == 1:
        return now
    return min(claim.said.at, now)


# --- the document ---------------------------------------------------------------------------------


def _by_document(incident: Incident, team: Team, now: datetime) -> tuple[Incident, list[str]]:
    """The incident with what the lines of its document say, once these count."""
    document, notes = incident.postmortem, list[str]()
    if document is None or document.text is None or not document.rows_count:
        return incident, notes
    if document.status in _NO_MORE or not any(i.proof.counts for i in incident.actions):
        return incident, notes
    given, waived = evidence.in_document(document.text), waivers.in_document(document.text)
    for item in incident.actions:
        if not item.proof.counts:
            continue
        if item.proof.end is Progress.DONE and item.name in given:
            urls = evidence.useful(given[item.name], incident)
            new = [url for url in urls if evidence.spent(url) not in item.proof.spent]
            found = [Evidence(url, "the document", "", now) for url in new]
            item, told = evidence.with_evidence(item, found)
        elif item.proof.end is Progress.WONT_DO and item.name in waived:
            item, told = _waived(item, waived[item.name], team, now)
        else:
            continue
        incident = _with(incident, item)
        notes += told
    return incident, notes


def _waived(
    item: ActionItem, line: waivers.Line, team: Team, now: datetime
) -> tuple[ActionItem, list[str]]:
    """The item with the waiver of a line that was not heard before. What the line says is not
    repeated where it is answered: perhaps fewer people may read the document."""
    if line.id in item.proof.heard:
        return item, []
    item = replace(item, proof=replace(item.proof, heard=(*item.proof.heard, line.id)))
    given = waivers.waiver(
        line.until, line.why, "the document", now, "the document", team, item.proof.waiver
    )
    return waivers.with_answer(item, given, Side.TASK, line.id)


def _with(incident: Incident, item: ActionItem) -> Incident:
    items = tuple(item if each.number == item.number else each for each in incident.actions)
    return replace(incident, actions=items)
