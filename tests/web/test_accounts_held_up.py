"""What is held up where the limits of one connection are counted for each of several accounts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from builders import policy, ticket

from integrations.gate import OPEN, Call, Quota
from service.backfill_plans import Counting, Rehearsing
from service.outcomes import goes_to
from service.store import Store
from service.store.traffic import Circuit, Paused
from workflows.effects import KeepVersions, WriteRegions
from workflows.model import (
    DocumentRef,
    DocumentStatus,
    Incident,
    Phase,
    Postmortem,
    TicketRef,
)


@pytest.mark.parametrize(
    ("place", "held"),
    [
        ("acme/ops", True),
        ("Acme/ops#7", True),
        ("globex/ops", False),
        ("acm/ops", False),
        ("", True),  # nobody knows whose it is
    ],
)
def test_a_pause_of_one_account_holds_up_what_is_at_its_places(
    store: Store, place: str, held: bool
) -> None:
    with store.write() as tx:
        hour = tx.now + timedelta(hours=1)
        tx.traffic.pause(Paused("hub@acme", "", hour, "all are used", wide=True))
        tx.traffic.pause(Paused("hub2@globex", "", hour, "all are used", wide=True))
        assert (tx.traffic.held_up("hub", place, tx.now) is not None) is held


@pytest.mark.parametrize(
    ("document", "held"),
    [
        (DocumentRef("github-pull-request", "acme/papers#7:b:p", "", ""), True),
        (DocumentRef("github-pull-request", "globex/papers#7:b:p", "", ""), False),
        (DocumentRef("github-issue", "I_1", "", "", TicketRef("hub", "I_1", "acme/x#1", "")), True),
        (DocumentRef("confluence-page", "4711", "", ""), False),
    ],
)
def test_a_document_is_written_with_the_account_whose_it_is(
    store: Store, document: DocumentRef, held: bool
) -> None:
    made = Postmortem("hub", document, DocumentStatus.DRAFT, {}, {}, {}, {})
    incident = Incident("i1", "web", ticket().ref, "", Phase.CLOSED, postmortem=made)
    with store.write() as tx:
        hour = tx.now + timedelta(hours=1)
        tx.traffic.pause(Paused("hub@acme", "", hour, "all are used", wide=True))
        for wish in (WriteRegions("r", {}), KeepVersions("k", document)):
            there = goes_to(wish, incident)
            assert (tx.traffic.held_up(*there, tx.now) is not None) is held


@pytest.mark.parametrize("place", ["OPS", "acme/ops", ""])
def test_a_pause_of_the_connection_holds_up_everything_there(store: Store, place: str) -> None:
    with store.write() as tx:
        hour = tx.now + timedelta(hours=1)
        tx.traffic.pause(Paused("hub", "", hour, "all are used", wide=True))
        assert tx.traffic.held_up("hub", place, tx.now) is not None
        assert tx.traffic.held_up("hub", place, hour) is None


def test_a_backfill_is_planned_by_what_each_account_allows(store: Store) -> None:
    gate = Counting(OPEN)
    plans = Rehearsing(store, policy(), {}, gate, {})
    with store.write() as tx:
        reset = tx.now + timedelta(hours=1)
        for account, limit in (("acme", 5000), ("globex", 12500)):
            quota = Quota(limit, limit, reset)
            tx.traffic.put_circuit(Circuit(f"hub@{account}", quota=quota))
    with plans._measured() as spent:
        for account, calls in (("acme", 2), ("globex", 3)):
            for _ in range(calls):
                with gate.passing(Call("hub", "GET", "/", account=account)):
                    pass
    told = {(load.connection, load.units) for load in plans._loads(spent, 10)}
    assert told == {("hub@acme", 20), ("hub@globex", 30)}
