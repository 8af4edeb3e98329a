"""How long patterns and related incidents take, of a store that `bench.learning` made.

    python -m bench.patterns FILE

Times are those of this processor, whatever else the machine does: of pages as the server answers
them, by Flask's own client, with all that they ask the database; of related incidents without the
rest of the page, which needs whole incidents.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import cycle
from pathlib import Path

from flask.testing import FlaskClient

from config.secrets import Secret
from service.app import create_app
from service.container import Web
from service.store import Store
from workflows.learning_rules import LearningRules
from workflows.related import traces
from workflows.sight import EVERYTHING, Sight

NOW = datetime(2026, 12, 7, 12, tzinfo=UTC)
TIMES = 20
TOKEN = "bench"
ONE_TEAM = Sight(frozenset({"payments"}))


def timed(what: Callable[[], object]) -> tuple[float, float]:
    """Median and longest of some times, in milliseconds."""
    taken = []
    for _ in range(TIMES):
        begun = time.process_time()
        what()
        taken.append((time.process_time() - begun) * 1000)
    return statistics.median(taken), max(taken)


def measured(store: Store) -> Iterator[tuple[str, tuple[float, float]]]:
    """Each with its times."""
    client = create_app(Web(store, store.clock, Secret(TOKEN), None, {}, {})).test_client()
    client.post("/sign-in", data={"token": TOKEN})
    with store.read() as tx:
        name = tx.patterns.page(LearningRules(), EVERYTHING, limit=1)[0].name
        ids = [each.id for each in tx.patterns.incidents(name, EVERYTHING, TIMES)]
    for path in ("/patterns", "/patterns?team=payments", f"/patterns/{name}"):
        yield path, timed(partial(_show, client, path))
    for sight, of in ((EVERYTHING, "of all"), (ONE_TEAM, "of one team")):
        coming = cycle(ids)
        yield f"related, {of}", timed(lambda: _find(store, next(coming), sight))  # noqa: B023


def _show(client: FlaskClient, path: str) -> None:
    if client.get(path).status_code != 200:
        raise RuntimeError(path)


def _find(store: Store, id: str, sight: Sight) -> None:
    with store.read() as tx:
        made = tx.learning.kept(id)
        if made is not None:
            tx.related.find(traces(made), sight)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("file", type=Path)
    store = Store(f"sqlite:///{options.parse_args().file}", lambda: NOW)
    for name, (median, longest) in measured(store):
        sys.stdout.write(f"{median:7.1f} ms, at most {longest:7.1f}  {name}\n")
    store.close()


if __name__ == "__main__":
    main()
