"""A closing through a GitHub App, with what its manifest asks for and not a permission more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from installed import DOCUMENT, GRANTED, OPS, PAPERS, SET_UP, ThroughAnApp
from stage import Stage, StoryClock

from config.rules import load
from integrations.sandbox.limits import GitHubLimits
from service.container.refusals import of_privacy
from service.container.trackers import Trackers
from service.routing import INCIDENT_JOB, incident_subject
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


def test_a_repository_that_the_app_is_not_installed_on_keeps_nothing_from_starting(
    tmp_path: Path,
) -> None:
    """Nobody can tell who may read there, and that is asked again before each copy."""
    clock = StoryClock(datetime.now(UTC))
    with Stage(tmp_path, document=DOCUMENT, webhooks=False, clock=clock) as stage:
        ThroughAnApp(stage)
        rules = load(stage.rules_file, stage.environ)
        assert of_privacy(rules) == []
        stage.sandbox.github.uninstall_app(
            next(i.id for i in stage.sandbox.github.apps.installed if i.owner == "globex")
        )
        (found,) = Trackers(rules).audiences.of_rules(rules.policy)
        assert f"is not installed on {PAPERS}" in found.why.words
        assert of_privacy(rules) == []


def test_what_comes_to_such_a_repository_waits_with_the_way_to_install_it(
    company: ThroughAnApp,
) -> None:
    globex = next(each for each in company.github.apps.installed if each.owner == "globex")
    company.github.uninstall_app(globex.id)
    told = company.stage.told(company.close())
    assert f"is not installed on {PAPERS}" in told
    assert "Install it there" in told
    assert company.done[PAPERS] == []


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


def test_an_incident_whose_repository_gets_another_owner_goes_on_there(
    company: ThroughAnApp,
) -> None:
    """Right after a turn, so that the installation that served it is still believed to."""
    incident = company.close()
    company.github.rename_repo(OPS, "globex/ops", by="kim")
    company.github.comment("globex/ops", 1, "ACTION: page the owner @kim", by="noor")
    company.stage.settle()
    found = company.stage.incidents()
    assert [each.ticket.key for each in found] == ["globex/ops#1"], company.stage.told(incident)
    assert found[0].outlook is Outlook.DONE
    assert company.titles("globex/ops") == sorted([*SET_UP[OPS], "page the owner"])


def test_an_incident_whose_repository_goes_where_the_app_is_not_waits_until_it_is(
    company: ThroughAnApp,
) -> None:
    github, stage = company.github, company.stage
    incident = stage.incident(company.close())
    github.rename_repo(OPS, "initech/ops", by="kim")
    github.comment("initech/ops", 1, "ACTION: page the owner @kim", by="noor")
    with stage.store.write() as tx:  # as somebody asks for a turn of it on the page
        subject = incident_subject("github", incident.ticket.id)
        tx.jobs.touch(INCIDENT_JOB, subject)
    stage.settle()
    with stage.store.read() as tx:
        job = tx.jobs.get(INCIDENT_JOB, subject)
    assert job is not None
    assert "the GitHub App followthrough is not installed on acme/ops" in str(job.reason)
    assert "If it was transferred to another owner, install the App there" in str(job.reason)

    github.install_app("followthrough", "initech")
    stage.wait(timedelta(days=1))
    (found,) = stage.incidents()
    assert (found.id, found.ticket.key) == (incident.id, "initech/ops#1")
    assert found.outlook is Outlook.DONE
    assert company.titles("initech/ops") == sorted([*SET_UP[OPS], "page the owner"])
