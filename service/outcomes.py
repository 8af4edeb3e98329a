"""How effects end: which can go next, when the others are tried again, and how all that is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeGuard

from integrations.tracker import (
    FieldsSet,
    NotThere,
    OutcomeUnknown,
    RateLimited,
    SignInFailed,
    StaleVersion,
    TaskResult,
    TrackerError,
    Unavailable,
)
from service.store.codec import Json
from service.store.effects import EffectRecord, EffectState
from workflows.apart import newly_apart
from workflows.audit_keys import is_of_audit
from workflows.audit_news import told_of_audit
from workflows.effects import (
    CloseTicket,
    CreateDocument,
    CreateTask,
    Effect,
    Hold,
    KeepVersions,
    LinkTask,
    SetFields,
    SetReview,
    ShowRelease,
    WriteComment,
    WriteNote,
    WriteRegions,
)
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
from workflows.hearing import FRESH
from workflows.model import Incident, TicketRef
from workflows.notices import is_notice, told_of_notice
from workflows.proof_notes import is_of_proof, told_of_proof
from workflows.reminders import is_reminder, told_of_reminder
from workflows.snapshots import Field, Progress, Stuck, Value, is_alike
from workflows.statuses import read_status

#: Rests after a failing tracker and after a refused sign-in.
PAUSE = timedelta(seconds=30)
SIGN_IN_PAUSE = timedelta(minutes=10)

#: States from which an effect may be executed (when it is due).
RUNNABLE = frozenset(
    {EffectState.WANTED, EffectState.RETRY, EffectState.BEGUN, EffectState.UNKNOWN}
)


def new_conflicts(before: Incident, after: Incident) -> list[str]:
    """The edits of people that stand against ours since the document was last read."""
    known = before.postmortem.conflicts if before.postmortem else ()
    now = after.postmortem.conflicts if after.postmortem else ()
    return [conflict for conflict in now if conflict not in known]


def new_apart(
    before: Incident | None, after: Incident, now: datetime
) -> list[tuple[str, dict[str, Json]]]:
    """What the sides of action items do not agree on since the last decision: in words, and with
    what tells later whether it still is so."""
    return [
        (text, {"item": number, "field": field.value})
        for number, field, text in newly_apart(before, after, now)
    ]


def retry_at(error: TrackerError, now: datetime) -> datetime:
    """When to ask again after a call that certainly had no effect."""
    if isinstance(error, RateLimited | Unavailable) and error.retry_at is not None:
        return error.retry_at
    return now + (SIGN_IN_PAUSE if isinstance(error, SignInFailed) else PAUSE)


def lasting(error: TrackerError | None) -> TrackerError | None:
    """What is to be said of calls that are not made because the one before ended in this error,
    and the next would meet the same; None when it need not. One answer that never came says
    nothing of the next: only what it was to create waits."""
    return error if isinstance(error, RateLimited | Unavailable | SignInFailed) else None


def sentence(error: TrackerError) -> str:
    """What the tracker said, and what a person can do."""
    return told_with_mend(error.words, error.mend)


def told_with_mend(words: str, mend: str) -> str:
    return f"{words.rstrip('. ')}. {mend}" if mend else words


def given_up(by: str, why: str) -> str:
    """Who decided that something shall not be, and why, as people read it."""
    return f"given up by {by or 'a person'}" + (f": {why}" if why else "")


def batch(
    effects: Sequence[Effect], records: Mapping[str, EffectRecord], now: datetime
) -> list[EffectRecord]:
    """What to execute next of the wished effects: the first that can go, and with a task all
    other tasks for the same place, because trackers take them in one call. As long as a version
    waits to be kept, nothing is written into its document."""
    runnable = [r for effect in effects if (r := records[effect.key]).state in RUNNABLE]
    if any(isinstance(record.wish, KeepVersions) for record in runnable):
        runnable = [record for record in runnable if not isinstance(record.wish, WriteRegions)]
    ready = [record for record in runnable if record.due_at is None or record.due_at <= now]
    if not ready:
        return []
    first = ready[0]
    if not isinstance(first.wish, CreateTask):
        return [first]
    return [
        record
        for record in ready
        if isinstance(record.wish, CreateTask) and _place(record.wish) == _place(first.wish)
    ]


def _place(wish: CreateTask) -> tuple[str, str, str]:
    return wish.target.connection, wish.target.place, wish.target.issue_type


def lapsed(records: Mapping[str, EffectRecord], wished: Sequence[Effect]) -> list[str]:
    """The keys of those that would be executed if they were asked for, and are not. Whether a
    ticket or document that may have been created is there must be known, asked for or not."""
    asked = {effect.key for effect in wished}
    return [
        key
        for key, record in records.items()
        if key not in asked
        and record.state in RUNNABLE
        and not isinstance(record.wish, CreateDocument | CreateTask)
    ]


def built_on(effect: Effect) -> tuple[str, str] | None:
    """The ticket (connection and id) that must have been read for the effect: its fields are set,
    or it is told something."""
    match effect:
        case SetFields(task=ref) | WriteNote(ticket=ref):
            return ref.connection, ref.id
        case _:
            return None


def goes_to(wish: Effect, incident: Incident) -> tuple[str, str]:
    """The connection that the wish is fulfilled through, "" for a local directory, and the place
    there, or what begins with it: a ticket's key, a document's id."""
    match wish:
        case CreateDocument() | CreateTask():
            return wish.target.connection, wish.target.place
        case WriteRegions() | SetReview() | KeepVersions():
            if incident.postmortem is None:
                return "", ""
            ref = incident.postmortem.ref
            return incident.postmortem.connection, ref.ticket.key if ref.ticket else ref.id
        case LinkTask():
            return wish.incident.connection, wish.incident.key
        case ShowRelease():
            return wish.connection, wish.place
        case WriteComment() | WriteNote() | CloseTicket():
            return wish.ticket.connection, wish.ticket.key
        case SetFields():
            return wish.task.connection, wish.place


def held(records: Mapping[str, EffectRecord], now: datetime) -> dict[str, Hold]:
    """Effects that cannot go on for now or were given up, and why, in words for people."""
    holds: dict[str, Hold] = {}
    for key, record in records.items():
        if record.state is EffectState.DROPPED:
            holds[key] = Hold(given_up(record.dropped_by, record.dropped_why), given_up=True)
            continue
        refused = record.state is EffectState.REJECTED
        if refused or (record.due_at is not None and record.due_at > now):
            words = told_with_mend(record.words, record.mend)
            holds[key] = Hold(words, refused, None if refused else record.due_at)
    return holds


def told(news: News, incident: Incident) -> str:
    match news:
        case DocumentCreated(_, document):
            return f"document created: {document.ref.url}"
        case DocumentWritten(_, wrote):
            return f"document brought up to date: {', '.join(wrote)}"
        case FieldsWritten(key, confirmed, refused, _, _):
            number, _, side = key.partition(":")[2].partition(":")[2].partition(":")
            done = ", ".join(f"{f} {v or 'nothing'}" for f, v in confirmed.items())
            not_done = "".join(f"; not taken: {f}: {s.words}" for f, s in refused.items())
            return f"AI-{number} on the {side}: {done or 'nothing set'}{not_done}"
        case NoteWritten():
            return _told_of_note(news)
        case NotCreated() | TicketClosed():
            return told_of_audit(news)
        case TaskCreated(key) | TaskLinked(key):
            return told_of_audit(news) if is_of_audit(key) else _told_of_task(news, incident)
        case CommentWritten():
            return f"comment on {incident.ticket.key} written"
        case DocumentRead():
            return "document read"
        case ReviewShown() | ReleaseShown():
            return _told_of_check(news)
        case VersionsFound(_, found):
            return f"publications that are not kept yet: {len(found)}"
        case VersionsKept(_, numbers):
            new = ", ".join(f"v{number}" for number in numbers)
            return f"published, and kept as {new}" if new else "published, and kept already"


def _told_of_check(news: ReviewShown | ReleaseShown) -> str:
    if isinstance(news, ReviewShown):
        return "the review is shown on the document's newest commit"
    return "the release check is shown on all that is proposed"


def _told_of_note(news: NoteWritten) -> str:
    if is_reminder(news.key):
        return told_of_reminder(news.key)
    if is_of_proof(news.key):
        return told_of_proof(news.key)
    return told_of_notice(news.key) if is_notice(news.key) else told_of_audit(news)


def _told_of_task(news: TaskCreated | TaskLinked, incident: Incident) -> str:
    if isinstance(news, TaskCreated):
        name = f"AI-{news.key.rsplit(':', 1)[1]}"
        unset = "".join(f"; not set: {what}" for what in news.unset)
        return f"{name} is {news.ref.key}: {news.ref.url}{unset}"
    if news.key.startswith("mirror:"):
        _, side, _, number = news.key.split(":")
        return f"AI-{number}: the {side} shows its other ticket, if its tracker can"
    return f"AI-{news.key.rsplit(':', 1)[1]} linked to {incident.ticket.key}"


def task_news(result: TaskResult, wish: Effect) -> News | TrackerError:
    if result.error is not None:
        return result.error
    if result.ref is None or not isinstance(wish, CreateTask):
        raise ValueError(f"{result.key}: neither a ticket nor an error")
    values, place = asked_of(wish), wish.target.place
    return TaskCreated(result.key, result.ref, result.linked, result.unset, values, place)


def asked_of(wish: CreateTask) -> dict[Field, Value]:
    """What a ticket is created with, in its tracker's words."""
    return {
        Field.OWNER: wish.owner,
        Field.MILESTONE: wish.milestone,
        Field.DUE: wish.due.isoformat() if wish.due else None,
        Field.STATUS: Progress.OPEN.value,
        Field.TITLE: wish.title,
    }


def fields_written(wish: SetFields, ended: FieldsSet, now: datetime) -> FieldsWritten:
    """What stands there now, and what was refused; what became another than it was to be is both,
    so that it is not asked for again and again. Where the tracker tells no time, nothing that it
    tells is believed until that can be no echo of this."""
    asked = {**wish.values, **({Field.STATUS: wish.status.progress.value} if wish.status else {})}
    refused = {field: Stuck(asked.get(field), words) for field, words in ended.refused.items()}
    confirmed = dict(ended.confirmed)
    for field, value in wish.values.items():
        stands = confirmed.get(field)
        if not is_alike(stands, value):
            words = (
                f"it is {stands or 'nothing'} now" if field in confirmed else "it was not answered"
            )
            refused.setdefault(field, Stuck(value, words))
    if wish.status is not None and ended.status is None:
        asked_for = Stuck(wish.status.progress.value, "it was not answered")
        refused.setdefault(Field.STATUS, asked_for)
    if wish.status is not None and ended.status is not None:
        means = read_status(ended.status, wish.status.readings)
        confirmed[Field.STATUS] = means.value
        if means is not wish.status.progress:
            words = f"it is {ended.status.name} now, which means {means}"
            refused.setdefault(Field.STATUS, Stuck(wish.status.progress.value, words))
    return FieldsWritten(wish.key, confirmed, refused, ended.at or now + FRESH, ended.also)


def uncertain_since(
    record: EffectRecord, error: TrackerError, looked_up: bool, now: datetime
) -> datetime | None:
    """Since when the effect may have happened, None if it certainly did not.

    A look that failed leaves that as it was, and so does a call that was not made after all: by
    the time it can be made, what an earlier one did may show.
    """
    if isinstance(error, OutcomeUnknown):
        return (record.uncertain_since if looked_up else None) or now
    if looked_up:
        return record.uncertain_since or now
    passes = isinstance(error, RateLimited | Unavailable | SignInFailed)
    return record.uncertain_since if passes else None


def state_after(error: TrackerError, uncertain_since: datetime | None) -> EffectState:
    """What becomes of an effect by an error of its call, or of the look whether it happened."""
    match error:
        case OutcomeUnknown():
            return EffectState.UNKNOWN
        case RateLimited() | Unavailable() | SignInFailed():
            return EffectState.RETRY if uncertain_since is None else EffectState.UNKNOWN
        case _:
            return EffectState.REJECTED


def closed(wish: CloseTicket, ended: FieldsSet) -> TicketClosed:
    """What became of a ticket that was to be closed."""
    return TicketClosed(wish.key, ended.refused.get(Field.STATUS, ""))


def is_read_first(ended: News | TrackerError, record: EffectRecord) -> TypeGuard[TrackerError]:
    """Whether it says that the ticket must be read before anything is done to it. Where it is not
    found a second time, it was read in between: then it may be read, and not written."""
    if isinstance(ended, NotThere):
        return ended.words != record.words
    sets = isinstance(record.wish, SetFields)
    return sets and isinstance(ended, StaleVersion | OutcomeUnknown)


def written_to(wish: Effect) -> TicketRef | None:
    """The ticket of ours that is written to, where it may have been deleted since it was read."""
    match wish:
        case SetFields():
            return wish.task
        case WriteNote() | CloseTicket():
            return wish.ticket
        case _:
            return None


def outdated(before: Effect, now: Effect | None) -> bool:
    """Whether a creation that never came is to be made as it is asked for now: in other words, in
    another place, as something else, or not any more. A document stays where it was asked for: some
    of it may be there already."""
    match before, now:
        case CreateDocument(target=old), CreateDocument(target=new):
            return old == new and before != now
        case ((CreateTask() | WriteNote()), (CreateTask() | WriteNote())):
            return before != now
        case _:
            return False
