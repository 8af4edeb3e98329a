"""Several webhooks that send to us: they are looked at, mended and removed together; and what fails
at one connection hides nothing of another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from stage import (
    HOOKS,
    JIRA_TASKS,
    Stage,
)
from unhooked import unhooked

from integrations.sandbox.hooks import Hook
from service.commands.webhooks import webhooks


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Jira's INC and OPS and GitHub's acme/postmortems are to be heard of."""
    with unhooked(tmp_path, monkeypatch, tasks=JIRA_TASKS) as stage:
        yield stage


def given(*arguments: str) -> Result:
    return CliRunner().invoke(webhooks, list(arguments), catch_exceptions=False)


def steps(result: Result) -> list[str]:
    return [each["outcome"] for each in json.loads(result.output)]


def one_for_each_project(stage: Stage) -> list[Hook]:
    """As an administrator makes them by hand, each for all events of its project."""
    assert given("install", "--connection", "jira").exit_code == 0
    (whole,) = stage.sandbox.hooks.registered
    first = replace(whole, jql='project = "INC"', name="of INC")
    second = replace(whole, jql="project = OPS", name="of OPS", id=stage.sandbox.world.next_id())
    stage.sandbox.hooks.registered[:] = [first, second]
    return [first, second]


def change(stage: Stage, hook: Hook, **changed: object) -> None:
    stage.sandbox.hooks.replace(hook, replace(hook, **changed))  # type: ignore[arg-type]


def test_one_webhook_for_each_project_of_jira_is_right(stage: Stage) -> None:
    made = one_for_each_project(stage)
    result = given("verify", "--connection", "jira")
    assert result.exit_code == 0, result.output
    assert "the webhooks of INC, of OPS send here" in result.output
    assert steps(given("install", "--connection", "jira", "--json")) == ["right already"]
    assert stage.sandbox.hooks.registered == made


def test_the_first_gets_only_what_no_other_sends(stage: Stage) -> None:
    first, second = one_for_each_project(stage)
    change(stage, second, jql="project = HR")
    result = given("verify", "--connection", "jira")
    assert 'leave out OPS: project = "INC"; project = HR' in result.output
    assert steps(given("install", "--connection", "jira", "--json")) == ["updated"]
    assert [hook.jql for hook in stage.sandbox.hooks.registered] == [
        'project in ("INC", "OPS")',
        "project = HR",
    ]
    stage.sandbox.hooks.registered[:] = [replace(first, active=False), second]
    assert "of INC, it is switched off" in given("verify", "--connection", "jira").output
    given("install", "--connection", "jira")
    off, wider = stage.sandbox.hooks.registered
    assert (off.active, wider.jql) == (False, 'project in ("INC", "OPS")')
    stage.sandbox.hooks.registered[:] = [first, replace(second, active=False)]
    given("install", "--connection", "jira")
    wider, off = stage.sandbox.hooks.registered
    assert (off.active, wider.jql) == (False, 'project in ("INC", "OPS")')


def test_a_new_secret_is_written_into_each_and_all_are_removed(stage: Stage) -> None:
    one_for_each_project(stage)
    for hook in list(stage.sandbox.hooks.registered):
        change(stage, hook, secret="the one before")
    assert steps(given("install", "--connection", "jira", "--renew-secret", "--json")) == [
        "updated",
        "updated",
    ]
    assert {hook.secret for hook in stage.sandbox.hooks.registered} == {HOOKS["JIRA_HOOK"]}
    assert steps(given("remove", "--connection", "jira", "--json")) == ["removed", "removed"]
    assert stage.sandbox.hooks.registered == []


def asked_by_a_person(stage: Stage, jql: str) -> Hook:
    """The one webhook of ours, with a query that somebody has thought of."""
    given("install", "--connection", "jira")
    (hook,) = stage.sandbox.hooks.registered
    change(stage, hook, jql=jql, name="theirs")
    return stage.sandbox.hooks.registered[0]


@pytest.mark.parametrize(
    "jql", ["project not in (INC, OPS)", "project != INC", "NOT project = INC"]
)
def test_a_query_that_tells_nothing_for_certain_stays_and_one_is_made_beside_it(
    stage: Stage, jql: str
) -> None:
    theirs = asked_by_a_person(stage, jql)
    result = given("verify", "--connection", "jira")
    assert result.exit_code == 1
    assert f"whether it sends INC, OPS cannot be told by {jql}" in result.output
    planned = given("install", "--connection", "jira", "--plan").output
    assert "would be created: one that sends comment_created" in planned
    assert f'of project in ("INC", "OPS") to {stage.url}/webhooks/jira' in planned
    assert "beside the webhook theirs, whose query is not ours to change: whether it" in planned
    assert steps(given("install", "--connection", "jira", "--json")) == ["created"]
    kept, made = stage.sandbox.hooks.registered
    assert kept == theirs
    assert made.jql == 'project in ("INC", "OPS")'
    assert given("verify", "--connection", "jira").exit_code == 0
    assert steps(given("install", "--connection", "jira", "--json")) == ["right already"]
    assert steps(given("remove", "--connection", "jira", "--json")) == ["removed", "removed"]


def test_what_narrows_a_query_is_told_and_only_what_it_leaves_out_is_sent_by_another(
    stage: Stage,
) -> None:
    jql = "project = INC AND issuetype = Incident"
    theirs = asked_by_a_person(stage, jql)
    assert f"its query leaves out OPS: {jql}" in given("verify", "--connection", "jira").output
    assert steps(given("install", "--connection", "jira", "--json")) == ["created"]
    kept, made = stage.sandbox.hooks.registered
    assert kept == theirs
    assert made.jql == 'project in ("OPS")'
    looked = given("verify", "--connection", "jira")
    assert looked.exit_code == 0
    assert f"what is left out by {jql} is found by polling" in looked.output


def test_an_event_that_is_missing_is_added_and_a_persons_query_stays(stage: Stage) -> None:
    jql = "project in (INC, OPS) AND issuetype != Epic"
    theirs = asked_by_a_person(stage, jql)
    change(stage, theirs, events=frozenset({"jira:issue_created"}))
    assert steps(given("install", "--connection", "jira", "--json")) == ["updated"]
    assert stage.sandbox.hooks.registered == [theirs]


def test_a_query_that_is_widened_is_told(stage: Stage) -> None:
    asked_by_a_person(stage, "project = INC or project = HR")
    planned = given("install", "--connection", "jira", "--plan").output
    assert "would be updated: its query leaves out OPS" in planned
    assert 'its query becomes project in ("INC", "OPS")' in planned


def test_a_query_may_call_a_project_by_its_name(stage: Stage) -> None:
    given("install")
    name = stage.sandbox.jira.projects["INC"].name
    assert name != "INC"
    (hook,) = [each for each in stage.sandbox.hooks.registered if each.dialect == "jira"]
    change(stage, hook, jql=f'project = "{name}" OR project = OPS')
    before = list(stage.sandbox.hooks.registered)
    assert given("verify", "--connection", "jira").exit_code == 0
    assert steps(given("install", "--connection", "jira", "--json")) == ["right already"]
    assert stage.sandbox.hooks.registered == before


def test_two_webhooks_of_a_repository_are_taken_together(stage: Stage) -> None:
    to = f"{stage.url}/webhooks/github"
    for events in (["push"], ["pull_request"]):
        stage.sandbox.github.hook("acme/postmortems", to, HOOKS["GITHUB_HOOK"], events)
    stage.sandbox.hooks.drain()
    before = list(stage.sandbox.hooks.registered)
    assert given("verify", "--connection", "github").exit_code == 0
    assert steps(given("install", "--connection", "github", "--json")) == ["right already"]
    stage.sandbox.hooks.drain()
    assert stage.sandbox.hooks.registered == before
    change(stage, before[1], events=frozenset({"issues"}))
    assert steps(given("install", "--connection", "github", "--json")) == ["updated"]
    stage.sandbox.hooks.drain()
    mended = [hook.events for hook in stage.sandbox.hooks.registered]
    assert mended == [{"push", "pull_request"}, {"issues"}]
    told = steps(given("remove", "--connection", "github", "--json"))
    assert told == ["removed", "removed"]
    assert stage.sandbox.hooks.registered == []


def test_one_that_is_switched_off_stays_so_beside_one_that_can_be_mended(stage: Stage) -> None:
    to = f"{stage.url}/webhooks/github"
    for events in (["push", "pull_request", "star"], ["push"]):
        stage.sandbox.github.hook("acme/postmortems", to, HOOKS["GITHUB_HOOK"], events)
    stage.sandbox.hooks.drain()
    first, second = stage.sandbox.hooks.registered
    change(stage, first, active=False)
    off = stage.sandbox.hooks.registered[0]
    result = given("verify", "--connection", "github")
    assert "the webhook of acme/postmortems: it does not send pull_request" in result.output
    assert "switched off" not in result.output, "nothing is wrong with that"
    assert steps(given("install", "--connection", "github", "--json")) == ["updated"]
    stage.sandbox.hooks.drain()
    mended = replace(second, events=frozenset({"push", "pull_request"}))
    assert stage.sandbox.hooks.registered == [off, mended]
    assert given("verify", "--connection", "github").exit_code == 0
    assert steps(given("install", "--connection", "github", "--json")) == ["right already"]


def test_of_two_that_cannot_be_used_the_one_that_is_on_gets_a_secret(stage: Stage) -> None:
    to = f"{stage.url}/webhooks/github"
    for secret in (HOOKS["GITHUB_HOOK"], ""):
        stage.sandbox.github.hook("acme/postmortems", to, secret, ["push", "pull_request"])
    stage.sandbox.hooks.drain()
    first, second = stage.sandbox.hooks.registered
    change(stage, first, active=False)
    off = stage.sandbox.hooks.registered[0]
    assert "it has no secret" in given("verify", "--connection", "github").output
    assert steps(given("install", "--connection", "github", "--json")) == ["updated"]
    assert stage.sandbox.hooks.registered == [off, replace(second, secret=HOOKS["GITHUB_HOOK"])]


def test_of_jiras_too_one_that_is_switched_off_stays_so(stage: Stage) -> None:
    first, second = one_for_each_project(stage)
    change(stage, first, active=False, jql="project in (INC, OPS)")
    change(stage, second, jql="project in (INC, OPS)", events=second.events - {"comment_created"})
    off, _ = stage.sandbox.hooks.registered
    assert steps(given("install", "--connection", "jira", "--json")) == ["updated"]
    assert stage.sandbox.hooks.registered == [
        off,
        replace(second, jql="project in (INC, OPS)"),  # with all events again
    ]
    assert given("verify", "--connection", "jira").exit_code == 0


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


@pytest.mark.parametrize("command", ["install", "remove"])
def test_a_jira_that_does_not_answer_is_no_missing_right(stage: Stage, command: str) -> None:
    stage.sandbox.fail_next("GET", "/webhook$", status=429)
    result = given(command, "--connection", "jira", "--json")
    assert result.exit_code == 1
    assert steps(result) == ["FAILED"]
    assert "Administer Jira" not in result.output


def test_a_removal_without_an_answer_is_to_be_run_again_as_a_removal(stage: Stage) -> None:
    given("install")
    stage.sandbox.fail_next("DELETE", "/webhook/", after_effect=True, status=502)
    result = given("remove", "--connection", "jira")
    assert result.exit_code == 1
    assert "webhooks remove` again" in result.output
