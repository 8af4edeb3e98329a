"""What our account was told to have made, and which of it may be what was lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.store import Store
from service.store.refs import Ref, Role
from service.store.sightings import MOST, Sighting
from workflows.model import Incident, Phase, TicketRef

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
TICKET = TicketRef("jira", "10042", "INC-42", "https://acme.example/browse/INC-42")
INCIDENT = Incident(id="k3v9", team="payments", ticket=TICKET, title="Down", phase=Phase.CLOSED)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'store.db'}", lambda: NOON)
    opened.migrate()
    yield opened
    opened.close()


def test_what_is_known_to_be_somebodys_does_not_hide_what_was_lost(store: Store) -> None:
    with store.write() as tx:
        tx.incidents.save(INCIDENT, "policy")
        for number in range(MOST + 1):
            key = f"OPS-{number}"
            tx.sightings.put(Sighting("jira", str(number), key, "OPS", ""))
            tx.refs.put(Ref("jira", str(number), INCIDENT.id, Role.TASK, key))
        tx.sightings.put(Sighting("jira", "999", "OPS-999", "OPS", ""))
        found = tx.sightings.find("jira", "OPS", ["task:k3v9:1"], NOON)
    assert [each.key for each in found] == ["OPS-999"]
