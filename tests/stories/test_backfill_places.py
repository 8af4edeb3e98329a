"""A backfill with a place whose tickets cannot be listed: the others go on as if it were not there,
it ends, and says what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from bygone import (
    SECOND,
    TRACKERS,
    ask,
    finish,
    live_through,
    progress,
    resume,
    run_on,
    stop,
    wish,
    with_a_past,
)
from stage import Stage

from integrations.sandbox.acme import BOT_GITHUB
from integrations.tracker import NotThere
from service.backfilling import Backfilling, in_words, lost_in_words
from service.jobs import BACKFILL
from service.lease import Lease
from service.store.backfills import JOB, Backfill, BackfillState, TicketState
from workflows.backfilling import Place

ATTIC = {"github": "acme/attic", "jira": "ATTIC"}
LIST = {"github": "/repos/acme/attic/issues", "jira": "/search"}


@pytest.fixture(params=["github", "jira"])
def tracker(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def stage(tmp_path: Path, tracker: str) -> Iterator[Stage]:
    """The team's incidents stand in two places, of which the second one is not there."""
    incidents = TRACKERS[tracker]["incidents"]
    own = {"github": "acme/ops", "jira": "INC"}[tracker]
    both = incidents + incidents.replace(own, ATTIC[tracker])
    with with_a_past(tmp_path, tracker, 10) as stage:
        live_through(stage, tracker, 10)
        stage.restart(incidents=both)
        yield stage


def found_again(stage: Stage, tracker: str) -> None:
    if tracker == "github":
        stage.sandbox.github.add_repo(
            "acme/attic", private=True, collaborators={BOT_GITHUB: "write"}
        )
    else:
        stage.sandbox.jira.add_project("ATTIC", types=("Incident",))


def asked_for(stage: Stage, tracker: str) -> int:
    """How often the place was asked for what is in it."""
    return sum(LIST[tracker] in call.path for call in stage.sandbox.calls)


def test_the_others_come_and_it_ends_without_what_is_gone(stage: Stage, tracker: str) -> None:
    number = ask(stage)
    *_, last = run_on(stage, number)
    assert last.backfill.state is BackfillState.DONE
    assert last.counts == {TicketState.RECORDED: 10}
    assert in_words(last) == "ended, 1 place failed: 10 of 10"
    (lost,) = last.lost
    assert lost_in_words(lost).startswith(f"{ATTIC[tracker]} of {tracker} could not be listed: ")
    stage.sandbox.reset_calls()
    stage.wait(timedelta(days=2))
    assert asked_for(stage, tracker) == 0, "it is over"


def test_while_it_runs_it_says_what_failed_and_looks_for_no_more(
    stage: Stage, tracker: str
) -> None:
    number = ask(stage)
    stage.settle()
    told = progress(stage, number)
    assert not told.listing
    assert in_words(told).startswith("running: ")
    assert "; 1 place failed" in in_words(told)


def test_resumed_it_asks_anew_and_reads_nothing_twice(stage: Stage, tracker: str) -> None:
    number = ask(stage)
    *_, first = run_on(stage, number)
    found_again(stage, tracker)
    stage.sandbox.reset_calls()
    resume(stage, number)
    assert progress(stage, number).lost == ()
    assert finish(stage, number) == {TicketState.RECORDED: 10}
    assert in_words(progress(stage, number)) == "done: 10 of 10"
    assert asked_for(stage, tracker) == 1
    assert not any("acme/ops" in call.path or "INC" in call.path for call in stage.sandbox.calls)
    assert first.ended_without


def test_resumed_where_it_is_gone_still_it_ends_the_same_way(stage: Stage, tracker: str) -> None:
    number = ask(stage)
    *_, first = run_on(stage, number)
    resume(stage, number)
    *_, again = run_on(stage, number)
    assert in_words(again) == in_words(first)


@pytest.mark.parametrize("tracker", ["github"], indirect=True)
def test_a_place_that_fails_for_a_while_rests_longer_each_time_and_the_others_go_on(
    stage: Stage, tracker: str
) -> None:
    found_again(stage, tracker)
    stage.sandbox.fail_next("GET", LIST[tracker], status=503, times=4)
    number = ask(stage)
    asked: list[timedelta] = []
    began, others = stage.clock(), timedelta()
    for told in run_on(stage, number):
        asked += [stage.clock() - began] * (asked_for(stage, tracker) - len(asked))
        if told.pace.ended < 10:
            others = stage.clock() - began
            assert "acme/attic: " in told.backfill.why
    pauses = [round((b - a).total_seconds()) for a, b in pairwise(asked)]
    assert pauses == [30, 30, 30, 40]
    assert others < timedelta(seconds=15)
    assert in_words(progress(stage, number)) == "done: 10 of 10"


def test_a_sign_in_that_fails_for_a_while_loses_no_place(stage: Stage, tracker: str) -> None:
    found_again(stage, tracker)
    stage.sandbox.fail_next("GET", "", status=401, times=4)
    number = ask(stage)
    stage.settle()
    told = progress(stage, number)
    assert (told.lost, told.listing) == ((), True)
    assert told.backfill.why
    assert finish(stage, number) == {TicketState.RECORDED: 10}
    assert in_words(progress(stage, number)) == "done: 10 of 10"


@pytest.mark.parametrize("tracker", ["github"], indirect=True)
def test_a_list_that_fails_after_somebody_resumed_does_not_lose_what_is_asked_anew(
    stage: Stage, tracker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = ask(stage)
    listing = Backfilling._list

    def overtaken(self: Backfilling, lease: Lease, backfill: Backfill, place: Place) -> bool:
        try:
            return listing(self, lease, backfill, place)
        except NotThere:
            monkeypatch.undo()
            stop(stage, number)
            stage.clock.wait(SECOND)
            found_again(stage, tracker)
            resume(stage, number)
            raise

    monkeypatch.setattr(Backfilling, "_list", overtaken)
    assert finish(stage, number) == {TicketState.RECORDED: 10}
    assert progress(stage, number).lost == ()


@pytest.mark.parametrize("tracker", ["github"], indirect=True)
def test_a_connection_that_the_rules_no_longer_have_is_no_place_without_incidents(
    stage: Stage, tracker: str
) -> None:
    wished = wish(stage)
    with stage.store.write() as tx:
        number = tx.backfills.begin(wished, "kim", [Place("old", "acme/ops")])
        tx.jobs.touch(JOB, str(number), priority=BACKFILL)
    *_, last = run_on(stage, number)
    (lost,) = last.lost
    assert in_words(last) == "ended, 1 place failed: 0 of 0"
    assert "the rules have no connection old" in lost.words
