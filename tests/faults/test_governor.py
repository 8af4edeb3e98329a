"""Limits, pauses and outages: everybody keeps to them, and says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from stage import JIRA_INCIDENTS, JIRA_ISSUE, JIRA_TASKS, Stage

from integrations.gate import Answered, Call, Cost, Quota
from integrations.github.budgets import CONTENT
from integrations.jira.budgets import ISSUE
from integrations.sandbox.faults import Faults
from integrations.sandbox.limits import GitHubLimits, JiraLimits
from integrations.tracker import RateLimited, Unavailable
from service.governor import FIRST_REST, TRIPS_AFTER, Governor
from service.jobs import AWAITED, TIMING
from service.lease import Lease
from workflows.budgets import KEPT_BACK
from workflows.model import Outlook

OPS = "acme/ops"
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path, limits="github.com") as stage:
        yield stage


def opened(stage: Stage, lines: int = 1) -> str:
    number = stage.sandbox.github.open_issue(OPS, "Slow", by="kim", labels=["incident", "sev2"])
    text = "\n".join(f"ACTION: remedy {n}" for n in range(lines))
    stage.sandbox.github.comment(OPS, number, text, by="noor")
    return f"{OPS}#{number}"


def close(stage: Stage, key: str) -> None:
    stage.sandbox.github.close(OPS, int(key.partition("#")[2]), by="kim")


def closed(stage: Stage, lines: int = 1) -> str:
    key = opened(stage, lines)
    close(stage, key)
    return key


def governor(stage: Stage) -> Governor:
    return Governor(stage.store, TIMING.call, stage._let_pass)


def spend(stage: Stage, units: int) -> None:
    """So much new content was written two minutes ago."""
    with stage.store.write() as tx:
        tx.traffic.begin("spent", "github", [Cost(CONTENT, units)], timedelta())
    stage.clock.wait(timedelta(minutes=2))


@contextmanager
def awaited(stage: Stage) -> Iterator[None]:
    """What is called in here, somebody waits for."""
    with stage.store.write() as tx:
        job = tx.jobs.claim(tx.jobs.touch("incident", "github/1", priority=AWAITED), TIMING.lease)
    assert job is not None
    with Lease(stage.store, job).held():
        yield
    with stage.store.write() as tx:
        tx.jobs.finish(job)


def write(connection: str = "github", *costs: Cost) -> Call:
    return Call(connection, "POST", "/repos/acme/ops/issues", costs or (Cost(CONTENT),))


def read(connection: str = "github") -> Call:
    return Call(connection, "GET", "/user")


# --- budgets ----------------------------------------------------------------------------------


def test_a_burst_of_closings_is_never_over_githubs_budgets(stage: Stage) -> None:
    stage.sandbox.enforce(github=GitHubLimits())
    keys = [closed(stage, lines=3) for _ in range(10)]
    stage.settle()
    stage.wait(timedelta(minutes=10))
    assert stage.sandbox.violations == []
    assert [stage.incident(key).outlook for key in keys] == [Outlook.DONE] * 10


def test_what_waits_for_an_hours_budget_says_for_what_and_until_when(stage: Stage) -> None:
    stage.sandbox.enforce(github=GitHubLimits())
    spend(stage, 500)
    key = closed(stage)
    stage.settle()
    incident = stage.incident(key)
    assert incident.outlook is Outlook.WAITING
    assert incident.waiting_for is not None
    assert "github allows 500 new content in an hour, 500 are used" in incident.waiting_for
    assert incident.waiting_until is not None
    assert timedelta(minutes=45) < incident.waiting_until - stage.clock() < HOUR
    stage.wait(HOUR)
    assert stage.incident(key).outlook is Outlook.DONE
    assert stage.sandbox.violations == []


@pytest.mark.parametrize(
    "left", [pytest.param(n, marks=[] if n % 3 == 1 else [pytest.mark.long]) for n in range(15)]
)
def test_wherever_the_budget_ends_a_closing_takes_not_one_write_more(
    stage: Stage, left: int
) -> None:
    stage.sandbox.github.graphql = False
    key = opened(stage, lines=5)
    stage.settle()
    spend(stage, 500 - left)
    stage.sandbox.reset_calls()
    close(stage, key)
    stage.settle()
    assert len(stage.sandbox.writes()) == left
    stage.wait(HOUR)
    assert stage.incident(key).outlook is Outlook.DONE
    told = [(call.method, call.path, call.status) for call in stage.sandbox.writes()]
    assert len(told) == 3 + 2 * 5 + 2, told


@pytest.mark.parametrize("left", [2, 5, 9, 10])
def test_what_is_written_together_is_counted_one_by_one(stage: Stage, left: int) -> None:
    """Three for the document, two labels, five tasks, their numbers and the comment."""
    key = opened(stage, lines=5)
    stage.settle()
    spend(stage, 500 - left)
    stage.sandbox.enforce(github=GitHubLimits(creations_per_hour=max(left, 12)))
    stage.sandbox.reset_calls()
    close(stage, key)
    stage.settle()
    made = sum(max(call.mutations, 1) for call in stage.sandbox.writes())
    assert made == {2: 0, 5: 5, 9: 5, 10: 10}[left]
    stage.wait(HOUR)
    assert stage.incident(key).outlook is Outlook.DONE
    assert sum(max(call.mutations, 1) for call in stage.sandbox.writes()) == 3 + 2 + 5 + 2
    assert stage.sandbox.violations == []


def test_an_incident_that_only_waits_for_a_budget_is_not_read_again(stage: Stage) -> None:
    spend(stage, 500)
    key = closed(stage)
    stage.settle()
    until = stage.incident(key).waiting_until
    assert until is not None
    stage.clock.wait(until - stage.clock())
    spend(stage, 500)  # others were quicker
    with awaited(stage), pytest.raises(RateLimited), governor(stage).passing(write()):
        pass
    stage.sandbox.reset_calls()
    stage.settle()
    assert stage.sandbox.calls == []
    stage.wait(HOUR)
    assert stage.incident(key).outlook is Outlook.DONE


def test_old_work_leaves_a_part_for_what_somebody_waits_for(stage: Stage) -> None:
    spend(stage, 500 - 500 // KEPT_BACK)
    with pytest.raises(RateLimited), governor(stage).passing(write()):
        pass
    key = closed(stage)
    stage.settle()
    assert stage.incident(key).outlook is Outlook.DONE


def test_a_call_that_did_not_end_counts_until_it_must_have(stage: Stage) -> None:
    """As after a crash: the tracker may have got it at any time until then."""
    keeper = governor(stage)
    with stage.store.write() as tx:
        tx.traffic.begin("crashed", "github", [Cost(CONTENT, units=500)], TIMING.call)
    stage.clock.wait(HOUR)
    with pytest.raises(RateLimited), keeper.passing(write()):
        pass
    stage.clock.wait(TIMING.call)
    with keeper.passing(write()) as report:
        report(Answered())


def test_writes_to_one_jira_issue_are_limited_and_the_others_go_on(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        keeper = governor(stage)
        mine, other = Cost(ISSUE, subject="10001"), Cost(ISSUE, subject="10002")
        began = stage.clock()
        for _ in range(20):
            with keeper.passing(write("jira", mine)) as report:
                report(Answered())
        with keeper.passing(write("jira", other)) as report:
            report(Answered())
        assert stage.clock() - began < timedelta(seconds=1)
        with keeper.passing(write("jira", mine)) as report:
            report(Answered())
        assert stage.clock() - began > timedelta(seconds=1)


def test_jira_is_never_over_its_bursts(tmp_path: Path) -> None:
    kinds: dict[str, Any] = {
        "incidents": JIRA_INCIDENTS,
        "document": JIRA_ISSUE,
        "tasks": JIRA_TASKS,
    }
    with Stage(tmp_path, **kinds) as stage:
        stage.sandbox.enforce(jira=JiraLimits())
        severity: dict[str, Any] = {"customfield_10050": {"value": "SEV-2"}}
        keys = [
            stage.sandbox.jira.create_issue("INC", f"Slow {n}", by="5b10-kim", **severity)
            for n in range(30)
        ]
        for key in keys:
            stage.sandbox.jira.transition(key, "Resolved", by="5b10-kim")
        stage.settle()
        stage.wait(timedelta(minutes=5))
        assert stage.sandbox.violations == []
        assert {stage.incident(key).outlook for key in keys} == {Outlook.DONE}


# --- pauses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "minutes"),
    [
        (429, {"Retry-After": "300"}, 5),
        (403, {"Retry-After": "300"}, 5),
        (403, {}, 1),
    ],
)
def test_when_one_is_told_to_wait_all_wait(
    stage: Stage, status: int, headers: dict[str, str], minutes: int
) -> None:
    words = {"message": "You have exceeded a secondary rate limit."}
    first, second = opened(stage), opened(stage)
    stage.settle()
    stage.sandbox.fail_next(
        "POST", "/git/refs|createRef", status=status, headers=headers, body=words
    )
    close(stage, first)
    stage.settle()
    stage.sandbox.reset_calls()
    close(stage, second)
    stage.wait(timedelta(minutes=minutes) - timedelta(seconds=30))
    assert stage.sandbox.calls == []
    waiting = stage.incident(first)
    assert waiting.outlook is Outlook.WAITING
    assert "secondary rate limit" in (waiting.waiting_for or "")
    stage.wait(timedelta(minutes=1))
    stage.wait(timedelta(minutes=1))
    assert {stage.incident(key).outlook for key in (first, second)} == {Outlook.DONE}


def test_a_refusal_that_names_no_time_is_waited_out_longer_each_time(stage: Stage) -> None:
    words = {"message": "You have exceeded a secondary rate limit."}
    stage.sandbox.fail_next("POST", "/git/refs|createRef", status=403, body=words, times=4)
    key = closed(stage)
    waits = []
    for _ in range(4):
        stage.settle()
        until = stage.incident(key).waiting_until
        assert until is not None
        with stage.store.read() as tx:
            (pause,) = [p for p in tx.traffic.all_paused() if p.scope == ""]
        waits.append(round((pause.until - stage.clock()) / timedelta(minutes=1)))
        stage.clock.wait(pause.until - stage.clock())
    assert waits == [1, 2, 4, 8]
    stage.wait(timedelta(minutes=8))
    assert stage.incident(key).outlook is Outlook.DONE


def test_a_jira_pause_for_one_issue_stops_writes_to_that_one_only(tmp_path: Path) -> None:
    with Stage(tmp_path, incidents=JIRA_INCIDENTS, document=JIRA_ISSUE, tasks=JIRA_TASKS) as stage:
        severity: dict[str, Any] = {"customfield_10050": {"value": "SEV-2"}}
        jira = stage.sandbox.jira
        first, second = (
            jira.create_issue("INC", "Slow", by="5b10-kim", **severity) for _ in range(2)
        )
        stage.settle()
        headers = {"Retry-After": "30", "RateLimit-Reason": "jira-per-issue-on-write"}
        stage.sandbox.fail_next("POST", "/comment$", status=429, headers=headers)
        jira.transition(first, "Resolved", by="5b10-kim")
        stage.settle()
        jira.transition(second, "Resolved", by="5b10-kim")
        stage.settle()
        assert stage.incident(first).outlook is Outlook.WAITING
        assert stage.incident(second).outlook is Outlook.DONE
        stage.wait(timedelta(seconds=31))
        assert stage.incident(first).outlook is Outlook.DONE


def test_an_allowance_that_is_used_up_pauses_until_it_comes_back_and_no_clock_makes_that_years(
    stage: Stage,
) -> None:
    keeper = governor(stage)
    for after, longest in ((timedelta(minutes=20), timedelta(minutes=20)), (400 * DAY, DAY)):
        quota = Quota(5000, 0, stage.clock() + after)
        with keeper.passing(read()) as report:
            report(Answered(quota=quota))
        with pytest.raises(RateLimited) as refused, keeper.passing(read()):
            pass
        assert refused.value.retry_at - stage.clock() <= longest
        stage.clock.wait(longest)
    with keeper.passing(read()) as report:
        report(Answered())


# --- a tracker that is down ---------------------------------------------------------------------


def test_a_tracker_that_is_down_for_an_hour_is_asked_seldom_and_nothing_is_lost(
    stage: Stage,
) -> None:
    keys = [opened(stage) for _ in range(6)]
    stage.settle()
    stage.sandbox.set_faults(Faults(down={"github": stage.clock() + HOUR}))
    for key in keys:
        close(stage, key)
    stage.settle()
    stage.sandbox.reset_calls()
    for _ in range(118):
        stage.wait(timedelta(seconds=30))
    tried = stage.sandbox.calls
    assert len(tried) <= 20
    assert {call.method for call in tried} == {"GET"}
    with stage.store.read() as tx:
        circuit = tx.traffic.circuit("github")
    assert circuit.probe_at is not None
    assert circuit.since is not None
    for _ in range(30):
        stage.wait(timedelta(seconds=30))
    assert {stage.incident(key).outlook for key in keys} == {Outlook.DONE}
    with stage.store.read() as tx:
        assert tx.traffic.circuit("github").probe_at is None


def failing(keeper: Governor, call: Call) -> None:
    with keeper.passing(call) as report:
        report(Answered(failing=True, why="nobody answered"))


def test_one_call_probes_and_only_a_read(stage: Stage) -> None:
    one, another = governor(stage), governor(stage)
    for _ in range(TRIPS_AFTER):
        failing(one, read())
    with pytest.raises(Unavailable) as refused, another.passing(read()):
        pass
    assert refused.value.retry_at is not None
    assert "github is down since" in refused.value.words
    stage.clock.wait(FIRST_REST)
    with pytest.raises(Unavailable), one.passing(write()):
        pass
    with one.passing(read()) as report:
        with pytest.raises(Unavailable), another.passing(read()):
            pass
        report(Answered())
    with another.passing(write()) as report:
        report(Answered())


def test_an_answer_in_between_starts_the_count_again(stage: Stage) -> None:
    keeper = governor(stage)
    for _ in range(3):
        for _ in range(TRIPS_AFTER - 1):
            failing(keeper, read())
        with keeper.passing(read()) as report:
            report(Answered())
    with keeper.passing(read()) as report:
        report(Answered())


def test_a_call_that_counts_against_no_budget_writes_only_what_is_news(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, write, writes, news = governor(stage), stage.store.write, list[int](), list[bool]()

    def counted(*, beside: bool = False) -> Any:
        writes.append(1)
        return write(beside=beside)

    stage.settle()  # the webhooks' pings arrived: nobody else writes
    monkeypatch.setattr(stage.store, "write", counted)
    for failing in (False, True, False, False):
        writes.clear()
        with keeper.passing(Call("jira", "GET", "/rest/api/3/issue/1")) as report:
            report(Answered(failing=failing, why="503"))
        news.append(bool(writes))
        with stage.store.read() as tx:
            assert tx.traffic.circuit("jira").failures == failing
    assert news == [False, True, True, False]


def test_one_tracker_that_is_down_does_not_stop_the_other(stage: Stage) -> None:
    keeper = governor(stage)
    for _ in range(TRIPS_AFTER):
        failing(keeper, read("jira"))
    key = closed(stage)
    stage.settle()
    assert stage.incident(key).outlook is Outlook.DONE


# --- the lease ------------------------------------------------------------------------------------


def test_the_lease_is_extended_right_before_a_call_that_it_might_not_outlast(stage: Stage) -> None:
    with stage.store.write() as tx:
        job = tx.jobs.claim(tx.jobs.touch("incident", "github/1"), TIMING.lease)
    assert job is not None
    keeper = governor(stage)
    with Lease(stage.store, job).held():
        stage.clock.wait(TIMING.lease - timedelta(seconds=5))
        with keeper.passing(read()) as report:
            report(Answered())
        stage.clock.wait(timedelta(seconds=40))  # by the first lease it would be over
        with stage.store.write() as tx:
            tx.jobs.fence(job)
