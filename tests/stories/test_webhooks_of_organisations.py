"""A webhook of the organisation may tell of its repositories. What it does not tell for certain,
their own do; it is never widened, because it is told of all others, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from stage import (
    GITHUB_TASKS,
    HOOKS,
    Stage,
)
from unhooked import unhooked

from integrations.sandbox.acme import BOT_GITHUB
from integrations.sandbox.hooks import Hook
from service.commands.webhooks import webhooks
from service.container.trackers import Trackers

IN_OPS = {"issues", "issue_comment", "milestone", "sub_issues", "issue_dependencies"}
IN_POSTMORTEMS = {"pull_request", "push"}
SECRET = HOOKS["GITHUB_HOOK"]
WHOLE = "organisation acme"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """The account owns the organisation; acme/ops and acme/postmortems are to be heard of."""
    with unhooked(tmp_path, monkeypatch, tasks=GITHUB_TASKS) as stage:
        stage.sandbox.github.owners["acme"] = {BOT_GITHUB}
        yield stage


def given(*arguments: str) -> Result:
    asked = [*arguments, "--connection", "github"]
    return CliRunner().invoke(webhooks, asked, catch_exceptions=False)


def faults(stage: Stage) -> list[str]:
    """What `doctor` says of them; without the pings of `verify`, which take a second each."""
    trackers = Trackers(stage.container.rules, stage.clock, public_url=stage.url)
    return [found.what for found in trackers.webhooks["github"].check() if not found.ok]


def outcomes(stage: Stage, *arguments: str) -> dict[str, str]:
    told = {each["place"]: each["outcome"] for each in json.loads(given(*arguments).output)}
    assert stage.sandbox.hooks.drain()
    return told


def registered(stage: Stage, scope: str, *events: str, **changed: object) -> Hook:
    """One that sends to us."""
    to = f"{stage.url}/webhooks/github"
    id = stage.sandbox.github.hook(scope, to, SECRET, list(events))
    assert stage.sandbox.hooks.drain()
    (made,) = [hook for hook in stage.sandbox.hooks.registered if hook.id == id]
    wanted = replace(made, **changed)  # type: ignore[arg-type]
    stage.sandbox.hooks.replace(made, wanted)
    return wanted


def sent(stage: Stage) -> dict[str, frozenset[str]]:
    return {hook.scope: hook.events for hook in stage.sandbox.hooks.registered}


def test_one_that_sends_all_stands_for_those_of_its_repositories(stage: Stage) -> None:
    registered(stage, "acme", *IN_OPS, *IN_POSTMORTEMS)
    assert given("verify").exit_code == 0
    assert outcomes(stage, "install", "--json") == {WHOLE: "right already"}
    assert sent(stage).keys() == {"acme"}


def test_what_it_does_not_send_a_repositorys_own_does(stage: Stage) -> None:
    registered(stage, "acme", *IN_OPS, "push")
    looked = given("verify")
    assert looked.exit_code == 1
    assert (
        "acme/postmortems: the webhook of organisation acme sends push, and no webhook of its own"
        f" sends pull_request to {stage.url}/webhooks/github" in looked.output
    )
    planned = given("install", "--plan").output
    assert "acme/postmortems: would be created: one that sends pull_request to" in planned
    assert "; the webhook of organisation acme sends push" in planned
    told = outcomes(stage, "install", "--json")
    assert told == {WHOLE: "right already", "acme/postmortems": "created"}
    assert sent(stage) == {"acme": {*IN_OPS, "push"}, "acme/postmortems": {"pull_request"}}
    assert faults(stage) == []
    assert set(outcomes(stage, "install", "--json").values()) == {"right already"}


def test_one_that_is_switched_off_stays_so_and_stands_for_nothing(stage: Stage) -> None:
    registered(stage, "acme", *IN_OPS, *IN_POSTMORTEMS, active=False)
    assert "the webhook of organisation acme is switched off" in given("verify").output
    told = outcomes(stage, "install", "--json")
    created = dict.fromkeys(["acme/ops", "acme/postmortems"], "created")
    assert told == {WHOLE: "right already", **created}
    assert sent(stage)["acme/ops"] == IN_OPS
    assert [h.active for h in stage.sandbox.hooks.registered if h.scope == "acme"] == [False]
    assert faults(stage) == []


def test_repositories_that_have_their_own_need_nothing_of_it(stage: Stage) -> None:
    registered(stage, "acme/ops", *IN_OPS)
    registered(stage, "acme/postmortems", *IN_POSTMORTEMS)
    registered(stage, "acme", "issues")
    before = list(stage.sandbox.hooks.registered)
    assert faults(stage) == []
    assert set(outcomes(stage, "install", "--json").values()) == {"right already"}
    assert stage.sandbox.hooks.registered == before


def test_one_with_another_secret_gets_ours_and_keeps_its_events(stage: Stage) -> None:
    whole = registered(stage, "acme", *IN_OPS, *IN_POSTMORTEMS, "release", secret="another")
    stage.sandbox.github.ping(whole)
    assert stage.sandbox.hooks.drain()
    looked = given("verify")
    assert looked.exit_code == 1
    assert "the webhook of organisation acme: its last delivery (ping) was refused" in looked.output
    assert outcomes(stage, "install", "--json") == {WHOLE: "updated"}
    assert stage.sandbox.hooks.registered == [replace(whole, secret=SECRET)]
    assert faults(stage) == []


def test_one_without_a_secret_gets_ours(stage: Stage) -> None:
    registered(stage, "acme", *IN_OPS, *IN_POSTMORTEMS, secret="")
    assert "organisation acme: it has no secret" in given("verify").output
    assert outcomes(stage, "install", "--json") == {WHOLE: "updated"}
    assert [hook.secret for hook in stage.sandbox.hooks.registered] == [SECRET]


def test_a_new_secret_is_written_into_those_that_stand_beside_it_too(stage: Stage) -> None:
    registered(stage, "acme/ops", *IN_OPS, secret="the one before")
    registered(stage, "acme", *IN_OPS, *IN_POSTMORTEMS, secret="the one before")
    told = outcomes(stage, "install", "--renew-secret", "--json")
    assert told == {WHOLE: "updated", "acme/ops": "updated"}
    assert {hook.secret for hook in stage.sandbox.hooks.registered} == {SECRET}
    assert sent(stage) == {"acme": {*IN_OPS, *IN_POSTMORTEMS}, "acme/ops": IN_OPS}
    told = outcomes(stage, "remove", "--json")
    assert told == {WHOLE: "removed", "acme/ops": "removed"}
    assert stage.sandbox.hooks.registered == []
