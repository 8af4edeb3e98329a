"""What waits for somebody to choose, as it is kept beside the incidents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from builders import NOON, at
from core.test_audits import incident
from databases import ON_POSTGRESQL, empty
from sqlalchemy import create_engine, text
from web.history import action
from web.test_conflict_pages import apart as torn_item

from service.store import Store
from service.store import migrations as ways
from service.store.codec import dump
from workflows.apart import apart, waiting
from workflows.lines import ActionLine, Origin, Proposal
from workflows.model import ActionItem, Incident
from workflows.snapshots import Agreement, Field, Side


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'store.db'}", lambda: NOON)
    opened.migrate()
    yield opened
    opened.close()


def with_items(id: str, *items: ActionItem, **values: object) -> Incident:
    known = incident()
    ticket = replace(known.ticket, id=id)
    return replace(known, id=id, ticket=ticket, actions=items, **values)  # type: ignore[arg-type]


def resting(number: int, owner: str = "Kim") -> ActionItem:
    sides = {Side.TASK: Agreement(resting={Field.DUE: at(30)})}
    return action(number, "Rests", owner=owner, sides=sides)


def told(store: Store, **asked: str) -> list[tuple[str, int, str]]:
    with store.read() as tx:
        found = tx.conflicts.first(10, **asked)  # type: ignore[arg-type]
        assert tx.conflicts.count(**asked) == len(found)  # type: ignore[arg-type]
        return [(each.id, each.waits.item, each.waits.field.value) for each in found]


@pytest.mark.parametrize("minutes", [0, 29, 30, 149, 150, 1000])
def test_what_is_kept_waits_as_long_as_the_incident_says(minutes: float) -> None:
    known, now = with_items("a", torn_item(), resting(2)), at(minutes)
    kept = {(e.item, e.field) for e in waiting(known) if e.until is None or e.until > now}
    assert kept == {(each.item, each.field) for each in apart(known, now) if each.waits}


def test_what_waits_is_listed_counted_and_forgotten_with_its_incident(store: Store) -> None:
    first, second = with_items("a", torn_item()), with_items("b", resting(2))
    with store.write() as tx:
        tx.incidents.save(first, "p")
        tx.incidents.save(second, "p")
    assert told(store) == [("a", 1, "due"), ("a", 1, "owner"), ("a", 1, "status"), ("b", 2, "due")]
    assert told(store, person="KIM") == [("b", 2, "due")]
    store.clock = lambda: at(30)
    assert ("b", 2, "due") not in told(store)
    with store.write() as tx:
        tx.incidents.save(with_items("a", action(1, "Settled")), "p")
    assert told(store) == []


def test_of_other_teams_nothing_is_told(store: Store) -> None:
    with store.write() as tx:
        tx.incidents.save(with_items("a", torn_item(), team="payments"), "p")
    with store.read() as tx:
        assert tx.conflicts.count(frozenset({"payments"})) == 3
        for teams in (frozenset[str](), frozenset({"search"})):
            assert tx.conflicts.first(10, teams) == []
            assert tx.conflicts.count(teams) == 0


def test_what_an_earlier_version_saved_is_found_after_the_migration(tmp_path: Path) -> None:
    line = Proposal(Origin("comment", "1"), "Cap it", "lee", "no rights", 1, ActionLine("Cap it"))
    older = [
        with_items("a", torn_item(), resting(2), proposals=(line,)),
        with_items("b", action(1, 'Says "conflicts":[{ and "proposals":[{')),
    ]
    url = empty(tmp_path / "old.db") if ON_POSTGRESQL else f"sqlite:///{tmp_path / 'old.db'}"
    _at_revision(url, "0023", older)
    store = Store(url, lambda: NOON)
    store.migrate()
    migrated = _kept(store)
    with store.write() as tx:
        for each in older:
            tx.incidents.save(each, "p")
    assert migrated == _kept(store)
    assert [id for id, proposes in migrated[0] if proposes] == ["a"]
    assert len(migrated[1]) == 4
    store.close()


def _kept(store: Store) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    engine = create_engine(store.url)
    with engine.connect() as connection:
        marks = connection.execute(text("SELECT id, proposes FROM incidents ORDER BY id")).all()
        rows = connection.execute(text("SELECT * FROM apart ORDER BY 1, 2, 3")).all()
    engine.dispose()
    return [tuple(row) for row in marks], [tuple(row) for row in rows]


def _at_revision(url: str, revision: str, incidents: list[Incident]) -> None:
    """A database as it was at this revision, with these incidents as they were kept then."""
    config = Config()
    config.set_main_option("script_location", str(Path(ways.__file__).parent))
    engine = create_engine(url, json_serializer=None)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        for each in incidents:
            row = {"id": each.id, "ticket_id": each.ticket.id, "state": _json(each)}
            connection.execute(text(_INSERT), row)
    engine.dispose()


def _json(incident: Incident) -> str:
    return json.dumps(dump(Incident, incident), ensure_ascii=False, separators=(",", ":"))


_NOW = "2026-12-07T12:00:00.000000Z"
_INSERT = (
    "INSERT INTO incidents (id, connection, ticket_id, key, team, title, phase, outlook, url,"
    " state, policy_hash, created_at, updated_at) VALUES (:id, 'acme-jira', :ticket_id, 'INC-1',"
    f" 'payments', 'Down', 'closed', 'watching', 'https://j', :state, 'p', '{_NOW}', '{_NOW}')"
)
