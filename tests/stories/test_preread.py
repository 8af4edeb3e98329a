"""The pre-read of a quarterly review is opened in the team's tracker, once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from faults.test_crashes import Crash, rise_again
from measures import OPS, OnGitHub
from stage import HOOKS, TOKENS, Stage

from config.rules import load
from service import owners
from service.commands.preread import preread

#: The stories begin on Monday, 7 December 2026, at noon UTC.
ASKED = "{review: 10 business days, before: 3 business days}"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    parts: dict[str, Any] = {"audits": "{portfolio: off}", "reminders": "off"}
    with Stage(
        tmp_path, **{**OnGitHub.parts, **parts, "participants": f"preread: {ASKED}\n"}
    ) as it:
        it.container.start()
        yield it


def until(stage: Stage, year: int, month: int, day: int) -> None:
    """Let time pass at once to that day's 9:01 UTC, and let the service work."""
    stage.wait(datetime(year, month, day, 9, 1, tzinfo=UTC) - stage.clock())


def tickets(stage: Stage) -> list[Any]:
    issues = stage.sandbox.github.repos[OPS].issues.values()
    return [issue for issue in issues if "followthrough preread:" in str(issue.body)]


def test_it_opens_three_business_days_before_the_review_and_once(stage: Stage) -> None:
    OnGitHub(stage, say="alert on depth due:2026-12-18")
    stage.settle()
    until(stage, 2027, 1, 11)
    assert tickets(stage) == []
    until(stage, 2027, 1, 12)
    (ticket,) = tickets(stage)
    assert ticket.title == "Pre-read 2026Q4: the review of payments"
    assert ticket.labels == ["preread"]
    assert "issues/2) “alert on depth”, due 2026-12-18" in ticket.body, "its task"
    stage.container.start()
    stage.settle()
    assert len(tickets(stage)) == 1


def test_a_crash_after_it_was_created_and_before_that_was_saved_leaves_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    OnGitHub(stage, say="alert on depth due:2026-12-18")
    stage.settle()

    def die(*_: object) -> None:
        raise Crash

    monkeypatch.setattr(owners, "save", die)
    stage.clock.wait(timedelta(days=37))
    with pytest.raises(Crash):
        stage.settle()
    assert len(tickets(stage)) == 1
    monkeypatch.undo()
    rise_again(stage)
    assert len(tickets(stage)) == 1


def test_what_only_some_may_read_is_not_in_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    OnGitHub(stage, say="alert on depth due:2026-12-18")
    stage.settle()
    turns = stage.container.handlers["team"].__self__  # type: ignore[attr-defined]  # TeamTurns
    monkeypatch.setattr(turns, "_tellable", lambda *_: frozenset())
    until(stage, 2027, 1, 12)
    assert tickets(stage) == [], "nothing is left to say"


def test_the_command_writes_it_as_markdown_and_as_a_page(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**TOKENS, **HOOKS}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(stage.rules_file))
    monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(stage.settings.data))
    monkeypatch.setenv("FOLLOWTHROUGH_DATABASE_URL", stage.store.url)
    OnGitHub(stage, say="alert on depth due:2020-12-18")
    stage.settle()
    asked = ["--team", "payments", "--quarter", "2026-q4"]
    text = CliRunner().invoke(preread, asked)
    assert text.exit_code == 0
    assert text.stdout.startswith("# Pre-read 2026Q4: the review of payments\n")
    assert "issues/2) “alert on depth”, due 2020-12-18" in text.stdout
    page = CliRunner().invoke(preread, [*asked, "--format", "html"])
    assert page.stdout.startswith("<!doctype html>")
    assert "AI-1 of acme/ops#1</a>" in page.stdout
    assert CliRunner().invoke(preread, ["--team", "nobody"]).exit_code == 1
    assert CliRunner().invoke(preread, ["--team", "payments", "--quarter", "Q5"]).exit_code == 1
    assert load(stage.rules_file).policy.teams["payments"].preread is not None
