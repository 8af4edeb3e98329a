"""A company's incidents of five years, with postmortems, measures and audits, as they are kept.

    python -m bench.learning FILE [--incidents 100000]

They are saved as the service saves them, with what teaches and is searched; only that no ticket
stands behind them. `bench.beside` adds what the service keeps beside each. `counted` tells how long
it takes to count and group them.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from pathlib import Path

from bench.beside import add_beside
from service.store import Store
from service.store.imports import File
from workflows.lines import ActionLine, Proposal
from workflows.model import (
    ActionItem,
    Area,
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
from workflows.snapshots import Agreement, Claim, Conflict, Field, Said, Side

NOW = datetime(2026, 12, 7, 12, tzinfo=UTC)
YEARS = 5
AT_ONCE = 500

TEAMS = ("payments", "search", "platform", "identity", "logistics", "data", "mobile", "growth")
SERVICES = tuple(f"{team}-{part}" for team in TEAMS for part in ("api", "worker", "gateway", "db"))
FACTORS = (
    *("connection pool exhausted", "retry storm", "expired certificate", "missing index"),
    *("unbounded queue", "cache stampede", "clock skew", "disk full", "feature flag left on"),
    *("slow rollback", "alert without owner", "untested failover", "memory leak"),
    *("schema migration locked table", "rate limit of a vendor", "dns misconfiguration"),
)
TAGS = ("database", "network", "deploy", "config", "capacity", "vendor", "security", "dns")
KIND_WORDS = ("Alert on", "Cap", "Rehearse", "Document", "Remove", "Automate", "Test", "Limit")

#: Words that people write in every postmortem, and a long tail of names that few do.
COMMON = """
    the of to and a in was that for on not we it by with at after before when because which
    service customers requests errors latency deploy rollback team database timeout traffic
    alert dashboard incident minutes replica node cluster queue worker cache memory certificate
    config release region failover retries capacity threshold owner review log metric graph
    checkout payment order invoice login session token upload export import search index
"""
SYLLABLES = "ka lo mi ter ven sor pla qu an der ith mo ra tel fin gor bas ex on ul"


def words(seed: random.Random) -> tuple[list[str], list[float]]:
    """All words, the frequent ones first, and how often each comes up to there."""
    common, syllables = COMMON.split(), SYLLABLES.split()
    tail = {"".join(seed.choices(syllables, k=seed.randint(2, 4))) for _ in range(30_000)}
    all_words = [*common, *sorted(tail - set(common))]
    return all_words, list(accumulate(1 / (n + 3) for n in range(len(all_words))))


class Company:
    """What happens there, by a seed."""

    def __init__(self, incidents: int, seed: int = 7) -> None:
        self.count = incidents
        self.seed = random.Random(seed)
        self.words, self._often = words(self.seed)

    def incidents(self) -> Iterator[Incident]:
        """Each of them, the oldest first. Those of the last two days are open yet."""
        step = timedelta(days=365 * YEARS) / self.count
        earlier: dict[str, Incident] = {}
        for n in range(self.count):
            opened = NOW - timedelta(days=365 * YEARS) + n * step
            made = self._closed(n, opened, earlier)
            earlier[made.service or ""] = made
            yield made if NOW - opened > timedelta(days=2) else _open(made)

    def text(self, count: int) -> str:
        return " ".join(self.seed.choices(self.words, cum_weights=self._often, k=count))

    def _closed(self, n: int, opened: datetime, earlier: Mapping[str, Incident]) -> Incident:
        seed = self.seed
        service = seed.choice(SERVICES)
        ref = TicketRef("jira", str(n), f"INC-{n}", f"https://acme.example/browse/INC-{n}")
        resolved = opened + timedelta(minutes=seed.lognormvariate(4, 1))
        factors = seed.sample(FACTORS, seed.randint(1, 3))
        items = tuple(self._item(n, number, resolved) for number in range(1, seed.randint(2, 5)))
        audits = tuple(self._audit(n, item, resolved) for item in items if item.done_at)
        waits = any(item.status == "open" for item in items) or any(not a.verdict for a in audits)
        known = Incident(
            id=f"i{n:07}",
            team=service.partition("-")[0],
            ticket=ref,
            title=f"{service} {self.text(6)}",
            phase=Phase.CLOSED,
            outlook=Outlook.WATCHING if waits else Outlook.DONE,
            severity=f"sev{seed.choices((1, 2, 3, 4), (1, 4, 8, 8))[0]}",
            service=service,
            restricted=seed.random() < 0.02,
            moments=Moments(
                opened,
                opened - timedelta(minutes=seed.randint(0, 30)),
                opened,
                opened + timedelta(minutes=seed.randint(1, 20)),
                None,
                resolved,
            ),
            opened=opened,
            closed=resolved,
            roles={"facilitator": f"person {seed.randint(1, 200)}"},
            review_due=(resolved + timedelta(days=7)).date(),
            tags=tuple(sorted(f"tag:{tag}" for tag in seed.sample(TAGS, 2))),
            postmortem=self._postmortem(ref, factors, resolved),
            actions=items,
            audits=audits,
        )
        return self._special(known, earlier.get(service))

    def _special(self, known: Incident, earlier: Incident | None) -> Incident:
        """Of a hundred, one waits for somebody, one has a line to accept, and three came back; of
        a thousand, two have an owner on whom two sides do not agree."""
        chance = self.seed.random()
        if chance < 0.01:
            why = "Field 'duedate' cannot be set"
            return replace(known, outlook=Outlook.WAITING, waiting_for=why)
        if chance < 0.02:
            title = f"{self.seed.choice(KIND_WORDS)} {self.text(4)}"
            origin = Origin("comment", known.ticket.id)
            line = Proposal(origin, title, "lee", "may not write", 1, ActionLine(title))
            return replace(known, proposals=(line,), proposals_numbered=1)
        if chance < 0.05 and earlier and earlier.opened and known.opened:
            again = Recurrence(earlier.id, earlier.ticket, True, known.opened, known.opened)
            return replace(known, recurrences=(replace(again, why="same service"),))
        if chance < 0.052 and known.closed:
            at = known.closed
            claims = (
                Claim(Side.TASK, Said("person 1", at, "p1")),
                Claim(Side.DOCUMENT, Said("person 2", at + timedelta(hours=1))),
            )
            first, *others = known.actions
            torn = replace(first, conflicts=(Conflict(Field.OWNER, claims, "person 1"),))
            return replace(known, actions=(torn, *others))
        return known

    def _postmortem(self, ref: TicketRef, factors: list[str], closed: datetime) -> Postmortem:
        rows = "\n".join(f"| {factor} | {self.text(8)} |" for factor in factors)
        course = self.text(80)
        text = (
            f"# {ref.key}\n\n## Summary\n\n{self.text(50)}\n\n## Impact\n\n{self.text(40)}\n\n"
            f"## Timeline\n\n{course}\n\n## Contributing factors\n\n"
            f"| Factor | Evidence |\n| --- | --- |\n{rows}\n\n"
            f"## What went well\n\n{self.text(40)}\n\n## Lessons\n\n{self.text(60)}\n"
        )
        document = DocumentRef("git-directory", ref.key, f"https://docs.example/{ref.key}", "1")
        regions = {"timeline": course}
        late = NOW - closed < timedelta(days=10)
        status = self.seed.choice(LIVING) if late else DocumentStatus.PUBLISHED
        return Postmortem("docs", document, status, regions, regions, regions, {}, text)

    def _item(self, n: int, number: int, resolved: datetime) -> ActionItem:
        seed = self.seed
        done = resolved + timedelta(days=seed.randint(1, 90))
        is_done = seed.random() < 0.7 and done < NOW
        owner, due = f"person {seed.randint(1, 200)}", (resolved + timedelta(days=30)).date()
        base = {Field.OWNER: owner, Field.DUE: str(due), Field.STATUS: "open"}
        return ActionItem(
            number,
            Origin("rule", str(number)),
            f"{seed.choice(KIND_WORDS)} {self.text(4)}",
            seed.choice(list(Kind)),
            owner=owner,
            due=due,
            area=seed.choice(list(Area)),
            milestone=f"{resolved.year} Q{(resolved.month + 2) // 3}",
            success_measure=self.text(6),
            task=_ticket(f"t{n}.{number}", f"OPS-{n * 10 + number}"),
            linked=True,
            status="done" if is_done else "open",
            sides={Side.TASK: Agreement(base=base, place="OPS", updated=resolved)},
            done_at=done if is_done else None,
        )

    def _audit(self, n: int, item: ActionItem, resolved: datetime) -> Audit:
        opens = (item.done_at or resolved) + timedelta(days=30)
        audit = Audit(item.number, 1, 1, 1, item.done_at or resolved, opens)
        if opens > NOW:
            return audit
        asks = replace(
            audit,
            due=(opens + timedelta(days=10)).date(),
            reviewer=f"person {self.seed.randint(1, 200)}",
            ticket=_ticket(f"a{n}.{item.number}", f"AUD-{n * 10 + item.number}"),
        )
        if self.seed.random() < 0.02:
            return asks
        verdict = self.seed.choices(list(Verdict), (7, 2, 1))[0]
        doubt = "it came again" if self.seed.random() < 0.01 else ""
        judged = replace(asks, verdict=verdict, by="person 1", at=opens, suspect=doubt)
        return replace(judged, evidence=self.text(12))


LIVING = (DocumentStatus.DRAFT, DocumentStatus.IN_REVIEW)


def _ticket(id: str, key: str) -> TicketRef:
    return TicketRef("jira", id, key, f"https://acme.example/browse/{key}")


def _open(known: Incident) -> Incident:
    """The same before it was closed."""
    moments = replace(known.moments, resolved=None)
    return replace(
        known,
        phase=Phase.OPEN,
        outlook=Outlook.WATCHING,
        moments=moments,
        closed=None,
        review_due=None,
        postmortem=None,
        actions=(),
        audits=(),
        proposals=(),
    )


#: So many files were imported.
FILES = 500


def fill(store: Store, company: Company) -> None:
    """Keep all of them in the store, each as of the day on which it was closed or opened."""
    now, coming = store.clock, company.incidents()
    while some := list(islice(coming, AT_ONCE)):
        last = max(each.opened for each in some if each.opened)
        store.clock = lambda at=last: at  # type: ignore[misc]
        with store.write() as tx:
            for each in some:
                tx.incidents.save(each, "policy")
        add_beside(store.url, some)
    store.clock = now
    with store.write() as tx:
        for n in range(FILES):
            team = TEAMS[n % len(TEAMS)]
            text = f"# Elsewhere {n}\n\n## Summary\n\n{company.text(60)}\n"
            tx.imports.put(File(f"{n}.md", str(n), team, text))


#: What figures and patterns ask, in the store's own words.
COUNTS = {
    "incidents by quarter and severity": (
        "SELECT quarter, severity, count(*) FROM facts WHERE restricted = 0 GROUP BY 1, 2"
    ),
    "incidents of a service by quarter": (
        "SELECT quarter, count(*) FROM facts WHERE service_words = 'search api' GROUP BY 1"
    ),
    "lengths of a quarter": (
        "SELECT severity, to_detect, to_resolve FROM facts WHERE quarter = '2026Q3'"
    ),
    "factors by service and quarter": (
        "SELECT name, service_words, quarter, count(*) FROM labels WHERE what = 'factor'"
        " AND restricted = 0 AND quarter >= '2026Q1' GROUP BY 1, 2, 3"
    ),
    "factors of all time": (
        "SELECT name, count(*) FROM labels WHERE what = 'factor' AND restricted = 0 GROUP BY 1"
    ),
    "open measures by team and kind": (
        "SELECT team, kind, count(*), sum(due < '2026-12-07') FROM measures WHERE open = 1"
        " AND restricted = 0 GROUP BY 1, 2"
    ),
    "audits late": (
        "SELECT team, count(*) FROM audits WHERE asks = 1 AND due < '2026-12-07' GROUP BY 1"
    ),
    "verdicts": "SELECT verdict, count(*) FROM audits WHERE verdict <> '' GROUP BY 1",
}


def counted(file: Path) -> Iterator[tuple[str, float]]:
    """Each count with its median time in milliseconds."""
    connection = sqlite3.connect(file)
    for name, query in COUNTS.items():
        times = []
        for _ in range(7):
            begun = time.perf_counter()
            connection.execute(query).fetchall()
            times.append((time.perf_counter() - begun) * 1000)
        yield name, statistics.median(times)
    connection.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("file", type=Path)
    options.add_argument("--incidents", type=int, default=100_000)
    given = options.parse_args()
    if not given.file.exists():
        store = Store(f"sqlite:///{given.file}", lambda: NOW)
        store.migrate()
        begun = time.perf_counter()
        fill(store, Company(given.incidents))
        store.close()
        sys.stdout.write(f"made in {time.perf_counter() - begun:.0f} s\n")
    sys.stdout.write(f"{given.file.stat().st_size / 1e6:.0f} MB\n")
    for name, milliseconds in counted(given.file):
        sys.stdout.write(f"{milliseconds:7.1f} ms  {name}\n")


if __name__ == "__main__":
    main()
