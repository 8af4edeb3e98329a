"""What became known, folded into an incident's state before the next decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from workflows import publishing
from workflows.action_table import read_rows, still_kept
from workflows.audit_keys import is_of_audit
from workflows.audit_news import fold_audit
from workflows.documents import digest, regions
from workflows.events import (
    CommentWritten,
    DocumentCreated,
    DocumentRead,
    DocumentWritten,
    FieldsWritten,
    News,
    NotCreated,
    NoteWritten,
    ReleaseShown,
    ReviewShown,
    TaskCreated,
    TaskLinked,
    TicketClosed,
    VersionsFound,
    VersionsKept,
)
from workflows.model import ActionItem, DocumentState, Incident, Postmortem, is_update
from workflows.notices import is_notice
from workflows.outside import fold_notice
from workflows.proof_notes import fold_proof, is_of_proof
from workflows.reminders import fold_note, is_reminder
from workflows.snapshots import Agreement, Field, Side, Stuck, Value
from workflows.sync import UNSET, written
from workflows.voices import record


def fold(news: News, incident: Incident) -> Incident:
    """The incident's state with what became known of its document, tasks and comment."""
    match news:
        case DocumentRead(document):
            read = _read(document, incident.postmortem)
            before = incident.postmortem.base.get("actions") if incident.postmortem else None
            landed = read is not None and read.base.get("actions") != before
            incident = _rows_stand(incident) if landed else incident
            return replace(incident, postmortem=read)
        case DocumentCreated():
            known = _created(news)
            known = (_read(news.document, known) or known) if news.before else known
            return replace(incident, postmortem=known)
        case DocumentWritten(document, wrote, at):
            incident = _rows_stand(incident) if "actions" in wrote else incident
            return replace(incident, postmortem=_written(document, wrote, incident.postmortem, at))
        case TaskCreated(key) | TaskLinked(key) if is_of_audit(key):
            return fold_audit(news, incident)
        case NoteWritten():
            return _note_written(news, incident)
        case NotCreated() | TicketClosed():
            return fold_audit(news, incident)
        case TaskCreated():
            return _task_created(news, incident)
        case TaskLinked(key):
            return _with_item(incident, key, lambda item: _linked(item, key))
        case FieldsWritten(key, confirmed, refused, at, also):
            side = Side(key.rsplit(":", 1)[1])
            return _with_item(
                incident,
                key.rsplit(":", 1)[0],
                lambda item: written(item, side, confirmed, refused, at, also),
            )
        case CommentWritten(_, comment_id):
            return replace(incident, comment_id=comment_id)
        case ReviewShown() | ReleaseShown() | VersionsFound() | VersionsKept():
            return publishing.kept(incident) if isinstance(news, VersionsFound) else incident


def _note_written(news: NoteWritten, incident: Incident) -> Incident:
    if is_reminder(news.key):
        return fold_note(news, incident)
    if is_of_proof(news.key):
        return fold_proof(news, incident)
    return fold_notice(news, incident) if is_notice(news.key) else fold_audit(news, incident)


def _with_item(
    incident: Incident, key: str, change: Callable[[ActionItem], ActionItem]
) -> Incident:
    number = int(key.rsplit(":", 1)[1])
    items = tuple(change(item) if item.number == number else item for item in incident.actions)
    return replace(incident, actions=items)


def _linked(item: ActionItem, key: str) -> ActionItem:
    if not key.startswith("mirror:"):
        return replace(item, linked=True)
    side = Side(key.split(":")[1])
    return replace(item, mirrored=(*(s for s in item.mirrored if s is not side), side))


def created(
    item: ActionItem,
    side: Side,
    place: str,
    values: Mapping[Field, Value] | None,
    unset: Mapping[Field, Stuck],
) -> ActionItem:
    """The item once a ticket was created for it; it would not take what is `unset`."""
    made = Agreement(place=place)
    if values is not None:
        base = {**values, **dict.fromkeys(unset)}
        made = replace(made, base=base, ours=record(item), stuck=unset)
    return replace(item, sides={**item.sides, side: made})


def _task_created(news: TaskCreated, incident: Incident) -> Incident:
    side = Side(news.key.partition(":")[0])
    told = {name: words.strip() for what in news.unset for name, _, words in [what.partition(":")]}

    def change(item: ActionItem) -> ActionItem:
        asked = record(item) if news.values is None else news.values
        unset = {
            field: Stuck(asked.get(field), told[name])
            for field, name in UNSET.items()
            if name in told
        }
        item = created(item, side, news.place, news.values, unset)
        if side is Side.TWIN:
            return replace(item, twin=news.ref)
        return replace(item, task=news.ref, linked=news.linked, unset=(*item.unset, *news.unset))

    return _with_item(incident, news.key, change)


def _rows_stand(incident: Incident) -> Incident:
    """What was written into the table is what the rows and the record agree on from now on."""
    items = tuple(
        replace(i, sides={s: a for s, a in i.sides.items() if s is not Side.DOCUMENT})
        for i in incident.actions
    )
    return replace(incident, actions=items)


def _created(news: DocumentCreated) -> Postmortem:
    """As it stands is how it was created. Of one that was created before a restoration, what does
    not stand as it would be created now may be a person's. Where the store keeps another format,
    texts read back otherwise than they were written, and cannot be compared."""
    document, wrote = news.document, news.wrote
    compared = news.before and regions(document.text or "") == document.regions
    base = {name: body for name, body in wrote.items() if compared and name != "actions"}
    return Postmortem(
        connection=news.connection,
        ref=document.ref,
        status=document.status,
        base={**document.regions, **base},
        seen=document.regions,
        wrote=wrote,
        headings=document.headings,
        text=document.text,
    )


def _written(
    document: DocumentState,
    wrote: Mapping[str, str],
    known: Postmortem | None,
    at: datetime | None,
) -> Postmortem | None:
    """What stands now in the regions that we wrote is the new base of each."""
    if known is None:
        return None
    known = replace(_in_its_place(document, known), declined={})
    now_there = {name: document.regions[name] for name in wrote if name in document.regions}
    return replace(
        known,
        ref=document.ref,
        status=document.status,
        base={**known.base, **now_there},
        seen=document.regions,
        wrote={**known.wrote, **wrote},
        asked={name: asked for name, asked in known.asked.items() if name not in wrote},
        text=document.text,
        written=at,
    )


def _in_its_place(document: DocumentState, known: Postmortem) -> Postmortem:
    """The document, once its text is that of an update that was opened, or of what was merged
    because an update was closed: which of that is ours is told by what we left there."""
    opened = is_update(document.ref, document.status)
    if opened == known.is_update:
        return known
    if opened:
        other = {n: body for n, body in known.seen.items() if document.regions.get(n) != body}
        base, wrote = {**known.base, **known.declined}, {**known.wrote, **known.declined}
        merged = {**known.base, **other}
        return replace(known, base=base, wrote=wrote, merged=merged, declined={})
    if document.ref.merge != known.ref.merge:
        return replace(known, merged={})
    base, wrote = {**known.base, **known.merged}, {**known.wrote, **known.merged}
    return replace(known, base=base, wrote=wrote, merged={}, declined=known.wrote)


def edited_by_hand(region: str) -> str:
    """How it is told that a region stays as a person left it."""
    return (
        f"the region {region!r} was edited by hand and is no longer rewritten; "
        "empty it to have it written again"
    )


def _read(document: DocumentState, known: Postmortem | None) -> Postmortem | None:
    """What stands there now, and which edits of people stand against ours."""
    if known is None:
        return None
    known = _in_its_place(document, known)
    unheard = {
        name: body
        for name, body in document.regions.items()
        if body != known.base.get(name) and digest(body) in known.asked.get(name, ())
    }
    known = replace(known, base={**known.base, **unheard}, wrote={**known.wrote, **unheard})
    seen = document.regions.get("actions", "")
    kept = still_kept(known.base.get("actions", ""), seen)
    rows = read_rows(seen)
    conflicts = [
        f"{name}: {'; '.join(rows[name].problems)}; the row stays as it is until that is mended"
        for name in kept
    ]
    conflicts += [
        edited_by_hand(name)
        for name, body in document.regions.items()
        if name != "actions" and body and body != known.base.get(name)
    ]
    return replace(
        known,
        ref=document.ref,
        status=document.status,
        seen=document.regions,
        text=document.text,
        kept=kept,
        conflicts=tuple(conflicts),
    )
