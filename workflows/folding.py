"""What became known, folded into an incident's state before the next decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from workflows.action_table import still_kept
from workflows.documents import digest
from workflows.events import (
    CommentWritten,
    DocumentCreated,
    DocumentRead,
    DocumentWritten,
    News,
    TaskCreated,
    TaskLinked,
)
from workflows.model import DocumentState, Incident, Postmortem


def fold(news: News, incident: Incident) -> Incident:
    """The incident's state with what became known of its document, tasks and comment."""
    match news:
        case DocumentRead(document):
            return replace(incident, postmortem=_read(document, incident.postmortem))
        case DocumentCreated(connection, document, wrote):
            return replace(incident, postmortem=_created(connection, document, wrote))
        case DocumentWritten(document, wrote):
            return replace(incident, postmortem=_written(document, wrote, incident.postmortem))
        case TaskCreated(key, ref, linked, unset):
            return _with_item(incident, key, task=ref, linked=linked, unset=unset)
        case TaskLinked(key):
            return _with_item(incident, key, linked=True)
        case CommentWritten(_, comment_id):
            return replace(incident, comment_id=comment_id)


def _with_item(
    incident: Incident, key: str, unset: tuple[str, ...] = (), **values: object
) -> Incident:
    number = int(key.rsplit(":", 1)[1])
    items = tuple(
        replace(item, unset=(*item.unset, *unset), **values) if item.number == number else item  # type: ignore[arg-type]
        for item in incident.actions
    )
    return replace(incident, actions=items)


def _created(connection: str, document: DocumentState, wrote: Mapping[str, str]) -> Postmortem:
    return Postmortem(
        connection=connection,
        ref=document.ref,
        status=document.status,
        base=document.regions,
        seen=document.regions,
        wrote=wrote,
        headings=document.headings,
        text=document.text,
    )


def _written(
    document: DocumentState, wrote: Mapping[str, str], known: Postmortem | None
) -> Postmortem | None:
    """What stands now in the regions that we wrote is the new base of each."""
    if known is None:
        return None
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
    )


def _read(document: DocumentState, known: Postmortem | None) -> Postmortem | None:
    """What stands there now, and which edits of people stand against ours."""
    if known is None:
        return None
    unheard = {
        name: body
        for name, body in document.regions.items()
        if body != known.base.get(name) and digest(body) in known.asked.get(name, ())
    }
    known = replace(known, base={**known.base, **unheard})
    kept = still_kept(
        known.kept, known.base.get("actions", ""), document.regions.get("actions", "")
    )
    conflicts = [
        f"{name}: edited in the document; the edit is kept, and the task is as it was"
        for name in kept
    ]
    conflicts += [
        f"the region {name!r} was edited by hand and is no longer rewritten; "
        "empty it to have it written again"
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
