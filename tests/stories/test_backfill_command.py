"""`followthrough backfill`: planned first, watched, stopped and resumed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bygone import live_through, with_a_past
from click.testing import CliRunner, Result
from stage import HOOKS, TOKENS, Stage

from integrations.sandbox.acme import BOT_JIRA
from service.commands import backfill as command
from service.commands import reading
from service.commands.all import followthrough
from service.container import open_store
from service.store.backfills import BackfillState

OCTOBER = ("--from", "2026-10-01", "--to", "2026-10-31")


@pytest.fixture(params=["github", "jira"])
def tracker(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def stage(tmp_path: Path, tracker: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Twenty-five incidents in October, and a command line that goes by the story's clock."""
    for name, value in {**TOKENS, **HOOKS, "CHECKS_TOKEN": "x"}.items():
        monkeypatch.setenv(name, value)
    with with_a_past(tmp_path, tracker, 25) as stage:
        live_through(stage, tracker, 25)
        monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(stage.rules_file))
        monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(stage.directory / "data"))
        monkeypatch.setattr(reading, "open_store", lambda s: open_store(s, stage.clock))
        working(stage, monkeypatch)
        yield stage


def working(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], None] = lambda: None
) -> None:
    """While the command sleeps, a worker works."""

    def sleep(seconds: float) -> None:
        for _ in range(round(seconds)):
            stage.wait(timedelta(seconds=1))
        meanwhile()

    monkeypatch.setattr(command, "time", SimpleNamespace(sleep=sleep))


def given(*words: str) -> Result:
    return CliRunner().invoke(followthrough, ["backfill", *words])


def told(*words: str) -> str:
    result = given(*words)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_plan_tells_what_would_come_and_writes_nothing(stage: Stage, tracker: str) -> None:
    for permission in ("CREATE_ISSUES", "EDIT_ISSUES", "ADD_COMMENTS", "LINK_ISSUES"):
        stage.sandbox.jira.deny(BOT_JIRA, permission)
    said = told("--team", "payments", *OCTOBER, "--plan")
    assert "25 of them incidents of the period" in said
    assert "Recorded would be 25 (25 sev2)." in said
    assert "With --documents 25 documents, with --tasks too about 25 tasks." in said
    assert "20 incidents that were read whole" in said
    assert stage.sandbox.writes() == []
    assert f"{len(stage.sandbox.calls)} calls were made to find this out." in said
    assert stage.incidents() == []
    with stage.store.read() as tx:
        assert tx.backfills.latest() is None
        assert tx.jobs.unfinished("backfill") == 0


def test_the_plan_is_what_comes(stage: Stage, tracker: str) -> None:
    planned = json.loads(told(*OCTOBER, "--plan", "--json"))
    assert planned["incidents"] == 25
    stage.sandbox.reset_calls()
    assert "done: 25 of 25" in told(*OCTOBER)
    made = len(stage.sandbox.reads())
    assert abs(planned["reads"] - made) <= 3, "what was estimated is what it took"
    again = told(*OCTOBER, "--plan")
    assert "25 of them known already" in again
    assert "Nothing would be recorded." in again


def test_it_is_watched_and_found_by_the_search(stage: Stage, tracker: str) -> None:
    said = told(*OCTOBER)
    assert "an hour" in said
    assert "left" in said
    assert said.splitlines()[-1] == "done: 25 of 25"
    assert "Outage 7" in CliRunner().invoke(followthrough, ["search", "outage 7 zone"]).output


def test_ctrl_c_stops_it_and_resume_goes_on(
    stage: Stage, tracker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt() -> None:
        if len(stage.incidents()) >= 5:
            raise KeyboardInterrupt

    working(stage, monkeypatch, interrupt)
    said = told(*OCTOBER)
    assert "Backfill 1 is stopped" in said
    working(stage, monkeypatch)
    stage.wait(timedelta(hours=1))
    known = len(stage.incidents())
    assert known < 12
    assert "stopped: " in told("status")
    assert told("resume").splitlines()[-1] == "done: 25 of 25"
    assert len(stage.incidents()) == 25
    assert "Backfill 1 is done." in given("resume", "1").output


def test_there_is_one_at_a_time_and_it_can_be_stopped_from_elsewhere(
    stage: Stage, tracker: str
) -> None:
    told(*OCTOBER, "--no-wait")
    refused = given(*OCTOBER)
    assert refused.exit_code == 1
    assert "Backfill 1 is running, and there is one at a time." in refused.output
    assert "Backfill 1 is stopped" in told("stop")
    assert given("stop").exit_code == 1
    with stage.store.read() as tx:
        found = tx.backfills.get(1)
        log = [(each.action, each.subject) for each in tx.changes.page(10)]
    assert found is not None
    assert found.state is BackfillState.STOPPED
    assert log == [("backfill stopped", "1"), ("backfill begun", "1")]


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        ((), 2, "Say which"),
        (("--from", "2026-10-02", "--to", "2026-10-01"), 2, "--to is before --from"),
        ((*OCTOBER, "--tasks"), 2, "add --documents"),
        ((*OCTOBER, "--team", "ops"), 1, "No team is called ops. The rules have: payments."),
        ((*OCTOBER, "--connection", "x"), 1, "No connection is called x."),
        (("status",), 1, "There was no backfill yet."),
        (("status", "7"), 1, "There is no backfill 7."),
        (("resume",), 1, "There is no stopped backfill, and none that ended without"),
    ],
)
def test_what_cannot_be_is_told(
    stage: Stage, tracker: str, words: tuple[str, ...], code: int, why: str
) -> None:
    result = given(*words)
    assert (result.exit_code, why in result.output) == (code, True), result.output


def test_a_place_that_cannot_be_listed_is_named_and_ends_with_1(
    stage: Stage, tracker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path: dict[str, Any] = {"github": "/issues", "jira": "/search"}
    stage.sandbox.fail_next("GET", path[tracker], status=503)
    result = given(*OCTOBER, "--plan")
    assert result.exit_code == 1
    assert "could not be listed" in result.output


def test_one_that_ends_without_a_place_says_which_and_ends_with_1(
    stage: Stage, tracker: str
) -> None:
    gone: dict[str, Any] = {"github": ("/issues", 404), "jira": ("/search", 400)}
    path, status = gone[tracker]
    for _ in range(2):
        stage.sandbox.fail_next("GET", path, status=status)
    result = given(*OCTOBER)
    assert result.exit_code == 1
    assert "ended, 1 place failed: 0 of 0" in result.output
    assert "could not be listed: " in result.output
    assert result.output.splitlines()[-1].endswith("backfill resume 1`.")
    assert "could not be listed: " in told("status")
    assert given("resume").exit_code == 1, "it is refused still"
    assert told("resume").splitlines()[-1] == "done: 25 of 25"
    assert "There is no stopped backfill" in given("resume").output
