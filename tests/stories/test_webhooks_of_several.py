"""Several webhooks that send to us: they are looked at, mended and removed together; and what fails
at one connection hides nothing of another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from stage import (
    HOOKS,
    JIRA_INCIDENTS,
    JIRA_TASKS,
    PULL_REQUEST,
    TOKENS,
    Stage,
    StoryClock,
)

from service.commands.webhooks import webhooks


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Jira's INC and OPS and GitHub's acme/postmortems are to be heard of."""
    with Stage(
        tmp_path,
        incidents=JIRA_INCIDENTS,
        document=PULL_REQUEST,
        tasks=JIRA_TASKS,
        webhooks=False,
        clock=StoryClock(datetime.now(UTC)),
    ) as stage:
        monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(stage.rules_file))
        monkeypatch.setenv("FOLLOWTHROUGH_PUBLIC_URL", stage.url)
        for name, value in {**TOKENS, **HOOKS}.items():
            monkeypatch.setenv(name, value)
        yield stage


def given(*arguments: str) -> Result:
    return CliRunner().invoke(webhooks, list(arguments), catch_exceptions=False)


def steps(result: Result) -> list[str]:
    return [each["outcome"] for each in json.loads(result.output)]


def test_what_fails_at_one_connection_hides_nothing_of_another(stage: Stage) -> None:
    """Jira, the first, is changed before GitHub is asked; nobody answers there."""
    stage.sandbox.fail_next("GET", "/acme/postmortems", status=503)
    stage.sandbox.fail_next("GET", "/orgs/acme/hooks", status=503)
    result = given("install", "--json")
    assert result.exit_code == 1
    told = {each["connection"]: each for each in json.loads(result.output)}
    assert told["jira"]["outcome"] == "created"
    assert told["github"]["outcome"] == "FAILED"
    assert "webhooks could not be looked at" in told["github"]["words"]


def test_a_removal_without_an_answer_is_to_be_run_again_as_a_removal(stage: Stage) -> None:
    given("install")
    stage.sandbox.fail_next("DELETE", "/webhook/", after_effect=True, status=502)
    result = given("remove", "--connection", "jira")
    assert result.exit_code == 1
    assert "webhooks remove` again" in result.output
