"""Whom the trackers named, as it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.store import Store
from workflows.model import Person

NOW = datetime(2026, 12, 1, 10, 30, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path}/followthrough.db", lambda: NOW)
    store.migrate()
    yield store
    store.close()


def test_an_address_that_is_hidden_now_and_the_ticket_that_named_them_are_kept(
    store: Store,
) -> None:
    with store.write() as tx:
        tx.people.put("jira", Person("5b10-sam", "Sam", "sam@acme.example"), "OPS-1")
        tx.people.put("jira", Person("5b10-sam", "Sam Roe", None, active=False))
    with store.read() as tx:
        [one] = tx.people.all()
    assert one.person == Person("5b10-sam", "Sam Roe", "sam@acme.example", active=False)
    assert (one.ticket, one.seen_at) == ("OPS-1", NOW)


def test_every_change_makes_another_version(store: Store) -> None:
    versions = []
    for connection, name in (("jira", "Sam"), ("github", "sam"), ("jira", "Sam Roe")):
        with store.write() as tx:
            versions.append(tx.people.version())
            tx.people.put(connection, Person("sam", name))
    with store.read() as tx:
        versions.append(tx.people.version())
    assert versions == [0, 1, 2, 3]


def test_whom_a_tracker_knows_now_was_not_looked_for_in_vain(store: Store) -> None:
    with store.write() as tx:
        tx.people.note_asked("jira", "email", "sam@acme.example", found=False, words="no")
        assert [each.words for each in tx.people.in_vain()] == ["no"]
        tx.people.note_asked("jira", "email", "sam@acme.example", found=True)
        assert tx.people.in_vain() == []
        assert tx.people.asked("jira", "email", "sam@acme.example") == NOW
        assert tx.people.asked("jira", "login", "sam@acme.example") is None
