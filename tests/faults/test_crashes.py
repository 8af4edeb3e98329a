"""The service dies between any two steps, or an answer never comes: the end is the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from stage import CONFLUENCE_PAGE, JIRA_INCIDENTS, JIRA_ISSUE, JIRA_TASKS, Stage

from service.jobs import TIMING, LostLease
from service.store import Transaction
from workflows.model import Outlook


class Crash(BaseException):
    """The process is gone; nothing may catch this."""


def die_at(stage: Stage, commit: int, *, before: bool) -> None:
    """Let the process die at its n-th write transaction from now: just before it is committed, or
    just after."""
    store, write, commits = stage.store, stage.store.write, 0

    @contextmanager
    def dying(*, beside: bool = False) -> Iterator[Transaction]:
        nonlocal commits
        if threading.current_thread() is not threading.main_thread():  # the web process lives on
            with write(beside=beside) as tx:
                yield tx
            return
        commits += 1
        if commits > commit:  # dead: not even what cleans up is written any more
            raise Crash
        with write(beside=beside) as tx:
            yield tx
            if before and commits == commit:
                raise Crash
        if not before and commits == commit:
            raise Crash

    store.write = dying  # type: ignore[method-assign]


def rise_again(stage: Stage) -> None:
    """A new process, after the lease of the old one is over and whatever was sent is long there."""
    stage.store.write = type(stage.store).write.__get__(stage.store)  # type: ignore[method-assign]
    stage.restart()
    for _ in range(4):
        stage.wait(timedelta(minutes=4))


def on_github(stage: Stage) -> str:
    github = stage.sandbox.github
    number = github.open_issue("acme/ops", "Slow", by="kim", labels=["incident", "sev1"])
    github.comment("acme/ops", number, "ACTION: one @kim\nACTION: two", by="noor")
    stage.settle()
    github.close("acme/ops", number, by="kim")
    stage.sandbox.hooks.drain()
    return f"acme/ops#{number}"


def on_jira(stage: Stage) -> str:
    jira = stage.sandbox.jira
    severity: dict[str, Any] = {"customfield_10050": {"value": "SEV-1"}}
    key = jira.create_issue("INC", "Slow", by="5b10-kim", **severity)
    jira.comment(key, "ACTION: one @kim@acme.example\nACTION: two", by="5b10-noor")
    stage.settle()
    jira.transition(key, "Resolved", by="5b10-kim")
    stage.sandbox.hooks.drain()
    return key


def came_to_rest(stage: Stage, key: str) -> None:
    """Done, and nothing of ours was taken for a person's edit."""
    incident = stage.incident(key)
    assert incident.outlook is Outlook.DONE, stage.told(key)
    assert incident.postmortem is not None
    assert incident.postmortem.conflicts == ()


def github_end(stage: Stage) -> dict[str, int]:
    repos = stage.sandbox.github.repos
    incident = next(iter(repos["acme/ops"].issues.values()))
    tasks = [i for i in repos["acme/ops"].issues.values() if "remediation" in i.labels]
    return {
        "documents": sum(1 for i in repos["acme/postmortems"].issues.values() if i.pull),
        "tasks": len(tasks),
        "linked": len(incident.children),
        "comments": sum("Followthrough" in note.body for note in incident.notes),
    }


def jira_end(stage: Stage) -> dict[str, int]:
    jira = stage.sandbox.jira
    kinds = [issue.type for issue in jira.issues.values()]
    incident = next(i for i in jira.issues.values() if i.type == "Incident")
    tasks = {i.id for i in jira.issues.values() if i.type == "Task"}
    pairs = {frozenset((link.inward, link.outward)) for link in jira.links}
    return {
        "documents": kinds.count("Postmortem"),
        "tasks": len(tasks),
        "linked": sum(frozenset((incident.id, task)) in pairs for task in tasks),
        "comments": len(incident.comments) - 1,
    }


ALL_JIRA: dict[str, Any] = {
    "incidents": JIRA_INCIDENTS,
    "document": JIRA_ISSUE,
    "tasks": JIRA_TASKS,
}
ONCE = {"documents": 1, "tasks": 3, "linked": 3, "comments": 1}


#: One commit in fifteen on each run of the suite, the others by a command of their own.
STRIDE = 15
SHARDS = [
    pytest.param(start, marks=[] if start == 3 else [pytest.mark.long])
    for start in range(1, STRIDE + 1)
]


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("start", SHARDS)
def test_a_crash_at_any_commit_of_a_github_closing(
    tmp_path: Path, start: int, before: bool
) -> None:
    for commit in count(start, STRIDE):
        with Stage(tmp_path / str(commit)) as stage:
            key = on_github(stage)
            crashed = died(stage, commit, before=before)
            assert github_end(stage) == ONCE, f"commit {commit}"
            came_to_rest(stage, key)
        if not crashed:
            assert commit > FEWEST
            return


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("start", SHARDS)
def test_a_crash_at_any_commit_of_a_jira_closing(tmp_path: Path, start: int, before: bool) -> None:
    for commit in count(start, STRIDE):
        with Stage(tmp_path / str(commit), **ALL_JIRA) as stage:
            key = on_jira(stage)
            crashed = died(stage, commit, before=before)
            assert jira_end(stage) == ONCE, f"commit {commit}"
            came_to_rest(stage, key)
        if not crashed:
            assert commit > FEWEST
            return


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("start", SHARDS)
def test_a_crash_at_any_commit_of_a_closing_whose_document_is_a_page(
    tmp_path: Path, start: int, before: bool
) -> None:
    for commit in count(start, STRIDE):
        with Stage(tmp_path / str(commit), **{**ALL_JIRA, "document": CONFLUENCE_PAGE}) as stage:
            key = on_jira(stage)
            crashed = died(stage, commit, before=before)
            home, *pages = stage.sandbox.confluence.pages.values()
            assert "Home" in home.now.title
            assert {**jira_end(stage), "documents": len(pages)} == ONCE, f"commit {commit}"
            came_to_rest(stage, key)
        if not crashed:
            assert commit > FEWEST
            return


def died(stage: Stage, commit: int, *, before: bool) -> bool:
    """Let the process work until it dies at this commit, and another one go on. False when there
    are not so many commits in a closing."""
    die_at(stage, commit, before=before)
    crashed = True
    with suppress(Crash):
        stage.settle()
        crashed = False
    rise_again(stage)
    return crashed


#: A closing takes more commits than this; if it did not, no crash would be tried.
FEWEST = 25


def test_what_a_sleeping_worker_sent_is_found_by_the_next_and_the_sleeper_saves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sends a creation and sleeps through its lease before it reads the answer."""
    with Stage(tmp_path) as stage:
        key = on_github(stage)
        tracker = type(stage.container.trackers.by_connection["github"])
        create, slept = tracker.create_tasks, list[object]()

        def sleepy(*given: Any) -> Iterator[Any]:
            for result in create(*given):
                if not slept:
                    slept.append(result)
                    stage.clock.wait(2 * TIMING.lease)
                    stage.settle()  # another worker takes over
                yield result

        monkeypatch.setattr(tracker, "create_tasks", sleepy)
        with pytest.raises(LostLease):
            stage.settle()
        monkeypatch.undo()
        for _ in range(4):
            stage.wait(timedelta(minutes=4))
        assert slept
        assert github_end(stage) == ONCE
        came_to_rest(stage, key)


CREATING = [
    ("POST", "/git/refs"),
    ("PUT", "/contents/"),
    ("POST", "/pulls$"),
    ("POST", "/acme/ops/issues$"),
    ("POST", "/sub_issues"),
    ("POST", "/comments$"),
]


@pytest.mark.parametrize(("method", "path"), CREATING, ids=[path for _, path in CREATING])
@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
def test_an_answer_of_github_that_never_comes(
    tmp_path: Path, method: str, path: str, done: bool
) -> None:
    with Stage(tmp_path, sockets=True) as stage:
        key = on_github(stage)
        stage.sandbox.fail_next(method, path, after_effect=done, drop_connection=True)
        stage.settle()
        rise_again(stage)
        assert github_end(stage) == ONCE
        assert stage.incident(key).outlook is Outlook.DONE, stage.told(key)


@pytest.mark.parametrize("path", ["/issue$", "/issue/bulk", "/comment$"])
@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
def test_an_answer_of_jira_that_never_comes(tmp_path: Path, path: str, done: bool) -> None:
    with Stage(tmp_path, **ALL_JIRA, sockets=True) as stage:
        key = on_jira(stage)
        stage.sandbox.fail_next("POST", path, after_effect=done, drop_connection=True)
        stage.settle()
        rise_again(stage)
        assert jira_end(stage) == ONCE
        assert stage.incident(key).outlook is Outlook.DONE, stage.told(key)


def test_a_tracker_that_says_too_many_requests_is_asked_again_when_it_allows(
    tmp_path: Path,
) -> None:
    with Stage(tmp_path) as stage:
        key = on_github(stage)
        stage.sandbox.fail_next(
            "POST", "/acme/ops/issues$|createIssue", status=429, headers={"Retry-After": "120"}
        )
        stage.settle()
        incident = stage.incident(key)
        assert incident.outlook is Outlook.WAITING
        assert incident.waiting_until is not None
        stage.wait(timedelta(seconds=60))
        assert github_end(stage)["tasks"] == 0
        stage.wait(timedelta(seconds=70))
        assert github_end(stage) == ONCE


def test_a_refused_task_is_a_dead_letter_with_the_vendors_words_and_the_rest_goes_on(
    tmp_path: Path,
) -> None:
    with Stage(tmp_path) as stage:
        key = on_github(stage)
        stage.sandbox.github.refuse_field("t0", "UNPROCESSABLE", "Issues are disabled")
        stage.sandbox.fail_next(
            "POST", "/acme/ops/issues$", status=410, body={"message": "Issues are disabled"}
        )
        stage.settle()
        assert github_end(stage) == ONCE | {"tasks": 2, "linked": 2}
        with stage.store.read() as tx:
            letters = tx.effects.dead_letters()
        assert len(letters) == 1
        assert "Issues are disabled" in letters[0].words
        assert "Issues are disabled" in (stage.incident(key).waiting_for or "")
