"""Whether a measure still works: when that is asked, and what the answers lead to.

When a measure becomes done a *round* begins, and its ladder (`workflows.ladder`) is climbed one
audit at a time: the next is planned when the last one was judged. A measure that is not done any
more, deleted or waived is asked nothing: what was not opened goes, what is open is told so.
Done again, it begins another round.

Everything here is asked again and again and leads to the same: what was planned keeps its time,
and an audit is told from all others by its item, round and rung.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence
from dataclasses import replace
from datetime import datetime

from workflows.calendars import USUAL
from workflows.judging import lost
from workflows.ladder import interval_before, opens_at, spoken_at, steps
from workflows.model import ActionItem, Incident, Origin, Phase, TicketRef
from workflows.policy import Policy, Team
from workflows.rungs import Audit, Place, Verdict
from workflows.schedule import after
from workflows.snapshots import Agreement, Field, Progress, Side
from workflows.sync import choose

#: The source of action items that a verdict asked for.
AUDIT = "audit"

_WAIVED = (Progress.WONT_DO.value, Progress.DUPLICATE.value)


def find(incident: Incident, place: Place) -> Audit | None:
    """The audit of this item, round and rung."""
    return next((each for each in incident.audits if each.place == place), None)


def changed(incident: Incident, audit: Audit) -> Incident:
    """The incident with this audit in the place of the one that it was."""
    audits = tuple(audit if each.place == audit.place else each for each in incident.audits)
    return replace(incident, audits=audits)


def plan(
    incident: Incident, team: Team, now: datetime, unread: Collection[Place] = ()
) -> tuple[Incident, list[str]]:
    """The incident with the audits of its measures begun, or withdrawn, as these stand by now; and
    what that came to, in sentences. None is withdrawn of a measure that has an `unread` one: a
    verdict may stand in its ticket."""
    notes: list[str] = []
    waiting = {item for item, _, _ in unread}
    for item in incident.actions:
        why = nothing_to_ask(item, incident, team)
        told: list[str] = []
        if why and item.number not in waiting:
            incident, told = _withdraw(incident, item, why)
        elif not why and item.done_at is None:
            incident, told = _begin(incident, item, team, now)
        notes += told
    return incident, notes


def due_to_open(incident: Incident, audit: Audit, now: datetime) -> bool:
    """Whether the ticket of a planned audit is to be opened by now."""
    return audit.lives and audit.ticket is None and audit.opens <= now and not is_away(incident)


def to_be_sure_of(incident: Incident, now: datetime) -> list[TicketRef]:
    """The tickets of measures whose audits are to be opened by now. They are read before: what
    became of them while nobody listened was not told."""
    opening = {each.item for each in incident.audits if due_to_open(incident, each, now)}
    measures = [item for item in incident.actions if item.number in opening]
    return [ref for item in measures for ref in (item.task, item.twin) if ref is not None]


def held_up(incident: Incident, connections: Container[str], now: datetime) -> list[str]:
    """Why audits that are to be opened by now wait, and what mends it, in sentences: the rules,
    which know these `connections`, have lost that of a ticket of their measure."""
    refs = {f"{ref.connection}/{ref.id}": ref for ref in to_be_sure_of(incident, now)}
    return [
        f"an audit waits for {ref.key} to be read: {why}"
        for ref in refs.values()
        if (why := lost(ref, connections))
    ]


def to_be_withdrawn(incident: Incident, team: Team) -> list[Audit]:
    """The open audits of measures of which nothing is to be asked any more. Their tickets are read
    before: what was judged there while the measure was done still counts."""
    over = {i.number for i in incident.actions if nothing_to_ask(i, incident, team)}
    return [each for each in incident.audits if each.item in over and each.lives and each.stands]


def judged(
    incident: Incident, audit: Audit, team: Team, policy: Policy, now: datetime
) -> tuple[Incident, list[str]]:
    """The incident after this audit got its verdict: the next rung, a follow-up action, or the
    measure back to be done."""
    item = _item(incident, audit.item)
    verdict, at = audit.verdict, audit.at or now
    if item is None or team.audits is None or verdict is None:
        return changed(incident, audit), []
    note = f"{audit.name}: {verdict.value} ({audit.by})"
    if verdict is Verdict.NOT_EFFECTIVE and is_waived(item):
        why = f"{item.name} is waived since, and is left so"
        return changed(incident, audit), [f"{note}: {why}"]
    if verdict is Verdict.NOT_EFFECTIVE:
        back = _reopened(item, audit.by, team, now)
        if back is not None:
            incident = changed(_with(incident, back), replace(audit, led_to=item.number))
            return incident, [f"{note}: {item.name} is to be done again"]
        incident, new = _follow_up(incident, item, audit, team, policy, at)
        return incident, [f"{note}: {new.name} is to take its place"]
    if verdict is Verdict.PARTLY:
        incident, new = _follow_up(incident, item, audit, team, policy, at)
        note = f"{note}: {new.name} is to close the gap"
    else:
        incident = changed(incident, audit)
    return climb(incident, audit, item, team, at, repeat=verdict is Verdict.PARTLY), [note]


def gone(
    incident: Incident, audit: Audit, words: str, team: Team, now: datetime
) -> tuple[Incident, list[str]]:
    """The incident after the ticket of an audit was found deleted or hidden. It is not opened
    again; the same is asked once more after the same time."""
    lived = audit.lives
    ended = replace(audit, gone=True, ended=audit.ended or f"its ticket is gone ({words})")
    if audit.verdict is not None:
        ended = replace(ended, ended=audit.ended)
    incident, item = changed(incident, ended), _item(incident, audit.item)
    if lived and item is not None:
        incident = climb(incident, ended, item, team, now, repeat=True)
    return incident, [f"{audit.name}: its ticket is deleted or hidden ({words})"]


def succeed_refused(
    incident: Incident, team: Team, policy: Policy, now: datetime
) -> tuple[Incident, list[str]]:
    """The incident with a successor for each measure that was to be done again and whose tracker
    would not take its ticket back."""
    notes: list[str] = []
    for audit in incident.audits:
        item = _item(incident, audit.item)
        back = audit.verdict is Verdict.NOT_EFFECTIVE and audit.led_to == audit.item
        if item is None or not back or item.status != Progress.OPEN.value:
            continue
        stuck = item.sides.get(Side.TASK, Agreement()).stuck.get(Field.STATUS)
        if stuck is not None:
            incident, new = _follow_up(incident, item, audit, team, policy, now)
            notes.append(f"{item.name} cannot be reopened ({stuck.words}): {new.name} succeeds it")
    return incident, notes


# --- rounds ---------------------------------------------------------------------------------------


def is_waived(item: ActionItem) -> bool:
    """Whether somebody decided that it shall not be done."""
    return bool(item.given_up) or item.status in _WAIVED


def nothing_to_ask(item: ActionItem, incident: Incident, team: Team) -> str:
    """Why nothing is to be audited of an action item by now, "" where something is."""
    if not steps(team, item.kind, incident.severity):
        return "the rules ask for no audit of it"
    if item.given_up:
        return f"{item.name} was given up"
    if incident.backfilled and item.task is None:
        return f"{item.name} is of the past, and has no task"
    if item.sides.get(Side.TASK, Agreement()).gone:
        return f"the task of {item.name} is deleted or hidden"
    if is_waived(item):
        return f"{item.name} is waived: {item.status}"
    if item.status != Progress.DONE.value:
        return f"{item.name} is not done any more"
    return ""


def _begin(
    incident: Incident, item: ActionItem, team: Team, now: datetime
) -> tuple[Incident, list[str]]:
    done_at = _done_since(item, now)
    opens = opens_at(1, done_at, team, item.kind, incident.severity)
    if opens is None:
        return incident, []
    opens = spoken_at(opens, team)
    round = 1 + max((a.round for a in incident.audits if a.item == item.number), default=0)
    first = Audit(item.number, round, rung=1, step=1, since=done_at, opens=opens)
    incident = _with(incident, replace(item, done_at=done_at))
    incident = replace(incident, audits=(*incident.audits, first))
    return incident, [f"{item.name} is done: {first.name} opens on {team.calendar.day_of(opens)}"]


def _done_since(item: ActionItem, now: datetime) -> datetime:
    """Since when it is done, by the clock of the tracker that said so where that is known."""
    claim = item.said.get(Field.STATUS)
    if claim is None or claim.said.value != item.status or claim.said.at.year == 1:
        return now
    return min(claim.said.at, now)


def _withdraw(incident: Incident, item: ActionItem, why: str) -> tuple[Incident, list[str]]:
    """Nothing more is asked of it. What was never asked to be opened leaves no trace, unless it
    stands for a rung that was, and was not made: the round of that is not begun again."""
    notes: list[str] = []
    kept: list[Audit] = []
    for audit in incident.audits:
        if audit.item != item.number or not audit.lives:
            kept.append(audit)
            continue
        notes.append(f"{audit.name} is withdrawn: {why}")
        before = (audit.item, audit.round, audit.rung - 1)
        instead = audit.rung > 1 and find(incident, before) is None
        if audit.due is not None or instead:
            kept.append(replace(audit, ended=why))
    incident = replace(incident, audits=tuple(kept))
    return _with(incident, replace(item, done_at=None)), notes


def climb(
    incident: Incident,
    audit: Audit,
    item: ActionItem,
    team: Team,
    at: datetime,
    *,
    repeat: bool,
) -> Incident:
    """The next audit after one that ended `at` that time. One that was judged late is not followed
    at once by another: there must be something to look at."""
    done_at, where = item.done_at, (team, item.kind, incident.severity)
    if done_at is None:  # it is not done any more, and nothing is asked of it
        return incident
    step = audit.step if repeat else audit.step + 1
    planned = opens_at(step, done_at, *where)
    if planned is None:
        return incident
    interval = interval_before(step, done_at, *where)
    opens = spoken_at(at + interval if repeat else max(planned, at + interval / 2), team)
    following = Audit(audit.item, audit.round, audit.rung + 1, step, since=at, opens=opens)
    return replace(incident, audits=(*incident.audits, following))


def ask_again(
    incident: Incident, item: ActionItem, last: Audit, opens: datetime, because: str = ""
) -> tuple[Incident, Audit]:
    """The incident with another audit of the step that `last` stands on, which opens then (UTC), in
    the place of one that is planned for later: the ladder goes on from it where it was."""
    own = [each for each in of_item(incident, item.number) if each.round == last.round]
    planned = next((each for each in own if each.lives and each.due is None), None)
    rung = 1 + max(each.rung for each in own if each is not planned)
    since = last.at or opens
    asked = Audit(item.number, last.round, rung, last.step, since, opens, because=because)
    kept = tuple(each for each in incident.audits if each is not planned)
    return replace(incident, audits=(*kept, asked)), asked


# --- what a verdict leads to ----------------------------------------------------------------------


def _reopened(item: ActionItem, by: str, team: Team, now: datetime) -> ActionItem | None:
    """The measure to be done again, which its tickets are told as any other change; None where
    there is no ticket that would follow. It is left where it is if somebody opened it already."""
    rule = team.sync.fields.get(Field.STATUS)
    there = item.task is not None and not item.sides.get(Side.TASK, Agreement()).gone
    if not there or rule is None or not rule.counts:
        return None
    if item.status != Progress.DONE.value:
        return replace(item, done_at=None)
    item = choose(item, Field.STATUS, Progress.OPEN.value, by, now).item
    claim = replace(item.said[Field.STATUS], side=Side.TASK)
    return replace(item, done_at=None, said={**item.said, Field.STATUS: claim})


def _follow_up(
    incident: Incident,
    item: ActionItem,
    audit: Audit,
    team: Team,
    policy: Policy,
    at: datetime,
) -> tuple[Incident, ActionItem]:
    """The incident with a new action item that follows this measure. Its title repeats no words:
    it may be read by more people than where these were said."""
    partly = audit.verdict is Verdict.PARTLY
    number = max(each.number for each in incident.actions) + 1
    severity = policy.severities.get(incident.severity or "")
    within = severity.actions_within.get(item.kind) if severity else None
    new = ActionItem(
        number=number,
        origin=Origin(AUDIT, f"{audit.verdict}:{audit.round}.{audit.rung}", item.number),
        title=f"Close the gap that {item.name} leaves: its audit found it effective in part only"
        if partly
        else f"Replace {item.name}: its audit found that it is not effective",
        kind=item.kind,
        owner=item.owner,
        due=after(within, at, team.calendar) if within else None,
        area=item.area,
    )
    incident = replace(incident, actions=(*incident.actions, new))
    return changed(incident, replace(audit, led_to=number)), new


def follows(incident: Incident, item: ActionItem) -> Audit | None:
    """The audit that asked for this action item, None where none did."""
    if item.origin.source != AUDIT:
        return None
    return next((audit for audit in incident.audits if audit.led_to == item.number), None)


def standing_at(audit: Audit, now: datetime) -> str:
    """How it stands at `now` (UTC), in a word: overdue, by UTC, or as it stands whatever the time
    is. The team's calendar is not asked."""
    late = audit.overdue_at(USUAL)
    return "overdue" if late is not None and late <= now else audit.standing


def of_item(incident: Incident, number: int) -> Sequence[Audit]:
    """The audits of a measure, the first one first."""
    return [each for each in incident.audits if each.item == number]


def is_away(incident: Incident) -> bool:
    """Whether nothing can be opened for it: its ticket is not there, or it has no document."""
    return incident.phase is Phase.GONE or incident.postmortem is None


def _item(incident: Incident, number: int) -> ActionItem | None:
    return next((each for each in incident.actions if each.number == number), None)


def _with(incident: Incident, item: ActionItem) -> Incident:
    items = tuple(item if each.number == item.number else each for each in incident.actions)
    return replace(incident, actions=items)
