"""What is asked for no more before it is known to be done does not look as if it still waited."""

from __future__ import annotations

from pathlib import Path

import pytest
from faults.test_settling import OPS, close_in_github, settle_in_the_end
from stage import GITHUB_ISSUE, PULL_REQUEST, Stage

from service.explain import standing
from service.store.effects import EffectRecord, EffectState

IN_BOTH = pytest.mark.parametrize(
    ("document", "method", "path"),
    [(GITHUB_ISSUE, "PATCH", r"/ops/issues/\d+$"), (PULL_REQUEST, "PUT", "/contents/")],
    ids=["issue", "pull request"],
)


def regions(stage: Stage, key: str) -> EffectRecord:
    """The effect that writes into the incident's document."""
    with stage.container.store.read() as tx:
        found = tx.effects.get(f"regions:{stage.incident(key).id}")
    assert found is not None
    return found


@IN_BOTH
def test_a_write_whose_answer_never_came_and_that_stands_there_is_asked_for_no_more(
    tmp_path: Path, document: str, method: str, path: str
) -> None:
    with Stage(tmp_path, document=document) as stage:
        stage.sandbox.fail_next(method, path, after_effect=True, drop_connection=True, times=2)
        key = close_in_github(stage, "ACTION: one")
        settle_in_the_end(stage)
        left = regions(stage, key)
        assert left.state in (EffectState.LAPSED, EffectState.DONE)
        with stage.container.store.read() as tx:
            every = tx.effects.of_incident(left.incident_id)
        assert {each.state for each in every} <= {EffectState.LAPSED, EffectState.DONE}


@IN_BOTH
def test_it_is_written_again_once_something_else_is_to_stand_there(
    tmp_path: Path, document: str, method: str, path: str
) -> None:
    with Stage(tmp_path, document=document) as stage:
        key = close_in_github(stage, "ACTION: one")
        settle_in_the_end(stage)
        github, number = stage.sandbox.github, int(key.partition("#")[2])
        stage.sandbox.fail_next(method, path, after_effect=True, drop_connection=True)
        github.comment(OPS, number, "ACTION: two", by="noor")
        settle_in_the_end(stage)
        assert standing(regions(stage, key)).startswith("asked for no more")
        github.comment(OPS, number, "ACTION: three", by="noor")
        settle_in_the_end(stage)
        left = regions(stage, key)
        assert left.state is EffectState.DONE
        assert "three" in stage.incident(key).postmortem.wrote["actions"]  # type: ignore[union-attr]
