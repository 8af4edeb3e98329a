"""People edit the postmortem at every moment, and the service keeps what they wrote."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from stage import JIRA_TASKS, Stage

from workflows.documents import regions

REPO, DOCUMENTS = "acme/ops", "acme/postmortems"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as stage:
        yield stage


def closed(stage: Stage, *lines: str) -> int:
    github = stage.sandbox.github
    number = github.open_issue(REPO, "Slow", by="kim", labels=["incident", "sev2"])
    for line in lines:
        github.comment(REPO, number, line, by="noor")
    github.close(REPO, number, by="kim")
    stage.settle()
    return number


class File:
    """The document's file on the branch of its pull request."""

    def __init__(self, stage: Stage, number: int) -> None:
        self.github = stage.sandbox.github
        self.path = f"postmortems/2026/acme-ops-{number}.md"
        self.place = self.github.repos[DOCUMENTS]
        self.branch = next(n for n in self.place.branches if n.startswith("followthrough/"))

    @property
    def text(self) -> str:
        return self.place.commits[self.place.branches[self.branch]].tree[self.path].decode()

    def save(self, text: str) -> None:
        self.github.push(DOCUMENTS, self.path, text, by="kim", branch=self.branch)


@pytest.mark.parametrize("region", ["actions", "timeline", "facts"])
def test_an_emptied_region_is_written_again(stage: Stage, region: str) -> None:
    file = File(stage, closed(stage, "ACTION: one"))
    body = regions(file.text)[region]
    file.save(file.text.replace(body, ""))
    stage.settle()
    assert regions(file.text)[region] == body


def test_a_deleted_row_comes_back(stage: Stage) -> None:
    file = File(stage, closed(stage, "ACTION: one"))
    row = next(line for line in file.text.splitlines() if "| one |" in line)
    file.save(file.text.replace(f"{row}\n", ""))
    stage.settle()
    assert row in file.text


def test_an_edit_between_our_read_and_our_write_keeps_both(stage: Stage) -> None:
    number = closed(stage, "ACTION: one")
    file = File(stage, number)
    stage.sandbox.hooks.enabled = False  # nobody tells us of the edit
    file.save(file.text.replace("## Impact\n", "## Impact\n\nAll of Europe.\n"))
    stage.sandbox.hooks.enabled = True
    stage.sandbox.github.comment(REPO, number, "ACTION: two", by="noor")
    stage.settle()
    assert "All of Europe." in file.text
    assert "| two |" in file.text


def test_rules_that_change_while_an_answer_is_missing_make_no_second_task(stage: Stage) -> None:
    stage.sandbox.fail_next(
        "POST", "/acme/ops/issues$|createIssue", after_effect=True, drop_connection=True
    )
    closed(stage, "ACTION: one")
    stage.restart(tasks=JIRA_TASKS)
    for _ in range(6):
        stage.wait(timedelta(minutes=4))
    issues = stage.sandbox.github.repos[REPO].issues.values()
    on_github = [issue for issue in issues if "remediation" in issue.labels]
    on_jira = [issue for issue in stage.sandbox.jira.issues.values() if issue.type == "Task"]
    assert len(on_github) + len(on_jira) == 1


def test_an_edit_inside_a_region_is_kept_and_explained(stage: Stage) -> None:
    number = closed(stage, "ACTION: one")
    file = File(stage, number)
    file.save(file.text.replace("Ticket opened", "Ticket opened (late!)"))
    stage.settle()
    stage.sandbox.github.comment(REPO, number, "ACTION: two", by="noor")
    stage.settle()
    assert "(late!)" in file.text
    assert "| two |" in file.text
    told = stage.told(f"{REPO}#{number}")
    assert told.count("the region 'timeline' was edited by hand") == 1


def test_an_edit_of_a_published_document_is_found_although_the_tracker_asked_to_wait(
    tmp_path: Path,
) -> None:
    with Stage(tmp_path, webhooks=False) as stage:
        github = stage.sandbox.github
        number = github.open_issue(REPO, "Slow", by="kim", labels=["incident", "sev2"])
        github.close(REPO, number, by="kim")
        stage.poll()
        document, path = File(stage, number), f"postmortems/2026/acme-ops-{number}.md"
        text = document.text
        github.ready_for_review(DOCUMENTS, 1, by="kim")
        github.merge(DOCUMENTS, 1, by="kim")
        stage.wait(timedelta(minutes=5))
        stage.wait(timedelta(hours=23))
        github.push(DOCUMENTS, path, text + "\nMore.\n", by="kim")
        wait = {"Retry-After": "60"}
        stage.sandbox.fail_next("GET", "/postmortems/pulls/1$", status=429, headers=wait)
        for _ in range(12):
            stage.wait(timedelta(minutes=10))
        known = stage.incident(f"{REPO}#{number}").postmortem
        assert known is not None
        assert known.text is not None
        assert "More." in known.text
