"""Why an incident stands as it does: every delivery, decision, effect and outcome, in order.

Put together from what the store has; nothing is asked of a tracker.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from urllib.parse import urlsplit, urlunsplit

from service.routing import INCIDENT_JOB, incident_subject
from service.store import Transaction
from service.store.claims import Job
from service.store.codec import Json
from service.store.deliveries import DEAD, Delivery, DeliveryState
from service.store.effects import EffectRecord, EffectState
from service.store.incidents import IncidentRecord
from service.store.journal import Entry as Line
from service.store.journal import EntryKind
from service.web import WebhookDoor
from workflows.apart import Apart, apart
from workflows.effects import (
    CloseTicket,
    CreateDocument,
    CreateTask,
    Effect,
    KeepVersions,
    LinkTask,
    SetFields,
    SetReview,
    ShowRelease,
    WriteComment,
    WriteNote,
    WriteRegions,
)
from workflows.markup import excerpt
from workflows.model import Incident
from workflows.schedule import Occurrence
from workflows.snapshots import Field

#: More deliveries than this of one incident are not explained one by one.
MOST_DELIVERIES = 500

#: What is shown of one thing that was said: of a journal's line, or of one reason of a decision.
LONGEST = 500

#: So many reasons of one decision are shown whole.
MOST_REASONS = 50

#: Entries of one moment stand in the order in which one leads to the next.
_ORDER = tuple(EntryKind)

_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_STANDING = {
    EffectState.PLANNED: "shown only: the team is in plan mode",
    EffectState.WANTED: "to be done",
    EffectState.BEGUN: "being done",
    EffectState.DONE: "done",
    EffectState.RETRY: "to be tried again",
    EffectState.UNKNOWN: "sent, and the answer never came: looked for before it is tried again",
    EffectState.REJECTED: "refused",
    EffectState.DROPPED: "given up by a person",
    EffectState.LAPSED: "asked for no more: it stands there already, or something else is wanted",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `detail` holds what became of it or the vendor's words;
    `mend` what a person can do; `trouble` whether somebody should."""

    at: datetime
    kind: EntryKind
    title: str
    detail: str = ""
    mend: str = ""
    trouble: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one incident. `entries` the earliest first; `effects` in the order in
    which they were asked for; `job` what is waiting or failing for it, None when nothing is;
    `apart` what the sides of its action items do not agree on; `ahead` what it waits for in days,
    the soonest first."""

    record: IncidentRecord
    entries: tuple[Entry, ...]
    effects: tuple[EffectRecord, ...]
    job: Job | None
    apart: tuple[Apart, ...] = ()
    ahead: tuple[Occurrence, ...] = ()

    @property
    def incident(self) -> Incident:
        return self.record.incident

    @property
    def refused(self) -> tuple[EffectRecord, ...]:
        """What needs a person: the dead letters."""
        return tuple(e for e in self.effects if e.state is EffectState.REJECTED)


class NoSuchIncident(LookupError):
    """Nothing is known by that name; `near` are the keys that look like it, or the latest."""

    def __init__(self, typed: str, near: tuple[str, ...]) -> None:
        super().__init__(f"no incident is known as {typed!r}")
        self.near = near


class SeveralIncidents(LookupError):
    """The name fits more than one incident: `found`."""

    def __init__(self, typed: str, found: tuple[Incident, ...]) -> None:
        super().__init__(f"{typed!r} names {len(found)} incidents")
        self.found = found


def find_incident(tx: Transaction, typed: str) -> IncidentRecord:
    """The incident that a person means by its key (``INC-42``, ``acme/ops#42``, in any case),
    our id or its address. Raises NoSuchIncident, SeveralIncidents."""
    wanted = typed.strip()
    found = tx.incidents.find(wanted) or tx.incidents.find(_bare_address(wanted))
    if len(found) == 1:
        return found[0]
    if found:
        raise SeveralIncidents(wanted, tuple(record.incident for record in found))
    latest = [record.incident.ticket.key for record in tx.incidents.page(limit=500)]
    by_folded = {key.casefold(): key for key in latest}
    near = get_close_matches(wanted.casefold(), by_folded, n=5, cutoff=0.5)
    raise NoSuchIncident(wanted, tuple(by_folded[key] for key in near) or tuple(latest[:5]))


def _bare_address(typed: str) -> str:
    """An address as it stands in a browser, without what leads to a place on the page."""
    try:
        parts = urlsplit(typed)
    except ValueError:
        return typed
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def explain(tx: Transaction, incident_id: str) -> Explanation | None:
    """The explanation of the incident with our id, None when there is none."""
    record = tx.incidents.get(incident_id)
    if record is None:
        return None
    effects = tuple(tx.effects.of_incident(incident_id))
    deliveries = tx.deliveries.page(incident_id=incident_id, limit=MOST_DELIVERIES)
    differ = apart(record.incident, tx.now)
    entries = [
        *(_delivered(delivery) for delivery in reversed(deliveries)),
        *_asked_for(effects),
        *_journalled(tx.journal.of_incident(incident_id), effects, record.incident, differ),
    ]
    entries.sort(key=lambda entry: (entry.at, _ORDER.index(entry.kind)))
    ticket = record.incident.ticket
    job = tx.jobs.get(INCIDENT_JOB, incident_subject(ticket.connection, ticket.id))
    known = tx.occurrences.of_incident(incident_id)
    ahead = tuple(each.occurrence for each in known if each.taken_at is None)
    return Explanation(record, tuple(entries), effects, job, differ, ahead)


def _delivered(delivery: Delivery) -> Entry:
    again = ", sent again" if delivery.repeated or delivery.repeats else ""
    if delivery.asked_for:
        again = ", sent again at our asking"
    became = cut(delivery.why) or delivery.state.value
    if delivery.state is not DeliveryState.DONE and delivery.why:
        became = f"{delivery.state.value}: {cut(delivery.why)}"
    return Entry(
        delivery.received_at,
        EntryKind.DELIVERY,
        f"{delivery.connection} told of {delivery.event}{again}",
        became,
        f"Look at it: followthrough dead-letters show d{delivery.id}"
        if delivery.state in DEAD
        else "",
        trouble=delivery.state in DEAD,
    )


def _journalled(
    lines: Sequence[Line],
    effects: Sequence[EffectRecord],
    incident: Incident,
    differ: Sequence[Apart],
) -> Iterator[Entry]:
    """The journal's lines. One about an effect says which; the last one about a dead letter, or
    about a field on which sides do not agree (any more), says what a person can do."""
    by_key = {effect.key: effect for effect in effects}
    waiting = {(each.item, each.field.value): each for each in differ if each.waits}
    newest = {_field(line): line for line in lines if line.kind is EntryKind.CONFLICT}
    last = {str(line.data.get("key")): line for line in lines if line.kind is EntryKind.EFFECT}
    for line in lines:
        if line.kind is EntryKind.DELIVERY:
            continue  # told from the record of deliveries
        key = line.data.get("key")
        effect = by_key.get(key) if isinstance(key, str) else None
        if line.kind is not EntryKind.EFFECT or effect is None:
            about = _field(line)
            each = waiting.get(about) if about and newest.get(about) is line else None
            open_still = line.kind is EntryKind.CONFLICT and (about is None or each is not None)
            mend = f"Settle it: followthrough conflicts {incident.ticket.key}" if each else ""
            yield Entry(line.at, line.kind, _told(line), mend=mend, trouble=open_still)
            continue
        stuck = last[effect.key] is line and effect.state is EffectState.REJECTED
        mend = effect.mend if stuck else ""
        said = cut(line.text.removesuffix(mend).rstrip())
        yield Entry(line.at, line.kind, _sentence(in_words(effect.wish)), said, mend, stuck)


def _field(line: Line) -> tuple[int, str] | None:
    """Which field of which action item a line is about, if it is about one."""
    item, field = line.data.get("item"), line.data.get("field")
    return (item, field) if isinstance(item, int) and isinstance(field, str) else None


def _asked_for(effects: Sequence[EffectRecord]) -> Iterator[Entry]:
    """What each decision asked for anew."""
    together: dict[tuple[datetime, bool], list[str]] = {}
    for effect in effects:
        planned = effect.state is EffectState.PLANNED
        together.setdefault((effect.asked_at, planned), []).append(in_words(effect.wish))
    for (at, planned), wishes in together.items():
        title = "Planned, and not done: the team is in plan mode" if planned else "Asked for"
        yield Entry(at, EntryKind.EFFECT, title, "\n".join(map(_sentence, wishes)))


def _told(line: Line) -> str:
    """A line as it is shown. The journal keeps it whole: what is written is compared with it."""
    if line.kind is not EntryKind.DECISION:
        return cut(line.text)
    reasons = line.text.split("; ")
    told = [cut(reason) for reason in reasons[:MOST_REASONS]]
    return "; ".join([*told, "…"] if len(reasons) > MOST_REASONS else told)


def cut(text: str) -> str:
    """`text`, or as much of it as is shown of what somebody may have written at any length: its
    first `LONGEST` characters, the last of them "…"."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def standing(effect: EffectRecord) -> str:
    """How an effect stands, for people: "refused", "to be tried again" …"""
    return _STANDING[effect.state]


def in_words(wish: Effect) -> str:
    """What an effect is to do, in words that end a sentence."""
    match wish:
        case CreateDocument(target=target):
            return f"create the postmortem in {target.place}"
        case WriteRegions():
            return "bring the postmortem up to date"
        case CreateTask(target=target, moot=True):
            return f"find out whether a ticket was made in {target.place} that is wanted no more"
        case CreateTask(target=target, title=title):
            return f"create the task “{excerpt(title)}” in {target.place}"
        case LinkTask(task=task, incident=incident):
            return f"show {task.key} on {incident.key}"
        case WriteComment(ticket=ticket):
            return f"write the comment on {ticket.key}"
        case WriteNote(ticket=ticket):
            return f"write a note on {ticket.key}"
        case CloseTicket(ticket=ticket):
            return f"close {ticket.key}"
        case SetReview() | ShowRelease():
            return _check_in_words(wish)
        case KeepVersions():
            return "keep what was published as a version"
        case SetFields(task=task, values=values, status=status):
            fields = [*values, *([Field.STATUS] if status else [])]
            return f"set {', '.join(fields)} of {task.key}"


def _check_in_words(wish: SetReview | ShowRelease) -> str:
    if isinstance(wish, SetReview):
        return f"show the review on the postmortem's newest commit: {wish.check.value}"
    return f"show the release check on what is proposed for {wish.place}: {wish.check.value}"


#: Of a delivery whose bytes were dropped.
GONE = "What was sent was kept for its time, and is dropped. What it led to is on record."


def sent(tx: Transaction, doors: Mapping[str, WebhookDoor], number: int) -> str:
    """What was sent with this delivery, as far as it may be shown, for reading."""
    delivery, envelope = tx.deliveries.get(number), tx.deliveries.envelope(number)
    if delivery is None:
        return ""
    if envelope is None:
        return GONE
    record = tx.incidents.get(delivery.incident_id) if delivery.incident_id else None
    restricted = record is not None and record.incident.restricted
    door = doors.get(delivery.connection)
    return readable(door.show(envelope, restricted) if door else None)


def readable(payload: object, limit: int = 200_000) -> str:
    """What may be shown of what was delivered, for reading: indented, cut after `limit`
    characters, and without characters that a terminal would obey. None: that cannot be read."""
    try:
        text = json.dumps(payload, indent=2, ensure_ascii=False)
    except RecursionError:
        payload = None
    if payload is None:
        return "What was sent cannot be read, so nobody can tell who may see it."
    if len(text) > limit:
        text = f"{text[:limit]}\n… cut here; {len(text):,} characters in all"
    return plain(text)


def facts(data: Json) -> str:
    """What the audit log keeps of one side of a change, in a line."""
    if not isinstance(data, dict):
        return json.dumps(data, ensure_ascii=False)
    said = (f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in data.items())
    return "; ".join(said)


def plain(text: str) -> str:
    """`text` without control characters but line ends and tabs: what a tracker gave may hold
    escape sequences that a terminal obeys, turn the direction of reading, or be no text at all
    (half a surrogate pair, which JSON can hold and no page)."""
    return _OBEYED.sub("\N{REPLACEMENT CHARACTER}", text)
