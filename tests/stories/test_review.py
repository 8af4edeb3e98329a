"""A postmortem on its way: what is missing is told where it is written, and what was published
stays as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from stage import (
    ADMIN_TOKEN,
    DEPLOYMENTS,
    GITHUB_ISSUE,
    JIRA_INCIDENTS,
    JIRA_ISSUE,
    JIRA_TASKS,
    LOCAL_FILE,
    Stage,
)

from integrations.gitdir.adapter import GitDirectoryDocuments
from integrations.sandbox.world import Object
from integrations.tracker import Unavailable
from service.commands.all import followthrough
from service.store.effects import EffectState
from workflows.model import DocumentStatus, Incident
from workflows.versions import Version

REPO, DOCUMENTS = "acme/ops", "acme/postmortems"
FACTOR_ROW = "| | | |\n\n### Five whys"
MEASURED = 'ACTION: Alert on depth @kim [detective] milestone:Q1 measure:"pages in 2 minutes"'


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as stage:
        yield stage


def closed(stage: Stage, *lines: str, title: str = "Slow") -> str:
    """The key of an incident on GitHub that was closed, with these comments."""
    github = stage.sandbox.github
    number = github.open_issue(REPO, title, by="kim", labels=["incident", "sev2"])
    for line in lines or (MEASURED,):
        github.comment(REPO, number, line, by="noor")
    github.close(REPO, number, by="kim")
    stage.settle()
    return f"{REPO}#{number}"


class Draft:
    """The pull request of the only document, as its author sees it."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.github = stage, stage.sandbox.github
        self.place = self.github.repos[DOCUMENTS]
        self.branch = next(n for n in self.place.branches if n.startswith("followthrough/"))
        tree = self.place.commits[self.place.branches[self.branch]].tree
        self.path = next(path for path in tree if path.startswith("postmortems/"))

    def text(self, branch: str = "") -> str:
        head = self.place.commits[self.place.branches[branch or self.branch]]
        return head.tree[self.path].decode()

    def write(self, old: str, new: str, branch: str = "") -> None:
        text = self.text(branch)
        assert old in text
        branch = branch or self.branch
        self.github.push(DOCUMENTS, self.path, text.replace(old, new), by="kim", branch=branch)
        self.stage.settle()

    def statuses(self, branch: str = "") -> list[Object]:
        """Those on the newest commit, the latest last."""
        return self.place.statuses.get(self.place.branches[branch or self.branch], [])

    def status(self, branch: str = "") -> tuple[str, str]:
        last = self.statuses(branch)[-1]
        assert last["context"] == "followthrough/review"
        return str(last["state"]), str(last["description"])

    def ready(self) -> None:
        self.github.ready_for_review(DOCUMENTS, 1, by="kim")
        self.stage.settle()

    def merge(self, number: int = 1, **how: Any) -> str:
        sha = self.github.merge(DOCUMENTS, number, by="noor", **how)
        self.stage.settle()
        return sha


def versions(stage: Stage, key: str) -> list[Version]:
    with stage.store.read() as tx:
        return tx.versions.of_incident(stage.incident(key).id)


def one_comment(stage: Stage, key: str) -> str:
    issue = stage.sandbox.github.repos[REPO].issues[int(key.split("#")[1])]
    return next(note.body for note in issue.notes if "**Followthrough**" in note.body)


def command(stage: Stage, *words: str) -> tuple[int, str]:
    environ = {
        **stage.environ,
        "FOLLOWTHROUGH_DATA": str(stage.settings.data),
        "FOLLOWTHROUGH_RULES": str(stage.rules_file),
    }
    ended = CliRunner().invoke(followthrough, list(words), env=environ)
    return ended.exit_code, ended.output


# --- on a pull request --------------------------------------------------------------------------


def test_a_factor_without_evidence_keeps_the_check_red_until_it_is_mended(stage: Stage) -> None:
    key = closed(stage)
    draft = Draft(stage)
    assert draft.statuses() == []  # nobody began to write
    draft.write(FACTOR_ROW, "| Slow disk | TBD | tooling |\n\n### Five whys")
    assert draft.status() == ("pending", "1 missing: factor 1 has no evidence")
    draft.ready()
    assert draft.status() == ("failure", "1 missing: factor 1 has no evidence")
    assert stage.incident(key).postmortem.status is DocumentStatus.IN_REVIEW  # type: ignore[union-attr]
    assert "Before this can be published" not in one_comment(stage, key)
    draft.write("| TBD |", "| https://graphs.example/7 |")
    assert draft.status() == ("success", "Nothing is missing")


def test_a_check_is_written_once_for_each_commit_and_change(stage: Stage) -> None:
    key = closed(stage)
    draft = Draft(stage)
    draft.ready()
    draft.write("## Detection\n", "## Detection\n\nA customer told us.\n")
    first = list(draft.statuses())
    assert [each["state"] for each in first] == ["failure"]
    stage.sandbox.github.comment(REPO, int(key.split("#")[1]), "still here", by="noor")
    stage.settle()
    for _ in range(3):
        stage.wait(timedelta(minutes=10))
    commits = [each for each in draft.place.statuses.values() if each]
    assert all(len(each) <= 2 for each in commits)
    sha = draft.place.branches[draft.branch]
    stage.sandbox.github.push(DOCUMENTS, "other.md", "x", by="kim", branch=draft.branch)
    stage.wait(timedelta(minutes=10))
    assert draft.place.branches[draft.branch] != sha
    assert draft.status()[0] == "failure"


def test_a_measure_said_below_the_table_counts_and_is_taken_over_once_merged(stage: Stage) -> None:
    key = closed(stage, "ACTION: Alert on depth @kim [detective] milestone:Q1")
    draft = Draft(stage)
    draft.write(FACTOR_ROW, "| Slow disk | graph 7 | |\n\n### Five whys")
    assert draft.status() == ("pending", "1 missing: AI-1 has no success measure")
    draft.write("### How to add one", "AI-1 measure: pages in 2 minutes\n\n### How to add one")
    assert draft.status()[0] == "success"
    assert stage.incident(key).actions[0].success_measure is None
    draft.ready()
    draft.merge()
    assert stage.incident(key).actions[0].success_measure == "pages in 2 minutes"


def test_without_the_permission_the_missing_is_told_in_the_comment(stage: Stage) -> None:
    key = closed(stage)
    draft = Draft(stage)
    stage.sandbox.fail_next("POST", "/statuses/", status=403)
    draft.ready()
    assert draft.statuses() == []
    told = one_comment(stage, key)
    assert "Before this can be published:\n\n- Contributing factors, line" in told
    with stage.store.read() as tx:
        (letter,) = tx.effects.dead_letters()
    assert "Commit statuses: read and write" in letter.mend
    with stage.store.write() as tx:
        assert tx.effects.replay(letter.key)
        tx.jobs.touch("incident", f"github/{stage.incident(key).ticket.id}")
    stage.settle()
    assert draft.status()[0] == "failure"
    with stage.store.read() as tx:
        assert tx.effects.get(letter.key).state is EffectState.DONE  # type: ignore[union-attr]


# --- versions -----------------------------------------------------------------------------------


def published(stage: Stage) -> tuple[str, Draft, str]:
    key = closed(stage)
    draft = Draft(stage)
    draft.write(FACTOR_ROW, "| Slow disk | graph 7 | |\n\n### Five whys")
    draft.ready()
    return key, draft, draft.merge(delete_branch=False)


def test_each_merge_is_a_version_and_the_diff_tells_what_changed(stage: Stage) -> None:
    key, draft, commit = published(stage)
    (first,) = versions(stage, key)
    assert first.publication.commit == commit
    assert first.publication.by == "noor"
    assert first.publication.text == draft.text("main")
    stage.sandbox.github.comment(REPO, int(key.split("#")[1]), "ACTION: two @kim", by="noor")
    stage.settle()
    updates = f"{draft.branch}-updates"
    assert [each.number for each in versions(stage, key)] == [1]  # proposed is not published
    assert draft.status(updates)[0] == "failure"
    draft.write("| graph 7 |", "| graph 7 and 8 |", branch=updates)
    number = max(draft.place.issues)
    second = draft.merge(number)
    found = versions(stage, key)
    assert [each.publication.commit for each in found] == [commit, second]
    code, told = command(stage, "versions", key)
    assert code == 0
    assert [line.split()[0] for line in told.splitlines()] == ["v1", "v2"]
    code, told = command(stage, "diff", key, "v1", "v2")
    assert code == 0
    parts = re.split(r"^--- ", told, flags=re.MULTILINE)[1:]
    sections = dict(part.split("\n", 1) for part in parts)
    assert set(sections) == {"At a glance", "Timeline", "Contributing factors", "Action items"}
    assert (
        "-| Slow disk | graph 7 | |\n+| Slow disk | graph 7 and 8 | |"
        in sections["Contributing factors"]
    )


def test_an_update_that_is_closed_unmerged_changes_nothing_and_is_not_proposed_again(
    stage: Stage,
) -> None:
    key, draft, _ = published(stage)
    github, tasks = stage.sandbox.github, stage.sandbox.github.repos[REPO].issues
    (item,) = stage.incident(key).actions
    assert item.task is not None
    task = int(item.task.key.split("#")[1])
    github.close(REPO, task, by="kim")
    stage.settle()
    stage.wait(timedelta(minutes=2))
    assert "| done |" in draft.text(f"{draft.branch}-updates")
    first = max(draft.place.issues)
    stage.wait(timedelta(minutes=2))
    github.close_pull(DOCUMENTS, first, by="noor")
    del draft.place.branches[f"{draft.branch}-updates"]  # the button beside it
    stage.settle()
    stage.wait(timedelta(days=1))
    assert tasks[task].state == "closed"
    incident = stage.incident(key)
    assert incident.actions[0].status == "done"
    assert incident.postmortem is not None
    assert incident.postmortem.conflicts == ()
    assert max(draft.place.issues) == first
    github.reopen(REPO, task, by="kim")
    stage.settle()
    stage.wait(timedelta(minutes=2))
    github.comment(REPO, int(key.split("#")[1]), "ACTION: two @kim", by="noor")
    stage.settle()
    assert max(draft.place.issues) > first
    assert "two" in draft.text(f"{draft.branch}-updates")
    assert [each.number for each in versions(stage, key)] == [1]


def test_the_same_text_published_again_is_no_new_version(stage: Stage) -> None:
    key, draft, _ = published(stage)
    github = stage.sandbox.github
    main = draft.text("main")
    github.push(DOCUMENTS, draft.path, main + "\n", by="kim")
    github.push(DOCUMENTS, draft.path, main, by="kim")
    stage.settle()
    stage.wait(timedelta(days=1))
    assert [each.number for each in versions(stage, key)] == [1]


def test_a_push_straight_to_the_default_branch_is_a_publication(stage: Stage) -> None:
    key, draft, _ = published(stage)
    stage.wait(timedelta(minutes=1))
    text = draft.text("main") + "\nMore.\n"
    sha = stage.sandbox.github.push(DOCUMENTS, draft.path, text, by="kim")
    stage.settle()
    first, second = versions(stage, key)
    assert (second.publication.commit, second.publication.by) == (sha, "kim")
    assert second.publication.text == text
    assert first.publication.text != text


def test_what_was_merged_while_nobody_looked_is_kept_too(tmp_path: Path) -> None:
    with Stage(tmp_path, webhooks=False) as stage:
        github = stage.sandbox.github
        number = github.open_issue(REPO, "Slow", by="kim", labels=["incident", "sev2"])
        github.comment(REPO, number, MEASURED, by="noor")
        github.close(REPO, number, by="kim")
        stage.poll()
        draft = Draft(stage)
        github.ready_for_review(DOCUMENTS, 1, by="kim")
        github.merge(DOCUMENTS, 1, by="noor", delete_branch=False)
        for round in ("one", "two"):
            branch = f"{draft.branch}-updates"
            place = draft.place
            github.create_branch(place, branch, place.branches["main"], "kim")
            text = draft.text("main") + f"\n{round}\n"
            github.push(DOCUMENTS, draft.path, text, by="kim", branch=branch)
            pull = github.pull_request(DOCUMENTS, branch, round, by="kim")
            github.merge(DOCUMENTS, pull, by="noor")
        stage.wait(timedelta(days=1))
        stage.wait(timedelta(days=1))
        found = versions(stage, f"{REPO}#{number}")
        assert [each.publication.text.count("\none\n") for each in found] == [0, 1, 1]
        assert [each.publication.text.count("\ntwo\n") for each in found] == [0, 0, 1]


def test_a_merged_postmortem_is_published_whatever_is_missing_and_that_stays_told(
    stage: Stage,
) -> None:
    key = closed(stage)
    draft = Draft(stage)
    draft.ready()
    draft.merge()
    assert [each.number for each in versions(stage, key)] == [1]
    told = one_comment(stage, key)
    assert "Published, and still missing:\n\n- Contributing factors, line" in told


# --- other kinds of documents -------------------------------------------------------------------


def test_an_issue_says_in_the_one_comment_what_is_missing(tmp_path: Path) -> None:
    with Stage(tmp_path, document=GITHUB_ISSUE) as stage:
        key = closed(stage)
        told = one_comment(stage, key)
        assert "Before this can be published:" in told
        assert re.search(r"- Contributing factors, line \d+: no factor is named; name", told)
        github = stage.sandbox.github
        ticket = stage.incident(key).postmortem.ref.ticket  # type: ignore[union-attr]
        assert ticket is not None
        number = int(ticket.key.split("#")[1])
        body = github.repos[REPO].issues[number].body or ""
        text = body.replace(FACTOR_ROW, "| Slow disk | graph 7 | |\n\n### Five whys")
        github.edit(REPO, number, by="kim", body=text)
        stage.settle()
        assert "Before this can be published" not in one_comment(stage, key)
        github.close(REPO, number, by="noor")
        stage.settle()
        (version,) = versions(stage, key)
        assert version.publication.by == "noor"
        assert "| Slow disk | graph 7 | |" in version.publication.text
        github.reopen(REPO, number, by="noor")
        github.close(REPO, number, by="noor")
        stage.settle()
        assert command(stage, "publish", key)[0] == 1


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_a_jira_issue_is_looked_through_and_kept_when_it_is_done(
    tmp_path: Path, deployment: str
) -> None:
    on_jira: dict[str, Any] = {"incidents": JIRA_INCIDENTS, "document": JIRA_ISSUE}
    with Stage(tmp_path, deployment=deployment, tasks=JIRA_TASKS, **on_jira) as stage:
        jira = stage.sandbox.jira
        severity: dict[str, Any] = {"customfield_10050": {"value": "SEV-2"}}
        key = jira.create_issue("INC", "Slow search", by="5b10-kim", **severity)
        jira.comment(key, MEASURED.replace("@kim", "@kim@acme.example"), by="5b10-noor")
        jira.transition(key, "Resolved", by="5b10-kim")
        stage.settle()
        told = str(jira.issue(key).comments)
        assert "Before this can be published:" in told
        assert "Contributing factors: no factor is named" in told
        ticket = stage.incident(key).postmortem.ref.ticket  # type: ignore[union-attr]
        assert ticket is not None
        jira.transition(ticket.key, "Resolved", by="5b10-noor")
        stage.settle()
        (version,) = versions(stage, key)
        assert "## Contributing factors" in version.publication.text
        assert "Published, and still missing:" in str(jira.issue(key).comments)


class LocalFile:
    def __init__(self, stage: Stage, key: str) -> None:
        self.stage, self.key = stage, key
        incident = stage.incident(key)
        assert incident.postmortem is not None
        self.path = Path(incident.postmortem.ref.url.removeprefix("file://"))

    def write(self, old: str, new: str) -> None:
        text = self.path.read_text()
        assert old in text
        self.path.write_text(text.replace(old, new))

    @property
    def incident(self) -> Incident:
        return self.stage.incident(self.key)

    @property
    def status(self) -> str:
        document = self.incident.postmortem
        return document.status.value if document else ""


def test_a_local_file_is_published_by_asking_and_refused_while_something_is_missing(
    tmp_path: Path,
) -> None:
    with Stage(tmp_path, document=LOCAL_FILE) as stage:
        key = closed(stage)
        file = LocalFile(stage, key)
        code, told = command(stage, "publish", key)
        assert code == 1
        assert "Contributing factors, line" in told
        assert "no factor is named" in told
        stage.settle()
        assert versions(stage, key) == []
        file.write(FACTOR_ROW, "| Slow disk | graph 7 | |\n\n### Five whys")
        assert command(stage, "publish", key)[0] == 1  # as it was last read
        stage.settle()
        code, told = command(stage, "publish", key)
        assert code == 0, told
        stage.settle()
        (version,) = versions(stage, key)
        assert "graph 7" in version.publication.text
        assert "command line" in version.publication.by
        assert len(version.publication.commit) == 40
        assert file.incident.postmortem.status is DocumentStatus.PUBLISHED  # type: ignore[union-attr]
        file.write("graph 7", "graph 8")
        stage.wait(timedelta(days=1))
        assert [each.number for each in versions(stage, key)] == [1]  # nobody published that
        assert command(stage, "publish", key)[0] == 0
        stage.settle()
        assert [each.number for each in versions(stage, key)] == [1, 2]


def test_what_went_missing_between_asking_and_its_turn_is_not_published(tmp_path: Path) -> None:
    with Stage(tmp_path, document=LOCAL_FILE) as stage:
        key = closed(stage)
        file = LocalFile(stage, key)
        file.write(FACTOR_ROW, "| Slow disk | graph 7 | |\n\n### Five whys")
        stage.poll()
        assert command(stage, "publish", key)[0] == 0
        file.write("graph 7", "TBD")
        stage.settle()
        assert versions(stage, key) == []
        (asked,) = file.incident.publishings
        assert "factor 1 has no evidence" in asked.answer


def complete(stage: Stage) -> tuple[str, LocalFile]:
    """A local file that lacks nothing, as is known."""
    key = closed(stage)
    file = LocalFile(stage, key)
    file.write(FACTOR_ROW, "| Slow disk | graph 7 | |\n\n### Five whys")
    stage.poll()
    return key, file


def test_a_file_that_cannot_be_read_is_published_once_it_can(tmp_path: Path) -> None:
    with Stage(tmp_path, document=LOCAL_FILE) as stage:
        key, file = complete(stage)
        text = file.path.read_bytes()
        file.path.write_bytes(text + b"\xff")
        assert command(stage, "publish", key)[0] == 0
        stage.settle()
        assert file.status == "draft"
        file.path.write_bytes(text)
        stage.wait(timedelta(minutes=10))
        assert [each.number for each in versions(stage, key)] == [1]
        assert file.status == "published"


def test_an_edit_in_the_moment_of_publishing_leaves_a_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publications = GitDirectoryDocuments.publications
    with Stage(tmp_path, document=LOCAL_FILE) as stage:
        key, file = complete(stage)

        def edited(*arguments: Any) -> Any:
            file.write("graph 7", "graph 8")
            monkeypatch.undo()
            return publications(*arguments)

        monkeypatch.setattr(GitDirectoryDocuments, "publications", edited)
        assert command(stage, "publish", key)[0] == 0
        stage.settle()
        assert versions(stage, key) == []
        assert file.status == "draft"
        with stage.store.read() as tx:
            (letter,) = tx.effects.dead_letters()
        assert letter.mend == "Publish it again."
        stage.poll()
        assert command(stage, "publish", key)[0] == 0
        stage.settle()
        (version,) = versions(stage, key)
        assert "graph 8" in version.publication.text
        assert file.status == "published"


def test_nothing_is_written_into_a_document_before_its_version_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: Any) -> Any:
        raise Unavailable("the index is locked")

    with Stage(tmp_path, document=LOCAL_FILE) as stage:
        key, file = complete(stage)
        text = file.path.read_text()
        monkeypatch.setattr(GitDirectoryDocuments, "publications", busy)
        assert command(stage, "publish", key)[0] == 0
        stage.sandbox.github.comment(REPO, int(key.split("#")[1]), "ACTION: two @kim", by="noor")
        stage.settle()
        assert file.path.read_text() == text
        monkeypatch.undo()
        stage.wait(timedelta(minutes=2))
        (version,) = versions(stage, key)
        assert version.publication.text == text
        assert "two" in file.path.read_text()


# --- the page, and hostile text -----------------------------------------------------------------

EVIL = "<script>alert(1)</script> @kim closes #1 [x](javascript:alert(1))"


def page(stage: Stage, path: str) -> str:
    session = requests.Session()
    form = session.get(f"{stage.url}/sign-in", timeout=10).text
    csrf = re.search(r'name="csrf" value="([^"]*)"', form)
    data = {"token": ADMIN_TOKEN, "csrf": csrf[1] if csrf else ""}
    session.post(f"{stage.url}/sign-in", data=data, timeout=10)
    answer = session.get(f"{stage.url}{path}", timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_hostile_text_in_the_document_stays_inert_everywhere(stage: Stage) -> None:
    key = closed(stage)
    draft = Draft(stage)
    draft.write(FACTOR_ROW, f"| {EVIL} | | |\n\n### Five whys")
    blame = f"Kim Ito caused it {EVIL}."
    draft.write("## Detection\n", f"## {EVIL}\n\n{blame}\n\n## Detection\n")
    draft.ready()
    assert draft.status() == ("failure", "1 missing: factor 1 has no evidence")
    draft.merge(delete_branch=False)
    stage.wait(timedelta(minutes=1))
    draft.github.push(DOCUMENTS, draft.path, draft.text("main").replace(EVIL, "x"), by="kim")
    stage.settle()
    told = one_comment(stage, key)
    assert "script" not in told
    assert "javascript" not in told
    incident = stage.incident(key)
    first = page(stage, f"/incidents/{incident.id}/versions/1")
    both = page(stage, f"/incidents/{incident.id}/versions")
    for shown in (first, both, page(stage, f"/incidents/{incident.id}")):
        assert "<script>alert" not in shown
        assert 'href="javascript' not in shown
    assert "&lt;script&gt;alert" in first
    assert "-| &lt;script&gt;" in both
    code, diff = command(stage, "diff", key, "v1", "v2")
    assert (code, "-| <script>" in diff) == (0, True)


def test_blaming_words_are_told_as_advice_and_block_nothing(stage: Stage) -> None:
    key = closed(stage)
    draft = Draft(stage)
    draft.write(FACTOR_ROW, "| Kim Ito caused it. | graph 7 | |\n\n### Five whys")
    assert draft.status() == ("success", "Nothing is missing")
    told = one_comment(stage, key)
    assert "On wording, as advice; it blocks nothing:" in told
    assert told.count("a person as the cause") == 1
    assert (
        "Kim Ito caused" not in told
    )  # who reads the ticket need not be able to read the document
    assert "Kim Ito caused it." in page(stage, f"/incidents/{stage.incident(key).id}")
    code, lines = command(stage, "review", key)
    assert code == 0
    assert "Wording, line" in lines
    draft.write("| Kim Ito caused it. |", "| One key opens both systems |")
    assert "On wording" not in one_comment(stage, key)
