"""Audits whose tickets, or those of their measures, cannot be read or made for a while."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from begun import begun
from measures import DAY, InJira, Measure, OnGitHub
from stage import Stage
from unheard import write

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


def unheard_comment(measure: Measure, text: str) -> None:
    """Noor writes it on the audit, and no webhook tells of it."""
    hooks = measure.stage.sandbox.hooks
    hooks.enabled = False
    measure.comment(measure.audit_key, text, by="noor")
    measure.stage.clock.wait(timedelta(minutes=1))
    hooks.enabled = True
