"""How long the pages take where the store holds a hundred thousand incidents with postmortems.

    python -m bench.pages [--file FILE] [--incidents 100000] [--times 20] [--busy]

The store is that of `bench.learning`; a FILE that is there already is used as it is. Each page is
asked by Flask's own client, in this process, with all that it asks the database, by an admin and by
somebody who may see one team of eight: once to warm up, and then so many times. 200 incidents and
100 searches are asked once each. Told are the times on the clock and, of these, at work: the median
and the 99th percentile. What takes longer than it may at the 99th percentile makes the exit code 1;
with --busy, for a machine that does other things too, the time at work counts.

Left out is the export of all measures, which is a download and no page.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote_plus as quoted

from flask.testing import FlaskClient

from bench.learning import FACTORS, NOW, SERVICES, TEAMS, Company, fill
from bench.search import kinds
from config.secrets import Secret
from service import tokens
from service.app import create_app
from service.commands.run import without_long_pauses
from service.container import Web
from service.registering import Registering
from service.store import Store
from service.store.boards import ActionView, AuditView
from service.web.access import TABLE
from service.web.figures import FIGURES
from service.web.places import ACTIONS, OPERATION, PLACES
from workflows.model import Outlook
from workflows.periods import presets
from workflows.quarters import quarter_of
from workflows.rights import Actor, Role

ALLOWED_MS, ALLOWED_INCIDENT_MS = 150.0, 40.0
INCIDENTS, SEARCHES = 200, 100
TOKEN = "bench"
TEAM = TEAMS[0]
ADMIN = Actor("an admin", Role.ADMIN, None, "bench")
MEMBER = Actor("somebody", Role.VIEWER, frozenset({TEAM}), "bench")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is measured: addresses that are asked one after another, `times` each, and how many
    milliseconds one of them may take."""

    name: str
    paths: Sequence[str]
    allowed: float = ALLOWED_MS
    times: int = 1


@dataclass(frozen=True, slots=True)
class Took:
    """Milliseconds on the clock, and of these at work, the shortest first."""

    clock: Sequence[float]
    work: Sequence[float]


def pages(store: Store, actor: Actor, times: int) -> Iterator[Asked]:
    """Every page that `actor` may use, and what is measured for Prometheus."""
    measured = ["/metrics"] if TABLE["watching.measured"].admits(actor) else []
    for path in (*_places(actor), *_lists(), *_learnt(), *measured):
        yield Asked(path, [path], times=times)
    seed = random.Random(3)
    with store.read() as tx:
        count = sum(tx.incidents.counts().values())
        ids = (f"i{n:07}" for n in seed.sample(range(count), min(count, 20 * INCIDENTS)))
        known = [id for id in ids if actor.sees(tx.incidents.team(id))][:INCIDENTS]
    incidents = [f"/incidents/{id}" for id in known]
    yield Asked("one incident", incidents, ALLOWED_INCIDENT_MS)
    yield Asked("versions of one", [f"{each}/versions" for each in incidents[:50]])
    asked = list(kinds(seed).values())
    typed = [asked[n % len(asked)]() for n in range(SEARCHES)]
    yield Asked("one search", [f"/search?q={quoted(each)}" for each in typed])


def _places(actor: Actor) -> Iterator[str]:
    """Where one can go by the navigation."""
    places = {place.path: place.endpoint for place in (*PLACES, *OPERATION, *ACTIONS)}
    yield from (path for path, endpoint in places.items() if TABLE[endpoint].admits(actor))


def _lists() -> Iterator[str]:
    """The lists, narrowed and leafed through."""
    yield "/?person=person+17"
    for outlook in Outlook:
        yield f"/incidents?outlook={outlook.value}"
    yield "/incidents?before=i0000100"
    for board, views in (("/actions", ActionView), ("/audits", AuditView)):
        yield from (f"{board}?show={quoted(view.value)}" for view in views)
        for narrowed in ("person=person+17", "kind=preventive", f"service={SERVICES[0]}"):
            yield f"{board}?{narrowed}"
        yield f"{board}?page=200"
    yield "/deliveries?state=unreadable"


def _learnt() -> Iterator[str]:
    """What was learnt: figures of the usual time and of three years, patterns, reviews."""
    _, period = presets(NOW.date())[-1]
    _, *others = FIGURES
    for path in ("/figures", *(f"/figures/{name}" for name in others)):
        yield path
        yield f"{path}?from={period.first}&to={period.last}"
    yield f"/figures?from={period.first}&to={period.last}&service={SERVICES[0]}"
    yield from (f"/patterns?team={TEAM}", f"/patterns/{FACTORS[0].replace(' ', '%20')}")
    present = quarter_of(NOW.date())
    for quarter in (present, quarter_of(present.begins - timedelta(days=1))):
        yield f"/preread?team={TEAM}&quarter={quarter}"
    yield f"/api/v1/release-check?service={SERVICES[0]}"


def signed_in(store: Store, actor: Actor) -> FlaskClient:
    """A browser of theirs."""
    registering = Registering(Path(), 1)  # nobody does
    web = Web(store, store.clock, Secret(TOKEN), None, {}, {}, registering)
    client = create_app(web).test_client()
    token = TOKEN
    if actor.teams is not None:
        with store.write() as tx:
            name = f"bench {time.time_ns()}"
            token, _ = tokens.create(tx, ADMIN, name, actor.role, actor.teams, timedelta(days=1))
    if client.post("/sign-in", data={"token": token}).status_code != 303:
        raise RuntimeError("Nobody could sign in.")
    without_long_pauses()  # as the web process does
    return client


def timed(ask: Callable[[str], None], asked: Asked) -> Took:
    """How long each of them took."""
    ask(asked.paths[0])
    clock, work = [], []
    for path in [path for path in asked.paths for _ in range(asked.times)]:
        begun, worked = time.perf_counter(), time.process_time()
        ask(path)
        clock.append((time.perf_counter() - begun) * 1000)
        work.append((time.process_time() - worked) * 1000)
    return Took(sorted(clock), sorted(work))


def measured(store: Store, actor: Actor, times: int, busy: bool) -> int:
    """Ask for every page as `actor` and say how long it took; how many took too long."""
    client, slow = signed_in(store, actor), 0

    def ask(path: str) -> None:
        answer = client.get(path, follow_redirects=True)
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code}")

    for asked in pages(store, actor, times):
        took = timed(ask, asked)
        over = _at(took.work if busy else took.clock, 0.99) > asked.allowed
        slow += over
        _say(f"{_told(took.clock)}  {_told(took.work)}  {'OVER' if over else '    '} {asked.name}")
    return slow


def _told(times: Sequence[float]) -> str:
    return f"{_at(times, 0.5):7.1f} {_at(times, 0.99):7.1f}"


def _at(times: Sequence[float], share: float) -> float:
    return times[min(len(times) - 1, int(len(times) * share))]


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--file", type=Path)
    options.add_argument("--incidents", type=int, default=100_000)
    options.add_argument("--times", type=int, default=20)
    options.add_argument("--busy", action="store_true")
    given = options.parse_args()
    slow = 0
    with TemporaryDirectory() as directory:
        file = given.file or Path(directory) / "pages.db"
        store, is_new = Store(f"sqlite:///{file}", lambda: NOW), not file.exists()
        store.migrate()
        if is_new:
            fill(store, Company(given.incidents))
        _say(f"{file.stat().st_size / 1e6:.0f} MB; {_load()}")
        for actor in (ADMIN, MEMBER):
            _say(f"as {actor.name}: ms on the clock, half and 99 %; at work, half and 99 %")
            slow += measured(store, actor, given.times, given.busy)
        store.close()
    _say(_load())
    if slow:
        sys.exit(
            f"{slow} take too long: {ALLOWED_MS:.0f} ms, {ALLOWED_INCIDENT_MS:.0f} an incident."
        )


def _load() -> str:
    return "load average " + " ".join(f"{part:.1f}" for part in os.getloadavg())


if __name__ == "__main__":
    main()
