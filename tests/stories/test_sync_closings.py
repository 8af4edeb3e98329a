"""Milestones that are closed and versions that are released, where the rules carry that over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from begun import begun
from click.testing import CliRunner
from remedies import BOTH, MINUTE, OPS, Remedy
from stage import DEPLOYMENTS, Stage

from integrations.sandbox.acme import BOT_GITHUB, BOT_JIRA, KIM
from integrations.sandbox.faults import Fault
from service.commands.all import followthrough
from service.container import open_store

HOUR = timedelta(hours=1, minutes=1)
TOGETHER = "{close_milestones: true}"


def planned(stage: Stage) -> Remedy:
    """A remedy that is planned for the version "Q1", in Jira and on GitHub."""
    remedy = Remedy(stage)
    remedy.jira.add_version("OPS", "Q1")
    remedy.jira.edit(remedy.ticket.key, by=KIM, fixVersions=["Q1"])
    remedy.rest()
    assert closed(remedy) == (False, False)
    return remedy


def watched(stage: Stage) -> Remedy:
    """The like, by a service that looks after milestones."""
    stage.container.closings.start()
    return planned(stage)


@pytest.fixture(params=DEPLOYMENTS)
def pair(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Remedy]:
    deployment = request.param
    with Stage(tmp_path, tasks=BOTH, sync=TOGETHER, deployment=deployment) as stage:
        yield begun(stage, watched)


def closed(remedy: Remedy) -> tuple[bool, bool]:
    """On GitHub, and in Jira."""
    (milestone,) = (m for m in remedy.github.repos[OPS].milestones if m.title == "Q1")
    (version,) = (v for v in remedy.jira.project("OPS").versions if v.name == "Q1")
    return milestone.state == "closed", version.released


def writes(remedy: Remedy) -> list[str]:
    return [f"{call.method} {call.path}" for call in remedy.stage.sandbox.writes()]


def failing(remedy: Remedy) -> list[str]:
    """What the first page says of jobs that need somebody."""
    with remedy.stage.store.read() as tx:
        return [f"{job.kind}: {job.reason}" for job in tx.jobs.failing()]


def waits_for(remedy: Remedy) -> str:
    """Why the team's milestones are looked at again, and not only because an hour has passed."""
    with remedy.stage.store.read() as tx:
        job = tx.jobs.get("milestones", "payments")
    assert job is not None
    return str(job.reason)


def test_a_milestone_that_is_closed_has_its_version_released(pair: Remedy) -> None:
    pair.stage.sandbox.reset_calls()
    pair.github.close_milestone(OPS, "Q1", by="kim")
    pair.stage.settle()
    assert closed(pair) == (True, True)
    assert len(writes(pair)) == 1
    assert "milestone Q1: closed in acme/ops, so closed in OPS too" in pair.told


def test_a_version_that_is_released_has_its_milestone_closed(pair: Remedy) -> None:
    pair.jira.release_version("OPS", "Q1")
    pair.stage.settle()
    assert closed(pair) == (True, True)
    assert "milestone Q1: closed in OPS, so closed in acme/ops too" in pair.told


def test_what_is_opened_again_is_opened_in_both(pair: Remedy) -> None:
    pair.github.close_milestone(OPS, "Q1", by="kim")
    pair.stage.settle()
    pair.jira.release_version("OPS", "Q1", released=False)
    pair.stage.settle()
    assert closed(pair) == (False, False)
    pair.jira.release_version("OPS", "Q1")
    pair.stage.settle()
    pair.github.open_milestone(OPS, "Q1", by="kim")
    pair.stage.settle()
    assert closed(pair) == (False, False)


def test_nothing_is_written_for_what_is_so_already(pair: Remedy) -> None:
    pair.github.close_milestone(OPS, "Q1", by="kim")
    pair.stage.settle()
    pair.stage.sandbox.reset_calls()
    for _ in range(3):
        pair.stage.wait(HOUR)
        pair.stage.poll()
    assert writes(pair) == []


def test_a_closing_that_nobody_told_of_is_found_within_the_hour(pair: Remedy) -> None:
    pair.stage.sandbox.hooks.enabled = False
    pair.github.close_milestone(OPS, "Q1", by="kim")
    pair.stage.wait(HOUR)
    assert closed(pair) == (True, True)
    pair.jira.release_version("OPS", "Q1", released=False)
    pair.stage.wait(HOUR)
    assert closed(pair) == (False, False)


def test_reconcile_by_hand_has_milestones_looked_at_too(
    pair: Remedy, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = pair.stage
    stage.sandbox.hooks.enabled = False
    pair.github.close_milestone(OPS, "Q1", by="kim")
    monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(stage.directory / "data"))
    monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(stage.rules_file))
    for name, value in stage.environ.items():
        monkeypatch.setenv(name, value)
    opened = partial(open_store, clock=stage.clock)
    monkeypatch.setattr("service.commands.reading.open_store", opened)
    assert CliRunner().invoke(followthrough, ["reconcile", "--dry-run"]).exit_code == 0
    stage.settle()
    assert closed(pair) == (True, False)
    assert CliRunner().invoke(followthrough, ["reconcile"]).exit_code == 0
    stage.settle()
    assert closed(pair) == (True, True)


def test_an_hour_in_which_nothing_happened_costs_a_look_at_each_place(pair: Remedy) -> None:
    pair.stage.wait(HOUR)
    pair.stage.sandbox.reset_calls()
    pair.stage.wait(HOUR)
    looks = [c.path for c in pair.stage.sandbox.calls if re.search("milestones|versions", c.path)]
    assert len(looks) == 2


def test_closed_in_both_by_people_is_agreed_and_written_nowhere(pair: Remedy) -> None:
    pair.stage.sandbox.hooks.enabled = False
    pair.stage.sandbox.reset_calls()
    pair.github.close_milestone(OPS, "Q1", by="kim")
    pair.jira.release_version("OPS", "Q1")
    pair.stage.wait(HOUR)
    assert writes(pair) == []
    pair.github.open_milestone(OPS, "Q1", by="kim")
    pair.stage.wait(HOUR)
    assert closed(pair) == (False, False)


def test_a_milestone_that_no_task_carries_is_left_alone(pair: Remedy) -> None:
    pair.github.add_milestone(OPS, "other")
    pair.jira.add_version("OPS", "other")
    pair.github.close_milestone(OPS, "other", by="kim")
    pair.stage.settle()
    assert not any(version.released for version in pair.jira.project("OPS").versions)


def test_an_answer_that_never_came_is_looked_for_and_nothing_done_twice(pair: Remedy) -> None:
    lost = Fault("PUT", re.compile("/version/"), after_effect=True, drop_connection=True)
    pair.stage.sandbox.world.next_faults.append(lost)
    pair.github.close_milestone(OPS, "Q1", by="kim")
    pair.stage.settle()
    pair.stage.sandbox.reset_calls()
    pair.stage.wait(HOUR)
    assert closed(pair) == (True, True)
    assert writes(pair) == []


def test_a_tracker_that_is_down_is_asked_again_and_told_of_meanwhile(pair: Remedy) -> None:
    pair.stage.sandbox.world.next_faults.append(Fault("PUT", re.compile("/version/"), status=503))
    pair.github.close_milestone(OPS, "Q1", by="kim")
    pair.stage.settle()
    assert closed(pair) == (True, False)
    assert "milestone Q1 of acme/ops and OPS: " in waits_for(pair)
    pair.stage.wait(5 * MINUTE)
    assert closed(pair) == (True, True)


def test_a_refusal_that_looks_like_nothing_there_is_shown_as_well(pair: Remedy) -> None:
    no = Fault("PUT", re.compile("/version/"), status=404, body={"errorMessages": ["Not found."]})
    pair.stage.sandbox.world.next_faults.append(no)
    pair.github.close_milestone(OPS, "Q1", by="kim")
    pair.stage.settle()
    assert "Grant ADMINISTER_PROJECTS in OPS to this account." in failing(pair)[0]


def test_a_refusal_of_jira_is_shown_and_tried_again_when_it_may_be_mended(pair: Remedy) -> None:
    pair.jira.denied.add((BOT_JIRA, "ADMINISTER_PROJECTS", "OPS"))
    pair.github.close_milestone(OPS, "Q1", by="kim")
    pair.stage.settle()
    assert closed(pair) == (True, False)
    (told,) = failing(pair)
    assert told.startswith("milestones: milestone Q1 of acme/ops and OPS: You must have")
    assert "Grant ADMINISTER_PROJECTS in OPS to this account." in told
    for _ in range(3):
        pair.stage.wait(HOUR)
    assert pair.told.count("not brought to one") == 1
    pair.jira.denied.clear()
    pair.stage.wait(HOUR)
    assert closed(pair) == (True, True)
    assert failing(pair) == []


def test_a_refusal_of_github_is_shown_and_tried_again(pair: Remedy) -> None:
    pair.github.repos[OPS].members[BOT_GITHUB] = "read"
    pair.jira.release_version("OPS", "Q1")
    pair.stage.settle()
    assert closed(pair) == (False, True)
    (told,) = failing(pair)
    assert "milestone Q1 of acme/ops and OPS: " in told
    pair.github.repos[OPS].members[BOT_GITHUB] = "write"
    pair.stage.wait(HOUR)
    assert closed(pair) == (True, True)
    assert failing(pair) == []


def test_what_one_place_refuses_does_not_keep_other_milestones(pair: Remedy) -> None:
    pair.jira.add_version("OPS", "Q2")
    pair.github.comment(OPS, pair.number, "ACTION: one more @kim", by="noor")
    pair.rest()
    twin = pair.incident.actions[1].task
    assert twin is not None
    pair.jira.edit(twin.key, by=KIM, fixVersions=["Q2"])
    pair.rest()
    no = Fault("PUT", re.compile("/version/"), status=400, body={"errorMessages": ["No."]})
    pair.stage.sandbox.world.next_faults.append(no)
    pair.stage.sandbox.hooks.enabled = False
    pair.github.close_milestone(OPS, "Q1", by="kim")
    pair.github.close_milestone(OPS, "Q2", by="kim")
    pair.stage.wait(HOUR)
    assert [v.released for v in pair.jira.project("OPS").versions] == [False, True]


def test_two_automations_that_disagree_are_stopped_for_an_hour(pair: Remedy) -> None:
    pair.stage.sandbox.reset_calls()
    for _ in range(20):
        pair.github.close_milestone(OPS, "Q1", by="kim")
        pair.stage.settle()
        if closed(pair) != (True, True):
            break
        pair.jira.release_version("OPS", "Q1", released=False)
        pair.stage.settle()
    assert closed(pair) == (True, False)
    assert len(writes(pair)) == 6
    assert "somebody keeps changing it back" in waits_for(pair)
    pair.stage.wait(HOUR)
    assert closed(pair) == (True, True)


def test_a_side_whose_edits_do_not_count_closes_nothing_elsewhere(tmp_path: Path) -> None:
    sync = "{close_milestones: true, milestone: {from: [task]}}"
    with Stage(tmp_path, tasks=BOTH, sync=sync) as stage:
        stage.container.closings.start()
        remedy = planned(stage)
        remedy.github.close_milestone(OPS, "Q1", by="kim")
        remedy.stage.wait(HOUR)
        assert closed(remedy) == (True, False)
        remedy.github.open_milestone(OPS, "Q1", by="kim")
        remedy.jira.release_version("OPS", "Q1")
        remedy.stage.settle()
        assert closed(remedy) == (True, True)


def test_a_team_that_only_plans_closes_nothing(tmp_path: Path) -> None:
    with Stage(tmp_path, tasks=BOTH, sync=TOGETHER) as stage:
        stage.container.closings.start()
        remedy = planned(stage)
        stage.restart(mode="plan")
        remedy.github.close_milestone(OPS, "Q1", by="kim")
        remedy.stage.wait(HOUR)
        assert closed(remedy) == (True, False)


def test_without_the_rule_nothing_is_carried_and_nothing_looked_at(tmp_path: Path) -> None:
    with Stage(tmp_path, tasks=BOTH) as stage:
        stage.container.closings.start()
        remedy = planned(stage)
        stage.sandbox.reset_calls()
        remedy.github.close_milestone(OPS, "Q1", by="kim")
        stage.settle()
        assert closed(remedy) == (True, False)
        remedy.github.open_milestone(OPS, "Q1", by="kim")
        remedy.jira.release_version("OPS", "Q1")
        remedy.stage.settle()
        assert closed(remedy) == (False, True)
        assert not [c for c in stage.sandbox.calls if "milestones" in c.path]
