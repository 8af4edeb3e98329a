"""What the service keeps beside each incident: journal, effects, ways from tickets, deliveries,
versions; and some dead letters, failing jobs, drifts and lines of the audit log.

The rows are those of the store's tables, with wishes and results as its codec writes them, put
there in bulk: one by one it would take longer than to save the incidents themselves.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, Table, create_engine, text

from service.routing import INCIDENT_JOB, incident_subject
from service.store.changes import changes
from service.store.codec import dump, fingerprint
from service.store.deliveries import DeliveryState
from service.store.effects import EffectState
from service.store.journal import EntryKind
from service.store.refs import Role
from service.store.schema import deliveries, drifts, effects, jobs, journal, refs, versions
from workflows.drift import Became
from workflows.effects import CreateTask, Effect, LinkTask, TaskTarget, WriteComment
from workflows.events import Outcome, TaskCreated, TaskLinked
from workflows.model import ActionItem, DocumentStatus, Incident, Outlook
from workflows.versions import digest

#: Of so many incidents one has a task that its tracker refused, and one a delivery that cannot be
#: read: of a hundred thousand, fifty dead letters.
ONE_REFUSED, ONE_UNREADABLE = 2_500, 10_000

#: Of so many incidents one has a turn that fails, a drift, a change by hand.
ONE_FAILING, ONE_DRIFTED, ONE_CHANGED = 5_000, 300, 50

#: So many deliveries told of each incident, of so many bytes. Real ones are 18 kB, which would
#: only make the file larger: nothing looks through them.
DELIVERIES, BODY = 4, b"{" + b" " * 1_000 + b"}"

Rows = dict[Table, list[dict[str, Any]]]


def add_beside(url: str, incidents: Sequence[Incident]) -> None:
    """Keep it for these incidents, which are saved, in the SQLite database at this address."""
    rows: Rows = defaultdict(list)
    for incident in incidents:
        for table, row in _rows(incident):
            rows[table].append(row)
    engine = create_engine(url, json_serializer=partial(json.dumps, separators=(",", ":")))
    with engine.begin() as connection:
        for table, values in rows.items():
            for alike in _alike(values):
                connection.execute(table.insert(), alike)
        _published(connection, incidents)
    engine.dispose()


def _alike(rows: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The rows that have the same columns: only those go in one statement."""
    found: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[tuple(row)].append(row)
    yield from found.values()


def _published(connection: Connection, incidents: Sequence[Incident]) -> None:
    """Since when each is published, as the incident's next turn would keep it."""
    query = (
        "UPDATE facts SET published = (SELECT min(at) FROM versions WHERE incident_id = facts.id)"
    )
    connection.execute(text(f"{query} WHERE id = :id"), [{"id": each.id} for each in incidents])


def _rows(incident: Incident) -> Iterator[tuple[Table, dict[str, Any]]]:
    number = int(incident.ticket.id)
    yield from _history(incident)
    yield from ((deliveries, row) for row in _deliveries(incident, number))
    yield from ((effects, row) for row in _effects(incident, number))
    yield from ((refs, row) for row in _refs(incident))
    yield from ((versions, row) for row in _versions(incident))
    if number % ONE_FAILING == 0:
        yield jobs, _job(incident)
    if number % ONE_DRIFTED == 0 and incident.actions:
        yield drifts, _drift(incident)
    if number % ONE_CHANGED == 0:
        yield changes, _change(incident)


def _history(incident: Incident) -> Iterator[tuple[Table, dict[str, Any]]]:
    lines = [
        (EntryKind.DECISION, "opened: it is watched"),
        (EntryKind.DECISION, "closed: the postmortem is set up"),
        (EntryKind.EFFECT, "the postmortem was created"),
        *((EntryKind.EFFECT, f"{item.name} linked") for item in incident.actions),
        (EntryKind.NOTE, "the review is due"),
        (EntryKind.DECISION, "everything is done"),
    ]
    for n, (kind, told) in enumerate(lines[:1] if incident.closed is None else lines):
        at = (incident.opened or incident.closed) + timedelta(hours=n)  # type: ignore[operator]
        row = {"incident_id": incident.id, "at": at, "kind": kind.value, "text": told}
        yield journal, row | {"data": {"policy": "policy"}}


def _deliveries(incident: Incident, number: int) -> Iterator[dict[str, Any]]:
    ticket = incident.ticket
    for n in range(DELIVERIES):
        dead = n == 0 and number % ONE_UNREADABLE == 1
        yield {
            "connection": ticket.connection,
            "delivery_id": f"{number}.{n}",
            "event": "jira:issue_updated",
            "body": BODY,
            "received_at": incident.opened,
            "repeated": False,
            "state": (DeliveryState.UNREADABLE if dead else DeliveryState.DONE).value,
            "why": "it is no JSON object" if dead else "the ticket changed",
            "subject": incident_subject(ticket.connection, ticket.id),
            "incident_id": incident.id,
            "handled_at": incident.opened,
        }


def _effects(incident: Incident, number: int) -> Iterator[dict[str, Any]]:
    if incident.closed is None:
        return
    said = WriteComment(f"comment:{incident.id}", incident.ticket, "The postmortem is set up.")
    yield _effect(incident, said, None)
    for item in incident.actions:
        wish = _created(incident, item)
        if number % ONE_REFUSED == 0 and item.number == 1:
            refused = {
                "state": EffectState.REJECTED.value,
                "words": "Field 'duedate' cannot be set",
                "mend": "Put the field on the create screen of OPS.",
            }
            yield _effect(incident, wish, None) | refused
        elif item.task:
            yield _effect(incident, wish, TaskCreated(wish.key, item.task, linked=True))
            link = LinkTask(f"link:{wish.key}", incident.ticket, item.task, item.title)
            yield _effect(incident, link, TaskLinked(link.key))


def _created(incident: Incident, item: ActionItem) -> CreateTask:
    return CreateTask(
        key=f"task:{incident.id}:{item.number}",
        target=TaskTarget("jira", "OPS", "Task", ("remediation",)),
        title=item.title,
        text=f"From the postmortem of {incident.ticket.key}.",
        kind=item.kind,
        incident=incident.ticket,
        document=incident.postmortem.ref if incident.postmortem else None,
        owner_name=item.owner,
        due=item.due,
    )


def _effect(incident: Incident, wish: Effect, result: Outcome | None) -> dict[str, Any]:
    data = dump(Effect, wish)
    return {
        "key": wish.key,
        "incident_id": incident.id,
        "kind": type(wish).__name__,
        "wish": data,
        "wish_hash": fingerprint(data),
        "state": EffectState.DONE.value,
        "attempts": 1,
        "asked_at": incident.closed,
        "begun_at": incident.closed,
        "done_at": incident.closed,
        "result": None if result is None else dump(Outcome, result),
        "words": "",
        "mend": "",
    }


def _refs(incident: Incident) -> Iterator[dict[str, Any]]:
    tasks = [(Role.TASK, item.task) for item in incident.actions]
    audits = [(Role.AUDIT, audit.ticket) for audit in incident.audits]
    for role, ticket in (*tasks, *audits):
        if ticket is not None:
            yield {
                "connection": ticket.connection,
                "ticket_id": ticket.id,
                "incident_id": incident.id,
                "role": role.value,
                "key": ticket.key,
            }


def _versions(incident: Incident) -> Iterator[dict[str, Any]]:
    document = incident.postmortem
    if document and document.text and document.status is DocumentStatus.PUBLISHED:
        at = incident.closed + timedelta(days=5) if incident.closed else None
        known = {"incident_id": incident.id, "number": 1, "commit": "", "at": at, "by": ""}
        yield known | {"digest": digest(document.text), "text": document.text, "kept_at": at}


def _job(incident: Incident) -> dict[str, Any]:
    ticket = incident.ticket
    return {
        "kind": INCIDENT_JOB,
        "subject": incident_subject(ticket.connection, ticket.id),
        "due_at": incident.opened,
        "priority": 1,
        "wanted": 2,
        "attempt": 1,
        "failures": 3,
        "reason": "the tracker does not answer",
    }


def _drift(incident: Incident) -> dict[str, Any]:
    item = incident.actions[0]
    return {
        "incident_id": incident.id,
        "connection": "jira",
        "ticket_id": item.task.id if item.task else "",
        "key": item.task.key if item.task else "",
        "item": item.name,
        "what": "owner",
        "agreed": item.owner,
        "found": "person 0",
        "found_at": incident.closed,
        "became": Became.TAKEN_OVER.value,
        "ended_at": incident.closed,
    }


def _change(incident: Incident) -> dict[str, Any]:
    return {
        "at": incident.opened,
        "who": "kim (web page)",
        "role": "admin",
        "action": "try again",
        "subject": f"{incident.ticket.key} ({incident.id})",
        "before": {"outlook": Outlook.WAITING.value},
        "after": {"outlook": incident.outlook.value},
    }
