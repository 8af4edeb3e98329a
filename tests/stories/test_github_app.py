"""A closing through a GitHub App, with what its manifest asks for and not a permission more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from installed import DOCUMENT, GRANTED, OPS, PAPERS, SET_UP, ThroughAnApp
from stage import Stage

from integrations.sandbox.limits import GitHubLimits
from workflows.model import Outlook


@pytest.fixture
def company(tmp_path: Path) -> Iterator[ThroughAnApp]:
    with Stage(tmp_path, document=DOCUMENT, webhooks=False) as stage:
        yield ThroughAnApp(stage)


def test_a_closing_through_two_installations_sets_everything_up_once(company: ThroughAnApp) -> None:
    company.close()
    assert company.done == SET_UP
    assert not company.answered(403)
    together = [call.mutations for call in company.stage.sandbox.calls if call.mutations]
    assert together == [3, 2], "branch, commit and pull request; and both tasks"
    pull = company.github.repo(PAPERS).issues[1]
    assert pull.user == "followthrough[bot]"
    (note,) = [n for n in company.github.repo(OPS).issues[1].notes if n.user == pull.user]
    assert f"{PAPERS}/pull/1" in note.body


def test_tokens_that_end_in_the_middle_change_nothing(
    company: ThroughAnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each thing that is made, somebody revokes them all."""
    for act in ("create_branch", "write", "open_pull", "open_issue", "comment"):
        do = getattr(company.github, act)

        def and_end(*args: object, do: object = do, **named: object) -> object:
            done = do(*args, **named)  # type: ignore[operator]
            company.github.end_app_tokens()
            return done

        monkeypatch.setattr(company.github, act, and_end)
    company.close()
    assert company.done == SET_UP
    assert len(company.answered(401)) >= 3


def test_what_the_app_did_comes_back_as_an_echo_and_leads_to_nothing(company: ThroughAnApp) -> None:
    company.close()
    company.stage.sandbox.reset_calls()
    company.stage.poll()
    company.stage.wait(timedelta(minutes=10))
    assert [
        call for call in company.stage.sandbox.writes() if "access_tokens" not in call.path
    ] == []
    assert company.done == SET_UP


def test_what_may_still_be_asked_is_told_of_each_installation(company: ThroughAnApp) -> None:
    company.stage.sandbox.enforce(github=GitHubLimits())
    company.close()
    found = company.standings.items()
    left = {name: each.circuit.quota.left for name, each in found if each.circuit.quota}
    assert set(left) >= {"github@acme", "github@globex"}
    assert left["github@acme"] < left["github@globex"] < 5000


def test_where_the_app_is_not_installed_the_document_waits_and_says_why(
    company: ThroughAnApp,
) -> None:
    company.github.apps.installed = [i for i in company.github.apps.installed if i.owner == "acme"]
    incident = company.close()
    told = company.stage.told(incident)
    assert f"the GitHub App followthrough is not installed on {PAPERS}" in told
    assert company.done[PAPERS] == []


def test_what_nobody_has_accepted_yet_waits_with_what_to_do_and_goes_on_once_they_have(
    company: ThroughAnApp,
) -> None:
    """The App was let read issues only, and asks for more by now."""
    github, stage = company.github, company.stage
    github.apps.by_slug["followthrough"].permissions = {**GRANTED, "issues": "read"}
    github.ask_permissions("followthrough", GRANTED)
    incident = company.close()
    assert company.done == {OPS: SET_UP[OPS][:1], PAPERS: SET_UP[PAPERS]}
    assert stage.incident(incident).outlook is Outlook.WAITING
    told = stage.told(incident)
    assert "not accessible by integration. Give the App the permission issues=write" in told
    assert "accepts the new permissions in the organisation's settings, under GitHub Apps" in told

    github.accept_permissions(github.apps.installed[0].id)
    stage.wait(timedelta(minutes=11))
    assert stage.incident(incident).outlook is Outlook.DONE
    assert company.done == SET_UP
