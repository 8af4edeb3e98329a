"""The document's regions: which are to be rewritten, and when that may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from workflows import action_table, audit_text, perspectives, postmortem, recurrence
from workflows.action_table import merge_table, read_table
from workflows.calendars import Calendar
from workflows.documents import digest
from workflows.effects import WriteRegions
from workflows.folding import edited_by_hand
from workflows.model import DocumentStatus, Incident, Postmortem, Ticket
from workflows.policy import Team


def keep_up(
    incident: Incident, ticket: Ticket | None, team: Team, now: datetime
) -> tuple[Incident, list[WriteRegions], datetime | None]:
    """The write that the document needs, or when (UTC) it may be made: a busy afternoon in the
    trackers is no reason to write into people's text every second. What the incident
    itself says, and who edits the table, is answered at once."""
    document = incident.postmortem
    if document is None:
        return incident, [], None
    bodies = _bodies(incident, ticket, team.calendar)
    document = _said_already(document, bodies)
    incident = replace(incident, postmortem=document)
    regions = _wanted_regions(incident, document, bodies)
    if not regions:
        return incident, [], None
    edited = document.seen.get("actions") != document.base.get("actions")
    if ticket is None and not edited and document.written is not None:
        free_at = document.written + team.sync.document_every
        if now < free_at:
            return incident, [], free_at
    incident = replace(incident, postmortem=_asked(document, regions))
    return incident, [WriteRegions(f"regions:{incident.id}", regions)], None


def _bodies(incident: Incident, ticket: Ticket | None, calendar: Calendar) -> Mapping[str, str]:
    """What the regions are to say. Without a ticket only action items, their audits, recurrences
    and perspectives can have changed."""
    if ticket is not None:
        return postmortem.regions(incident, ticket, calendar)
    return {
        "actions": action_table.table(incident.actions),
        "audits": audit_text.region(incident.audits, calendar),
        "recurrence": recurrence.region(incident.recurrences),
        "perspectives": perspectives.region(incident.perspectives),
    }


def _said_already(document: Postmortem, bodies: Mapping[str, str]) -> Postmortem:
    """The document, of which a region that says just what it is to say is ours, whoever wrote it:
    we may have, before the database was put back to an older state."""
    alike = {
        name: ours
        for name, ours in bodies.items()
        if ours and document.seen.get(name) == ours
        if (document.base.get(name), document.wrote.get(name)) != (ours, ours)
    }
    told = {edited_by_hand(name) for name in alike}
    return replace(
        document,
        base={**document.base, **alike},
        wrote={**document.wrote, **alike},
        conflicts=tuple(each for each in document.conflicts if each not in told),
    )


def _wanted_regions(
    incident: Incident, document: Postmortem, bodies: Mapping[str, str]
) -> dict[str, str]:
    """The regions that should be rewritten: ours changed, and nobody edited what stands there.

    An emptied region is written again: that is how a person hands an edited one back.
    """
    wanted: dict[str, str] = {}
    for name, ours in bodies.items():
        seen = document.seen.get(name)
        if seen is None:
            continue
        if name == "actions":
            edited = read_table(document.base.get(name, ""), seen, incident.actions)
            left = edited.left(incident.actions) if document.rows_count else edited
            ours = merge_table(ours, document.kept, left)
        elif seen and seen != document.base.get(name):
            continue
        emptied = not seen and bool(document.base.get(name))
        if ours != document.wrote.get(name) or emptied or _must_mend(name, document, incident):
            wanted[name] = ours
    return wanted if any(_is_news(document, *each) for each in wanted.items()) else {}


def _is_news(document: Postmortem, name: str, ours: str) -> bool:
    """Whether a region that is to say this is worth a write: no update is proposed to say only that
    merging made it published, nor again what somebody declined."""
    if document.seen[name] != document.base.get(name):
        return True
    known = [document.declined.get(name, "")]
    if name == "facts" and document.status is DocumentStatus.PUBLISHED:
        known = [*map(postmortem.without_status, [*known, document.wrote.get(name, "")])]
        ours = postmortem.without_status(ours)
    return ours not in known


def _must_mend(name: str, document: Postmortem, incident: Incident) -> bool:
    """Whether the table has rows that wait for their ID, or lacks some that somebody deleted:
    an action item does not go away by that, and a row that a person had edited is ours again."""
    if name != "actions":
        return False
    edited = read_table(document.base.get(name, ""), document.seen[name], incident.actions)
    unnamed = edited.left(incident.actions) != edited
    theirs = [row for row in edited.changed if row not in document.kept]
    ours = action_table.table(incident.actions)
    put_back = not action_table.same_rows(ours, document.seen[name], theirs)
    return bool(edited.missing or put_back or (document.rows_count and unnamed))


def _asked(document: Postmortem, wanted: Mapping[str, str]) -> Postmortem:
    """The document with a note of what is about to be asked for: if the answer never comes, what
    then stands there is known as ours."""
    asked = dict(document.asked)
    for name, body in wanted.items():
        before, now = asked.get(name, ()), digest(body)
        if now not in before:
            asked[name] = (*before[-9:], now)
    return replace(document, asked=asked)
