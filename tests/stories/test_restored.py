"""The database is put back to an older state, and the service goes on: what it made in the trackers
since then is found there, and not made again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from stage import (
    CONFLUENCE_PAGE,
    GITHUB_INCIDENTS,
    GITHUB_ISSUE,
    GITHUB_TASKS,
    JIRA_INCIDENTS,
    JIRA_ISSUE,
    JIRA_TASKS,
    LOCAL_FILE,
    PULL_REQUEST,
    Stage,
)

from integrations.sandbox.faults import Faults
from service import backups
from service.jobs import TIMING
from service.store.effects import EffectState
from workflows.model import Outlook

pytestmark = pytest.mark.sqlite("a backup is put back: a file of SQLite")

OPS, DOCUMENTS = "acme/ops", "acme/postmortems"
PATH = "postmortems/2026/acme-ops-1.md"

Life = Callable[[Stage], None]


class Backup:
    """What the service knew at one moment."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._file = stage.directory / "backup"
        backups.take(stage.settings, self._file)

    def restore(self) -> None:
        """Put it back while the service does not run, start it, and let it find everything."""
        stage = self._stage
        stage.store.close()
        backups.put_back(stage.settings, self._file, stage.clock, replace=True)
        stage.start_again().start()
        stage.settle()
        for _ in range(5):
            stage.wait(timedelta(seconds=70))
            stage.poll()


def opened(stage: Stage) -> str:
    github = stage.sandbox.github
    number = github.open_issue(OPS, "Checkout is slow", by="kim", labels=["incident", "sev2"])
    github.comment(OPS, number, "ACTION: one @kim\nACTION: two", by="noor")
    stage.settle()
    return f"{OPS}#{number}"


def closed(stage: Stage, key: str) -> None:
    if key.startswith("INC"):
        stage.sandbox.jira.transition(key, "Resolved", by="5b10-kim")
    else:
        stage.sandbox.github.close(OPS, int(key.partition("#")[2]), by="kim")
    stage.settle()
    stage.wait(timedelta(minutes=20))
    assert stage.incident(key).outlook is Outlook.DONE, stage.told(key)


def opened_in_jira(stage: Stage) -> str:
    jira = stage.sandbox.jira
    severity: dict[str, Any] = {"customfield_10050": {"value": "SEV-2"}}
    key = jira.create_issue("INC", "Checkout is slow", by="5b10-kim", **severity)
    jira.comment(key, "ACTION: one\nACTION: two", by="5b10-noor")
    stage.settle()
    return key


def world(stage: Stage) -> list[tuple[str, ...]]:
    """Everything that the trackers hold."""
    github, jira = stage.sandbox.github, stage.sandbox.jira
    found: list[tuple[str, ...]] = []
    for name, place in github.repos.items():
        found += [
            (name, branch, str(tree(stage, branch)))
            for branch in place.branches
            if name == DOCUMENTS
        ]
        for number, issue in place.issues.items():
            found.append((f"{name}#{number}", issue.title, f"{issue.body}\n{issue.state}"))
            found += [(f"{name}#{number}", str(note.id), note.body) for note in issue.notes]
    for key, each in jira.issues.items():
        found.append((key, each.status, str(each.values), str(each.remote_links)))
        found += [(key, comment.id, comment.author) for comment in each.comments]
    found.append(("links", str(jira.links)))
    pages = stage.sandbox.confluence.pages.values()
    found += [(page.id, page.now.title, page.now.body) for page in pages]
    return found


def tree(stage: Stage, branch: str) -> dict[str, bytes]:
    place = stage.sandbox.github.repos[DOCUMENTS]
    return place.commits[place.branches[branch]].tree


# --- what people did between the backup and the end of that database -------------------------


def nothing(_: Stage) -> None:
    """They went home."""


def add_a_row(stage: Stage) -> None:
    branch = next(n for n in stage.sandbox.github.repos[DOCUMENTS].branches if n != "main")
    text = tree(stage, branch)[PATH].decode()
    row = next(line for line in text.splitlines() if "| two |" in line)
    new = f"{row}\n| | three | | | | | |"
    stage.sandbox.github.push(DOCUMENTS, PATH, text.replace(row, new), by="kim", branch=branch)
    stage.settle()


def publish(stage: Stage) -> None:
    stage.sandbox.github.ready_for_review(DOCUMENTS, 1, by="kim")
    stage.sandbox.github.merge(DOCUMENTS, 1, by="kim")
    stage.settle()
    stage.wait(timedelta(days=3))


def do_the_first_task(stage: Stage) -> None:
    """Its audit is planned; and whoever facilitates is reminded of the review."""
    issues = stage.sandbox.github.repos[OPS].issues
    number = next(n for n, issue in issues.items() if "remediation" in issue.labels)
    stage.sandbox.github.close(OPS, number, by="kim")
    stage.settle()
    stage.wait(timedelta(days=8))


def ask_for_more(stage: Stage) -> None:
    stage.sandbox.github.reopen(OPS, 1, by="kim")
    stage.settle()
    stage.wait(timedelta(minutes=20))
    stage.sandbox.github.comment(OPS, 1, "ACTION: three", by="noor")
    stage.sandbox.github.close(OPS, 1, by="kim")
    stage.settle()


def edit_a_region(stage: Stage) -> None:
    branch = next(n for n in stage.sandbox.github.repos[DOCUMENTS].branches if n != "main")
    text = tree(stage, branch)[PATH].decode()
    new = text.replace("| **Scribe** |", "| **Scribe, as we agreed** |")
    stage.sandbox.github.push(DOCUMENTS, PATH, new, by="kim", branch=branch)
    stage.settle()


LIVES = (nothing, add_a_row, edit_a_region, publish, do_the_first_task, ask_for_more)


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.__name__)
@pytest.mark.parametrize("known", ["unheard of", "open", "closed"])
def test_whatever_was_done_after_the_backup_is_found_and_nothing_is_written_again(
    tmp_path: Path, known: str, life: Life
) -> None:
    with Stage(tmp_path) as stage:
        stage.settle()
        backup = Backup(stage) if known == "unheard of" else None
        key = opened(stage)
        backup = Backup(stage) if known == "open" else backup
        closed(stage, key)
        backup = backup or Backup(stage)
        life(stage)
        stage.wait(timedelta(minutes=20))
        before, named = world(stage), stage.incident(key).actions
        backup.restore()
        assert world(stage) == before
        assert stage.incident(key).outlook is Outlook.DONE, stage.told(key)
        assert [(a.name, a.task) for a in stage.incident(key).actions] == [
            (a.name, a.task) for a in named
        ]
        held = life is edit_a_region
        document = stage.incident(key).postmortem
        assert document is not None
        assert ("edited by hand" in "".join(document.conflicts)) == held


@pytest.mark.parametrize(
    "document", [PULL_REQUEST, GITHUB_ISSUE, LOCAL_FILE, JIRA_ISSUE, CONFLUENCE_PAGE]
)
@pytest.mark.parametrize("tasks", [GITHUB_TASKS, JIRA_TASKS], ids=["github", "jira"])
@pytest.mark.parametrize("where", ["github", "jira"])
def test_in_every_pairing_of_trackers(
    tmp_path: Path, where: str, tasks: str, document: str
) -> None:
    incidents = JIRA_INCIDENTS if where == "jira" else GITHUB_INCIDENTS
    with Stage(tmp_path, incidents=incidents, document=document, tasks=tasks) as stage:
        stage.settle()
        backup = Backup(stage)
        key = opened_in_jira(stage) if where == "jira" else opened(stage)
        closed(stage, key)
        before = world(stage)
        backup.restore()
        assert world(stage) == before
        assert stage.incident(key).outlook is Outlook.DONE, stage.told(key)


def test_what_no_list_shows_yet_is_waited_for(tmp_path: Path) -> None:
    with Stage(tmp_path, document=GITHUB_ISSUE) as stage:
        backup = Backup(stage)
        key = opened(stage)
        lag = (TIMING.settle / 2).total_seconds()
        stage.sandbox.set_faults(Faults(list_lag=lag, search_lag=lag, reference_lag=lag))
        stage.sandbox.github.close(OPS, 1, by="kim")
        stage.settle()
        before = world(stage)
        backup.restore()
        assert [each[:2] for each in world(stage)] == [each[:2] for each in before]
        assert stage.incident(key).outlook is Outlook.DONE, stage.told(key)


def test_what_was_opened_since_is_created_without_a_look(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        Backup(stage).restore()
        stage.wait(timedelta(hours=1))
        key = opened(stage)
        closed(stage, key)
        asked = [call.path for call in stage.sandbox.calls if "creator=" in str(call)]
        assert asked == []
        assert len(stage.incident(key).actions) == 2


def test_said_without_need_it_only_costs_a_look(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        key = opened(stage)
        with stage.store.write() as tx:
            tx.restorations.mark()
        closed(stage, key)
        pulls = [i for i in stage.sandbox.github.repos[DOCUMENTS].issues.values() if i.pull]
        assert len(pulls) == 1
        tasks = [i.title for i in stage.sandbox.github.repos[OPS].issues.values()][1:]
        assert tasks == ["one", "two"]
        assert len(stage.sandbox.github.repos[OPS].issues[1].notes) == 2


def test_what_nobody_said_before_stays_uncertain_in_all_its_states(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        stage.sandbox.github.graphql = False  # one by one, so that one is refused
        stage.sandbox.fail_next("POST", "/acme/ops/issues$", status=422)
        key = opened(stage)
        stage.sandbox.github.close(OPS, 1, by="kim")
        stage.settle()
        with stage.store.write() as tx:
            (letter,) = tx.effects.dead_letters()
            tx.restorations.mark()
        with stage.store.read() as tx:
            known = tx.effects.get(letter.key)
        assert known is not None
        assert known.state is EffectState.REJECTED
        assert known.uncertain_since is not None
        with stage.store.write() as tx:
            tx.effects.replay(letter.key)
            tx.jobs.touch("incident", f"github/{stage.incident(key).ticket.id}")
        stage.settle()
        assert "may or may not have happened" in stage.told(key)
        stage.wait(TIMING.settle)
        assert stage.incident(key).outlook is Outlook.DONE, stage.told(key)
