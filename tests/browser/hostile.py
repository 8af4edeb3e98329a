"""A store in which every text that a tracker or a person can bring tries to be more than text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

from browser.payloads import PAYLOADS
from builders import NOON, at
from web.history import action, task_wish

from integrations.tracker import Envelope, MissedDelivery
from service import tokens
from service.store import Store, Transaction
from service.store.codec import Json
from service.store.deliveries import Arrival, DeliveryState
from service.store.imports import File
from service.store.journal import EntryKind
from service.store.refs import Ref, Role
from service.store.traffic import Paused
from workflows import rights
from workflows.attached import Attached, EvidenceKind
from workflows.drift import Drift
from workflows.model import (
    Acceptance,
    ActionItem,
    ActionLine,
    DocumentRef,
    DocumentStatus,
    Incident,
    Origin,
    Outlook,
    Person,
    Phase,
    Postmortem,
    Proposal,
    TicketRef,
    Way,
)
from workflows.moments import Moments
from workflows.pairs import Recurrence
from workflows.proven import Evidence, Proof, Waiver
from workflows.rungs import Audit, Judgement, Verdict
from workflows.snapshots import Agreement, Choice, Claim, Conflict, Field, Said, Side, Stuck
from workflows.versions import Publication, Publishing, Version, digest

#: What is said for a text of this name: one payload for all of them, or for each what it is called.
Say = Callable[[str], str]

OPERATOR = rights.Actor("an operator", rights.Role.ADMIN, None, "command line")

DOCUMENT = """## Contributing factors

- {factor}, evidence: {evidence}

## {heading}

{words}
"""
ELSEWHERE = """# {title}

**Date:** 2026-12-01
**Severity:** {severity}
**Service:** {service}
**Tags:** {tag}

## Root cause

- {factor}

## Action items

- {action}

## {heading}

{words}
"""


def same(text: str) -> Say:
    """The same for each of them."""
    return lambda _: text


def named(name: str) -> str:
    """For each its own name, as markup that is to be read and not to be obeyed."""
    return f"<i>{name}</i>"


def document(say: Say) -> str:
    names = ("factor", "evidence", "heading", "words")
    return DOCUMENT.format(**{each: say(f"{each} in the document") for each in names})


def file(number: int, say: Say) -> File:
    """A postmortem that was written elsewhere. It names the factor of the incident's ticket."""
    names = ("title", "severity", "service", "tag", "action", "heading", "words")
    said = {each: say(f"{each} in the file") for each in names}
    text = ELSEWHERE.format(factor=say("factor"), **said)
    return File(f"{number} {say('path of the file')}", str(number), say("team"), text)


def ref(number: int, say: Say, whose: str) -> TicketRef:
    return TicketRef("acme-github", f"I_{number}", say(f"key of {whose}"), say("address"))


def item(number: int, say: Say, of: int) -> ActionItem:
    """An action item that says this in each of its fields, and where it stands."""
    claims = (
        Claim(Side.TASK, Said(say("owner on the task"), at(80), say("who set it on the task"))),
        Claim(Side.TWIN, Said(say("owner on the twin"), at(85), say("who set it on the twin"))),
    )
    proof = Proof(
        evidence=(Evidence(say("address"), say("proof"), say("who gave proof"), NOON),),
        waiver=Waiver(say("reason"), say("who waived"), NOON, date(2027, 3, 1), say("end")),
    )
    owner = say("owner of the action")
    return action(
        number,
        say("title of the action"),
        owner=owner,
        milestone=say("milestone"),
        success_measure=say("success measure"),
        due=date(2026, 12, 1),
        task=ref(of * 1000 + number, say, "the task"),
        twin=ref(of * 1000 + number + 500, say, "the twin"),
        unset=(say("what could not be set"),),
        status=say("status"),
        proof=proof,
        conflicts=(Conflict(Field.OWNER, claims, say("owner that holds")),),
        sides={
            Side.TASK: Agreement(base={Field.OWNER: owner}, ours={Field.OWNER: owner}),
            Side.TWIN: Agreement(
                base={Field.TITLE: say("title on the twin")},
                stuck={Field.MILESTONE: Stuck(say("milestone"), say("refusal"))},
            ),
        },
    )


def audits(say: Say, of: int) -> tuple[Audit, ...]:
    """One that was judged so, and one that asks."""
    reviewer, owner = say("reviewer"), say("owner of the action")
    judged = Audit(
        *(1, 1, 1, 1, NOON, NOON, reviewer, owner, date(2026, 12, 1)),
        ticket=ref(of * 1000 + 900, say, "the audit"),
        verdict=Verdict.PARTLY,
        by=say("who judged"),
        at=NOON,
        evidence=say("evidence"),
        through=say("through what"),
        suspect=say("doubt"),
    )
    asks = replace(
        judged,
        rung=2,
        verdict=None,
        by="",
        evidence="",
        suspect="",
        ticket=ref(of * 1000 + 901, say, "the audit"),
    )
    return judged, asks


def postmortem(number: int, say: Say) -> Postmortem:
    return Postmortem(
        "acme-github",
        DocumentRef("git-directory", str(number), say("address of the document"), "v1"),
        DocumentStatus.IN_REVIEW,
        *({}, {}, {}, {}),
        text=document(say),
        conflicts=(say("conflict in the document"),),
    )


def incident(number: int, say: Say) -> Incident:
    """One that says this in each of its fields."""
    line = ActionLine(say("proposal"), owner=say("its owner"), milestone=say("its milestone"))
    proposal = (line.title, say("who proposes"), say("why it is none"), 1, line, say("instead"))
    by = say("who did it")
    return Incident(
        id=f"i{number}",
        team=say("team"),
        ticket=ref(number, say, "the ticket"),
        title=say("title"),
        phase=Phase.CLOSED,
        outlook=Outlook.WAITING,
        waiting_for=say("what it waits for"),
        severity=say("severity"),
        service=say("service"),
        owner=Person("kim", say("incident owner"), say("e-mail")),
        opened=NOON,
        closed=at(90),
        review_due=date(2026, 12, 1),
        moments=Moments(opened=NOON, detected=at(1), resolved=at(90)),
        roles={say("role"): say("who has the role")},
        postmortem=postmortem(number, say),
        actions=(
            item(1, say, number),
            replace(item(2, say, number), task=None, twin=None, given_up=say("why it is given up")),
        ),
        proposals=(Proposal(Origin("comment", "c1"), *proposal),),
        attached=(
            Attached(
                id=1,
                kind=EvidenceKind.MONITORING,
                url=say("address"),
                title=say("title of attached evidence"),
                at=at(30),
                source=say("source"),
                by=by,
            ),
        ),
        acceptances=(Acceptance("row/1", 1, by, at(95), Way.PAGE, say("answer")),),
        choices=(Choice(1, 1, Field.OWNER, say("choice"), by, at(95), answer=say("answer")),),
        audits=audits(say, number),
        judgements=(
            Judgement(
                *(1, 1, 1, 2, Verdict.EFFECTIVE, say("evidence"), by, say("through what"), NOON),
                answer=say("answer"),
            ),
        ),
        publishings=(Publishing(1, by, at(95), say("answer")),),
        recurrences=(
            Recurrence(
                f"i{number}0", ref(number, say, "the other"), True, NOON, NOON, say("why again")
            ),
        ),
        tags=(say("tag"), f"factor:{say('factor')}"),
    )


def fill(store: Store, says: Sequence[Say] = tuple(map(same, PAYLOADS))) -> None:
    """One incident for each, with its history, versions, dead letters, drift, waits, an imported
    file, a change and a token."""
    with store.write() as tx:
        for number, say in enumerate(says, 1):
            made = incident(number, say)
            tx.incidents.save(made, "policy")
            tx.imports.put(file(number, say))
            _history(tx, made, say)
            _refusals(tx, number, made, say)
            _changes(tx, say)
    say = says[0]
    with store.write() as tx:
        why, words = say("why it rests"), say("what it said")
        tx.traffic.pause(Paused("acme-github", why, at(500), words, 1, True))


def _history(tx: Transaction, made: Incident, say: Say) -> None:
    for number, text in enumerate(_versions(say), 1):
        publication = Publication(text, NOON, say("who published"), say("commit"))
        tx.versions.add(made.id, Version(number, publication, digest(text)))
    tx.journal.add(made.id, EntryKind.DECISION, say("decision"), {"policy": say("detail")})


def _versions(say: Say) -> Iterator[str]:
    yield say("words of the version")
    yield f"{say('words of the version')}\n\n## {say('new heading')}\n\nmore\n"


def _refusals(tx: Transaction, number: int, made: Incident, say: Say) -> None:
    wish = task_wish(made, 1, say("wish"))
    tx.effects.ask(made.id, [wish])
    tx.effects.begin([wish.key])
    tx.effects.reject(wish.key, say("refusal"), say("how to mend it"))
    place = Ref("acme-github", f"I_{number}", made.id, Role.TASK, say("key of the task"))
    tx.drifts.note(place, "AI-1", [Drift("owner", say("ours"), say("theirs"), NOON)])
    missed = MissedDelivery(f"m{number}", say("event"), NOON, say("why it failed"))
    tx.redeliveries.note("acme-github", [missed])
    body = json.dumps({say("name in the payload"): say("payload")}).encode()
    envelope = Envelope(f"guid-{number}", say("event"), body)
    [delivery] = tx.deliveries.record([Arrival("acme-github", envelope, NOON)])
    assert isinstance(delivery, int)
    why = say("why it is unreadable")
    tx.deliveries.mark(delivery, DeliveryState.UNREADABLE, why, incident_id=made.id)


def _changes(tx: Transaction, say: Say) -> None:
    who = rights.Actor(say("who changed it"), rights.Role.EDITOR, None, "web page")
    before: Json = {say("name of a value"): say("before")}
    tx.changes.add(who, "choose", say("subject"), before, {"value": say("after"), "more": [1]})
    name = say("name of the token").strip()
    if not rights.wrong_with_token(name, None, timedelta(days=1)) and not tx.tokens.living(name):
        tokens.create(tx, OPERATOR, name, rights.Role.VIEWER, None, timedelta(days=1))
