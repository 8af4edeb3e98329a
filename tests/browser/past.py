"""What a company remembers: ten months of incidents of two teams, as the service keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from service.store import Store
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
from workflows.pairs import Recurrence
from workflows.rungs import Audit, Verdict

BEGAN = datetime(2026, 4, 2, 8, 20, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SEVERITIES = ("sev1", "sev2", "sev2", "sev3", "sev3", "sev3")
PEOPLE = ("Kim Ito", "Noor Aziz", "Lee Park", "Ada Brandt")
#: What fails at each team: a service, what was seen, and why.
FAILED = {
    "payments": (
        ("checkout", "Checkout answers 500", "Retries without a limit"),
        ("checkout", "Carts are lost at the payment", "A migration locks the table of carts"),
        ("ledger", "The ledger is an hour behind", "A job runs twice at once"),
        ("ledger", "Refunds are booked twice", "Retries without a limit"),
        ("mail", "Receipts are not sent", "A certificate expired"),
    ),
    "search": (
        ("search", "Search answers after ten seconds", "One shard holds the most of the index"),
        ("search", "Search finds nothing that is new", "A job runs twice at once"),
        ("suggestions", "Suggestions are in another language", "A flag was on for everybody"),
    ),
}
MEASURES = (
    ("Alert on what customers see first", Kind.DETECTIVE),
    ("Limit the retries of each client", Kind.PREVENTIVE),
    ("Rehearse the way back each month", Kind.CORRECTIVE),
    ("Let only one job run at a time", Kind.PREVENTIVE),
)
VERDICTS = (Verdict.EFFECTIVE, Verdict.EFFECTIVE, Verdict.PARTLY, Verdict.NOT_EFFECTIVE)


def fill(store: Store) -> None:
    """Keep them; nothing of them is worked on any more."""
    with store.write() as tx:
        for made in incidents(Random(7), tx.now):
            tx.incidents.save(made, "policy")


def incidents(chance: Random, now: datetime) -> Iterator[Incident]:
    """In order of time up to a day before `now`, by `chance`; some came back."""
    opened, number = BEGAN, 100
    earlier: dict[str, tuple[str, TicketRef]] = {}
    while (opened := opened + timedelta(hours=chance.uniform(20, 180))) < now - DAY:
        number += 1
        team = chance.choice(("payments", "payments", "search"))
        service, title, factor = chance.choice(FAILED[team])
        ref = TicketRef("jira", str(number), f"INC-{number}", f"https://jira.example/INC-{number}")
        id, known = f"past{number}", earlier.get(service)
        again: tuple[Recurrence, ...] = ()
        if known and chance.random() < 0.15:
            found = opened + DAY
            again = (Recurrence(*known, True, opened, found, f"same service {service}"),)
        earlier[service] = (id, ref)
        yield _incident(id, ref, team, opened, chance, now, (service, title, factor), again)


def _incident(
    id: str,
    ref: TicketRef,
    team: str,
    opened: datetime,
    chance: Random,
    now: datetime,
    failed: tuple[str, str, str],
    again: tuple[Recurrence, ...],
) -> Incident:
    service, title, factor = failed
    detected = opened + timedelta(minutes=chance.lognormvariate(1.5, 1))
    acknowledged = detected + timedelta(minutes=chance.lognormvariate(1.2, 0.8))
    mitigated = acknowledged + timedelta(minutes=chance.lognormvariate(3.2, 0.9))
    resolved = mitigated + timedelta(minutes=chance.lognormvariate(3, 1.2))
    measures = tuple(_measure(ref, n, opened, chance, now) for n in range(1, chance.randint(2, 4)))
    return Incident(
        id=id,
        team=team,
        ticket=ref,
        title=title,
        phase=Phase.CLOSED,
        outlook=Outlook.DONE,
        severity=chance.choice(SEVERITIES),
        service=service,
        opened=opened,
        closed=resolved + HOUR,
        moments=Moments(opened, opened, detected, acknowledged, mitigated, resolved),
        postmortem=_postmortem(ref, factor, chance.choice(PEOPLE)),
        roles={"facilitator": chance.choice(PEOPLE)},
        actions=measures,
        audits=tuple(_audit(item, chance, now) for item in measures if item.done_at),
        recurrences=again,
        felt=chance.random() < 0.4,
    )


def _measure(
    of: TicketRef, number: int, opened: datetime, chance: Random, now: datetime
) -> ActionItem:
    title, kind = chance.choice(MEASURES)
    due = opened + 30 * DAY
    done: datetime | None = due + timedelta(days=chance.gauss(-4, 14))
    if chance.random() < 0.15 or (done and done > now):
        done = None
    key = f"OPS-{of.id}{number}"
    return ActionItem(
        number,
        Origin("document", str(number)),
        title,
        kind,
        owner=chance.choice(PEOPLE),
        due=due.date(),
        milestone=f"2026 Q{(due.month + 2) // 3}",
        task=TicketRef("jira", key, key, f"https://jira.example/{key}"),
        linked=True,
        status="done" if done else "open",
        done_at=done,
    )


def _audit(item: ActionItem, chance: Random, now: datetime) -> Audit:
    """Planned, asking or judged, by what day it is."""
    assert item.done_at is not None
    opens = item.done_at + 30 * DAY
    answered = opens + timedelta(days=chance.uniform(1, 18))
    reviewer = chance.choice([each for each in PEOPLE if each != item.owner])
    planned = Audit(item.number, 1, 1, 1, since=item.done_at, opens=opens)
    if opens > now:
        return planned
    due = (opens + 14 * DAY).date()
    asks = replace(planned, reviewer=reviewer, owner=item.owner or "", due=due, ticket=item.task)
    if answered > now:
        return asks
    return replace(
        asks,
        verdict=chance.choice(VERDICTS),
        at=answered,
        by=reviewer,
        evidence="graph 7 of the week after, and the drill",
    )


def _postmortem(of: TicketRef, factor: str, by: str) -> Postmortem:
    place = DocumentRef("github-pull-request", of.id, f"https://docs.example/{of.key}.md", "v1")
    text = (
        f"# {of.key}\n\n## Impact\n\nSome **customers** saw an error page, and called.\n\n"
        f"## Contributing factors\n\n| Factor | Evidence | Kind |\n| --- | --- | --- |\n"
        f"| {factor} | graph 7 | technical |\n\n"
        f"## What went well\n\n- {by} saw it on the *dashboard* before anybody called.\n"
    )
    return Postmortem("github", place, DocumentStatus.PUBLISHED, {}, {}, {}, {}, text)
