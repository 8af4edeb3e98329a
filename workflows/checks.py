"""Checks that measures name, and files that they keep: when one fails, an audit opens early.

In the document, on a line of its own, outside of quotes and code::

    AI-2 check: nightly-drill
    AI-2 keeps: acme/ops:.github/workflows/drill.yml

or with the action item itself (``check:nightly-drill``, see `workflows.actions`). Only what the
rules know is asked about. A measure that is done and audited is put in doubt by a check that failed
since its last verdict, by one of which nothing is heard for too long, and by a file that is gone.
Its next audit opens then; one that is open already is told by a note. Each does so once, for as
long as it lasts; that it is well again later closes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b

from workflows import audits, check_text
from workflows.audit_keys import audit_key
from workflows.check_times import heard_at, silent_at
from workflows.effects import WriteNote
from workflows.markup import as_said
from workflows.model import ActionItem, Incident
from workflows.policy import Mode, Policy, Team
from workflows.rungs import Audit
from workflows.sections import sections
from workflows.watched import (
    Alarm,
    Fault,
    Named,
    Result,
    Source,
    Unwatched,
    Watched,
    counted,
    kept,
    too_much,
)

_LINE = re.compile(
    r"^\s*(?:[-*+]\s+)?[*_]*(?P<item>AI-\d+)[*_]*\s*+[:,·–—-]?\s*+"
    r"(?P<what>check|keeps)[*_]*\s*:\s*(?P<said>\S.*)$",
    re.IGNORECASE,
)


# --- what is named ------------------------------------------------------------------------------


def named_in(text: str) -> dict[str, tuple[Named, ...]]:
    """What the document names: AI-n → checks and files, each once, in their order, as far as they
    are kept."""
    found: dict[str, dict[Named, None]] = {}
    for section in sections(text):
        for _, line in section.prose:
            if match := _LINE.match(line):
                source = Source.CHECK if match["what"].casefold() == "check" else Source.FILE
                name = as_said(match["said"]).strip().strip("`").strip()
                named = Named(source, name, in_document=True)
                found.setdefault(match["item"].upper(), {}).setdefault(named)
    return {item: kept(named) for item, named in found.items()}


def with_named(incident: Incident) -> tuple[Incident, list[str]]:
    """The incident with the checks and files that its document names now, once that counts; and
    what is new of them, in sentences."""
    document = incident.postmortem
    if document is None or document.text is None or not document.rows_count:
        return incident, []
    said = named_in(document.text)
    items = tuple(
        replace(item, named=kept((*_own(item), *said.get(item.name, ()))))
        for item in incident.actions
    )
    if items == incident.actions:
        return incident, []
    notes = [
        f"{now.name} {'names the check' if named.source is Source.CHECK else 'keeps'} {named.name}"
        for now, before in zip(items, incident.actions, strict=True)
        for named in counted(now.named)
        if named not in before.named
    ]
    return replace(incident, actions=items), notes


def _own(item: ActionItem) -> Iterator[Named]:
    """What was named with the action item itself."""
    return (named for named in item.named if not named.in_document)


def known(named: Named, team: Team) -> tuple[Source, str] | None:
    """What the rules know by this name: a check, or a file in a repository as they spell that."""
    if named.source is Source.CHECK:
        return (named.source, named.name) if named.name in team.checks.silent_after else None
    place, _, path = named.name.partition(":")
    by_word = {each.casefold(): each for each in team.checks.repositories}
    if place.casefold() not in by_word or not is_path(path):
        return None
    return (named.source, f"{by_word[place.casefold()]}:{path}")


def unwatched(incident: Incident, team: Team) -> list[tuple[str, Unwatched]]:
    """Why something that action items (AI-n) name is not watched: the rules do not know it, or it
    is too much."""
    return [
        (item.name, why)
        for item in incident.actions
        if not item.given_up
        for why in (*_unknown(item, team), *too_much(item.named))
    ]


def _unknown(item: ActionItem, team: Team) -> Iterator[Unwatched]:
    for named in counted(item.named):
        if known(named, team) is None:
            yield Unwatched.CHECK if named.source is Source.CHECK else Unwatched.FILE


def places(item: ActionItem, team: Team) -> Iterator[tuple[Source, str]]:
    """What is watched of all that an action item names, as the rules know it."""
    return filter(None, (known(named, team) for named in counted(item.named)))


def is_path(path: str) -> bool:
    """Whether it can be a path inside of a repository, and nothing else."""
    parts = path.split("/")
    return (
        path.isprintable()
        and "\\" not in path
        and not any(part in ("", ".", "..") for part in parts)
    )


# --- what is watched ----------------------------------------------------------------------------


def heard(incident: Incident, results: Mapping[str, Result]) -> Incident:
    """The incident with the last result of each check, by name."""
    return replace(incident, watched=tuple(_heard(each, results) for each in incident.watched))


def _heard(watched: Watched, results: Mapping[str, Result]) -> Watched:
    result = results.get(watched.name) if watched.source is Source.CHECK else None
    if result is None:
        return watched
    return replace(
        watched,
        fault=None if result.passed else Fault.FAILED,
        at=result.at,
        began=result.since,
        summary=result.summary,
        url=result.url,
    )


def looked(watched: Watched, fault: Fault | None, words: str, url: str, now: datetime) -> Watched:
    """The file after a look at it."""
    goes_on = watched.began is not None and fault is watched.fault
    began = watched.began if goes_on else now
    return replace(watched, fault=fault, at=now, began=began, summary=words, url=url, unread="")


def _asked(incident: Incident, item: ActionItem, team: Team) -> bool:
    return item.done_at is not None and not audits.nothing_to_ask(item, incident, team)


def _watching(incident: Incident, team: Team, now: datetime) -> Incident:
    """The incident with what its measures name, of those that are asked about now."""
    before = {each.place: each for each in incident.watched}
    wanted = {
        place: None
        for item in incident.actions
        if _asked(incident, item, team)
        for place in places(item, team)
    }
    watched = tuple(before.get(place) or Watched(*place, since=now) for place in wanted)
    return replace(incident, watched=watched)


# --- what follows -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SeenTo:
    """The incident once what is watched was seen to, with the notes to be written now, when (UTC)
    to look again at those that may not be, and what there is to say, in sentences."""

    incident: Incident
    notes: tuple[WriteNote, ...] = ()
    again_at: datetime | None = None
    reasons: tuple[str, ...] = ()


def see_to(incident: Incident, policy: Policy, now: datetime) -> SeenTo:
    """Ask the audits of measures that are in doubt at `now` (UTC). An audit that is to open does so
    in a later turn, before which its measure is read once more. Nothing is asked of what is muted,
    nothing said in quiet hours. Raises HolidaysUnknown."""
    team = policy.teams.get(incident.team)
    if team is None:
        return SeenTo(incident)
    incident, reasons = _watching(incident, team, now), list[str]()
    if incident.muted or audits.is_away(incident):
        return SeenTo(incident)
    for item in incident.actions:
        if not _asked(incident, item, team):
            continue
        names = set(places(item, team))
        for watched in [each for each in incident.watched if each.place in names]:
            for fault in _faults(watched, team, now):
                incident, told = _alarmed(incident, item, fault, team, now)
                reasons += told
    notes = tuple(_notes(incident, policy))
    if team.mode is Mode.PLAN or not notes:
        return SeenTo(incident, reasons=tuple(reasons))
    if not team.calendar.may_speak(now):
        return SeenTo(incident, (), team.calendar.speak_at(now), tuple(reasons))
    return SeenTo(incident, notes, None, tuple(reasons))


def with_alarms_told(incident: Incident, team: Team) -> Incident:
    """The incident with the alarms of audits that there are, in words that may be told: of what the
    measure names no more, as when its ticket was restricted, only that there was something."""
    told = (_told(alarm, incident, team) for alarm in incident.alarms)
    return replace(incident, alarms=tuple(each for each in told if each is not None))


def _told(alarm: Alarm, incident: Incident, team: Team) -> Alarm | None:
    """None where nothing is left to tell. The name of a check is the rules' own word."""
    if audits.find(incident, alarm.audit) is None:
        return None
    item = next((each for each in incident.actions if each.number == alarm.audit[0]), None)
    names = set(places(item, team)) if item else set()
    if (alarm.source, alarm.name) in names:
        return alarm
    if alarm.source is Source.CHECK:
        return replace(alarm, summary="", url="")
    return replace(alarm, name="", summary="", url="") if alarm.opened else None


def _faults(watched: Watched, team: Team, now: datetime) -> Iterator[Alarm]:
    """What is wrong with it at `now`, not yet of any audit."""
    none = (0, 0, 0)
    if watched.fault is not None and watched.at is not None and watched.began is not None:
        yield Alarm(
            none,
            watched.source,
            watched.name,
            watched.fault,
            watched.began,
            watched.at,
            watched.summary,
            watched.url,
        )
    silent = silent_at(watched, team)
    if silent is not None and silent <= now:
        yield Alarm(none, watched.source, watched.name, Fault.SILENT, heard_at(watched), silent)


def _alarmed(
    incident: Incident, item: ActionItem, fault: Alarm, team: Team, now: datetime
) -> tuple[Incident, list[str]]:
    """The incident after the measure's audit was asked about this fault, if it was not yet."""
    own = audits.of_item(incident, item.number)
    present = max((each.round for each in own), default=0)
    own = sorted((each for each in own if each.round == present), key=lambda each: each.rung)
    last = next((each for each in reversed(own) if each.verdict is not None), None)
    since = max(filter(None, (item.done_at, last.at if last else None)), default=now)
    places = {each.place for each in own}
    alike = [a for a in incident.alarms if a.audit in places and _same(a, fault)]
    if not own or fault.at <= since or any(a.began >= fault.began for a in alike):
        return incident, []
    living = next((each for each in own if each.lives), None)
    known_to_it = next((a for a in alike if living and a.audit == living.place), None)
    if known_to_it is not None:  # it comes and goes: that is said once, also before it is open
        lasting = replace(known_to_it, began=fault.began)
        kept = tuple(lasting if a is known_to_it else a for a in incident.alarms)
        return replace(incident, alarms=kept), []
    if living is not None and living.due is not None:
        alarm, told = replace(fault, audit=living.place), f"{living.name} is told"
    else:
        opens = team.calendar.speak_at(now)
        incident, audit = _opened(incident, item, living, last or own[-1], opens)
        alarm = replace(fault, audit=audit.place, opened=True)
        told = f"{audit.name} opens {'now' if opens <= now else f'at {opens:%Y-%m-%d %H:%M} UTC'}"
    incident = replace(incident, alarms=(*incident.alarms, alarm))
    return incident, [f"{item.name}: {check_text.in_short(fault)}: {told}"]


def _opened(
    incident: Incident, item: ActionItem, planned: Audit | None, last: Audit, opens: datetime
) -> tuple[Incident, Audit]:
    """The incident with an audit that opens then. Before the first verdict that is the one that is
    planned; after one, the ladder goes on where it was."""
    if planned is not None and planned.opens <= opens:
        return incident, planned
    if planned is not None and last.verdict is None:
        early = replace(planned, opens=opens)
        return audits.changed(incident, early), early
    return audits.ask_again(incident, item, last, opens)


def _same(one: Alarm, other: Alarm) -> bool:
    return (one.source, one.name, one.fault) == (other.source, other.name, other.fault)


def _notes(incident: Incident, policy: Policy) -> Iterator[WriteNote]:
    """What is to be told to audits that were open already, each once."""
    for alarm in incident.alarms:
        audit = audits.find(incident, alarm.audit)
        if alarm.opened or audit is None or audit.ticket is None or audit.muted:
            continue
        heard_of_it = note_name(alarm) in audit.told
        there = audit.stands and audit.ticket.connection in policy.connections
        if audit.lives and there and not heard_of_it:
            rest = audit_key(incident, audit).partition(":")[2]
            key = f"note:{rest}:{note_name(alarm)}"
            yield WriteNote(key, audit.ticket, check_text.note(alarm))


def note_name(alarm: Alarm) -> str:
    """What the note of this alarm is called among those of its audit."""
    said = f"{alarm.source}\n{alarm.name}\n{alarm.fault}"
    return f"check-{blake2b(said.encode(), digest_size=5).hexdigest()}"
