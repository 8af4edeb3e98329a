"""`followthrough webhooks`: ours are registered once, as they must be; others are left alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from stage import (
    GITHUB_TASKS,
    HOOKS,
    TOKENS,
    Stage,
)
from unhooked import unhooked

from integrations.sandbox.acme import BOT_GITHUB, BOT_JIRA, KIM
from integrations.sandbox.hooks import Hook
from service.commands.webhooks import webhooks
from workflows.model import Outlook

#: Incidents in Jira, documents and tasks in GitHub.
IN_OPS = {"issues", "issue_comment", "milestone", "sub_issues", "issue_dependencies"}
IN_POSTMORTEMS = {"pull_request", "push"}
FOREIGN = "https://ci.acme.example/webhooks/build"


@pytest.fixture(params=["cloud", "datacenter", "datacenter 10"])
def stage(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    """No webhook of ours anywhere; somebody else's in each tracker."""
    deployment, _, major = request.param.partition(" ")
    tasks = GITHUB_TASKS
    with unhooked(tmp_path, monkeypatch, tasks=tasks, deployment=deployment) as stage:
        stage.sandbox.jira.major = int(major or 9)
        stage.sandbox.jira.hook(FOREIGN, "theirs", ["jira:issue_created"])
        stage.sandbox.github.hook("acme/ops", FOREIGN, "theirs", ["push"])
        yield stage


def given(*arguments: str) -> Result:
    result = CliRunner().invoke(webhooks, list(arguments), catch_exceptions=False)
    assert not any(secret in result.output for secret in (*HOOKS.values(), *TOKENS.values()))
    return result


def ours(stage: Stage) -> dict[str, Hook]:
    """By repository, "" for the Jira site."""
    found = [h for h in stage.sandbox.hooks.registered if h.url.startswith(stage.url)]
    assert len({(hook.dialect, hook.scope) for hook in found}) == len(found), "one of each"
    return {hook.scope: hook for hook in found}


def outcomes(result: Result) -> dict[str, str]:
    return {each["place"]: each["outcome"] for each in json.loads(result.output)}


def change(stage: Stage, hook: Hook, **changed: object) -> None:
    stage.sandbox.hooks.replace(hook, replace(hook, **changed))  # type: ignore[arg-type]


def test_each_place_gets_its_webhook_and_a_closed_incident_comes_by_it(stage: Stage) -> None:
    assert given("install").exit_code == 0
    hooks = ours(stage)
    assert hooks.keys() == {"", "acme/ops", "acme/postmortems"}
    assert hooks["acme/ops"].events == IN_OPS
    assert hooks["acme/postmortems"].events == IN_POSTMORTEMS
    assert hooks[""].jql == 'project in ("INC")'
    assert {"jira:issue_updated", "comment_created", "jira:version_released"} <= hooks[""].events
    severity: dict[str, Any] = {"customfield_10050": {"value": "SEV-2"}}
    key = stage.sandbox.jira.create_issue("INC", "Slow", by=KIM, **severity)
    stage.sandbox.jira.transition(key, "Resolved", by=KIM)
    stage.settle()
    assert stage.incident(key).outlook is Outlook.DONE
    assert given("verify").exit_code == 0


def test_a_project_is_heard_of_whose_key_is_a_word_of_the_query_language(stage: Stage) -> None:
    """Unquoted, Jira reads no query with it: nothing would ever arrive."""
    stage.sandbox.jira.add_project("INT")
    text = stage.rules_file.read_text()
    stage.rules_file.write_text(text.replace("project: INC", "project: INT"))
    assert given("install", "--connection", "jira").exit_code == 0
    assert ours(stage)[""].jql == 'project in ("INT")'
    key = stage.sandbox.jira.create_issue("INT", "Slow", by=KIM)
    told = [delivery for delivery in stage.sandbox.hooks.log if delivery.hook == ours(stage)[""]]
    assert any(key.encode() in delivery.body for delivery in told)


def test_what_is_right_is_left_alone(stage: Stage) -> None:
    given("install")
    stage.sandbox.hooks.drain()
    before = list(stage.sandbox.hooks.registered)
    stage.sandbox.reset_calls()
    result = given("install", "--json")
    assert set(outcomes(result).values()) == {"right already"}
    assert stage.sandbox.writes() == []
    assert stage.sandbox.hooks.registered == before


def test_the_plan_is_shown_and_nothing_is_changed(stage: Stage) -> None:
    result = given("install", "--plan")
    assert result.exit_code == 0
    assert "acme/ops: would be created: one that sends issue_comment" in result.output
    assert f"to {stage.url}/webhooks/github" in result.output
    assert stage.sandbox.writes() == []
    assert ours(stage) == {}


def test_one_that_differs_is_mended_and_no_second_one_is_made(stage: Stage) -> None:
    given("install")
    stage.sandbox.hooks.drain()
    change(stage, ours(stage)["acme/ops"], events=frozenset({"push"}), active=False)
    change(stage, ours(stage)[""], jql="project = HR")
    result = given("verify")
    assert result.exit_code == 1
    assert "the webhook of acme/ops: it is switched off" in result.output
    assert "leaves out INC: project = HR" in result.output
    told = outcomes(given("install", "--json"))
    assert sorted(told.values()) == ["right already", "updated", "updated"]
    stage.sandbox.hooks.drain()
    assert ours(stage)["acme/ops"].events >= IN_OPS
    assert ours(stage)["acme/ops"].active
    assert ours(stage)[""].jql == 'project in ("INC")'
    assert given("verify").exit_code == 0


def test_one_with_another_secret_gets_ours_again(stage: Stage) -> None:
    given("install")
    change(stage, ours(stage)["acme/ops"], secret="another")
    stage.sandbox.github.ping(ours(stage)["acme/ops"])
    stage.sandbox.hooks.drain()
    assert "its signature does not fit" in given("verify").output
    assert outcomes(given("install", "--json"))["acme/ops"] == "updated"
    stage.sandbox.hooks.drain()
    assert ours(stage)["acme/ops"].secret == HOOKS["GITHUB_HOOK"]
    assert given("verify").exit_code == 0
    assert outcomes(given("install", "--json"))["acme/ops"] == "right already"


def test_a_new_secret_is_written_where_it_is_asked_for(stage: Stage) -> None:
    given("install")
    for hook in ours(stage).values():
        change(stage, hook, secret="the one before")
    assert set(outcomes(given("install", "--renew-secret", "--json")).values()) == {"updated"}
    assert {hook.secret for hook in ours(stage).values()} == set(HOOKS.values())


def test_only_ours_are_removed(stage: Stage) -> None:
    given("install")
    assert set(outcomes(given("remove", "--plan", "--json")).values()) == {"would be removed"}
    assert given("remove").exit_code == 0
    assert ours(stage) == {}
    assert [hook.url for hook in stage.sandbox.hooks.registered] == [FOREIGN, FOREIGN]
    assert given("remove").output == "Nothing to do.\n"
    assert given("verify").exit_code == 1


def test_of_one_connection_alone(stage: Stage) -> None:
    given("install", "--connection", "github")
    assert ours(stage).keys() == {"acme/ops", "acme/postmortems"}
    result = given("install", "--connection", "gitlab")
    assert result.exit_code == 1
    assert "The rules have no connection gitlab; there are jira, github." in result.output


def test_who_may_not_is_told_exactly_what_to_do_by_hand(stage: Stage) -> None:
    stage.sandbox.jira.deny(BOT_JIRA, "ADMINISTER")
    stage.sandbox.github.repos["acme/ops"].members[BOT_GITHUB] = "write"
    result = given("install")
    assert result.exit_code == 1
    told = " ".join(result.output.split())
    assert "acme/ops: BY HAND: its webhooks may not be looked at" in told
    assert f"/acme/ops/settings/hooks: Payload URL {stage.url}/webhooks/github" in told
    assert (
        "and the events issue_comment, issue_dependencies, issues, milestone, sub_issues." in told
    )
    assert "Administer Jira" in told
    assert f"→ System → WebHooks: URL {stage.url}/webhooks/jira" in told
    assert 'JQL project in ("INC")' in told
    assert ours(stage).keys() == {"acme/postmortems"}
    assert given("remove").exit_code == 1


def test_an_older_server_is_not_asked_for_events_that_it_does_not_know(stage: Stage) -> None:
    stage.sandbox.github.unknown_events = frozenset({"sub_issues", "issue_dependencies"})
    assert given("install").exit_code == 0
    stage.sandbox.hooks.drain()
    assert ours(stage)["acme/ops"].events == IN_OPS - stage.sandbox.github.unknown_events
    assert set(outcomes(given("install", "--json")).values()) == {"right already"}


def test_a_ping_that_does_not_arrive_is_told(stage: Stage) -> None:
    given("install")
    stage.sandbox.hooks.drain()
    stage.stop_web()
    result = given("verify", "--connection", "github")
    assert result.exit_code == 1
    assert "the webhook of acme/ops: a ping was answered 5" in result.output


def test_without_a_public_address_there_is_nothing_to_register(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FOLLOWTHROUGH_PUBLIC_URL")
    result = given("install")
    assert result.exit_code == 1
    assert "FOLLOWTHROUGH_PUBLIC_URL is not set" in result.output
    assert stage.sandbox.writes() == []


def test_without_a_secret_nobody_would_be_let_in(stage: Stage) -> None:
    text = stage.rules_file.read_text()
    stage.rules_file.write_text(text.replace("    webhook_secrets: [{env: JIRA_HOOK}]\n", ""))
    result = given("install", "--connection", "jira")
    assert result.exit_code == 1
    assert "name it in webhook_secrets" in result.output


def test_an_answer_that_is_lost_is_told_and_the_next_run_looks_first(stage: Stage) -> None:
    stage.sandbox.fail_next("POST", "/acme/ops/hooks$", after_effect=True, status=502)
    result = given("install", "--json")
    assert result.exit_code == 1
    assert outcomes(result)["acme/ops"] == "FAILED"
    assert outcomes(given("install", "--json"))["acme/ops"] == "right already"
