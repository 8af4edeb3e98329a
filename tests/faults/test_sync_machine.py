"""Whatever people and trackers do, all places agree in the end: the law is told in `machine`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from machine import play
from towns import Towns

Play = Callable[..., None]


@pytest.fixture(name="play")
def _play(towns: Towns, record_property: Callable[[str, object], None]) -> Play:
    """Plays, and has what was done counted."""

    def plays(runs: int, *, sockets: bool = False) -> None:
        for what, number in play(towns, runs, sockets=sockets).items():
            record_property(what, number)

    return plays


@pytest.mark.timeout(600)
@pytest.mark.parametrize("lot", range(8))
def test_whatever_people_and_trackers_do_all_places_agree_in_the_end(play: Play, lot: int) -> None:
    play(25)


@pytest.mark.timeout(600)
def test_so_they_do_over_sockets(play: Play) -> None:
    play(20, sockets=True)


@pytest.mark.many
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("lot", range(200))
def test_so_they_do_five_thousand_times(play: Play, lot: int) -> None:
    play(25)
