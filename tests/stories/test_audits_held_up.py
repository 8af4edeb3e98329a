"""Audits whose tickets, or those of their measures, cannot be read or made for a while."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from begun import begun
from measures import DAY, REVIEWERS, InJira, Measure, OnGitHub
from stage import JIRA_TASKS, Stage
from stories.test_judging_lost import loses
from unheard import write

from service.audits import REST
from service.dead_letters import dead_letters, drop
from service.routing import INCIDENT_JOB, incident_subject
from workflows.model import Phase
from workflows.rungs import Verdict
from workflows.snapshots import Progress


@pytest.fixture(params=[OnGitHub, InJira])
def measure(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Measure]:
    with Stage(tmp_path, **request.param.parts) as stage:
        yield begun(stage, request.param)


def test_while_an_audits_ticket_cannot_be_read_it_is_not_withdrawn(measure: Measure) -> None:
    """Nobody was told of the verdict; then its measure is opened again, and the tracker fails."""
    measure.done()
    measure.wait(31)
    stage, key = measure.stage, measure.audit_key
    unheard_comment(measure, "/audit partly because it fired late")
    stage.sandbox.fail_next("GET", measure.reading_of(key), drop_connection=True, times=50)
    measure.reopen(measure.task_key, by="kim")
    stage.settle()
    assert measure.item.status == Progress.OPEN.value
    assert measure.audits[0].lives
    assert measure.is_open(key)
    stage.sandbox.world.next_faults.clear()
    measure.wait(0.1)
    assert measure.audits[0].verdict is Verdict.PARTLY
    assert len(measure.incident.actions) == 2


def test_one_whose_measure_is_opened_in_the_document_is_read_before_it_is_withdrawn(
    tmp_path: Path,
) -> None:
    with Stage(tmp_path, **OnGitHub.parts) as stage:
        measure = OnGitHub(stage)
        measure.done()
        measure.wait(31)
        unheard_comment(measure, "/audit not-effective because it slept")
        write(stage, measure.key, "| done (unproven) |", "| open |")
        stage.settle()
        assert measure.item.status == Progress.OPEN.value
        assert measure.audits[0].verdict is Verdict.NOT_EFFECTIVE
        assert not measure.is_open(measure.audit_key)


def test_one_whose_creation_was_refused_until_its_measure_was_reopened_opens_in_the_next_round(
    measure: Measure,
) -> None:
    measure.done()
    measure.stage.sandbox.fail_next("POST", measure.creation, status=400)
    measure.wait(31)
    assert measure.tickets() == []
    measure.reopen(measure.task_key, by="kim")
    measure.stage.settle()
    assert "is not wanted now" in measure.told
    measure.done()
    measure.wait(32)
    assert len(measure.tickets()) == 1
    assert (measure.audit.round, measure.audit.rung) == (2, 1)


def test_one_that_waits_for_its_tracker_is_not_made_before_its_incident_is_back(
    tmp_path: Path,
) -> None:
    with Stage(tmp_path, **OnGitHub.parts) as stage:
        measure = OnGitHub(stage)
        measure.done()
        stage.sandbox.fail_next("POST", measure.creation, status=503)
        measure.wait(31)
        hidden = measure.reading_of(measure.key)
        stage.sandbox.fail_next("GET", hidden, status=404, times=50)
        have_it_read(measure)
        assert measure.incident.phase is Phase.GONE
        measure.wait(5)
        assert measure.tickets() == []
        stage.sandbox.world.next_faults.clear()
        have_it_read(measure)
        assert len(measure.tickets()) == 1


def test_one_that_is_found_late_is_due_when_its_ticket_says(measure: Measure) -> None:
    measure.done()
    stage = measure.stage
    stage.clock.wait(31 * DAY)
    stage.sandbox.hooks.enabled = False
    stage.sandbox.fail_next("POST", measure.creation, after_effect=True, drop_connection=True)
    stage.settle()
    stage.sandbox.hooks.enabled = True
    stage.clock.wait(30 * DAY)
    stage.restart()
    stage.settle()
    (key,) = measure.tickets()
    assert measure.audit.due == date(2027, 1, 21)
    assert "2027-01-21" in measure.text(key)


def test_one_whose_opening_was_dropped_does_not_keep_its_measure_from_the_next_round(
    measure: Measure,
) -> None:
    measure.done()
    stage = measure.stage
    stage.sandbox.fail_next("POST", measure.creation, status=400)
    measure.wait(31)
    with stage.store.write() as tx:
        (letter,) = dead_letters(tx)
        assert drop(tx, letter.id, by="kim", why="not wanted")
    stage.settle()
    measure.reopen(measure.task_key, by="kim")
    stage.settle()
    assert not measure.audits[0].lives
    measure.done()
    measure.wait(32)
    assert len(measure.tickets()) == 1
    assert measure.audit.round == 2


@pytest.mark.parametrize("word", ["partly", "not-effective"])
def test_a_verdict_in_a_ticket_that_was_not_found_yet_counts_though_its_measure_is_given_up_since(
    measure: Measure, word: str
) -> None:
    """The service died before it heard that the audit is open. Whoever it asks answers."""
    measure.done()
    stage = measure.stage
    stage.sandbox.hooks.enabled = False
    stage.clock.wait(31 * DAY)
    stage.sandbox.fail_next("POST", measure.creation, after_effect=True, drop_connection=True)
    stage.settle()
    assert measure.audits[0].ticket is None
    (key,) = measure.tickets()
    measure.comment(key, f"/audit {word} because it slept", by="noor")
    stage.clock.wait(DAY)
    measure.set_aside(measure.task_key, by="kim")
    stage.restart()
    stage.poll()
    for _ in range(3):
        stage.wait(timedelta(hours=1))
    assert str(measure.audits[0].verdict) == word
    assert not measure.is_open(key)
    assert measure.tickets() == [key]


@pytest.mark.parametrize("before", ["off", "{ladder: {default: []}}"])
def test_other_rules_that_ask_for_audits_reach_what_was_done_long_ago(
    tmp_path: Path, before: str
) -> None:
    with Stage(tmp_path, **{**OnGitHub.parts, "audits": before}) as stage:
        measure = OnGitHub(stage)
        measure.done()
        measure.wait(40)
        assert not measure.audits
        start_with(stage, OnGitHub.parts["audits"])
        assert len(measure.tickets()) == 1
        start_with(stage, before)
        assert measure.audits[0].ended == "the rules ask for no audit of it"
        assert not measure.is_open(measure.audit_key)


def test_where_the_rules_lost_its_measures_connection_it_waits_and_that_is_said(
    tmp_path: Path,
) -> None:
    there = REVIEWERS.replace("{", "{destination: {connection: github, repository: acme/ops}, ", 1)
    parts = {**OnGitHub.parts, "tasks": JIRA_TASKS, "audits": there}
    with Stage(tmp_path, **parts) as stage:
        measure = OnGitHub(stage)
        stage.sandbox.jira.transition(measure.task_key, "Done", by="5b10-kim")
        stage.settle()
        loses(measure, "jira")
        measure.wait(31)
        assert measure.tickets() == []
        ticket = measure.incident.ticket
        with stage.store.read() as tx:
            job = tx.jobs.get(INCIDENT_JOB, incident_subject(ticket.connection, ticket.id))
        assert job is not None
        assert job.reason is not None
        assert f"an audit waits for {measure.task_key} to be read: the rules have no" in job.reason
        stage.restart()
        stage.wait(REST)
        assert len(measure.tickets()) == 1


def start_with(stage: Stage, audits: str) -> None:
    """A new worker, with other rules."""
    stage.restart(audits=audits).tick.start()
    stage.settle()


def have_it_read(measure: Measure) -> None:
    """Somebody writes on the incident."""
    measure.comment(measure.key, "Anything new?", by="noor")
    measure.stage.settle()


def unheard_comment(measure: Measure, text: str) -> None:
    """Noor writes it on the audit, and no webhook tells of it."""
    hooks = measure.stage.sandbox.hooks
    hooks.enabled = False
    measure.comment(measure.audit_key, text, by="noor")
    measure.stage.clock.wait(timedelta(minutes=1))
    hooks.enabled = True
