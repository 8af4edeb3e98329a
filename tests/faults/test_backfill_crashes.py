"""The service dies while the past is taken up: whatever was asked for comes once."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from bygone import TRACKERS, ask, finish, live_through, progress, with_a_past
from faults.test_crashes import Crash, die_at, github_end, jira_end, rise_again
from stage import Stage

from service.store.backfills import BackfillState

#: One commit in so many on each run of the suite, the others by a command of their own.
STRIDE = 15
SHARDS = [
    pytest.param(start, marks=[] if start == 7 else [pytest.mark.long])
    for start in range(1, STRIDE + 1)
]

#: One incident with its document and task takes more commits than this.
FEWEST = 20


def end(stage: Stage, tracker: str) -> dict[str, int]:
    return github_end(stage) if tracker == "github" else jira_end(stage)


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("start", SHARDS)
@pytest.mark.parametrize("tracker", TRACKERS)
def test_a_crash_at_any_commit_of_a_backfill_with_documents_and_tasks(
    tmp_path: Path, tracker: str, start: int, before: bool
) -> None:
    for commit in count(start, STRIDE):
        with with_a_past(tmp_path / str(commit), tracker, 1) as stage:
            (key,) = live_through(stage, tracker, 1)
            number = ask(stage, documents=True, tasks=True)
            die_at(stage, commit, before=before)
            crashed = True
            with suppress(Crash):
                for _ in range(20):
                    stage.wait(timedelta(seconds=1))
                crashed = False
            rise_again(stage)
            if progress(stage, number).backfill.state is not BackfillState.DONE:
                finish(stage, number)
            made = end(stage, tracker)
            assert made == {"documents": 1, "tasks": 1, "linked": 1, "comments": 0}, commit
            assert [each.ticket.key for each in stage.incidents()] == [key]
        if not crashed:
            assert commit > FEWEST
            return
