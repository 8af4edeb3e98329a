"""What the service does for people, told by what stands in the trackers: each sentence is played on
every ground that there is. The sandbox is one, so that it cannot be kinder than the others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from contract.ground import Ground, Opened
from contract.grounds import GROUNDS, opened
from contract.onlooker import Onlooker

LINE = "ACTION: alert before the disk is full"


@pytest.fixture(params=GROUNDS)
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    with opened(request.param) as ground:
        yield ground


@pytest.fixture
def onlooker(ground: Ground, tmp_path: Path) -> Iterator[Onlooker]:
    with Onlooker(tmp_path, ground) as onlooker:
        yield onlooker


def followed(ground: Ground, onlooker: Onlooker) -> Opened:
    """A closed incident, with one action item, that was set up."""
    incident = ground.open("Checkout is down", LINE)
    ground.close(incident)
    onlooker.until(lambda: is_set_up(ground, incident), "document, task and comment")
    return incident


def is_set_up(ground: Ground, incident: Opened) -> bool:
    return bool(ground.documents() and ground.tasks() and len(ground.comments(incident)) == 1)


def test_a_closed_incident_has_a_document_a_task_and_a_comment(
    ground: Ground, onlooker: Onlooker
) -> None:
    incident = followed(ground, onlooker)
    (document,) = ground.documents()
    (task,) = ground.tasks()
    assert "alert before the disk is full" in document
    assert "alert before the disk is full" in task.title.lower()
    assert task.open
    assert any("ostmortem" in each for each in ground.comments(incident))


def test_the_ground_tells_of_it_by_itself(ground: Ground, onlooker: Onlooker) -> None:
    followed(ground, onlooker)
    assert bool(onlooker.heard()) is onlooker.told


def test_closing_it_again_and_looking_again_adds_nothing(
    ground: Ground, onlooker: Onlooker
) -> None:
    incident = followed(ground, onlooker)
    ground.reopen(incident)
    onlooker.work()
    ground.close(incident)
    for _ in range(3):
        onlooker.look()
        onlooker.skip(timedelta(minutes=1))
    assert (len(ground.documents()), len(ground.tasks())) == (1, 1)
    assert len(ground.comments(incident)) == 1


def test_a_finished_task_is_done_in_the_document(ground: Ground, onlooker: Onlooker) -> None:
    followed(ground, onlooker)
    (task,) = ground.tasks()
    assert "done" not in row(ground)
    ground.finish(task)
    onlooker.until(lambda: not ground.tasks()[0].open, "the task is closed")
    onlooker.skip(timedelta(minutes=2))
    onlooker.look()
    onlooker.until(lambda: "done" in row(ground), "its row says so")


def test_a_row_that_says_done_closes_the_task(ground: Ground, onlooker: Onlooker) -> None:
    followed(ground, onlooker)
    ground.say_done()
    onlooker.look()
    onlooker.skip(timedelta(minutes=6))
    onlooker.look()
    onlooker.until(lambda: not ground.tasks()[0].open, "the task is closed")


def row(ground: Ground) -> str:
    """The line of the document's action items that is about the one; its audits come later."""
    lines = ground.documents()[0].splitlines()
    return next(each for each in lines if each.startswith("|") and "AI-1" in each)
