"""A backfill keeps to its part of what a tracker allows, and whatever is new goes first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from bygone import ask, finish, live_through, progress, run_on, with_a_past
from stage import Stage

from integrations.gate import Answered, Call, Quota
from integrations.sandbox.limits import GitHubLimits
from integrations.tracker import RateLimited
from service.governor import Governor
from service.jobs import AWAITED, BACKFILL, TIMING
from service.lease import Lease
from service.store.backfills import BackfillState, TicketState
from workflows.model import Outlook

MINUTE = timedelta(minutes=1)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with with_a_past(tmp_path, "github", 30, limits="github.com") as stage:
        live_through(stage, "github", 30)
        stage.sandbox.enforce(github=GitHubLimits())
        yield stage


def test_an_incident_that_closes_meanwhile_is_set_up_while_the_past_waits_for_its_part(
    stage: Stage,
) -> None:
    number = ask(stage, documents=True, tasks=True)
    stage.settle()
    for _ in range(30):
        stage.wait(timedelta(seconds=1))
    ended = progress(stage, number).pace.ended
    assert 0 < ended < 10, "twenty writes a minute are a few incidents"
    assert "a backfill takes 20 at most" in progress(stage, number).backfill.why

    github = stage.sandbox.github
    new = github.open_issue("acme/ops", "Now", by="kim", labels=["incident", "sev1"])
    github.close("acme/ops", new, by="kim")
    began = stage.clock()
    stage.poll()
    incident = stage.incident(f"acme/ops#{new}")
    assert incident.outlook is Outlook.DONE, stage.told(incident.ticket.key)
    assert stage.clock() - began < timedelta(seconds=15)
    assert progress(stage, number).pace.ended < 15
    assert stage.sandbox.violations == []


def test_it_never_takes_more_than_a_quarter_of_what_is_written_in_a_minute(stage: Stage) -> None:
    number = ask(stage, documents=True, tasks=True)
    counts: list[int] = []
    for _ in range(20):
        stage.sandbox.reset_calls()
        for _ in range(60):
            stage.wait(timedelta(seconds=1))
        counts.append(len(stage.sandbox.writes()))
    assert max(counts) <= 2 * 20  # a minute of ours may lie across two windows
    assert sum(counts) <= 125, "a quarter of an hour's"
    assert progress(stage, number).backfill.state is BackfillState.RUNNING
    assert progress(stage, number).pace.left is not None


def test_recording_alone_writes_nothing_and_is_limited_by_its_reads(stage: Stage) -> None:
    number = ask(stage)
    assert finish(stage, number) == {TicketState.RECORDED: 30}
    assert stage.sandbox.writes() == []


def test_of_an_hours_requests_it_leaves_three_quarters(stage: Stage) -> None:
    governor = Governor(stage.store, TIMING.call, stage._let_pass)
    call = Call("github", "GET", "/user")
    reset = stage.clock() + timedelta(minutes=40)
    with governor.passing(call) as report:
        report(Answered(quota=Quota(5000, 3751, reset)))
    with stage.store.write() as tx:
        job = tx.jobs.claim(tx.jobs.touch("backfill", "1", priority=BACKFILL), TIMING.lease)
    assert job is not None
    with Lease(stage.store, job).held():
        with governor.passing(call) as report:
            report(Answered(quota=Quota(5000, 3750, reset)))
        with pytest.raises(RateLimited, match="a backfill takes 1250 at most") as refused:
            governor.passing(call).__enter__()
        assert refused.value.retry_at == reset
    with stage.store.write() as tx:
        other = tx.jobs.claim(tx.jobs.touch("incident", "x/1", priority=AWAITED), TIMING.lease)
    assert other is not None
    with Lease(stage.store, other).held(), governor.passing(call) as report:
        report(Answered())


def test_while_the_tracker_is_down_it_waits_and_then_goes_on(stage: Stage) -> None:
    number = ask(stage)
    stage.sandbox.fail_next("GET", "/issues", status=503)
    stage.settle()
    assert progress(stage, number).listing
    assert "acme/ops" in progress(stage, number).backfill.why
    stage.wait(6 * MINUTE)
    *_, last = run_on(stage, number)
    assert last.counts == {TicketState.RECORDED: 30}
