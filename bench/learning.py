"""A company's incidents, with postmortems, measures and audits, as they are kept to learn from.

    python -m bench.learning FILE [--incidents 100000]

They are made by `workflows.projection` and written by the store, as the service's are; only that
no ticket stands behind them. `counted` tells how long it takes to count and group them.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from pathlib import Path

from service.store import Store
from workflows.model import (
    ActionItem,
    Area,
    DocumentRef,
    DocumentStatus,
    Incident,
    Kind,
    Origin,
    Phase,
    Postmortem,
    TicketRef,
)
from workflows.moments import Moments
from workflows.projection import Projection, project
from workflows.rungs import Audit, Verdict

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
        self.incidents = incidents
        self.seed = random.Random(seed)
        self.words, self._often = words(self.seed)

    def projections(self) -> Iterator[Projection]:
        """Each incident as it is kept, the oldest first."""
        step = timedelta(days=365 * YEARS) / self.incidents
        for n in range(self.incidents):
            yield self._one(n, NOW - timedelta(days=365 * YEARS) + n * step)

    def text(self, count: int) -> str:
        return " ".join(self.seed.choices(self.words, cum_weights=self._often, k=count))

    def _one(self, n: int, opened: datetime) -> Projection:
        seed = self.seed
        service = seed.choice(SERVICES)
        ref = TicketRef("jira", str(n), f"INC-{n}", f"https://acme.example/browse/INC-{n}")
        resolved = opened + timedelta(minutes=seed.lognormvariate(4, 1))
        factors = seed.sample(FACTORS, seed.randint(1, 3))
        items = tuple(self._item(number, resolved) for number in range(1, seed.randint(2, 5)))
        known = Incident(
            id=f"i{n:07}",
            team=service.partition("-")[0],
            ticket=ref,
            title=f"{service} {self.text(6)}",
            phase=Phase.CLOSED,
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
            tags=tuple(sorted(f"tag:{tag}" for tag in seed.sample(TAGS, 2))),
            postmortem=self._postmortem(ref, factors),
            actions=items,
            audits=tuple(self._audit(item, resolved) for item in items if item.done_at),
        )
        return project(known, {}, resolved + timedelta(days=5))

    def _postmortem(self, ref: TicketRef, factors: list[str]) -> Postmortem:
        rows = "\n".join(f"| {factor} | {self.text(8)} |" for factor in factors)
        text = (
            f"# {ref.key}\n\n## Summary\n\n{self.text(50)}\n\n## Impact\n\n{self.text(40)}\n\n"
            f"## Timeline\n\n{self.text(80)}\n\n## Contributing factors\n\n"
            f"| Factor | Evidence |\n| --- | --- |\n{rows}\n\n"
            f"## What went well\n\n{self.text(40)}\n\n## Lessons\n\n{self.text(60)}\n"
        )
        document = DocumentRef("git-directory", ref.key, f"https://docs.example/{ref.key}", "1")
        return Postmortem("docs", document, DocumentStatus.PUBLISHED, {}, {}, {}, {}, text)

    def _item(self, number: int, resolved: datetime) -> ActionItem:
        seed = self.seed
        done = resolved + timedelta(days=seed.randint(1, 90))
        is_done = seed.random() < 0.7 and done < NOW
        return ActionItem(
            number,
            Origin("rule", str(number)),
            f"{seed.choice(KIND_WORDS)} {self.text(4)}",
            seed.choice(list(Kind)),
            owner=f"person {seed.randint(1, 200)}",
            due=(resolved + timedelta(days=30)).date(),
            area=seed.choice(list(Area)),
            milestone=f"{resolved.year} Q{(resolved.month + 2) // 3}",
            success_measure=self.text(6),
            status="done" if is_done else "open",
            done_at=done if is_done else None,
        )

    def _audit(self, item: ActionItem, resolved: datetime) -> Audit:
        opens = (item.done_at or resolved) + timedelta(days=30)
        audit = Audit(item.number, 1, 1, 1, item.done_at or resolved, opens)
        if opens > NOW:
            return audit
        ticket = TicketRef("jira", f"a{item.number}", f"OPS-{item.number}", "https://acme.example")
        verdict = self.seed.choices(list(Verdict), (7, 2, 1))[0]
        due, evidence = (opens + timedelta(days=10)).date(), self.text(12)
        judged = replace(audit, verdict=verdict, by="person 1", at=opens, evidence=evidence)
        return replace(judged, due=due, ticket=ticket)


def fill(store: Store, company: Company) -> None:
    """Keep all of them in the store."""
    coming = company.projections()
    while some := list(islice(coming, AT_ONCE)):
        with store.write() as tx:
            for each in some:
                tx.learning.put(each)


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
