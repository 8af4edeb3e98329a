"""A check fails, falls silent, or its file is taken away: the audit opens early."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from click.testing import CliRunner
from measures import DAY, OPS, OnGitHub
from stage import CHECKS_TOKEN, GITHUB_ISSUE, Stage

from service.commands.all import followthrough
from workflows.rungs import Verdict

WORKFLOW = ".github/workflows/drill.yml"
CHECKS = (
    "{token: {env: CHECKS_TOKEN}, names: {drill: {silent_after: 3 days}},"
    " repositories: [{connection: github, repository: acme/ops}]}"
)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    parts: dict[str, Any] = {**OnGitHub.parts, "document": GITHUB_ISSUE, "checks": CHECKS}
    with Stage(tmp_path, **parts) as made:
        yield made


def post(stage: Stage, name: str = "drill", token: str = CHECKS_TOKEN, **told: str) -> int:
    """The status of the answer to a result of the check, which failed unless `told` otherwise."""
    address = f"{stage.url}/api/v1/checks/{name}"
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.post(address, json={"status": "failed", **told}, headers=headers, timeout=5)
    stage.settle()
    return answer.status_code


def done(stage: Stage, say: str = "alert on depth check:drill") -> OnGitHub:
    measure = OnGitHub(stage, say)
    measure.done()
    return measure


def test_a_check_that_fails_opens_the_audit_early_with_its_evidence(stage: Stage) -> None:
    measure = done(stage)
    assert measure.item.title == "alert on depth"
    assert post(stage, summary="14 of 20 <b>fired</b> @kim", url="https://ci.example/7") == 202
    (key,) = measure.tickets()
    text = measure.text(key)
    assert "**Why now**" in text
    assert "The check drill failed at 2026-12-07" in text
    assert "14 of 20" in text
    assert "<https://ci.example/7>" in text
    assert "<b>" not in text
    assert "the check drill failed: AI-1, audit 1.1 opens now" in measure.told
    assert measure.assignees(key) == ["noor"]


def test_a_check_that_fails_each_hour_opens_one_and_an_open_one_is_told_once(stage: Stage) -> None:
    measure = done(stage)
    stage.wait(31 * DAY)
    (key,) = measure.tickets()
    for run in range(3):
        assert post(stage, run=f"run-{run}", summary="too slow") == 202
        stage.wait(timedelta(hours=1))
    assert measure.tickets() == [key]
    told = [note for note in measure.notes(key) if "too slow" in note]
    assert len(told) == 1
    post(stage, status="passed")
    assert measure.is_open(key)
    measure.judge("/audit effective because the threshold was mistyped, and is right now")
    assert measure.audits[0].verdict is Verdict.EFFECTIVE


def test_a_check_of_which_nothing_is_heard_opens_the_audit(stage: Stage) -> None:
    measure = done(stage)
    stage.wait(2 * DAY)
    assert post(stage, status="passed") == 202
    stage.wait(2 * DAY)
    assert measure.tickets() == []
    stage.wait(2 * DAY)  # a Sunday
    assert measure.tickets() == []
    stage.wait(1 * DAY)
    (key,) = measure.tickets()
    assert "No result of the check drill came since 2026-12-09" in measure.text(key)


def test_a_push_that_removes_the_file_opens_the_audit(stage: Stage) -> None:
    github = stage.sandbox.github
    github.push(OPS, WORKFLOW, "on: schedule\n", by="kim")
    measure = done(stage, f"alert on depth keeps:{OPS}:{WORKFLOW}")
    github.push(OPS, "README.md", "more\n", by="kim")
    stage.settle()
    assert measure.tickets() == []
    sha = github.push(OPS, WORKFLOW, None, by="kim")
    stage.settle()
    (key,) = measure.tickets()
    text = measure.text(key)
    assert "drill.yml was looked for" in text.replace("`", "").replace("\u2060", "")
    assert sha[:12] in text
    assert "push: files that measures keep are looked at" in deliveries(stage)


def deliveries(stage: Stage) -> list[str]:
    with stage.store.read() as tx:
        return [each.why for each in tx.deliveries.page()]


def test_what_no_webhook_told_is_found_a_day_later(stage: Stage) -> None:
    github = stage.sandbox.github
    github.push(OPS, WORKFLOW, "on: schedule\n", by="kim")
    measure = done(stage, f"alert on depth keeps:{OPS}:{WORKFLOW}")
    stage.sandbox.hooks.enabled = False
    github.switch_workflow(OPS, WORKFLOW, "disabled_inactivity")
    stage.settle()
    assert measure.tickets() == []
    stage.wait(DAY)
    (key,) = measure.tickets()
    assert "is switched off" in measure.text(key)
    assert "disabled_inactivity" in measure.text(key)


def test_a_look_that_fails_is_made_again_and_a_hidden_repository_says_nothing(
    stage: Stage,
) -> None:
    github = stage.sandbox.github
    github.push(OPS, "runbook.md", "1. Breathe\n", by="kim")
    measure = done(stage, f"alert on depth keeps:{OPS}:runbook.md")
    stage.sandbox.fail_next("GET", r"/contents/runbook\.md", status=502)
    github.push(OPS, "runbook.md", None, by="kim")
    stage.settle()
    assert measure.tickets() == []
    assert "files that its measures keep were not looked at" in measure.told
    stage.wait(timedelta(minutes=10))
    assert len(measure.tickets()) == 1


def test_what_the_document_names_counts_and_what_the_rules_do_not_know_is_told(
    stage: Stage,
) -> None:
    measure = OnGitHub(stage, "alert on depth")
    document = measure.incident.postmortem
    assert document is not None
    assert document.ref.ticket is not None
    number = measure._number(document.ref.ticket.key)
    lines = "AI-1 check: drill\nAI-1 check: nobody-knows\nAI-1 keeps: acme/website:index.html\n"
    body = measure.text(document.ref.ticket.key).replace(
        "### How to add", f"{lines}\n### How to add"
    )
    measure.github.edit(OPS, number, by="kim", body=body)
    stage.settle()
    (comment,) = measure.notes(measure.key)
    assert "AI-1 names a check that the rules do not know" in comment
    assert "AI-1 keeps a file that cannot be looked at" in comment
    assert "nobody-knows" not in comment
    measure.done()
    assert not [call for call in stage.sandbox.calls if "acme/website/contents" in call.path]
    post(stage)
    assert len(measure.tickets()) == 1


def test_a_check_that_the_rules_learn_later_is_watched_from_then_on(stage: Stage) -> None:
    stage.restart(checks=CHECKS.replace("drill:", "index:"))
    measure = done(stage, "alert on depth check:drill")
    assert "not watched" in measure.notes(measure.key)[0]
    stage.container.start()  # what polling finds was found
    stage.wait(DAY)
    stage.wait(DAY)
    stage.restart(checks=CHECKS).start()
    stage.settle()
    assert "not watched" not in measure.notes(measure.key)[0]
    assert post(stage) == 202
    assert len(measure.tickets()) == 1


def test_a_ticket_that_keeps_a_thousand_files_has_twenty_looked_at_and_is_told(
    stage: Stage,
) -> None:
    """Of those that are not there, the first audit tells."""
    listed = " ".join(f"keeps:{OPS}:d/{n}.md" for n in range(1000))
    measure = done(stage, f"alert on depth {listed}")
    looks = [call.path for call in stage.sandbox.calls if "/contents/d/" in call.path]
    assert {path.rpartition("/")[2] for path in looks} == {f"{n}.md" for n in range(20)}
    assert len(looks) == 20
    (comment,) = measure.notes(measure.key)
    assert "AI-1 names more than 20 checks and files: the first 20 are watched" in comment
    assert f"{OPS}:d/" not in comment
    (key,) = measure.tickets()
    assert len(measure.text(key)) < 20_000


def test_a_pipeline_posts_by_the_command_and_sees_what_is_known(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Also where its ~/.netrc knows another password of the same host."""
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {urlsplit(stage.url).hostname} login kim password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    measure = done(stage, f"alert on depth check:drill keeps:{OPS}:README.md")
    for name, value in {**stage.environ, "FOLLOWTHROUGH_RULES": str(stage.rules_file)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(stage.settings.data))
    monkeypatch.setenv("FOLLOWTHROUGH_CHECK_TOKEN", CHECKS_TOKEN)
    typed = ["check", "post", "drill", "--failed", "--summary", "14 of 20", "--to", stage.url]
    answer = CliRunner().invoke(followthrough, [*typed, "--run", "7"])
    assert (answer.exit_code, answer.output) == (0, "drill failed: recorded.\n")
    wrong = CliRunner().invoke(followthrough, [*typed, "--url", "javascript:alert(1)"])
    assert wrong.exit_code == 1
    assert "Not recorded (400)" in wrong.output
    assert "url: Not an http or https address" in wrong.output
    stage.settle()
    assert len(measure.tickets()) == 1
    listed = CliRunner().invoke(followthrough, ["check", "list"]).output
    assert (
        f"drill  failed 2026-12-07 12:00 UTC  14 of 20\n  named by AI-1 of {measure.key}" in listed
    )
    assert f"{OPS}:README.md  there" in listed


def test_doctor_looks_at_the_repositories_that_keep_files(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**stage.environ, "FOLLOWTHROUGH_RULES": str(stage.rules_file)}.items():
        monkeypatch.setenv(name, value)
    told = " ".join(CliRunner().invoke(followthrough, ["doctor"]).output.split())
    assert f"{OPS}: files that measures keep can be looked at" in told
    assert f"{OPS}: a webhook tells of pushes" in told
