"""Edits that come faster than they can be read: what is left in the end is right everywhere.

People edit over sockets, webhooks come over sockets, and a worker with several threads is at work
all the while.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from remedies import BOTH, MINUTE, OPS, Remedy
from stage import Stage

from integrations.sandbox.acme import KIM, NOOR
from service.worker import Worker
from workflows.action_table import read_rows
from workflows.documents import regions
from workflows.snapshots import Field

PATIENT = 60.0  # seconds until a story gives up
IN_JIRA = {"kim": KIM, "noor": NOOR}
NAMED = {"kim": "Kim Ito", "noor": "Noor Aziz"}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path, tasks=BOTH, sockets=True) as stage:
        yield stage


@contextmanager
def at_work(stage: Stage) -> Iterator[None]:
    """With a worker; until nothing is on its way and nothing is due any more."""
    worker = Worker(stage.store, stage.container.handlers, threads=3)
    worker.start()
    try:
        yield
        until, still = time.monotonic() + PATIENT, 0
        while still < 3:
            assert time.monotonic() < until, "the service does not come to rest"
            assert stage.sandbox.hooks.drain()
            with stage.store.read() as tx:
                busy = tx.jobs.anything_late(timedelta()) or worker._runner._awake
            still = 0 if busy else still + 1
            time.sleep(0.1)
    finally:
        worker.stop()
    stage.wait(MINUTE)


def person(stage: Stage) -> Callable[..., None]:
    """Somebody who acts over a socket."""
    sockets = requests.Session()

    def does(tracker: str, act: str, **what: Any) -> None:
        url = f"{stage.sandbox.url}/_sandbox/{tracker}/{act}"
        answer = sockets.post(url, json=what, timeout=30)
        assert answer.ok, answer.text

    return does


def edit(stage: Stage, number: int, turn: int) -> None:
    """One of several edits of the issue."""
    does = person(stage)
    who = ("kim", "noor")[turn % 2]
    match turn % 3:
        case 0:
            does("github", "assign", repo=OPS, number=number, logins=[who], by="lee")
        case 1:
            does("github", "close", repo=OPS, number=number, by=who)
        case _:
            does("github", "reopen", repo=OPS, number=number, by=who)


def agree(remedy: Remedy) -> None:
    """Every place says what the issues say."""
    rows = read_rows(regions(remedy.text)["actions"])
    for item in remedy.incident.actions:
        assert item.task is not None
        assert item.twin is not None
        assert item.conflicts == ()
        issue = remedy.github.repos[OPS].issues[int(item.twin.key.rpartition("#")[2])]
        ticket, row = remedy.jira.issue(item.task.key), rows[item.name].values
        done = issue.state == "closed"
        (who,) = issue.assignees
        assert ticket.status == ("Done" if done else "To Do"), item.name
        assert row[Field.STATUS] == ("done" if done else "open"), item.name
        assert ticket.values["assignee"] == IN_JIRA[who], item.name
        assert row[Field.OWNER] == NAMED[who], item.name


def ours_on_github(remedy: Remedy) -> list[str]:
    """What we set on issues: nothing, where nobody edited anything elsewhere."""
    calls = remedy.stage.sandbox.writes()
    return [call.path for call in calls if call.method == "PATCH" and "/comments/" not in call.path]


def test_fifty_edits_of_one_ticket_within_a_second(stage: Stage) -> None:
    remedy = Remedy(stage)
    number = remedy.issue.number
    stage.sandbox.reset_calls()
    with at_work(stage), ThreadPoolExecutor(10) as people:
        list(people.map(lambda turn: edit(stage, number, turn), range(50)))
    assert ours_on_github(remedy) == []  # nobody's last edit was written over
    agree(remedy)


@pytest.mark.parametrize("last", ["open", "closed"])
@pytest.mark.parametrize("tracker", ["github", "jira"])
def test_an_open_and_a_close_ten_milliseconds_apart(stage: Stage, tracker: str, last: str) -> None:
    remedy = Remedy(stage)
    does = person(stage)

    def say(closed: bool) -> None:
        if tracker == "github":
            act = "close" if closed else "reopen"
            does("github", act, repo=OPS, number=remedy.issue.number, by="kim")
        else:
            to = "Done" if closed else "To Do"
            does("jira", "transition", issue=remedy.ticket.key, to=to, by=KIM)

    if last == "closed":
        say(closed=True)
        stage.settle()
    with at_work(stage):
        say(closed=last == "open")
        stage.clock.wait(timedelta(milliseconds=10))
        say(closed=last == "closed")
    assert remedy.issue.state == last
    agree(remedy)


def test_an_open_in_one_tracker_and_a_close_in_the_other_ten_milliseconds_apart(
    stage: Stage,
) -> None:
    """The same field of the same item, changed on two sides at once: one value holds everywhere,
    and the other is not lost without a word."""
    remedy = Remedy(stage)
    remedy.github.close(OPS, remedy.issue.number, by="kim")
    stage.settle()
    with at_work(stage):
        remedy.jira.transition(remedy.ticket.key, "To Do", by=KIM)
        stage.clock.wait(timedelta(milliseconds=10))
        remedy.github.close(OPS, remedy.issue.number, by="noor", state_reason="not_planned")
    done = remedy.issue.state == "closed"
    assert (remedy.ticket.status == "Done") == done
    assert (remedy.row[Field.STATUS] != "open") == done
    status = [line for line in remedy.told.splitlines() if "AI-1 status" in line]
    assert any("“open”" in line for line in status)
    assert any("“won't do”" in line for line in status)


def test_twenty_edits_at_once_on_each_of_ten_tickets(stage: Stage) -> None:
    remedy = Remedy(stage, "\n".join(f"ACTION: number {n} @kim" for n in range(10)))
    twins = [item.twin for item in remedy.incident.actions]
    numbers = [int(ref.key.rpartition("#")[2]) for ref in twins if ref is not None]
    assert len(numbers) == 10
    stage.sandbox.reset_calls()
    turns = [(number, turn) for turn in range(20) for number in numbers]
    with at_work(stage), ThreadPoolExecutor(20) as people:
        list(people.map(lambda each: edit(stage, *each), turns))
    assert ours_on_github(remedy) == []
    agree(remedy)
