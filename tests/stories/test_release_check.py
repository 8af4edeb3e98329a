"""`followthrough release-check`: what a pipeline learns from it, and what its commit shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from quarter import Kept, item
from stage import HOOKS, TOKENS, Stage

from service.commands.release import release_check

#: Commands go by the clock on the wall, whatever it shows.
PAST = date(2020, 1, 1)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    for name, value in {**TOKENS, **HOOKS}.items():
        monkeypatch.setenv(name, value)
    with Stage(tmp_path) as stage:
        monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(stage.rules_file))
        monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(stage.settings.data))
        monkeypatch.setenv("FOLLOWTHROUGH_DATABASE_URL", stage.store.url)
        yield stage


@pytest.fixture
def kept(stage: Stage) -> Kept:
    return Kept(stage.store)


def checked(*arguments: str, service: str = "checkout") -> Result:
    return CliRunner().invoke(release_check, ["--service", service, *arguments])


def head(stage: Stage) -> str:
    place = stage.sandbox.github.repos["acme/ops"]
    return place.branches[place.default_branch]


def shown(stage: Stage) -> list[tuple[str, str, str]]:
    """State, context and words of each status on the commit."""
    place = stage.sandbox.github.repos["acme/ops"]
    found = place.statuses.get(head(stage), [])
    return [(each["state"], each["context"], each["description"]) for each in found]


def test_a_pipeline_goes_on_where_nothing_stops_the_release(kept: Kept) -> None:
    kept.incident(1)
    result = checked()
    assert result.exit_code == 0
    assert "checkout: nothing is open or in doubt" in result.stdout


def test_it_stops_at_a_late_preventive_measure_unless_it_wants_to_know_only(kept: Kept) -> None:
    kept.incident(1, item(due=PAST))
    assert checked().exit_code == 1
    assert checked("--fail-on", "none").exit_code == 0
    assert checked("--fail-on", "overdue", "--fail-on", "open").exit_code == 1
    told = json.loads(checked("--json", "--fail-on", "suspect").stdout)
    assert told["clear"] is True
    assert told["counts"]["late preventive measure"] == 1


def test_what_could_not_be_checked_is_told_apart_from_what_is_stopped(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept.incident(1, item(due=PAST))
    assert checked(service="search").exit_code == 3
    assert checked("--fail-on", "none", "--fail-on", "late").exit_code == 2
    assert checked("--github", "acme/ops").exit_code == 2
    monkeypatch.delenv("FOLLOWTHROUGH_DATABASE_URL")
    monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(tmp_path / "never-made"))
    assert checked().exit_code == 2


def test_the_commit_shows_what_it_came_to_and_later_what_changed(stage: Stage, kept: Kept) -> None:
    made = kept.incident(1, item(due=PAST))
    commit = f"acme/ops@{head(stage)}"
    assert checked("--github", commit).exit_code == 1
    assert shown(stage) == [("failure", "followthrough/release", "1 late preventive measure")]
    kept.incident(1, item(due=PAST, status="done"), id=made.id)
    assert checked("--github", commit).exit_code == 0
    assert shown(stage)[-1][0] == "success"


@pytest.mark.parametrize("status", [403, 404])
def test_a_token_that_may_not_show_it_is_told_what_it_lacks(
    stage: Stage, kept: Kept, status: int
) -> None:
    kept.incident(1)
    stage.sandbox.fail_next("POST", "/statuses/", status=status)
    result = checked("--github", f"acme/ops@{head(stage)}")
    assert result.exit_code == 2
    assert "Commit statuses: read and write" in result.stderr
    assert shown(stage) == []


def test_of_several_connections_one_is_named(stage: Stage, kept: Kept) -> None:
    kept.incident(1)
    commit = f"acme/ops@{head(stage)}"
    assert checked("--github", commit, "--connection", "github").exit_code == 0
    result = checked("--github", commit, "--connection", "jira")
    assert result.exit_code == 2
    assert "These can: github." in result.stderr
