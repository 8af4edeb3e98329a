"""A year of audits, with the service away, dying and killed: none is skipped, none comes twice."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from almanac import EFFECTIVE, NOT_EFFECTIVE, PARTLY
from year import Outcome, Plan, Year

#: Where the service must have died: wherever an audit is planned, taken, opened, told or closed.
ABOUT_AUDITS = ("tick ", "_save", " audit", " note", " close", " set", " task")


@pytest.fixture(name="play")
def _play(tmp_path: Path, record_property: Callable[[str, object], None]) -> Callable[..., Outcome]:
    """Plays a year, and has what happened counted."""

    def plays(plan: Plan) -> Outcome:
        with Year(plan, tmp_path) as year:
            outcome = year.play()
        for what, number in sorted(outcome.count.items()):
            record_property(f"audits or verdicts {what}", number)
        record_property("looks of the service", len(outcome.looks))
        record_property("deaths at a commit", outcome.deaths.died.total())
        record_property("kills with -9", len(outcome.killed))
        record_property("calls", outcome.calls)
        return outcome

    return plays


def test_in_a_hasty_season_every_audit_that_is_due_opens_once(
    play: Callable[..., Outcome],
) -> None:
    outcome = play(Plan(seed=5, incidents=2, days=40, haste=6, deaths=2, kills=1))
    assert outcome.wrong == []
    assert outcome.killed[0] > 0
    assert outcome.count["opened"] > 10
    assert outcome.deaths.died.total() > 4


@pytest.mark.year
@pytest.mark.timeout(7200)
def test_in_a_year_of_five_hundred_measures_every_audit_that_is_due_opens_once(
    play: Callable[..., Outcome],
) -> None:
    seed = int(os.environ.get("SEED", "7"))
    outcome = play(Plan(seed, incidents=50, days=365, kills=20, deaths=8, everywhere=ABOUT_AUDITS))
    assert outcome.measures == 500
    assert outcome.wrong == []
    assert len(outcome.killed) == 20
    assert [str(site) for site in outcome.deaths.survived()] == []
    for what in ("opened late", "planned and withdrawn", EFFECTIVE, PARTLY, NOT_EFFECTIVE):
        assert outcome.count[what] > 20, outcome.count
