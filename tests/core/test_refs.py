"""What is kept of what was told of a ticket, until it is heard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import KIM, NOOR, at
from sides import OPEN, OWNER, TWIN

from service.store import Store
from service.store.refs import Ref, Role
from workflows.model import Change, Incident, Phase, TicketRef
from workflows.snapshots import Field
from workflows.tasks import TaskState

SECOND = timedelta(seconds=1)
TICKET = TicketRef("jira", "10042", "INC-42", "https://acme.example/browse/INC-42")
INCIDENT = Incident(id="k3v9", team="payments", ticket=TICKET, title="Down", phase=Phase.CLOSED)
TASK = TicketRef("github", "I_7", "acme/ops#7", "https://git.example/acme/ops/issues/7")


class Kept:
    """One task, told of and heard, each time in a transaction of its own."""

    def __init__(self, store: Store) -> None:
        self._store = store
        with store.write() as tx:
            tx.incidents.save(INCIDENT, "policy")
            tx.refs.put(Ref("github", TASK.id, INCIDENT.id, Role.TASK, TASK.key))

    @property
    def ref(self) -> Ref:
        with self._store.read() as tx:
            found = tx.refs.find("github", TASK.id)
        assert found is not None
        return found

    def changed(self, state: TaskState | None = None) -> None:
        with self._store.write() as tx:
            tx.refs.say_changed("github", TASK.id, state)

    def shown(self, minutes: float) -> None:
        with self._store.write() as tx:
            tx.refs.show(self.ref, at(minutes))

    def heard(self, ref: Ref | None = None) -> None:
        with self._store.write() as tx:
            tx.refs.heard(ref or self.ref)


class Clock:
    now = at(600)

    def __call__(self) -> Any:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(tmp_path: Path, clock: Clock) -> Iterator[Kept]:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}", clock)
    store.migrate()
    yield Kept(store)
    store.close()


def told(minutes: float, *changed: Field, **values: Any) -> TaskState:
    when = at(minutes)
    changes = tuple(Change(when, NOOR, field.value, None, None) for field in changed)
    state = TaskState(TASK, "acme/ops", "Slow", OPEN[TWIN], when, (KIM,), changes=changes)
    return replace(state, **values)


# --- the state ------------------------------------------------------------------------------------


def test_what_was_told_is_kept_as_it_was_while_the_ticket_waits(kept: Kept) -> None:
    state = told(1, OWNER, owners=(NOOR,))
    kept.changed(state)
    assert kept.ref.waits
    assert kept.ref.state == state


def test_and_is_not_given_once_it_was_heard(kept: Kept) -> None:
    kept.changed(told(1, OWNER, owners=(NOOR,)))
    kept.heard()
    assert not kept.ref.waits
    assert kept.ref.state is None


def test_nor_is_what_was_heard_put_together_with_what_is_told_next(kept: Kept) -> None:
    kept.changed(told(1, OWNER, owners=(NOOR,)))
    kept.heard()
    later = told(2, Field.DUE, due=at(0).date())
    kept.changed(later)
    assert kept.ref.state == later


def test_two_that_wait_are_the_later_one_with_the_changes_of_both(kept: Kept) -> None:
    first = told(1, OWNER, owners=(NOOR,))
    second = told(2, Field.DUE, owners=(NOOR,), due=at(0).date())
    kept.changed(first)
    kept.changed(second)
    assert kept.ref.state == replace(second, changes=(*first.changes, *second.changes))


def test_in_either_order_while_they_wait(kept: Kept) -> None:
    first = told(1, OWNER, owners=(NOOR,))
    second = told(2, Field.DUE, owners=(NOOR,), due=at(0).date())
    kept.changed(second)
    kept.shown(2)
    kept.changed(first)
    assert kept.ref.state == replace(second, changes=(*first.changes, *second.changes))


def test_two_that_do_not_follow_from_each_other_are_no_state(kept: Kept) -> None:
    kept.changed(told(1, OWNER, owners=(NOOR,)))
    kept.changed(told(2, Field.DUE, due=at(0).date()))
    assert kept.ref.waits
    assert kept.ref.state is None


def test_a_change_that_nobody_told_in_full_makes_it_unknown_until_it_is_read(kept: Kept) -> None:
    kept.changed(told(1, OWNER, owners=(NOOR,)))
    kept.changed()
    assert kept.ref.state is None
    kept.changed(told(2, OWNER))
    assert kept.ref.waits
    assert kept.ref.state is None


def test_what_is_told_while_it_is_read_waits_for_the_next_turn(kept: Kept) -> None:
    kept.changed(told(1, OWNER, owners=(NOOR,)))
    as_read, later = kept.ref, told(2, OWNER, owners=(NOOR,))
    kept.changed(later)
    kept.heard(as_read)
    assert kept.ref.waits
    assert kept.ref.state is not None
    assert kept.ref.state.updated == later.updated


@pytest.mark.parametrize("minutes", [0, 5])
def test_one_that_is_not_later_than_all_that_was_shown_has_no_state(
    kept: Kept, minutes: float
) -> None:
    kept.shown(5)
    kept.changed(told(minutes, OWNER, owners=(NOOR,)))
    assert kept.ref.waits, "the ticket is read"
    assert kept.ref.state is None


def test_a_later_one_has(kept: Kept) -> None:
    kept.shown(5)
    later = told(5, OWNER, updated=at(5) + SECOND)
    kept.changed(later)
    assert kept.ref.state == later


def test_of_a_ticket_that_is_not_ours_nothing_is_kept(kept: Kept) -> None:
    before = kept.ref
    elsewhere = replace(told(1), ref=replace(TASK, id="I_8"))
    with kept._store.write() as tx:
        tx.refs.say_changed("github", elsewhere.ref.id, elsewhere)
        assert tx.refs.find("github", elsewhere.ref.id) is None
    assert kept.ref == before


# --- when it was shown ----------------------------------------------------------------------------


def test_the_latest_that_was_shown_counts_in_whatever_order(kept: Kept) -> None:
    assert kept.ref.shown is None
    for minutes in (3, 5, 4):
        kept.shown(minutes)
    assert kept.ref.shown == at(5)


def test_it_is_shown_though_it_was_heard(kept: Kept) -> None:
    kept.changed(told(5, OWNER))
    kept.shown(5)
    kept.heard()
    assert kept.ref.shown == at(5)
