"""Nothing is missed: what no webhook told of a task is found by looking, set right, reported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from stage import HOOKS, TOKENS, Stage
from unheard import (
    MINUTE,
    OPS,
    SITE,
    calls,
    closed,
    drifts,
    item,
    number_of,
    pair,
    row,
    settled,
    task,
    told,
    write,
)

from integrations.sandbox.faults import Faults
from service.commands.all import followthrough
from service.container import open_store
from service.reconciler import WHOLE_EVERY
from workflows.drift import Became
from workflows.snapshots import Field

BOTH = (
    "{connection: jira, project: OPS, issue_type: Task,"
    " twin: {connection: github, repository: acme/ops, labels: [remediation]}}"
)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as stage:
        yield stage


# --- what is found ------------------------------------------------------------------------------


def test_an_hour_without_webhooks_leaves_no_place_behind_and_the_report_names_each(
    tmp_path: Path,
) -> None:
    with Stage(tmp_path, tasks=BOTH) as stage:
        key = settled(stage, "alert on depth @kim", "drill the failover @noor", "write it down")
        jira, github = stage.sandbox.jira, stage.sandbox.github
        one, two, three = (pair(stage, key, n) for n in (1, 2, 3))
        owned, due = stage.clock(), item(stage, key, 3).due
        jira.edit(one.task.key, by="5b10-kim", assignee="5b10-noor")
        stage.wait(20 * MINUTE)
        github.close(OPS, number_of(two.twin), by="noor")
        stage.wait(20 * MINUTE)
        jira.edit(three.task.key, by="5b10-kim", duedate="2027-01-15")
        github.assign(OPS, number_of(three.twin), ["kim"], by="kim")
        write(
            stage,
            key,
            "drill the failover | corrective | Noor Aziz | —",
            "drill the failover | corrective | Noor Aziz | Q1",
        )
        stage.wait(20 * MINUTE)
        stage.wait(MINUTE)

        assert github.repos[OPS].issues[number_of(one.twin)].assignees == ["noor"]
        assert row(stage, key, "AI-1")[Field.OWNER] == "Noor Aziz"
        assert jira.issue(two.task.key).status == "Done"
        assert row(stage, key, "AI-2")[Field.STATUS] == "done"
        assert jira.issue(three.task.key).values["assignee"] == "5b10-kim"
        assert "**Due:** 2027-01-15" in (github.repos[OPS].issues[number_of(three.twin)].body or "")
        assert [m.title for m in github.repos[OPS].milestones] == ["Q1"]
        assert row(stage, key, "AI-3")[Field.DUE] == "2027-01-15"
        assert told(stage) == {
            (one.task.key, "owner", "5b10-kim", "5b10-noor", Became.TAKEN_OVER),
            (two.twin.key, "status", "open", "done", Became.TAKEN_OVER),
            (three.task.key, "due", str(due), "2027-01-15", Became.TAKEN_OVER),
            (three.twin.key, "owner", None, "kim", Became.TAKEN_OVER),
            (draft(stage, key), "milestone", None, "Q1", Became.TAKEN_OVER),
        }
        first = drifts(stage)[-1]
        assert first.item == "AI-1"
        assert first.incident == key
        assert first.drift.since is not None
        assert abs(first.drift.since - owned) < timedelta(seconds=1)
        assert first.found_at - owned >= 20 * MINUTE


def draft(stage: Stage, key: str) -> str:
    """The address of the incident's document."""
    known = stage.incident(key).postmortem
    assert known is not None
    return known.ref.url


def test_what_a_webhook_told_in_time_is_no_drift(stage: Stage) -> None:
    key = settled(stage, "alert on depth @kim")
    stage.sandbox.hooks.enabled = True
    stage.sandbox.github.assign(OPS, number_of(task(stage, key)), ["noor"], by="kim")
    stage.settle()
    stage.wait(2 * MINUTE)
    stage.wait(WHOLE_EVERY)
    assert item(stage, key).owner == "Noor Aziz"
    assert drifts(stage) == []


def test_a_row_that_a_webhook_told_of_in_time_is_no_drift(stage: Stage) -> None:
    key = settled(stage, "alert on depth @kim")
    stage.sandbox.hooks.enabled = True
    write(stage, key, "| corrective | Kim Ito |", "| corrective | Noor Aziz |")
    stage.settle()
    stage.wait(10 * MINUTE)
    assert item(stage, key).owner == "Noor Aziz"
    assert drifts(stage) == []


def test_what_changed_right_before_the_look_is_set_right_and_is_no_drift(stage: Stage) -> None:
    """Its webhook may be on its way."""
    key = settled(stage, "alert on depth @kim")
    stage.sandbox.github.assign(OPS, number_of(task(stage, key)), ["noor"], by="kim")
    stage.poll()
    assert item(stage, key).owner == "Noor Aziz"
    assert drifts(stage) == []


def test_what_is_told_and_waits_for_its_turn_is_not_found_as_well(stage: Stage) -> None:
    key = settled(stage, "alert on depth @kim")
    ref = task(stage, key)
    stage.sandbox.github.assign(OPS, number_of(ref), ["noor"], by="kim")
    stage.clock.wait(MINUTE)
    with stage.store.write() as tx:
        tx.refs.say_changed(ref.connection, ref.id)
    stage.settle()
    assert drifts(stage) == []


def test_a_value_that_does_not_count_is_written_over_and_reported(tmp_path: Path) -> None:
    with Stage(tmp_path, sync="{due: {from: [document]}}") as stage:
        key = settled(stage, "alert on depth @kim due:2026-12-20")
        issue = stage.sandbox.github.repos[OPS].issues[number_of(task(stage, key))]
        body = str(issue.body).replace("2026-12-20", "2027-03-01")
        stage.sandbox.github.edit(OPS, issue.number, by="kim", body=body)
        stage.wait(MINUTE)
        assert "**Due:** 2026-12-20" in str(issue.body)
        assert told(stage) == {
            (task(stage, key).key, "due", "2026-12-20", "2027-03-01", Became.WRITTEN_OVER)
        }


def test_a_second_assignee_is_no_drift_and_is_known_all_the_same(stage: Stage) -> None:
    key = settled(stage, "alert on depth @kim")
    stage.sandbox.github.assign(OPS, number_of(task(stage, key)), ["kim", "noor"], by="kim")
    stage.wait(MINUTE)
    (agreement,) = (a for side, a in item(stage, key).sides.items() if side.value == "task")
    assert agreement.also[Field.OWNER] == ("noor",)
    assert drifts(stage) == []


def test_a_deleted_task_is_found_within_a_day(stage: Stage) -> None:
    key = settled(stage, "alert on depth @kim")
    ref = task(stage, key)
    stage.sandbox.github.delete(OPS, number_of(ref), by="kim")
    stage.wait(timedelta(hours=1))
    assert drifts(stage) == []
    stage.wait(WHOLE_EVERY)
    assert told(stage) == {(ref.key, "ticket", ref.key, None, Became.GONE)}
    stage.wait(WHOLE_EVERY)
    assert len(drifts(stage)) == 1


def test_a_transferred_task_is_followed_and_looked_for_where_it_is_now(stage: Stage) -> None:
    key = settled(stage, "alert on depth @kim")
    before = task(stage, key)
    number = stage.sandbox.github.transfer(OPS, number_of(before), SITE, by="kim")
    stage.wait(WHOLE_EVERY)
    assert task(stage, key).key == f"{SITE}#{number}"
    assert told(stage) == {(before.key, "ticket", before.key, None, Became.FOLLOWED)}

    stage.sandbox.github.close(SITE, number, by="kim")
    stage.wait(2 * MINUTE)
    stage.wait(2 * MINUTE)
    assert item(stage, key).status == "done"


def test_a_task_that_a_list_has_not_come_to_show_yet_is_no_drift(tmp_path: Path) -> None:
    """The tracker's index lags; the ticket itself is where it was."""
    with Stage(tmp_path) as stage:
        stage.sandbox.set_faults(Faults(list_lag=3600))
        key = closed(stage, "alert on depth @kim")
        stage.poll()
        assert task(stage, key)
        assert drifts(stage) == []


def test_many_that_are_gone_are_read_a_lot_at_a_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.reconciler.MOST_MISSING", 2)
    key = settled(stage, "one", "two", "three")
    for each in stage.incident(key).actions:
        assert each.task is not None
        stage.sandbox.github.delete(OPS, number_of(each.task), by="kim")
    stage.wait(WHOLE_EVERY)
    assert len(drifts(stage)) == 2
    stage.wait(MINUTE)
    assert [each.became for each in drifts(stage)] == [Became.GONE] * 3


def test_a_place_that_is_both_is_listed_once(stage: Stage) -> None:
    closed(stage, "alert on depth @kim")
    stage.poll()
    stage.sandbox.reset_calls()
    stage.clock.wait(MINUTE)
    stage.poll()
    assert len(calls(stage, f"/{OPS}/issues?")) == 1


def test_an_incident_in_a_place_with_tasks_is_found_as_before(stage: Stage) -> None:
    settled(stage, "alert on depth @kim")
    github = stage.sandbox.github
    number = github.open_issue(OPS, "Down", by="kim", labels=["incident", "sev2"])
    github.close(OPS, number, by="kim")
    stage.wait(MINUTE)
    assert stage.incident(f"{OPS}#{number}").postmortem is not None


# --- by command ---------------------------------------------------------------------------------


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: Stage) -> Any:
    """What a command says when it is typed; its clock is the story's."""
    monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(tmp_path / "rules.yaml"))
    for name, value in {**TOKENS, **HOOKS}.items():
        monkeypatch.setenv(name, value)
    opened = partial(open_store, clock=stage.clock)
    monkeypatch.setattr("service.commands.reading.open_store", opened)

    def run(*words: str) -> Result:
        return CliRunner().invoke(followthrough, list(words))

    return run


def test_a_dry_run_shows_what_differs_and_changes_nothing(stage: Stage, typed: Any) -> None:
    key = settled(stage, "alert on depth @kim")
    ref = task(stage, key)
    stage.sandbox.github.assign(OPS, number_of(ref), ["noor"], by="kim")
    stage.clock.wait(MINUTE)
    stage.sandbox.reset_calls()
    shown = typed("reconcile", "--dry-run")
    assert f"{ref.key} (AI-1 of {key})" in shown.stdout
    assert "owner: kim → noor, since 2026-12-07" in shown.stdout
    assert "Nothing was changed." in shown.stdout
    assert shown.exit_code == 0
    assert stage.sandbox.writes() == []
    assert drifts(stage) == []
    with stage.store.read() as tx:
        known = tx.refs.find(ref.connection, ref.id)
    assert known is not None
    assert not known.waits


def test_a_reconcile_by_hand_finds_what_is_gone_too_and_the_worker_does_the_rest(
    stage: Stage, typed: Any
) -> None:
    key = settled(stage, "alert on depth @kim", "drill the failover")
    one, two = task(stage, key), task(stage, key, 2)
    stage.sandbox.github.assign(OPS, number_of(one), ["noor"], by="kim")
    stage.sandbox.github.delete(OPS, number_of(two), by="kim")
    stage.clock.wait(timedelta(seconds=30))
    shown = json.loads(typed("reconcile", "--json").stdout)
    (place,) = (each for each in shown if each["place"] == OPS)
    assert {(f["ref"]["key"], f["drifts"][0]["what"]) for f in place["found"]} == {
        (one.key, "owner"),
        (two.key, "ticket"),
    }
    assert "waits to be read again" in typed("drift").stdout
    stage.settle()
    listed = typed("drift")
    assert f"{one.key} (AI-1 of {key})" in listed.stdout
    assert "owner: kim → noor" in listed.stdout
    assert "taken over" in listed.stdout
    assert "the ticket is not where it was: known as gone" in listed.stdout
    read = json.loads(typed("drift", "--json").stdout)
    assert {each["became"] for each in read} == {"taken over", "known as gone"}


def test_a_place_that_cannot_be_looked_through_is_told_and_is_no_success(
    stage: Stage, typed: Any
) -> None:
    settled(stage, "alert on depth @kim")
    stage.sandbox.fail_next("GET", f"/repos/{OPS}/issues", status=503)
    shown = typed("reconcile")
    assert f"{OPS} of github was not looked through" in shown.stdout
    assert shown.exit_code == 1
