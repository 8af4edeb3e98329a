"""A contributing factor that recurs: one architecture review, and related incidents by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from faults.test_crashes import Crash, die_at, rise_again
from measures import OPS
from stage import Stage
from stories.test_recurrence import Hub
from stories.test_teams import digests, portfolios, said, until

from service.commands.all import followthrough

LEARNING = "learning: {patterns: {threshold: 3, within: 90 days}}\n"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with Stage(tmp_path, **{**Hub.parts, "people": LEARNING}) as stage:
        stage.container.start()
        stage.settle()
        stage.wait(timedelta(hours=1))  # what comes now was opened since the rules ask
        yield Hub(stage)


def reviews(hub: Hub) -> list[Any]:
    issues = hub.stage.sandbox.github.repos[OPS].issues.values()
    return [issue for issue in issues if "followthrough pattern:" in str(issue.body)]


def test_the_third_incident_that_names_a_factor_opens_one_review(hub: Hub) -> None:
    hub.name(hub.key, "Slow disk")
    hub.name(hub.again(), "Slow disk")
    assert reviews(hub) == []
    third = hub.again()
    hub.name(third, "slow **disk**")
    (review,) = reviews(hub)
    assert review.title == "Architecture review: slow disk in svc checkout"
    assert review.labels == ["architecture-review"]
    for key in (hub.key, third):
        assert f"[{key}]" in review.body
    assert "AI-1 of" in review.body
    hub.name(hub.again(), "Slow disk")
    hub.stage.container.start()
    hub.stage.settle()
    assert len(reviews(hub)) == 1


def test_once_it_is_closed_three_new_incidents_open_another(hub: Hub) -> None:
    hub.name(hub.key, "Slow disk")
    for _ in range(2):
        hub.name(hub.again(), "Slow disk")
    (first,) = reviews(hub)
    hub.wait(1)
    for _ in range(3):
        hub.name(hub.again(), "Slow disk")
    assert len(reviews(hub)) == 1, "the first is open"
    hub.github.close(OPS, first.number, by="noor")
    hub.name(hub.again(), "Slow disk")
    assert len(reviews(hub)) == 2
    assert "This is review 2 of it." in reviews(hub)[1].body


def test_a_review_that_cannot_be_looked_at_keeps_nothing_else_of_the_team_back(hub: Hub) -> None:
    hub.name(hub.key, "Slow disk")
    for _ in range(2):
        hub.name(hub.again(), "Slow disk")
    until(hub, 2026, 12, 30)
    for _ in range(3):
        hub.name(hub.again(), "Slow disk")
    (first,) = reviews(hub)
    hub.github.close(OPS, first.number, by="noor")
    hub.stage.sandbox.fail_next("GET", f"/issues/{first.number}$", status=401, times=1000)
    until(hub, 2027, 1, 4)
    hub.stage.wait(timedelta(hours=1))
    assert portfolios(hub) == ["Portfolio audit 2026Q4: the measures of payments"]
    assert "2026-12-28 to 2027-01-03" in digests(hub)[-1]
    why = "the architecture review of “slow disk” in svc checkout waits, because the ticket of"
    assert said(hub).count(why) == 1
    assert len(reviews(hub)) == 1
    hub.stage.sandbox.world.next_faults.clear()
    hub.stage.wait(timedelta(hours=1))
    assert len(reviews(hub)) == 2


@pytest.mark.parametrize("commit", range(2, 12))
def test_a_crash_at_any_commit_of_the_teams_turn_opens_no_second_one(hub: Hub, commit: int) -> None:
    hub.name(hub.key, "Slow disk")
    hub.name(hub.again(), "Slow disk")
    third = hub.again()
    hub.write_factors(third, "Slow disk")
    die_at(hub.stage, commit, before=commit % 2 == 0)
    with suppress(Crash):
        hub.stage.settle()
    rise_again(hub.stage)
    assert len(reviews(hub)) == 1


def test_a_new_postmortem_proposes_what_may_be_related_and_only_then(hub: Hub) -> None:
    hub.label(hub.key, "factor:slow-disk", by="noor")
    hub.stage.settle()
    second = hub.again("factor:slow-disk")
    told = f"perhaps related: {hub.key}"
    text = hub.document(second)
    assert "perhaps related:" in text
    assert hub.key in text.partition("perhaps related:")[2].partition("\n")[0]
    assert "both name the factor “slow disk”" in text
    assert told not in hub.document(hub.key)
    hub.rewrite(second, text.replace("- perhaps related:", "- not"))
    hub.name(second, "Slow disk")
    assert "perhaps related:" not in hub.document(second)


def test_a_restricted_incident_is_proposed_to_nobody(hub: Hub) -> None:
    hub.label(hub.key, "factor:slow-disk", by="noor")
    hub.stage.settle()
    with hub.stage.store.write() as tx:
        tx.incidents.save(replace(hub.stage.incident(hub.key), restricted=True), "policy-1")
    assert "perhaps related" not in hub.document(hub.again("factor:slow-disk"))


def test_a_dismissed_recurrence_leaves_no_doubt_and_is_proposed_no_more(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(hub.stage.settings.data))
    monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(hub.stage.rules_file))
    hub.effective()
    hub.name(hub.key, "Slow disk")
    second = hub.again()
    hub.write_factors(second, "Slow disk")
    hub.stage.settle()
    assert hub.audits[0].suspect
    runner = CliRunner()
    listed = runner.invoke(followthrough, ["related", second]).output
    assert "both name the factor “slow disk”" in listed
    dismiss = ["related", second, "--dismiss", hub.key]
    assert runner.invoke(followthrough, dismiss).exit_code == 1
    done = runner.invoke(followthrough, [*dismiss, "--because", "another disk"])
    assert "count as a recurrence no more" in done.output
    hub.stage.settle()
    assert "has nothing to do with" in hub.stage.told(hub.key)
    assert "another disk" in runner.invoke(followthrough, ["related", second]).output
    listed = runner.invoke(followthrough, ["related", hub.key]).output
    assert "both name the factor" not in listed
    assert second not in hub.region(hub.key)
    back = runner.invoke(followthrough, ["related", hub.key, "--take-back", second])
    assert "are compared again" in back.output
    hub.stage.settle()
    assert second in hub.region(hub.key)
    again = runner.invoke(followthrough, ["related", hub.key, "--take-back", second])
    assert (again.exit_code, "nobody said" in again.output) == (1, True)
