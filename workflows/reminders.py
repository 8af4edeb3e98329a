"""Reminders: which are to be written now, on which ticket, to whom, and in what words.

Decided from what holds now. Of several whose time has passed only the latest is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from workflows.effects import WriteNote
from workflows.events import NoteWritten
from workflows.markup import inert
from workflows.model import ActionItem, Incident, Ticket, TicketRef
from workflows.people import handle_of, name_said
from workflows.policy import Mode, Policy, Team
from workflows.postmortem import MUTE_LABEL, handle
from workflows.reminded import Reminded, key_of
from workflows.reminder_times import Reminder, awaited
from workflows.schedule import reviews

#: Of each step of the review, in this order.
_STEPS = ("before", "due", "overdue")

_MUTE = f"_Add the label `{MUTE_LABEL}` to this ticket to get no reminders on it._"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The notes that are to be written now, and when (UTC) to look again at those that may not
    be."""

    notes: tuple[WriteNote, ...] = ()
    again_at: datetime | None = None


def is_reminder(key: str) -> bool:
    """Whether an effect of this key writes a reminder."""
    return key.startswith("remind:")


def wanted(incident: Incident, policy: Policy, now: datetime) -> Wanted:
    """The reminders to be written at `now` (UTC); in quiet hours none. Raises HolidaysUnknown."""
    team, due = _due(incident, policy, now)
    if team is None or not due:
        return Wanted()
    if not team.calendar.may_speak(now):
        return Wanted(again_at=team.calendar.speak_at(now))
    notes = (_note(incident, each, team, policy) for each in due)
    return Wanted(tuple(note for note in notes if note is not None))


def about_to_be_reminded(incident: Incident, policy: Policy, now: datetime) -> list[TicketRef]:
    """The tasks that are to be told something now. They are read once more before: what became of
    them while nobody listened was not told."""
    told = {note.ticket.id for note in wanted(incident, policy, now).notes}
    refs = (item.task for item in incident.actions)
    return [ref for ref in refs if ref is not None and ref.id in told]


def whom(incident: Incident, key: str, policy: Policy) -> list[str]:
    """The people, by name, whom the reminder of this key is for. One for nobody counts for the
    team."""
    team = policy.teams[incident.team]
    what, last = _what_in(key), _is_last(key, team)
    item = _item(incident, what)
    first = item.owner if item else incident.roles.get("facilitator")
    people = [first, team.manager if item and last else None]
    named = [name_said(each, policy) for each in people if each]
    return list(dict.fromkeys(named)) or [f"nobody of {team.name}"]


def fold_note(news: NoteWritten, incident: Incident) -> Incident:
    """The incident once a reminder is written."""
    if news.at is None:
        return incident
    said = replace(_of_key(news.key, news.at), comment=news.comment)
    return replace(incident, reminders=(*incident.reminders, said))


def without(incident: Incident, given_up: Collection[str], now: datetime) -> Incident:
    """The incident with the reminders of these keys, and no others, given up: at `now` (UTC) where
    that is new. Those after them are counted from then."""
    keys = [key_of(incident.id, each.what, each.due, each.n) for each in incident.reminders]
    said = zip(keys, incident.reminders, strict=True)
    kept = (each for key, each in said if not each.given_up or key in given_up)
    new = (key for key in given_up if is_reminder(key) and key not in keys)
    gone = (replace(_of_key(key, now), given_up=True) for key in new)
    return replace(incident, reminders=(*kept, *gone))


def _of_key(key: str, at: datetime) -> Reminded:
    what, due, n = key.split(":")[2:]
    return Reminded(what, date.fromisoformat(due), int(n), at)


def told_of_reminder(key: str) -> str:
    """The same in a sentence for the journal."""
    what, due, n = key.split(":")[2:]
    return f"{what} is due on {due}: reminder {n} is written"


def without_own(ticket: Ticket, incident: Incident | None) -> Ticket:
    """The incident's ticket as people wrote it, without our reminders and notes on it."""
    own = {each.comment for each in incident.reminders} if incident else set()
    own |= {each.comment for each in incident.notices} if incident else set()
    return replace(ticket, comments=tuple(c for c in ticket.comments if c.id not in own))


def _due(
    incident: Incident, policy: Policy, now: datetime
) -> tuple[Team | None, Sequence[Reminder]]:
    """Of each thing the latest reminder whose time has come."""
    team = policy.teams.get(incident.team)
    if team is None or team.mode is Mode.PLAN or team.reminders is None:
        return None, ()
    latest: dict[str, Reminder] = {}
    for each in (*_of_reviews(incident, team), *awaited(incident, team)):
        known = latest.get(each.what)
        if each.at <= now and (known is None or known.n < each.n):
            latest[each.what] = each
    return team, tuple(each for each in latest.values() if not _is_said(each, incident))


def _is_said(reminder: Reminder, incident: Incident) -> bool:
    return any(
        (each.what, each.due) == (reminder.what, reminder.due) and each.n >= reminder.n
        for each in incident.reminders
    )


def _of_reviews(incident: Incident, team: Team) -> Iterator[Reminder]:
    dates = {"synthesis": incident.synthesis_due, "review": incident.review_due}
    for each in reviews(incident, team):
        step, _, name = each.key.split(":")
        due, n = dates[step], _STEPS.index(name)
        if due is not None:
            yield Reminder(step, due, n, each.due, last=name == _STEPS[-1])


# --- notes ----------------------------------------------------------------------------------------


def _note(incident: Incident, reminder: Reminder, team: Team, policy: Policy) -> WriteNote | None:
    """None where the rules know the ticket's tracker no more. Names stand only where nobody can be
    called: perhaps everybody may read it."""
    item, key = _item(incident, reminder.what), reminder.key(incident)
    ticket = incident.ticket if item is None else item.task
    if ticket is None or ticket.connection not in policy.connections:
        return None
    kind = policy.connections[ticket.connection]
    if item is None:
        who = incident.roles.get("facilitator", "")
        called = _handle(who, kind, policy)
        return WriteNote(key, ticket, _review(reminder, "" if called else who), called)
    owner = handle(item, incident, ticket.connection, policy)
    boss = team.manager if reminder.last else None
    called = _handle(boss or "", kind, policy)
    text = _task(item, reminder, "" if owner else item.owner or "", "" if called else boss or "")
    return WriteNote(key, ticket, text, owner, None if called == owner else called)


def _task(item: ActionItem, reminder: Reminder, owner: str, manager: str) -> str:
    """`owner` and `manager` are named where they are not called, "" otherwise."""
    if item.owner is None:
        lead = "this task, which nobody owns,"
    else:
        lead = f"{inert(owner)}, this task" if owner else "this task"
    if reminder.n == 0:
        words = f"**Reminder:** {lead} ({item.name}) is due on {reminder.due}."
    else:
        words = f"**Overdue:** {lead} ({item.name}) was due on {reminder.due}, and is not done."
    if reminder.last:
        to = f", and is for {inert(manager)} too" if manager else ""
        words += f" This is the last reminder of that date{to}."
    rest = "If the date does not hold any more, set another; if it is not to be done, close it so."
    return f"{words} {rest}\n\n{_MUTE}"


def _review(reminder: Reminder, who: str) -> str:
    step = {
        "synthesis": "the first synthesis of the postmortem, by which it goes into review,",
        "review": "the review of the postmortem, by which it is published,",
    }[reminder.what]
    lead = f"{inert(who)}, {step}" if who else step
    if reminder.last:
        return f"**Overdue:** {lead} was due on {reminder.due}, and is not there.\n\n{_MUTE}"
    return f"**Reminder:** {lead} is due on {reminder.due}.\n\n{_MUTE}"


def _item(incident: Incident, what: str) -> ActionItem | None:
    return next((each for each in incident.actions if each.name == what), None)


def _handle(name: str, kind: str, policy: Policy) -> str | None:
    return handle_of(name, kind, policy, None, "", "") if name else None


def _what_in(key: str) -> str:
    return key.split(":")[2]


def _is_last(key: str, team: Team) -> bool:
    return team.reminders is not None and int(key.rsplit(":", 1)[1]) == team.reminders.times
