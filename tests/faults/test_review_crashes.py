"""The service dies, or an answer never comes, while a review is shown and a publication kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from faults.test_crashes import Crash, die_at, rise_again
from stage import LOCAL_FILE, Stage
from stories.test_review import DOCUMENTS, FACTOR_ROW, Draft, LocalFile, closed, command, versions

FACTOR = "| Slow disk | graph 7 | |\n\n### Five whys"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as stage:
        yield stage


@pytest.mark.parametrize("before", [True, False], ids=["before it", "after it"])
@pytest.mark.parametrize(
    "commit",
    [pytest.param(n, marks=[] if n % 3 == 2 else [pytest.mark.long]) for n in range(1, 13)],
)
def test_a_crash_at_any_commit_of_a_merge_leaves_one_version(
    stage: Stage, commit: int, before: bool
) -> None:
    key = closed(stage)
    draft = Draft(stage)
    draft.write(FACTOR_ROW, FACTOR)
    draft.ready()
    die_at(stage, commit, before=before)
    with suppress(Crash):
        draft.merge(delete_branch=False)
    rise_again(stage)
    (version,) = versions(stage, key)
    assert version.publication.text == draft.text("main")


def test_a_check_whose_answer_never_came_is_shown_all_the_same(stage: Stage) -> None:
    closed(stage)
    draft = Draft(stage)
    stage.sandbox.fail_next("POST", "/statuses/", after_effect=True, drop_connection=True)
    draft.write(FACTOR_ROW, FACTOR)
    for _ in range(4):
        stage.wait(timedelta(minutes=4))
    assert draft.status()[0] == "success"
    assert len(draft.statuses()) <= 2
    with stage.store.read() as tx:
        assert tx.effects.dead_letters() == []


def test_a_commit_that_came_while_the_check_was_uncertain_gets_its_own(stage: Stage) -> None:
    closed(stage)
    draft = Draft(stage)
    stage.sandbox.fail_next("POST", "/statuses/", status=502)
    draft.write(FACTOR_ROW, FACTOR)
    first = draft.place.branches[draft.branch]
    draft.write("| graph 7 |", "| TBD |")
    for _ in range(4):
        stage.wait(timedelta(minutes=4))
    assert draft.place.branches[draft.branch] != first
    assert draft.status()[0] == "pending"


@pytest.mark.parametrize(
    "commit",
    [pytest.param(n, marks=[] if n % 3 == 2 else [pytest.mark.long]) for n in range(1, 9)],
)
def test_a_crash_while_a_file_is_published_leaves_one_version(tmp_path: Path, commit: int) -> None:
    with Stage(tmp_path, document=LOCAL_FILE) as stage:
        key = closed(stage)
        LocalFile(stage, key).write(FACTOR_ROW, FACTOR)
        stage.poll()
        assert command(stage, "publish", key)[0] == 0
        die_at(stage, commit, before=False)
        with suppress(Crash):
            stage.settle()
        rise_again(stage)
        assert [each.number for each in versions(stage, key)] == [1]


def test_a_document_that_is_deleted_after_its_merge_keeps_its_versions(stage: Stage) -> None:
    key = closed(stage)
    draft = Draft(stage)
    draft.ready()
    draft.merge()
    stage.sandbox.github.push(DOCUMENTS, draft.path, None, by="kim")
    stage.wait(timedelta(days=1))
    assert [each.number for each in versions(stage, key)] == [1]
