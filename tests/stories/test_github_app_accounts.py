"""The limits of a GitHub App's installations: each owner has its own, and waits by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from bygone import OCTOBER, TODAY, wish
from click.testing import CliRunner
from installed import DOCUMENT, OPS, PAPERS, ROCKETS, SET_UP, ThroughAnApp
from stage import HOOKS, Stage, StoryClock

from integrations.sandbox.limits import GitHubLimits
from service.commands import reading
from service.commands.trackers import trackers
from service.container import history, open_store
from workflows.model import Outlook

HOUR = timedelta(hours=1)


@pytest.fixture
def company(tmp_path: Path) -> Iterator[ThroughAnApp]:
    with Stage(tmp_path, document=DOCUMENT, webhooks=False, limits="github.com") as stage:
        yield ThroughAnApp(stage)


def test_what_waits_is_counted_for_the_owner_of_its_ticket(
    company: ThroughAnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    for owner in ("acme", "globex"):
        company.use_up(owner)
    first, second, third = company.close(), company.close(), company.close(ROCKETS)
    found = company.standings
    tickets = {name: [each.ticket for each in one.next] for name, one in found.items()}
    assert tickets == {
        "github": [first, second, third],
        "github@acme": [first, second],
        "github@globex": [third],
        "jira": [],
    }
    assert [each.waiting for each in found.values()] == [3, 2, 1, 0]

    for name, value in {**company.stage.environ, **HOOKS}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(company.stage.rules_file))
    monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(company.stage.settings.data))
    monkeypatch.setattr(reading, "open_store", partial(open_store, clock=company.stage.clock))
    said = CliRunner().invoke(trackers).output
    of_acme = said[said.index("github@acme: answers") : said.index("github@globex: answers")]
    assert "2 waiting, the first of them:" in of_acme
    assert "new content: 500 of 500 used in the last 1 h" in of_acme
    assert f"{first} until 2026-12-07 13:00:00 UTC: github@globex allows 500 new content" in of_acme


def test_an_owner_whose_hour_is_used_up_waits_alone_and_has_everything_once_in_the_end(
    company: ThroughAnApp,
) -> None:
    stage = company.stage
    company.use_up("acme")
    waits, goes_on = company.close(), company.close(ROCKETS)
    assert company.done == {OPS: SET_UP[OPS][:1], PAPERS: SET_UP[PAPERS]}
    assert company.titles(ROCKETS) == [
        "Checkout answers 500",
        f"Postmortem {goes_on}: Checkout answers 500",
        "alert on the queue",
    ]
    assert stage.incident(goes_on).outlook is Outlook.DONE
    assert stage.incident(waits).outlook is Outlook.WAITING
    why = "github@acme allows 500 new content in an hour, 500 are used"
    assert why in str(stage.incident(waits).waiting_for)
    assert [each.why for each in company.standings["github@acme"].pauses] == [why]
    assert company.standings["github@globex"].pauses == ()

    stage.wait(HOUR / 2)
    assert company.titles(OPS) == SET_UP[OPS][:1]
    stage.wait(HOUR / 2)
    assert stage.incident(waits).outlook is Outlook.DONE
    assert company.done == SET_UP
    notes = company.github.repo(OPS).issues[1].notes
    assert [each.user for each in notes] == ["noor", "followthrough[bot]"]
    made = stage.sandbox.writes()
    stage.poll()
    assert stage.sandbox.writes() == made


def test_an_owner_of_whose_hour_github_says_that_it_is_used_up_waits_alone_even_to_be_read(
    company: ThroughAnApp,
) -> None:
    """All requests that GitHub allows, not only what the service counts by itself."""
    stage = company.stage
    stage.sandbox.enforce(github=GitHubLimits())
    used = (stage.clock(), GitHubLimits().requests_per_hour)
    stage.sandbox.world.limits._hours["followthrough[bot] on acme"] = used
    company.close(heard=False)
    goes_on = company.close(ROCKETS)
    assert stage.incident(goes_on).outlook is Outlook.DONE
    assert [each.ticket.key for each in stage.incidents()] == [goes_on], "acme's cannot be read"
    (waits,) = company.standings["github@acme"].next
    assert "API rate limit exceeded for user ID followthrough[bot] on acme" in waits.why
    assert company.standings["github@globex"].waiting == 0
    refused = len(stage.sandbox.violations)
    stage.wait(HOUR / 2)
    assert len(stage.sandbox.violations) == refused == 1, "asked once, then waited for"

    stage.wait(HOUR / 2 + timedelta(seconds=2))
    assert company.done == SET_UP
    assert len(stage.sandbox.violations) == refused


def test_how_long_a_backfill_takes_is_told_by_what_each_owner_gets_of_it(tmp_path: Path) -> None:
    past = StoryClock(OCTOBER)
    with Stage(
        tmp_path, document=DOCUMENT, webhooks=False, limits="github.com", clock=past
    ) as stage:
        company = ThroughAnApp(stage)
        for _ in range(15):
            company.close(heard=False)
        stage.clock.wait(TODAY - stage.clock())
        plans = history(stage.settings, stage.container.rules, stage.store)
        plan = plans.plan(wish(stage))
    assert (plan.documents, plan.tasks) == (15, 30)
    assert plan.bound_creating == "github@acme: new content"
    # Twenty in a minute are a backfill's part: 30 of acme's, and 15 of globex's meanwhile.
    assert plan.seconds_creating == 60
