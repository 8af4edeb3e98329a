"""What is held up where the limits of one connection are counted for each of several accounts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.store import Store
from service.store.traffic import Paused


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


@pytest.mark.parametrize("place", ["OPS", "acme/ops", ""])
def test_a_pause_of_the_connection_holds_up_everything_there(store: Store, place: str) -> None:
    with store.write() as tx:
        hour = tx.now + timedelta(hours=1)
        tx.traffic.pause(Paused("hub", "", hour, "all are used", wide=True))
        assert tx.traffic.held_up("hub", place, tx.now) is not None
        assert tx.traffic.held_up("hub", place, hour) is None
