"""What the tickets of audits say: verdicts, where and as people give them.

A verdict is a label (``audit:effective``, ``audit:partly``, ``audit:not-effective``), a status, a
reason for closing or a field's value that the rules name, or the first line of a comment::

    /audit not-effective because the alert did not fire in the drill, https://…

A command counts if who wrote it may write there, is not the owner of the measure, and has not
changed the comment since: an edit is no signature. A label, a status and a field count as set by
whomever the tracker names for it, who must not be the owner either. What was given on the page or
the command line (`workflows.judging`) counts among these. The first verdict holds. What is refused
is answered once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from workflows import audits, judging
from workflows.commands import short, shown, spoken
from workflows.events import AuditGone, AuditReading
from workflows.judging import LONGEST_EVIDENCE
from workflows.model import Change, Comment, Incident, Person, StatusCategory, Ticket
from workflows.named_fields import said_in
from workflows.people import name_of, name_said
from workflows.policy import AuditRules, Policy, Team, known_person, same_word
from workflows.rungs import Answer, Audit, Judgement, Verdict
from workflows.snapshots import Field, Progress

LABEL = "audit:"

_COMMAND = re.compile(r"^\s*/audit(?=\s|$)(?P<rest>.*)$", re.I)
_SAID = re.compile(
    r"^\s+(?P<word>[\w-]+)[.,:;]?(?:\s+(?P<because>because)\b(?P<why>.*)|\s*)$", re.I
)

#: All who may not write are answered under one id: a stranger can write any number of commands.
#: Under another where nobody can tell who may: what those say counts once that is mended.
_STRANGERS, _UNKNOWN = "strangers", "unknown"

#: So are quotes and code: they may be talk about commands.
_SHOWN = "shown"

_WORDS = {verdict.value: verdict for verdict in Verdict}


@dataclass(frozen=True, slots=True)
class _Signal:
    """A verdict as somebody gave it: `id` tells it from others, `way` says how in words. `refused`
    says why it does not count, "" where it does. `judgement`: as which it was written down, None
    where the ticket says it. `asks`: it is answered also once there is nothing to judge."""

    id: str
    at: datetime
    by: Person | None
    way: str
    verdict: Verdict | None
    evidence: str = ""
    refused: str = ""
    comment: str = ""
    judgement: Judgement | None = None
    asks: bool = False


def hear(
    incident: Incident,
    readings: Sequence[AuditReading],
    team: Team,
    policy: Policy,
    now: datetime,
) -> tuple[Incident, list[str]]:
    """The incident after tickets of its audits were read, and what that came to in sentences."""
    notes: list[str] = []
    for reading in readings:
        audit = audits.find(incident, reading.audit)
        if audit is None or audit.gone:
            continue
        if isinstance(reading, AuditGone):
            incident, told = audits.gone(incident, audit, reading.words, team, now)
        else:
            incident, told = _read(incident, audit, reading.ticket, team, policy, now)
        notes += told
    incident, told = judging.settle(incident)
    return incident, [*notes, *told]


def _read(
    incident: Incident, audit: Audit, ticket: Ticket, team: Team, policy: Policy, now: datetime
) -> tuple[Incident, list[str]]:
    known = audit.ticket
    link_id = ticket.ref.link_id or (known.link_id if known else "")
    closed = ticket.status.category is StatusCategory.DONE
    audit = replace(audit, ticket=replace(ticket.ref, link_id=link_id), closed=closed)
    notes: list[str] = []
    for signal in _signals(incident, audit, ticket, team.audits):
        why = _refusal(signal, audit, incident, ticket, policy)
        if signal.judgement is not None:
            incident = judging.answered(incident, signal.judgement.id, why)
        if not why and signal.verdict is not None:
            audit = _with_verdict(audit, signal, ticket, policy)
            incident, told = audits.judged(incident, audit, team, policy, now)
            notes += told
            audit = audits.find(incident, audit.place) or audit
            continue
        if signal.judgement is not None:  # the page answers, not the ticket
            notes.append(f"{audit.name}: {signal.way} by {_name(signal)} does not count: {why}")
            continue
        if not signal.asks and judging.no_more(audit):
            continue  # the label that said it, a quote to thank for it: nobody asked us anything
        if signal.comment and signal.id != _UNKNOWN and signal.comment not in audit.heard:
            audit = replace(audit, heard=(*audit.heard, signal.comment))
        if all(each.id != signal.id for each in audit.answers):
            audit = replace(audit, answers=(*audit.answers, Answer(signal.id, why)))
            notes.append(f"{audit.name}: {signal.way} by {_name(signal)} does not count: {why}")
    return audits.changed(incident, audit), notes


def _with_verdict(audit: Audit, signal: _Signal, ticket: Ticket, policy: Policy) -> Audit:
    """The words of a ticket that only some may read are told nowhere else."""
    written = signal.judgement
    hidden = ticket.restricted and signal.evidence and written is None
    return replace(
        audit,
        verdict=signal.verdict,
        by=_said_by(signal, ticket, policy) or "somebody",
        at=signal.at,
        evidence="(only some may read it)" if hidden else signal.evidence,
        through=written.through if written else "",
        heard=(*audit.heard, signal.comment) if signal.comment else audit.heard,
    )


# --- who may ------------------------------------------------------------------------------------


def _refusal(
    signal: _Signal, audit: Audit, incident: Incident, ticket: Ticket, policy: Policy
) -> str:
    """Why a verdict does not count, "" where it does."""
    if why := judging.no_more(audit) or signal.refused:
        return why
    who = same_word(_said_by(signal, ticket, policy))
    if not who:
        return "nobody can tell who said so"
    if signal.judgement is not None and known_person(policy, signal.judgement.by) is None:
        return f"the rules name nobody {signal.judgement.by}"
    owners = judging.owners(incident, audit)
    if any(who == same_word(name_said(owner, policy)) for owner in owners):
        return judging.OWNER
    return _too_late(signal, audit, incident)


def _too_late(signal: _Signal, audit: Audit, incident: Incident) -> str:
    """Why a verdict does not count that was given after its measure was said not to be done any
    more, whether anybody had heard of that or not; "" where it was given before."""
    item = next((each for each in incident.actions if each.number == audit.item), None)
    claim = item.said.get(Field.STATUS) if item else None
    if item is None or claim is None or item.status == Progress.DONE.value:
        return ""
    known = claim.said.value == item.status and claim.said.at.year > 1
    if not known or signal.at <= claim.said.at:
        return ""
    return f"{item.name} was {item.status} already when it was given"


def _said_by(signal: _Signal, ticket: Ticket, policy: Policy) -> str:
    """Who gave the verdict, as the record calls them; "" where nobody can tell."""
    if signal.judgement is not None:
        return name_said(signal.judgement.by, policy)
    kind = policy.connections.get(ticket.ref.connection, "")
    return name_of(signal.by, kind, policy) if signal.by else ""


def _name(signal: _Signal) -> str:
    if signal.judgement is not None:
        return signal.judgement.by
    return signal.by.name if signal.by else "somebody"


# --- what was said --------------------------------------------------------------------------------


def _signals(
    incident: Incident, audit: Audit, ticket: Ticket, rules: AuditRules | None
) -> list[_Signal]:
    """What the ticket says of a verdict, and what was written down elsewhere, the first said first;
    what was dealt with is left out, but for what the ticket shows as long as it is so."""
    found = [*_commands(audit, ticket), *_labels(ticket), *_words(ticket, rules)]
    found += [
        _Signal(
            id=f"j{each.id}",
            at=each.at,
            by=None,
            way=f"a verdict through {each.through}",
            verdict=each.verdict,
            evidence=each.evidence,
            judgement=each,
        )
        for each in judging.waiting(incident, audit)
    ]
    return sorted(found, key=lambda signal: (signal.at, signal.id))


def _commands(audit: Audit, ticket: Ticket) -> Iterator[_Signal]:
    """What comments say. One that was heard is heard once more when it was edited: whoever mends a
    command there is told that this does not count."""
    for comment in ticket.comments:
        heard = comment.id in audit.heard
        if comment.internal or (heard and not comment.edited):
            continue
        lines = spoken(comment)
        match = _COMMAND.match(lines[0]) if lines else None
        if match is not None:
            command = _command(comment, match["rest"], lines[1:], ticket.writers_unknown)
            yield replace(command, asks=not heard)
        elif (quoted := _COMMAND.match(shown(comment))) and _SAID.match(quoted["rest"]):
            refused = "it stands in a quote or in code; write it as the first line of a new one"
            way, at, by = "a command", comment.at, comment.author
            yield _Signal(_SHOWN, at, by, way, None, refused=refused, comment=comment.id)


def _command(comment: Comment, rest: str, below: Sequence[str], unknown: str) -> _Signal:
    """What `rest`, behind the command, and the lines `below` it say. `unknown`: why it could not be
    found out who may write there."""
    said = _SAID.match(rest)
    verdict = _verdict(said["word"]) if said else None
    refused, id = "", f"c{short(comment.id)}"
    if not comment.may_write:
        id = _UNKNOWN if unknown else _STRANGERS
        refused = unknown or "who wrote it may not write in this tracker"
    elif comment.edited:
        id = f"e{short(comment.id)}"
        refused = "the comment was edited; write a new one"
    elif verdict is None:
        refused = f"it names no verdict: write {in_commands()}"
    because = said is not None and said["because"] is not None
    why = (said["why"] or "").strip(" :") if said is not None else ""
    evidence = " ".join(part for part in (why, *below) if part) if because else ""
    return _Signal(
        id=id,
        at=comment.at,
        by=comment.author,
        way="a command",
        verdict=verdict,
        evidence=evidence[:LONGEST_EVIDENCE],
        refused=refused,
        comment=comment.id,
    )


def _labels(ticket: Ticket) -> Iterator[_Signal]:
    """Labels that say a verdict, as long as they are there, and who put them there last. Where the
    tracker does not tell that, no time is in the id: the ticket's own moves with each answer."""
    for label in ticket.labels:
        word = label.casefold().removeprefix(LABEL)
        verdict = _verdict(word) if label.casefold().startswith(LABEL) else None
        if verdict is None:
            continue
        added = [c for c in ticket.changes if c.field == "label" and c.after == label]
        at, by = (added[-1].at, added[-1].by) if added else (ticket.updated, None)
        id = f"l{short(label, at if added else '')}"
        yield _Signal(id, at, by, f"the label {label}", verdict)


def _words(ticket: Ticket, rules: AuditRules | None) -> Iterator[_Signal]:
    """Statuses, reasons for closing and a field's value, as far as the rules name them. Why it was
    closed is said with the status where the tracker tells no change of its own for it."""
    if rules is None:
        return
    named = {same_word(word): v for v, words in rules.verdicts.items() for word in words}
    said = [("status", ticket.status.name, named), ("resolution", ticket.status.reason, named)]
    if rules.verdict_field:
        spelled = {same_word(v.value.replace("-", " ")): v for v in Verdict}
        value = said_in(ticket.fields, rules.verdict_field) or None
        said.append((rules.verdict_field, value, {**_WORDS, **spelled, **named}))
    for field, word, means in said:
        verdict = means.get(same_word(word or ""))
        if word is None or verdict is None:
            continue
        beside = "status" if field == "resolution" else field
        changes = _changes(ticket, field) or _changes(ticket, beside)
        at, by = (changes[-1].at, changes[-1].by) if changes else (ticket.updated, None)
        id = f"w{short(field, word, at if changes else '')}"
        yield _Signal(id, at, by, f"{field} {word}", verdict)


def _changes(ticket: Ticket, field: str) -> list[Change]:
    """The recorded changes of a field that the rules call by its name, or by the tracker's id."""
    wanted = same_word(field)
    return [c for c in ticket.changes if wanted in (same_word(c.field), same_word(c.field_id))]


def _verdict(word: str) -> Verdict | None:
    return _WORDS.get(same_word(word).replace(" ", "-"))


def in_commands() -> str:
    """How a verdict is given in a comment, for people."""
    ways = [f"`/audit {verdict.value} because …`" for verdict in Verdict]
    return f"{', '.join(ways[:-1])} or {ways[-1]}"
