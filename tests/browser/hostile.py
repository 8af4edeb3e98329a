"""A store in which every text that a tracker or a person can bring tries to be more than text."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from browser.payloads import PAYLOADS
from builders import NOON, at
from web.history import action, task_wish

from integrations.tracker import Envelope, MissedDelivery
from service.store import Store
from service.store.deliveries import Arrival, DeliveryState
from service.store.journal import EntryKind
from service.store.refs import Ref, Role
from service.store.traffic import Paused
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
from workflows.proven import Evidence, Proof, Waiver
from workflows.rungs import Audit, Verdict
from workflows.snapshots import Agreement, Choice, Claim, Conflict, Field, Said, Side, Stuck
from workflows.versions import Publication, Version, digest

SECTIONS = "## Contributing factors\n\n- {0}, evidence: {0}\n\n## {0}\n\n{0}\n"


def ref(number: int, text: str) -> TicketRef:
    return TicketRef("acme-github", f"I_{number}", text, text)


def item(number: int, text: str, of: int) -> ActionItem:
    """An action item that says this in each of its fields, and where it stands."""
    claims = (
        Claim(Side.TASK, Said(text, at(80), text)),
        Claim(Side.TWIN, Said(text, at(85), text)),
    )
    proof = Proof(
        evidence=(Evidence(text, text, text, NOON),),
        waiver=Waiver(text, text, NOON, date(2027, 6, 1), text),
    )
    return action(
        number,
        text,
        owner=text,
        milestone=text,
        success_measure=text,
        due=date(2026, 12, 1),
        task=ref(of * 1000 + number, text),
        twin=ref(of * 1000 + number + 500, text),
        unset=(text,),
        status=text,
        proof=proof,
        conflicts=(Conflict(Field.OWNER, claims, text),),
        sides={
            Side.TASK: Agreement(base={Field.OWNER: text}, ours={Field.OWNER: text}),
            Side.TWIN: Agreement(
                base={Field.TITLE: text}, stuck={Field.MILESTONE: Stuck(text, text)}
            ),
        },
    )


def audits(text: str, of: int) -> tuple[Audit, ...]:
    """One that was judged so, and one that asks."""
    judged = Audit(
        *(1, 1, 1, 1, NOON, NOON, text, text, date(2026, 12, 1)),
        ticket=ref(of * 1000 + 900, text),
        verdict=Verdict.PARTLY,
        by=text,
        at=NOON,
        evidence=text,
        through=text,
        suspect=text,
    )
    asks = replace(
        judged,
        rung=2,
        verdict=None,
        by="",
        evidence="",
        suspect="",
        ticket=ref(of * 1000 + 901, text),
    )
    return judged, asks


def incident(number: int, text: str) -> Incident:
    """One that says this in each of its fields."""
    document = Postmortem(
        "acme-github",
        DocumentRef("git-directory", str(number), text, text),
        DocumentStatus.IN_REVIEW,
        *({}, {}, {}, {}),
        text=SECTIONS.format(text),
        conflicts=(text,),
    )
    line = ActionLine(text, owner=text, milestone=text)
    return Incident(
        id=f"i{number}",
        team="payments",
        ticket=ref(number, text),
        title=text,
        phase=Phase.CLOSED,
        outlook=Outlook.WAITING,
        waiting_for=text,
        severity=text,
        service=text,
        owner=Person(text, text, text),
        opened=NOON,
        closed=at(90),
        review_due=date(2026, 12, 1),
        moments=Moments(opened=NOON, detected=at(1), resolved=at(90)),
        roles={text: text},
        postmortem=document,
        actions=(item(1, text, number), replace(item(2, text, number), given_up=text)),
        proposals=(Proposal(Origin("comment", "c1"), text, text, text, 1, line, text),),
        acceptances=(Acceptance("row/1", 1, text, at(95), Way.PAGE, text),),
        choices=(Choice(1, 1, Field.OWNER, text, text, at(95), answer=text),),
        audits=audits(text, number),
        tags=(text,),
    )


def fill(store: Store) -> None:
    """One incident for each payload, with its history, a version, dead letters, drift, waits."""
    with store.write() as tx:
        for number, text in enumerate(PAYLOADS, 1):
            made = incident(number, text)
            tx.incidents.save(made, "policy")
            tx.versions.add(made.id, Version(1, Publication(text, NOON, text, text), digest(text)))
            tx.journal.add(made.id, EntryKind.DECISION, text, {"policy": text})
            wish = task_wish(made, 1, text)
            tx.effects.ask(made.id, [wish])
            tx.effects.begin([wish.key])
            tx.effects.reject(wish.key, text, text)
            place = Ref("acme-github", f"I_{number}", made.id, Role.TASK, text)
            tx.drifts.note(place, "AI-1", [Drift("owner", text, text, NOON)])
            missed = MissedDelivery(f"m{number}", text, NOON, text)
            tx.redeliveries.note("acme-github", [missed])
            envelope = Envelope(f"guid-{number}", text, text.encode(errors="replace"))
            [delivery] = tx.deliveries.record([Arrival("acme-github", envelope, NOON)])
            assert isinstance(delivery, int)
            tx.deliveries.mark(delivery, DeliveryState.UNREADABLE, text, incident_id=made.id)
    with store.write() as tx:
        tx.traffic.pause(Paused("acme-github", PAYLOADS[0], at(500), PAYLOADS[0], 1, True))
