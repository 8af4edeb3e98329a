"""What is written on the tickets of action items that ended: what is asked for, and the answers.

Each note is written once in a round. What asks something of somebody waits for the end of quiet
hours; what answers a command does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from workflows.effects import WriteNote
from workflows.events import NoteWritten
from workflows.markup import inert
from workflows.model import ActionItem, Incident, Phase, TicketRef
from workflows.people import handle_of
from workflows.policy import Mode, Policy, Team
from workflows.postmortem import MUTE_LABEL, handle
from workflows.proof import settle
from workflows.proof_commands import HOW as HOW_TO_PROVE
from workflows.remarks import is_gone, is_unread, unread
from workflows.snapshots import Progress, Side
from workflows.waivers import HOW as HOW_TO_WAIVE

_MUTE = f"_Add the label `{MUTE_LABEL}` to this ticket to be asked nothing on it._"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The notes that are to be written now, and when (UTC) to look again at those that may not
    be."""

    notes: tuple[WriteNote, ...] = ()
    again_at: datetime | None = None


def is_of_proof(key: str) -> bool:
    """Whether an effect of this key writes one of these notes."""
    return key.startswith("proof:")


def wanted(incident: Incident, policy: Policy, now: datetime) -> Wanted:
    """The notes to be written at `now` (UTC). Raises HolidaysUnknown."""
    team = policy.teams.get(incident.team)
    if team is None or not _may_be_told(incident, team):
        return Wanted()
    answers: list[WriteNote] = []
    asked: list[WriteNote] = []
    for item in incident.actions:
        if item.proof.counts and not item.muted:
            answers += _answers(incident, item, policy)
            asked += _questions(incident, item, team, policy)
    if asked and not team.calendar.may_speak(now):
        return Wanted(tuple(answers), team.calendar.speak_at(now))
    return Wanted((*answers, *asked))


def _may_be_told(incident: Incident, team: Team) -> bool:
    there = incident.phase is not Phase.GONE and incident.postmortem is not None
    return there and team.mode is not Mode.PLAN and not incident.muted


def to_read(
    incident: Incident, told: set[tuple[str, str]], policy: Policy
) -> Iterator[tuple[int, Side, TicketRef]]:
    """The tickets that are to be read whole: of items that ended, those that never were since, and
    those that were `told` of (as connection and ticket id). None where the rules know the team no
    more: nobody would hear what they say, and they would be read again and again."""
    if incident.team not in policy.teams:
        return
    for item in incident.actions:
        if not item.proof.counts:
            continue
        for side, ref in ((Side.TASK, item.task), (Side.TWIN, item.twin)):
            if ref is None or is_gone(item, side) or ref.connection not in policy.connections:
                continue
            if side in unread(item) or (ref.connection, ref.id) in told:
                yield item.number, side, ref


def about_to_be_asked(incident: Incident, policy: Policy, now: datetime) -> list[TicketRef]:
    """The tasks whose waiver ends now, or on which something is to be asked. They are read once
    more before: what became of them while nobody listened was not told."""
    team = policy.teams.get(incident.team)
    if team is None or all(item.proof.end is None for item in incident.actions):
        return []
    settled, _ = settle(incident, team, now)
    pairs = zip(incident.actions, settled.actions, strict=True)
    found = [after.task for before, after in pairs if after.proof.waiver != before.proof.waiver]
    if _may_be_told(settled, team) and team.calendar.may_speak(now):
        asking = (i for i in settled.actions if i.proof.counts and not i.muted)
        found += [n.ticket for i in asking for n in _questions(settled, i, team, policy)]
    return [ref for ref in found if ref is not None]


def fold_proof(news: NoteWritten, incident: Incident) -> Incident:
    """The incident once one of these notes is written. One of an earlier round tells only that the
    comment is ours."""
    _, _, number, round, name = news.key.split(":")

    def told(item: ActionItem) -> ActionItem:
        proof = item.proof
        if str(item.number) != number:
            return item
        if news.comment:
            proof = replace(proof, notes=(*proof.notes, news.comment))
        if str(proof.round) == round:
            proof = replace(proof, told=(*proof.told, name))
        return replace(item, proof=proof)

    return replace(incident, actions=tuple(map(told, incident.actions)))


def told_of_proof(key: str) -> str:
    """The same in a sentence for the journal."""
    _, _, number, _, name = key.split(":")
    if name == "ask":
        return f"AI-{number}: its ticket is asked for what it lacks"
    if name.startswith("ended-"):
        return f"AI-{number}: its ticket is asked whether the waiver still holds"
    return f"AI-{number}: what was said on its ticket is answered"


# --- notes ----------------------------------------------------------------------------------------


def _answers(incident: Incident, item: ActionItem, policy: Policy) -> Iterator[WriteNote]:
    tickets = {Side.TASK: item.task, Side.TWIN: item.twin}
    for reply in item.proof.replies:
        ref = tickets.get(reply.side)
        if ref is None or is_gone(item, reply.side) or ref.connection not in policy.connections:
            continue
        if reply.id not in item.proof.told:
            yield WriteNote(_key(incident, item, reply.id), ref, reply.text)


def _questions(
    incident: Incident, item: ActionItem, team: Team, policy: Policy
) -> Iterator[WriteNote]:
    """What its task is to be asked now; nothing before its tickets were read, and not what an
    answer there asks for already."""
    ref, proof = item.task, item.proof
    if ref is None or is_gone(item, Side.TASK) or ref.connection not in policy.connections:
        return
    if is_unread(item) or not proof.lacks:
        return
    known = proof.waiver
    name = f"ended-{known.until}" if known is not None else "ask"
    if name in proof.told:
        return
    if known is None and any(each.asks and each.side is Side.TASK for each in proof.replies):
        return
    owner = handle(item, incident, ref.connection, policy)
    who = "" if owner else item.owner or ""
    if known is not None and not item.owner and team.manager:
        owner = handle_of(team.manager, policy.connections[ref.connection], policy, None, "", "")
        who = "" if owner else team.manager
    yield WriteNote(_key(incident, item, name), ref, _question(item, who), owner)


def _key(incident: Incident, item: ActionItem, name: str) -> str:
    return f"proof:{incident.id}:{item.number}:{item.proof.round}:{name}"


def _question(item: ActionItem, who: str) -> str:
    """`who` is named where nobody is called, "" otherwise. It holds no address: no word of ours is
    to be taken for evidence."""
    lead = f"{inert(who)}, " if who else ""
    what, proof = f"{item.name}, {_article(item)} action", item.proof
    if proof.end is Progress.DONE:
        return (
            f"**Where is it shown that this is done?** {lead}{what}, was closed as done without a"
            " link to evidence: a merged change, a test run, a dashboard. Until there is one it"
            f" counts as unproven.\n\nWrite a comment with the link ({HOW_TO_PROVE}, or anywhere in"
            f" its words), or a line `{item.name} evidence:` with it in the postmortem. If it is"
            f" not done, open this ticket again.\n\n{_MUTE}"
        )
    if proof.waiver is None:
        return (
            f"**Why is this not to be done?** {lead}{what}, was closed as won't do, and nobody says"
            " why. A decision not to act is written down, with the day on which it is looked at"
            f" again.\n\nWrite a comment that begins with {HOW_TO_WAIVE} (without a day, the rules'"
            f" own holds), or a line `{item.name} waived until 2027-06-30: …` in the postmortem. If"
            f" it is to be done, open this ticket again.\n\n{_MUTE}"
        )
    return (
        f"**Does this waiver still hold?** {lead}{what}, was waived until {proof.waiver.until}, and"
        f" that is over.\n\nTo renew it, write a comment that begins with {HOW_TO_WAIVE}; to do it"
        f" after all, open this ticket again. Until then the waiver counts as ended.\n\n{_MUTE}"
    )


def _article(item: ActionItem) -> str:
    return f"a {item.kind.value}"
