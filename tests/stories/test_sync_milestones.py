"""Milestones and versions that are renamed, merged and deleted, and labels and people that go."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from begun import begun
from remedies import BOTH, MINUTE, OPS, Remedy
from stage import DEPLOYMENTS, GITHUB_TASKS, Stage

from integrations.sandbox.acme import KIM, NOOR
from workflows.model import Outlook
from workflows.snapshots import Field


@pytest.fixture(params=DEPLOYMENTS)
def pair(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Remedy]:
    """Planned for the version "Q1", in Jira and on GitHub."""
    with Stage(tmp_path, tasks=BOTH, deployment=request.param) as stage:
        yield begun(stage, planned)


def planned(stage: Stage) -> Remedy:
    remedy = Remedy(stage)
    remedy.jira.add_version("OPS", "Q1")
    remedy.jira.edit(remedy.ticket.key, by=KIM, fixVersions=["Q1"])
    remedy.rest()
    assert on_github(remedy) == "Q1"
    return remedy


def on_github(remedy: Remedy) -> str | None:
    titles = {m.number: m.title for m in remedy.github.repos[OPS].milestones}
    return titles.get(remedy.issue.milestone)


def in_jira(remedy: Remedy) -> list[str]:
    names = {v.id: v.name for p in remedy.jira.projects.values() for v in p.versions}
    return [names[id] for id in remedy.ticket.values.get("fixVersions") or []]


def everywhere(remedy: Remedy) -> tuple[str | None, list[str], str | None]:
    return on_github(remedy), in_jira(remedy), remedy.row[Field.MILESTONE]


def quiet(remedy: Remedy) -> None:
    """Whatever happens from here on, nothing is written."""
    remedy.stage.sandbox.reset_calls()
    for _ in range(3):
        remedy.stage.wait(MINUTE)
        remedy.stage.poll()
    assert remedy.stage.sandbox.writes() == []


def test_a_renamed_version_is_renamed_everywhere(pair: Remedy) -> None:
    pair.jira.rename_version("OPS", "Q1", "2027-Q1")
    pair.rest()
    assert everywhere(pair) == ("2027-Q1", ["2027-Q1"], "2027-Q1")
    quiet(pair)


def test_a_renamed_milestone_is_renamed_everywhere(pair: Remedy) -> None:
    pair.github.rename_milestone(OPS, "Q1", "Winter", by="kim")
    pair.rest()
    assert everywhere(pair) == ("Winter", ["Winter"], "Winter")
    assert pair.incident.actions[0].conflicts == ()
    quiet(pair)


def test_a_milestone_that_takes_the_name_of_one_that_the_other_side_has_is_that_one(
    pair: Remedy,
) -> None:
    pair.jira.add_version("OPS", "Winter")
    pair.github.rename_milestone(OPS, "Q1", "Winter", by="kim")
    pair.rest()
    assert everywhere(pair) == ("Winter", ["Winter"], "Winter")
    versions = [v.name for v in pair.jira.project("OPS").versions]
    assert sorted(versions) == ["Q1", "Winter"]


def test_a_version_that_is_merged_into_another_leads_there(pair: Remedy) -> None:
    pair.jira.add_version("OPS", "Q2")
    pair.jira.delete_version("OPS", "Q1", by=KIM, into="Q2")
    pair.rest()
    assert everywhere(pair) == ("Q2", ["Q2"], "Q2")
    quiet(pair)


def test_a_deleted_version_is_an_edit_of_whoever_deleted_it(pair: Remedy) -> None:
    """It is not made anew: the tracker shows its tickets without it, and somebody wanted that. The
    milestone on the other side stays, and nothing of ours is in it any more."""
    pair.jira.delete_version("OPS", "Q1", by=KIM)
    pair.rest()
    assert everywhere(pair) == (None, [], None)
    assert [m.title for m in pair.github.repos[OPS].milestones] == ["Q1"]
    quiet(pair)


def test_a_deleted_milestone_is_an_edit_of_whoever_deleted_it(pair: Remedy) -> None:
    pair.github.delete_milestone(OPS, "Q1", by="kim")
    pair.rest()
    assert everywhere(pair) == (None, [], None)
    assert [v.name for v in pair.jira.project("OPS").versions] == ["Q1"]
    quiet(pair)


def test_a_rename_that_nobody_told_of_is_found_within_a_day(pair: Remedy) -> None:
    pair.stage.sandbox.hooks.enabled = False
    pair.stage.poll()
    pair.jira.rename_version("OPS", "Q1", "2027-Q1")
    pair.stage.clock.wait(timedelta(days=1, minutes=1))
    pair.stage.poll()
    pair.rest()
    assert everywhere(pair) == ("2027-Q1", ["2027-Q1"], "2027-Q1")


def test_only_who_carries_a_milestone_that_is_no_more_is_read(pair: Remedy) -> None:
    pair.jira.add_version("OPS", "other")
    pair.stage.settle()
    pair.stage.sandbox.reset_calls()
    pair.jira.rename_version("OPS", "other", "another")
    pair.stage.settle()
    assert not [call for call in pair.stage.sandbox.calls if "/issue/" in call.path]


def test_without_a_rule_a_milestone_that_is_closed_is_closed_there_alone(pair: Remedy) -> None:
    pair.github.close_milestone(OPS, "Q1", by="kim")
    pair.rest()
    assert not pair.jira.project("OPS").versions[0].released
    assert everywhere(pair) == ("Q1", ["Q1"], "Q1")


# --- labels and people ----------------------------------------------------------------------------


def test_a_label_that_is_taken_off_an_incident_or_a_task_breaks_nothing(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        remedy = Remedy(stage)
        remedy.github.unlabel(OPS, remedy.number, "incident", by="kim")
        remedy.github.unlabel(OPS, remedy.issue.number, "remediation", by="kim")
        remedy.github.assign(OPS, remedy.issue.number, ["noor"], by="kim")
        remedy.github.comment(OPS, remedy.number, "ACTION: one more", by="noor")
        remedy.rest()
        assert remedy.row[Field.OWNER] == "Noor Aziz"
        assert [item.title for item in remedy.incident.actions] == ["alert on depth", "one more"]
        assert all(item.task for item in remedy.incident.actions)
        assert "remediation" not in remedy.issue.labels  # it is the task's own matter


def test_a_label_that_the_repository_has_no_more_is_made_for_the_next_task(
    tmp_path: Path,
) -> None:
    with Stage(tmp_path) as stage:
        remedy = Remedy(stage)
        del remedy.github.repos[OPS].labels["remediation"]
        for issue in remedy.github.repos[OPS].issues.values():
            issue.labels = [name for name in issue.labels if name != "remediation"]
        remedy.github.comment(OPS, remedy.number, "ACTION: one more", by="noor")
        remedy.rest()
        assert all(item.task for item in remedy.incident.actions)


def test_who_left_is_told_once_and_the_others_go_on(tmp_path: Path) -> None:
    with Stage(tmp_path, tasks=GITHUB_TASKS) as stage:
        remedy = Remedy(stage, "ACTION: alert on depth @kim\nACTION: bound the queue @lee")
        number = remedy.issue.number
        remedy.github.leave(OPS, "noor", by="kim")
        remedy.stage.clock.wait(15 * MINUTE)  # what is remembered of who can be assigned is old
        remedy.write("| Kim Ito |", "| Noor Aziz |")
        remedy.write("| Lee Park |", "| Kim Ito |")
        remedy.rest()
        assert remedy.github.repos[OPS].issues[number].assignees == ["kim"]
        assert remedy.github.repos[OPS].issues[number + 1].assignees == ["kim"]
        assert "Noor Aziz is not assignable in acme/ops" in remedy.told
        remedy.stage.sandbox.reset_calls()
        for _ in range(5):
            remedy.stage.wait(MINUTE)
        assert remedy.stage.sandbox.writes() == []
        remedy.github.repos[OPS].members["noor"] = "write"  # and comes back
        remedy.stage.clock.wait(15 * MINUTE)
        remedy.write("| Noor Aziz |", "| Lee Park |")
        remedy.rest()
        remedy.write("| Lee Park |", "| Noor Aziz |")
        remedy.rest()
        assert remedy.github.repos[OPS].issues[number].assignees == ["noor"]


def test_who_leaves_takes_their_tasks_with_them(tmp_path: Path) -> None:
    """GitHub unassigns them and says nothing of it to the issues: the next look finds that."""
    with Stage(tmp_path, tasks=BOTH) as stage:
        remedy = Remedy(stage)
        remedy.stage.poll()
        remedy.github.leave(OPS, "kim", by="noor")
        remedy.jira.leave(KIM)
        remedy.stage.clock.wait(timedelta(days=1, minutes=1))
        remedy.stage.poll()
        remedy.rest()
        assert remedy.issue.assignees == []
        remedy.jira.edit(remedy.ticket.key, by=NOOR, assignee=NOOR)
        remedy.rest()
        assert remedy.issue.assignees == ["noor"]
        assert remedy.row[Field.OWNER] == "Noor Aziz"
        assert remedy.incident.outlook is Outlook.DONE


def test_a_version_that_somebody_has_just_made_is_no_refusal(pair: Remedy) -> None:
    """Which there are is remembered for ten minutes, and Jira takes no second of a name."""
    for name in ("Q2", "Q3"):
        number = pair.github.add_milestone(OPS, name)
        if name == "Q3":
            pair.jira.add_version("OPS", name)
        pair.github.edit(OPS, pair.issue.number, "kim", milestone=number)
        pair.rest()
    assert everywhere(pair) == ("Q3", ["Q3"], "Q3")
    assert pair.incident.outlook is Outlook.DONE
