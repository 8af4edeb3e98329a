"""Rows as a worker would have left them, and what the web process is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from builders import KIM, NOON, at, task_ref

from config.secrets import Secret
from integrations.github import webhook as github
from integrations.github.budgets import ACCOUNT
from integrations.tracker import Envelope
from service.clock import Clock
from service.registering import Registering
from service.store import Store
from service.store.deliveries import Arrival, DeliveryState
from service.store.journal import EntryKind
from service.web import CheckDoor, WebhookDoor
from workflows.budgets import Budget
from workflows.effects import CreateTask, Effect, LinkTask, TaskTarget
from workflows.events import TaskLinked
from workflows.learning_rules import LearningRules
from workflows.model import (
    ActionItem,
    DocumentRef,
    DocumentStatus,
    Incident,
    Kind,
    Origin,
    Outlook,
    Phase,
    Postmortem,
    TicketRef,
)
from workflows.moments import Moments
from workflows.policy import KnownPerson

TOKEN = "correct horse battery staple"
HOOK_SECRET = "It's a Secret to Everybody"


@dataclass(frozen=True)
class Web:
    """What the web process is given here."""

    store: Store
    clock: Clock = lambda: NOON
    admin_token: Secret = field(default_factory=lambda: Secret(TOKEN))
    public_url: str | None = None
    doors: Mapping[str, WebhookDoor] = field(
        default_factory=lambda: {
            "acme-github": WebhookDoor(partial(github.verify, secrets=[HOOK_SECRET]), github.shown),
            "acme-silent": WebhookDoor(None, github.shown),
        }
    )
    limits: Mapping[str, tuple[Budget, ...]] = field(
        default_factory=lambda: {"acme-github": ACCOUNT, "acme-silent": ()}
    )
    people: tuple[KnownPerson, ...] = ()
    check_doors: tuple[CheckDoor, ...] = ()
    learning: LearningRules = field(default_factory=LearningRules)
    severities: tuple[str, ...] = ("sev1", "sev2", "sev3", "sev4")
    metrics_token: Secret | None = None
    broker_answers: Callable[[], bool] | None = None
    registering: Registering = field(default_factory=lambda: Registering(Path("nowhere"), 5))


@dataclass
class History:
    """Writes rows as the worker does."""

    store: Store

    def incident(self, id: str = "k3v9", number: int = 42, **values: Any) -> Incident:
        base = Incident(
            id=id,
            team="payments",
            ticket=TicketRef(
                "acme-github",
                f"I_{number}",
                f"acme/ops#{number}",
                f"https://git.example/acme/ops/issues/{number}",
            ),
            title="Checkout answers 500",
            phase=Phase.OPEN,
            severity="sev1",
            service="checkout",
            owner=KIM,
            opened=NOON,
            moments=Moments(detected=NOON),
        )
        incident = replace(base, **values)
        with self.store.write() as tx:
            tx.incidents.save(incident, "policy-1")
        return incident

    def closed(self, id: str = "k3v9", number: int = 42, **values: Any) -> Incident:
        """A closed incident with its document, one task, and one that a tracker refused."""
        wanted: dict[str, Any] = {
            "phase": Phase.CLOSED,
            "outlook": Outlook.WAITING,
            "waiting_for": "Field 'duedate' cannot be set",
            "closed": at(90),
            "review_due": date(2026, 12, 10),
            "roles": {"facilitator": "Noor Aziz"},
            "moments": Moments(detected=NOON, acknowledged=at(4), resolved=at(90)),
            "postmortem": document(),
            "actions": (
                action(1, "Alert on the error rate of checkout", task=task_ref(1), linked=True),
                action(2, "Limit what one tenant can queue", owner="noor"),
            ),
            **values,
        }
        incident = self.incident(id, number, **wanted)
        self.delivery(incident)
        done = LinkTask(f"link:{id}:1", incident.ticket, task_ref(1), "Alert")
        refused = task_wish(incident, 2, "Limit what one tenant can queue")
        words, mend = "Field 'duedate' cannot be set", "Put the field on the create screen of OPS."
        with self.store.write() as tx:
            text = "closed: the postmortem is set up"
            tx.journal.add(id, EntryKind.DECISION, text, {"policy": "policy-1"}, at=at(94))
            wishes: list[Effect] = [done, refused]
            tx.effects.ask(id, wishes)
            tx.effects.begin([done.key, refused.key])
            known = tx.effects.get(done.key)
            assert known is not None
            tx.effects.done(known, TaskLinked(done.key))
            tx.effects.reject(refused.key, words, mend)
            text = f"AI-1 linked to {incident.ticket.key}"
            tx.journal.add(id, EntryKind.EFFECT, text, {"key": done.key})
            text = f"refused: {words}. {mend}"
            tx.journal.add(id, EntryKind.EFFECT, text, {"key": refused.key})
        return incident

    def delivery(
        self,
        incident: Incident | None = None,
        state: DeliveryState = DeliveryState.DONE,
        body: bytes = b'{"action": "closed"}',
        id: str = "",
    ) -> int:
        with self.store.write() as tx:
            name = id or f"guid-{incident.id if incident else state.value}"
            envelope = Envelope(name, "issues", body)
            [number] = tx.deliveries.record([Arrival("acme-github", envelope, at(91))])
            assert isinstance(number, int)
            tx.deliveries.mark(
                number, state, "the ticket changed", incident_id=incident.id if incident else None
            )
        return number


def action(number: int, title: str, **values: Any) -> ActionItem:
    base = ActionItem(
        number, Origin("ticket", "I_42", number), title, Kind.PREVENTIVE, due=date(2027, 1, 6)
    )
    return replace(base, **values)


def document(url: str = "https://git.example/acme/postmortems/pull/7") -> Postmortem:
    ref = DocumentRef("github-pull-request", "7", url, "v1")
    return Postmortem("acme-github", ref, DocumentStatus.DRAFT, {}, {}, {}, {})


def task_wish(incident: Incident, number: int, title: str) -> CreateTask:
    return CreateTask(
        key=f"task:{incident.id}:{number}",
        target=TaskTarget("acme-jira", "OPS"),
        title=title,
        text="",
        kind=Kind.PREVENTIVE,
        incident=incident.ticket,
        document=document().ref,
    )
