"""How long a search takes among a hundred thousand incidents with postmortems.

    python -m bench.search [--file FILE] [--incidents 100000] [--queries 1000]

The incidents are those of `bench.learning`; a FILE that is there already is used as it is. Told is
the time of the whole search, excerpts included, in a transaction of its own, for each kind of query
and for all of them.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.learning import (
    COMMON,
    FACTORS,
    NOW,
    SERVICES,
    TAGS,
    TEAMS,
    Company,
    counted,
    fill,
    words,
)
from service.commands.run import without_long_pauses
from service.store import Store
from workflows.queries import parse
from workflows.sight import EVERYTHING, Sight

ALLOWED_P99_MS = 60.0
ALLOWED_COUNT_MS = 150.0
WARM_UP = 50  # so many searches come first, and are not counted


def kinds(seed: random.Random) -> dict[str, Callable[[], str]]:
    """What people type, by what is hard about it."""
    common = COMMON.split()
    rare = words(random.Random(7))[0][5_000:]
    middling = words(random.Random(7))[0][100:1_000]

    def some(of: list[str] | tuple[str, ...], count: int = 1) -> str:
        return " ".join(seed.sample(of, count))

    return {
        "one rare word": lambda: some(rare),
        "one frequent word": lambda: some(common),
        "three frequent words": lambda: some(common, 3),
        "six frequent words": lambda: some(common, 6),
        "frequent and rare": lambda: f"{some(common)} {some(middling)}",
        "a factor as a phrase": lambda: f'"{some(FACTORS)}"',
        "a phrase of frequent words": lambda: f'"{some(common, 2)}"',
        "a beginning of two letters": lambda: f"{some(middling)[:2]}*",
        "a beginning and a word": lambda: f"{some(middling)[:3]}* {some(common)}",
        "frequent, one service": lambda: f"{some(common, 2)} service:{some(SERVICES)}",
        "frequent, tag and severity": lambda: f"{some(common)} tag:{some(TAGS)} severity:sev1",
        "a factor and a quarter": lambda: f'factor:"{some(FACTORS)}" opened:2023-Q2',
        "without a frequent word": lambda: f"{some(common, 2)} -{some(common)}",
        "words that none has": lambda: f"nowhere {some(common, 2)}",
        "filters alone": lambda: f"team:{some(TEAMS)} kind:preventive after:2026",
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--file", type=Path)
    options.add_argument("--incidents", type=int, default=100_000)
    options.add_argument("--queries", type=int, default=1_000)
    given = options.parse_args()
    with TemporaryDirectory() as directory:
        file = given.file or Path(directory) / "search.db"
        store = Store(f"sqlite:///{file}", lambda: NOW)
        if not file.exists():
            store.migrate()
            fill(store, Company(given.incidents))
        sys.stdout.write(f"{file.stat().st_size / 1e6:.0f} MB\n")
        slow = searched(store, given.queries)
        for name, milliseconds in counted(file):
            sys.stdout.write(f"{milliseconds:7.1f} ms  {name}\n")
            slow = slow or milliseconds > ALLOWED_COUNT_MS
        store.close()
    if slow:
        sys.exit(f"Too slow: {ALLOWED_P99_MS:.0f} ms are allowed, {ALLOWED_COUNT_MS:.0f} to count.")


def searched(store: Store, queries: int) -> bool:
    """Search for so many things, half of them as somebody of one team; whether that was slow."""
    seed = random.Random(11)
    asked = kinds(seed)
    took: dict[str, list[float]] = defaultdict(list)
    busy: list[float] = []
    for n in range(queries + WARM_UP):
        if n == WARM_UP:
            without_long_pauses()  # as the web process does
        name = list(asked)[n % len(asked)]
        query = parse(asked[name]())
        sight = Sight(frozenset(seed.sample(TEAMS, 3))) if n % 2 else EVERYTHING
        begun, worked = time.perf_counter(), time.process_time()
        with store.read() as tx:
            tx.search.find(query, sight)
        if n >= WARM_UP:
            took[name].append((time.perf_counter() - begun) * 1000)
            busy.append((time.process_time() - worked) * 1000)
    every = [each for times in took.values() for each in times]
    for name, times in took.items():
        sys.stdout.write(f"{_told(times)}  {name}\n")
    sys.stdout.write(f"{_told(every)}  all {len(every)}\n{_told(busy)}  of that at work\n")
    return _p99(every) > ALLOWED_P99_MS


def _told(times: list[float]) -> str:
    return f"p50 {statistics.median(times):6.1f} ms, p99 {_p99(times):6.1f} ms"


def _p99(times: list[float]) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.99))]


if __name__ == "__main__":
    main()
