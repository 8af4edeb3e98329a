"""The whole service, at work on a ground: real time, but for what it waits for by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import indent
from typing import Self

from contract.ground import Ground
from databases import prepare
from werkzeug.serving import make_server

from config.rules import load
from config.secrets import Secret
from config.settings import Settings
from service.app import create_app
from service.container import Web, build, check_doors, doors, limits, open_store
from service.jobs import TIMING, record_end
from service.registering import Registering

HOOK = "hook-of-the-contract"
PATIENCE = 30.0  # seconds until what is waited for is given up

#: The same where nobody tells of a change: an index of searches may lag for minutes, and a document
#: that was looked at too early is looked at again five minutes later.
LONG_PATIENCE = 420.0

_RULES = """\
connections:
{connections}
teams:
  contract:
    mode: act
    start_from: {start}
{team}    sync: {{}}
"""


class Hastened:
    """The time of day, and what was skipped: trackers keep their own, so it is never much."""

    def __init__(self) -> None:
        self._skipped = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._skipped

    def skip(self, length: timedelta) -> None:
        self._skipped += length


class Onlooker:
    """Watches the ground as one process: web and worker, with webhooks where they can be sent."""

    def __init__(self, directory: Path, ground: Ground) -> None:
        self._clock = Hastened()
        self._ground = ground
        start = (self._clock() - timedelta(days=1)).date().isoformat()
        team = indent(ground.team, "    ")
        rules_file = directory / "rules.yaml"
        connections = "\n".join(f"  {name}: {said}" for name, said in ground.connections.items())
        rules_file.write_text(_RULES.format(connections=connections, start=start, team=team))
        data = directory / "data"
        settings = Settings.from_environment({"FOLLOWTHROUGH_DATA": str(data)})
        prepare(data / "followthrough.db")
        rules = load(rules_file, {**ground.environ, "HOOK": HOOK})
        self.store = open_store(settings, self._clock)
        self._service = build(settings, rules, store=self.store, clock=self._clock)
        web = Web(
            self.store,
            self._clock,
            Secret("admin-of-the-contract"),
            None,
            doors(rules),
            limits(rules),
            Registering(settings.data, settings.answer_seconds),
            rules.policy.people,
            check_doors(rules),
        )
        self._server = make_server("127.0.0.1", 0, create_app(web), threaded=True)
        self._looked_at = 0.0
        self.told = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        address = f"http://127.0.0.1:{self._server.server_port}/webhooks/place"
        self.told = self._ground.tell(address, HOOK)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._ground.leave()
        finally:
            self._server.shutdown()
            self._server.server_close()
            self.store.close()

    def until(self, wanted: Callable[[], bool], what: str) -> None:
        """Let the service work until it is so."""
        patience = PATIENCE if self.told else LONG_PATIENCE
        give_up_at = time.monotonic() + patience
        while not wanted():
            assert time.monotonic() < give_up_at, f"{what}: not within {patience:.0f} s"
            self.work()
            time.sleep(0.2)

    def work(self) -> None:
        """Do what is due; look for changes where nobody can tell of them."""
        if not self.told and time.monotonic() - self._looked_at > 5.0:
            self._looked_at = time.monotonic()
            self.look()
        while self._did():
            pass

    def look(self) -> None:
        """Ask the trackers what changed, as is done every minute."""
        self._service.reconciler.start()

    def skip(self, length: timedelta) -> None:
        """As if so much time had passed."""
        self._clock.skip(length)
        self.work()

    def heard(self) -> set[str]:
        """What the deliveries were about, by their events."""
        with self.store.read() as tx:
            return {each.event for each in tx.deliveries.page(limit=1000)}

    def _did(self) -> bool:
        with self.store.write() as tx:
            ids = tx.jobs.due(50)
        for id in ids:
            with self.store.write() as tx:
                job = tx.jobs.claim(id, TIMING.lease)
            if job is None:
                continue
            end = self._service.handlers[job.kind](job)
            with self.store.write() as tx:
                record_end(tx, job, end)
        return bool(ids)
