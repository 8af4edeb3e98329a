"""Whoever waits, waits for what stands in its own way and for nothing else; and has its turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from stage import GITHUB_TASKS, HOOKS, JIRA_INCIDENTS, JIRA_ISSUE, JIRA_TASKS, PULL_REQUEST, Stage

from integrations.gate import Answered, Call, Cost, Pause
from integrations.github.budgets import CONTENT, POINTS
from integrations.tracker import RateLimited
from service.governor import FIRST_REST, TRIPS_AFTER, WRITES_WAIT, Governor
from service.jobs import AWAITED, TIMING, Later
from service.lease import Lease
from workflows.budgets import KEPT_BACK
from workflows.model import Outlook

OPS = "acme/ops"
READ = Call("github", "GET", "/user", (Cost(POINTS),))
WRITE = Call("github", "POST", "/repos/acme/ops/issues", (Cost(CONTENT),))
SLOWER = {"message": "You have exceeded a secondary rate limit."}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path, limits="github.com") as stage:
        yield stage


def governor(stage: Stage) -> Governor:
    return Governor(stage.store, TIMING.call, stage._let_pass)


def goes_down(keeper: Governor) -> None:
    for _ in range(TRIPS_AFTER):
        with keeper.passing(Call("github", "GET", "/user")) as report:
            report(Answered(failing=True, why="nobody answered"))


@contextmanager
def awaited(stage: Stage) -> Iterator[None]:
    """What is called in here, somebody waits for."""
    with stage.store.write() as tx:
        job = tx.jobs.claim(tx.jobs.touch("incident", "github/1", priority=AWAITED), TIMING.lease)
    assert job is not None
    with Lease(stage.store, job).held():
        yield


def spend(stage: Stage, units: int, cost: Cost) -> None:
    """So much was used two minutes ago."""
    with stage.store.write() as tx:
        tx.traffic.begin("spent", "github", [Cost(cost.budget, units)], timedelta())
    stage.clock.wait(timedelta(minutes=2))


def closed_in_jira(stage: Stage, title: str) -> str:
    severity: dict[str, Any] = {"customfield_10050": {"value": "SEV-2"}}
    key = stage.sandbox.jira.create_issue("INC", title, by="5b10-kim", **severity)
    stage.sandbox.jira.comment(key, f"ACTION: mend {title}", by="5b10-noor")
    stage.sandbox.jira.transition(key, "Resolved", by="5b10-kim")
    return key


# --- a tracker that is down ---------------------------------------------------------------------


def test_where_there_are_only_writes_one_of_them_looks_whether_the_tracker_is_back(
    tmp_path: Path,
) -> None:
    kinds: dict[str, Any] = {
        "incidents": JIRA_INCIDENTS,
        "document": JIRA_ISSUE,
        "tasks": GITHUB_TASKS,
    }
    with Stage(tmp_path, webhooks=False, **kinds) as stage:
        closed_in_jira(stage, "the first")  # whose turn reads what is then remembered
        stage.poll()
        key = closed_in_jira(stage, "the second")
        goes_down(governor(stage))
        stage.poll()
        stage.sandbox.reset_calls()
        for _ in range(70):
            stage.wait(timedelta(seconds=1))
        assert stage.incident(key).outlook is Outlook.DONE
        with stage.store.read() as tx:
            task = tx.effects.get(f"task:{stage.incident(key).id}:1")
        assert task is not None
        assert task.attempts <= 3


def test_a_write_leaves_looking_to_a_read_for_a_while(stage: Stage) -> None:
    keeper = governor(stage)
    goes_down(keeper)
    stage.clock.wait(FIRST_REST + WRITES_WAIT)
    with keeper.passing(WRITE) as report:
        report(Answered())
    with keeper.passing(WRITE) as report:
        report(Answered())


def test_who_may_not_call_does_not_keep_others_from_looking(stage: Stage) -> None:
    keeper = governor(stage)
    goes_down(keeper)
    spend(stage, 900 - 900 // KEPT_BACK, Cost(POINTS))
    with stage.store.write() as tx:
        tx.traffic.begin("lately", "github", [Cost(POINTS, 870)], timedelta())
    stage.clock.wait(timedelta(seconds=1))
    with pytest.raises(RateLimited), keeper.passing(READ):
        pass
    with awaited(stage), keeper.passing(READ) as report:
        report(Answered())


def test_many_calls_that_fail_at_once_are_one_outage(stage: Stage) -> None:
    keeper = governor(stage)
    with ExitStack() as under_way:
        reports = [under_way.enter_context(keeper.passing(READ)) for _ in range(2 * TRIPS_AFTER)]
        for report in reports:
            report(Answered(failing=True, why="nobody answered"))
    stage.clock.wait(FIRST_REST)
    with keeper.passing(READ) as report:
        report(Answered())


# --- pauses and budgets -------------------------------------------------------------------------


def test_many_calls_that_are_refused_at_once_are_one_refusal(stage: Stage) -> None:
    keeper = governor(stage)
    with ExitStack() as under_way:
        for _ in range(4):
            under_way.enter_context(keeper.passing(WRITE))(Answered(pause=Pause("slower")))
    stage.clock.wait(timedelta(minutes=1))
    with keeper.passing(WRITE) as report:
        report(Answered())


def test_a_pause_of_old_work_does_not_hold_up_what_somebody_waits_for(stage: Stage) -> None:
    github = stage.sandbox.github
    number = github.open_issue(OPS, "Slow", by="kim", labels=["incident", "sev2"])
    stage.settle()
    headers = {"Retry-After": "180"}
    stage.sandbox.fail_next("POST", "/git/refs|createRef", status=403, headers=headers, body=SLOWER)
    github.close(OPS, number, by="kim")
    stage.settle()
    stage.clock.wait(timedelta(minutes=2))
    spend(stage, 500 - 500 // KEPT_BACK, Cost(CONTENT))
    with pytest.raises(RateLimited), governor(stage).passing(WRITE):
        pass
    stage.settle()
    assert stage.incident(f"{OPS}#{number}").outlook is Outlook.DONE


def test_what_does_not_wait_for_a_paused_tracker_goes_on(tmp_path: Path) -> None:
    kinds: dict[str, Any] = {
        "incidents": JIRA_INCIDENTS,
        "document": PULL_REQUEST,
        "tasks": JIRA_TASKS,
    }
    with Stage(tmp_path, **kinds) as stage:
        key = closed_in_jira(stage, "the first")
        stage.settle()
        stage.sandbox.fail_next("POST", "/issue/bulk", status=503)
        headers = {"Retry-After": "3600"}
        stage.sandbox.fail_next("PUT", "/contents/", status=403, headers=headers, body=SLOWER)
        stage.sandbox.jira.comment(key, "ACTION: mend the second", by="5b10-noor")
        stage.settle()
        for _ in range(2):
            stage.wait(TIMING.settle)
        assert [item.task is not None for item in stage.incident(key).actions] == [True, True]


# --- turns ----------------------------------------------------------------------------------------


def test_a_delivery_does_not_stand_behind_the_backlog(stage: Stage) -> None:
    with stage.store.write() as tx:
        for number in range(20):
            tx.jobs.touch("incident", f"github/{number}", priority=AWAITED)
    stage.sandbox.github.open_issue(OPS, "Slow", by="kim", labels=["incident", "sev2"])
    assert stage.sandbox.hooks.drain()
    with stage.store.write() as tx:
        (first,) = tx.jobs.due(1)
        job = tx.jobs.claim(first, TIMING.lease)
    assert job is not None
    assert job.kind == "delivery"


def test_looking_for_failed_deliveries_may_take_longer_than_a_lease(stage: Stage) -> None:
    for _ in range(6):
        stage.sandbox.github.hook(OPS, f"{stage.url}/webhooks/github", HOOKS["GITHUB_HOOK"])
    for number in range(9):  # from here on a point is free every nine seconds
        with stage.store.write() as tx:
            tx.traffic.begin(f"one {number}", "github", [Cost(POINTS)], timedelta())
        stage.clock.wait(timedelta(seconds=9 if number else 0))
    with stage.store.write() as tx:
        tx.traffic.begin("many", "github", [Cost(POINTS, 855)], timedelta(minutes=5))
        job = tx.jobs.claim(tx.jobs.touch("redelivery", "github"), TIMING.lease)
    assert job is not None
    began = stage.clock()
    end = stage.container.handlers["redelivery"](job)
    assert stage.clock() - began > TIMING.lease
    assert isinstance(end, Later)
    assert end.reason == "no delivery failed"


def test_waiting_for_room_does_not_lose_the_lease(stage: Stage) -> None:
    keeper = governor(stage)
    with stage.store.write() as tx:
        job = tx.jobs.claim(tx.jobs.touch("incident", "github/1", priority=AWAITED), TIMING.lease)
    assert job is not None
    with Lease(stage.store, job).held():
        stage.clock.wait(timedelta(seconds=4))
        with stage.store.write() as tx:
            tx.traffic.begin("others", "github", [Cost(POINTS, 899)], timedelta())
        stage.clock.wait(timedelta(seconds=10.8))
        with keeper.passing(READ) as report:  # the lease outlasts it just so
            stage.clock.wait(timedelta(seconds=44))
            report(Answered())
        with keeper.passing(READ) as report:
            report(Answered())
