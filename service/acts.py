"""What a person does, by a page, the API or the command line: each with its line in the audit log,
written in the transaction of the change itself.

Whoever offers a person a way to change something calls one of these, and nothing below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from service import attaching, choosing, dead_letters, judging, publishing, related
from service.accepting import accept
from service.dead_letters import DeadLetter
from service.explain import Explanation
from service.jobs import PROMPT
from service.publishing import Answer
from service.routing import INCIDENT_JOB, incident_subject
from service.store import Transaction
from service.store.codec import Json
from service.store.incidents import IncidentRecord
from workflows.attached import Attached, EvidenceKind
from workflows.audits import find
from workflows.choices import conflict_of, item_in
from workflows.model import Incident, Proposal, Way
from workflows.policy import KnownPerson
from workflows.rights import Actor
from workflows.rungs import Verdict
from workflows.snapshots import Field, Value
from workflows.voices import record as values_of

#: How the way that somebody came is called where a proposal's acceptance is told.
_WAYS = {"web page": Way.PAGE, "API": Way.API, "command line": Way.COMMAND_LINE}


def accept_proposal(tx: Transaction, actor: Actor, record: IncidentRecord, number: int) -> Proposal:
    """See `service.accepting.accept`. Raises NotAcceptable."""
    found = accept(tx, record, number, by=actor.name, way=_WAYS[actor.way])
    after: Json = {"accepted": True, "title": found.title}
    what = _of(record.incident, found.name)
    tx.changes.add(actor, "accept proposal", what, {"accepted": False}, after)
    return found


def give_verdict(
    tx: Transaction,
    actor: Actor,
    record: IncidentRecord,
    place: tuple[int, int, int],
    verdict: Verdict,
    evidence: tuple[str, str],
    *,
    by: str,
    people: Sequence[KnownPerson],
) -> str:
    """See `service.judging.judge`. Raises NotJudgeable."""
    told = judging.judge(
        tx, record, place, verdict, evidence, by=by, people=people, through=actor.signed
    )
    audit = find(record.incident, place)
    before: Json = {"verdict": audit.verdict.value if audit and audit.verdict else None}
    after: Json = {"verdict": verdict.value, "by": by, "evidence": list(evidence)}
    name = audit.name if audit else ""
    tx.changes.add(actor, "judge measure", _of(record.incident, name), before, after)
    return told


def choose_value(
    tx: Transaction,
    actor: Actor,
    record: IncidentRecord,
    item: int,
    field: Field,
    value: Value | int,
) -> str:
    """See `service.choosing.choose`. Raises NotChoosable."""
    told = choosing.choose(tx, record, item, field, value, by=actor.signed)
    found = item_in(record.incident, item)
    conflict = conflict_of(found, field) if found else None
    if conflict is not None:  # else it holds already, and nothing was changed
        if isinstance(value, int):
            value = conflict.claims[value - 1].said.value
        what = _of(record.incident, f"AI-{item} {field}")
        tx.changes.add(actor, "choose value", what, {"holds": conflict.kept}, {"holds": value})
    return told


def resume_field(
    tx: Transaction, actor: Actor, record: IncidentRecord, item: int, field: Field
) -> str:
    """See `service.choosing.resume`. Raises NotChoosable."""
    told = choosing.resume(tx, record, item, field, by=actor.signed)
    found = item_in(record.incident, item)
    holds = values_of(found)[field] if found else None
    before: Json = {"holds": holds, "in sync": False}
    what = _of(record.incident, f"AI-{item} {field}")
    tx.changes.add(actor, "resume field", what, before, {"holds": holds, "in sync": True})
    return told


def publish_document(tx: Transaction, actor: Actor, record: IncidentRecord) -> Answer:
    """See `service.publishing.publish`."""
    answer = publishing.publish(tx, record, by=actor.signed)
    document = record.incident.postmortem
    before: Json = {"status": document.status.value if document else None}
    after: Json = {"asked": True, "granted": answer.granted, "answer": answer.words}
    tx.changes.add(actor, "publish postmortem", _of(record.incident), before, after)
    return answer


def attach_evidence(
    tx: Transaction,
    actor: Actor,
    record: IncidentRecord,
    kind: EvidenceKind,
    link: tuple[str, str],
    at: datetime,
    source: str,
) -> Attached:
    """See `service.attaching.attach`. Raises NotAttachable."""
    before: Json = {"links": tx.evidence.count(record.incident.id)}
    found = attaching.attach(tx, record, kind, link, at, source, by=actor.signed)
    after: Json = {"kind": kind.value, "title": found.title, "url": found.url}
    what = _of(record.incident, f"evidence {found.id}")
    tx.changes.add(actor, "attach evidence", what, before, after)
    return found


def dismiss_related(
    tx: Transaction, actor: Actor, record: IncidentRecord, other_id: str, why: str
) -> str:
    """See `service.related.dismiss`. Raises NotDismissable."""
    said = tx.dismissals.of_pair(record.incident.id, other_id)
    told = related.dismiss(tx, record, other_id, by=actor.signed, why=why)
    if said is None:  # else it holds already, and nothing was changed
        after: Json = {"dismissed": True, "why": " ".join(why.split())}
        what = _of(record.incident, f"related {other_id}")
        tx.changes.add(actor, "dismiss related", what, {"dismissed": False}, after)
    return told


def take_back_dismissal(
    tx: Transaction, actor: Actor, record: IncidentRecord, other_id: str
) -> str:
    """See `service.related.take_back`. Raises NotDismissable."""
    said = tx.dismissals.of_pair(record.incident.id, other_id)
    told = related.take_back(tx, record, other_id)
    before: Json = {
        "dismissed": True,
        "by": said.by if said else "",
        "why": said.why if said else "",
    }
    what = _of(record.incident, f"related {other_id}")
    tx.changes.add(actor, "take back dismissal", what, before, {"dismissed": False})
    return told


def replay_letter(tx: Transaction, actor: Actor, letter: DeadLetter) -> bool:
    """See `service.dead_letters.replay`."""
    done = dead_letters.replay(tx, letter.id, by=actor.signed)
    if done:
        after = dead_letters.letter(tx, letter.id).standing
        what = _about(letter)
        tx.changes.add(actor, "replay dead letter", what, _stands(letter), {"stands": after})
    return done


def drop_letter(tx: Transaction, actor: Actor, letter: DeadLetter, *, why: str) -> bool:
    """See `service.dead_letters.drop`."""
    done = dead_letters.drop(tx, letter.id, by=actor.signed, why=why)
    if done:
        after: Json = {"stands": "given up by a person", "why": why}
        tx.changes.add(actor, "drop dead letter", _about(letter), _stands(letter), after)
    return done


def try_again(tx: Transaction, actor: Actor, found: Explanation) -> None:
    """Everything of an incident that was refused is wanted again, and its ticket is read."""
    for effect in found.refused:
        dead_letters.replay(tx, f"e{effect.id}", by=actor.signed)
    ticket = found.incident.ticket
    tx.jobs.touch(INCIDENT_JOB, incident_subject(ticket.connection, ticket.id), priority=PROMPT)
    refused: Json = [f"e{effect.id}" for effect in found.refused]
    tx.changes.add(actor, "try again", _of(found.incident), {"refused": refused}, {"refused": []})


def replay_delivery(tx: Transaction, actor: Actor, number: int) -> bool:
    """Have the delivery worked on again from its recorded bytes. False when there is none."""
    before = tx.deliveries.get(number)
    if before is None or not tx.deliveries.replay(number):
        return False
    stands: Json = {"state": before.state.value}
    after: Json = {"state": "received"}
    tx.changes.add(actor, "replay delivery", f"delivery {number}", stands, after)
    return True


def drop_delivery(tx: Transaction, actor: Actor, number: int, why: str) -> bool:
    """Give the delivery up. False when there is none."""
    before = tx.deliveries.get(number)
    if before is None or not tx.deliveries.drop(number, why):
        return False
    stands: Json = {"state": before.state.value}
    after: Json = {"state": "dropped", "why": why}
    tx.changes.add(actor, "drop delivery", f"delivery {number}", stands, after)
    return True


def _of(incident: Incident, name: str = "") -> str:
    """What of which incident, by its key and our id: a key may change."""
    return " ".join(filter(None, (incident.ticket.key, f"({incident.id})", name)))


def _about(letter: DeadLetter) -> str:
    key = letter.ticket.key if letter.ticket else ""
    return " ".join(filter(None, ("dead letter", letter.id, key)))


def _stands(letter: DeadLetter) -> Json:
    return {"stands": letter.standing}
