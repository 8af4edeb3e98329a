"""Tickets, policies and incidents for tests, with just what a story needs to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

from integrations.tracker import Lost
from workflows.effects import CreateDocument, CreateTask
from workflows.model import (
    Change,
    Comment,
    DocumentRef,
    DocumentState,
    DocumentStatus,
    Kind,
    Person,
    Status,
    StatusCategory,
    Ticket,
    TicketRef,
)
from workflows.policy import (
    DocumentDestination,
    IncidentSource,
    KnownPerson,
    Match,
    Mode,
    Policy,
    PostmortemRules,
    SeverityRules,
    SourceKind,
    Span,
    SpanUnit,
    StandardAction,
    TaskDestination,
    Team,
    ValueSource,
)

NOON = datetime(2026, 12, 7, 12, 0, tzinfo=UTC)  # a Monday
KIM = Person("kim", "Kim Ito", "kim@acme.example")
NOOR = Person("noor", "Noor Aziz")


def at(minutes: float) -> datetime:
    """So many minutes after noon of the day on which the stories play."""
    return NOON + timedelta(minutes=minutes)


def lost_document(wanted: CreateDocument, since: datetime) -> Lost:
    """A creation of this document whose answer never came."""
    return Lost((wanted.key,), wanted.target.place, wanted.incident, since)


def lost_tasks(tasks: Sequence[CreateTask], since: datetime, *keys: str) -> Lost:
    """Creations of these tasks, or of tasks with these keys at the same place, likewise."""
    sent = keys or tuple(task.key for task in tasks)
    return Lost(sent, tasks[0].target.place, tasks[0].incident, since)


def ticket(**values: Any) -> Ticket:
    """An open sev1 incident on acme/ops."""
    base = Ticket(
        ref=TicketRef(
            "github", "I_42", "acme/ops#42", "https://git.example/acme/ops/issues/42", "9042"
        ),
        place="acme/ops",
        title="Checkout answers 500",
        text="### Severity\n\nsev1\n\nPayments fail.",
        status=Status("open", StatusCategory.NEW),
        created=NOON,
        updated=NOON,
        author=KIM,
        labels=("incident", "sev1"),
    )
    return replace(base, **values)


def closed(before: Ticket | None = None, *, reason: str = "completed", **values: Any) -> Ticket:
    """The same ticket after it was closed at 13:30."""
    done = replace(
        before or ticket(),
        status=Status("closed", StatusCategory.DONE, reason),
        closed=at(90),
        updated=at(90),
    )
    return replace(done, **values)


def comment(text: str, id: str = "c1", minutes: float = 30, **values: Any) -> Comment:
    base = Comment(id, NOOR, at(minutes), text, f"https://git.example/acme/ops/issues/42#{id}")
    return replace(base, **values)


def change(field: str, before: str | None, after: str | None, minutes: float) -> Change:
    return Change(at(minutes), KIM, field, before, after)


def template() -> str:
    return (files("config") / "templates" / "postmortem.md.j2").read_text()


def policy(**values: Any) -> Policy:
    """One team, payments, whose incidents live in acme/ops and INC."""
    team = Team(
        name="payments",
        mode=Mode.ACT,
        start_from=datetime(2026, 12, 1, tzinfo=UTC),
        incidents=(
            IncidentSource(
                "github",
                "acme/ops",
                Match(labels=frozenset({"incident"})),
                severity=ValueSource(SourceKind.LABEL, "sev*"),
            ),
        ),
        postmortem=PostmortemRules(
            severities=frozenset({"sev1", "sev2"}),
            document=DocumentDestination("git", "docs", "repo", "postmortems/{year}/{incident}.md"),
            tasks=TaskDestination("github", "acme/ops", labels=("remediation",)),
            template=template(),
            standard_actions=(
                StandardAction("Detect {incident} sooner", Kind.DETECTIVE, frozenset({"sev1"})),
            ),
        ),
        rota={"facilitator": ("Kim Ito", "Noor Aziz"), "scribe": ("Noor Aziz", "Kim Ito")},
    )
    team = replace(team, **{k: v for k, v in values.items() if hasattr(team, k)})
    days = {Kind.CORRECTIVE: Span(15, SpanUnit.DAYS), Kind.PREVENTIVE: Span(30, SpanUnit.DAYS)}
    return Policy(
        teams={"payments": team},
        severities={
            "sev1": SeverityRules(
                "sev1", frozenset({"critical"}), Span(3, SpanUnit.BUSINESS_DAYS), days
            ),
            "sev2": SeverityRules("sev2"),
            "sev3": SeverityRules("sev3"),
        },
        people=(
            KnownPerson("Kim Ito", "kim@acme.example", {"github": "kim", "jira": "5b10"}),
            KnownPerson("Noor Aziz", None, {"github": "noor"}),
        ),
        connections={"github": "github", "jira": "jira", "docs": "git"},
        hash="policy-1",
    )


def document(
    text: str, version: str = "v1", status: DocumentStatus = DocumentStatus.DRAFT
) -> DocumentState:
    """A document as a store of Markdown files reads it."""
    from workflows.documents import region_headings, regions

    ref = DocumentRef("git", "postmortems/2026/acme-ops-42.md", "file:///postmortem.md", version)
    return DocumentState(ref, regions(text), region_headings(text), status, text)


def task_ref(number: int) -> TicketRef:
    key = f"acme/ops#{100 + number}"
    return TicketRef(
        "github", f"I_{100 + number}", key, f"https://git.example/{key}", str(9100 + number)
    )
