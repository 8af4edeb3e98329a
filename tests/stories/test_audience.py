"""What only some may read is not copied to where everybody may: at start, and before each copy."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from stage import (
    GITHUB_INCIDENTS,
    GITHUB_TASKS,
    JIRA_INCIDENTS,
    JIRA_ISSUE,
    JIRA_TASKS,
    PULL_REQUEST,
    Stage,
    free_port,
)

from service.commands.doctor import doctor
from service.commands.plan import plan
from service.commands.starting import need_privacy
from service.store.effects import EffectRecord, EffectState
from workflows.documents import marked, regions
from workflows.model import Outlook

PUBLIC_ISSUE = "{kind: github-issue, connection: github, repository: acme/website}"
PUBLIC_TASKS = "{connection: github, repository: acme/website}"
PUBLIC_INCIDENTS = GITHUB_INCIDENTS.replace("acme/ops", "acme/website")
EXPOSED = "everybody may read acme/website (github) and not everybody acme/ops (github)"
FROM_TASKS = "everybody may read acme/website (github) and not everybody OPS (jira)"
TWINNED = (
    "{connection: jira, project: OPS, issue_type: Task,"
    " twin: {connection: github, repository: acme/website}}"
)
MEND = "Make acme/website private, or give the rules a place for"


def closed(stage: Stage, place: str = "acme/ops") -> str:
    github = stage.sandbox.github
    number = github.open_issue(place, "Checkout answers 500", by="kim", labels=["incident", "sev1"])
    github.comment(place, number, "ACTION: Alert on pool use @kim", by="noor")
    github.close(place, number, by="kim")
    stage.settle()
    return f"{place}#{number}"


def effects(stage: Stage, key: str) -> dict[str, EffectRecord]:
    """The incident's effects by the first word of their keys; the last of each kind."""
    with stage.store.read() as tx:
        records = tx.effects.of_incident(stage.incident(key).id)
    return {record.key.partition(":")[0]: record for record in records}


def public(stage: Stage, place: str = "acme/website") -> list[str]:
    """Everything that was written into a public repository."""
    repo = stage.sandbox.github.repos[place]
    issues = repo.issues.values()
    return [
        *(issue.title for issue in issues),
        *(issue.body or "" for issue in issues),
        *(commit.message for commit in repo.commits.values()),
        *(note.body for issue in issues for note in issue.notes),
    ]


def started(stage: Stage, command: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if "FOLLOWTHROUGH" not in name}
    settings = {"FOLLOWTHROUGH_PORT": str(free_port()), "FOLLOWTHROUGH_DATA": "elsewhere"}
    return subprocess.run(
        [sys.executable, "-m", "service", command, "--rules", str(stage.rules_file)],
        cwd=stage.directory,
        env={**kept, **stage.environ, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# --- at start -------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["up", "worker"])
def test_rules_that_show_private_incidents_to_everybody_start_nothing(
    tmp_path: Path, command: str
) -> None:
    sockets = True  # another process asks the trackers
    with Stage(tmp_path, document=PUBLIC_ISSUE, tasks=PUBLIC_TASKS, sockets=sockets) as stage:
        ended = started(stage, command)
    assert ended.returncode == 1
    assert f"Team payments: {EXPOSED}: postmortems may not go from here to there." in ended.stderr
    assert f"Team payments: {EXPOSED}: remediation tasks may not" in ended.stderr
    assert f"→ {MEND} postmortems that not everybody may read." in ended.stderr
    assert "Nothing was started." in ended.stderr
    assert "worker started" not in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("incidents", "exposed"),
    [
        (GITHUB_INCIDENTS, [EXPOSED, FROM_TASKS]),
        (PUBLIC_INCIDENTS, [FROM_TASKS]),
    ],
)
def test_a_public_twin_is_refused_for_what_only_some_may_read(
    tmp_path: Path, incidents: str, exposed: list[str]
) -> None:
    """The incident's words, and what people write on the task."""
    with Stage(tmp_path, incidents=incidents, tasks=TWINNED) as stage:
        found = list(stage.container.trackers.audiences.of_rules(stage.container.rules.policy))
        assert [each.why.words for each in found] == [
            f"{words}: twins of remediation tasks may not go from here to there"
            for words in exposed
        ]
        assert found[0].why.mend.startswith(f"{MEND} twins of remediation tasks")
        with pytest.raises(SystemExit):
            need_privacy(stage.container.rules)


def test_what_people_write_on_a_private_twin_goes_to_no_public_task(tmp_path: Path) -> None:
    private = TWINNED.replace("acme/website", "acme/ops")
    with Stage(tmp_path, incidents=PUBLIC_INCIDENTS, tasks=private) as stage:
        audiences, policy = stage.container.trackers.audiences, stage.container.rules.policy
        assert list(audiences.of_rules(policy)) == []
        stage.sandbox.jira.projects["OPS"].public = True
        stage.clock.wait(timedelta(minutes=11))
        assert [each.why.words for each in audiences.of_rules(policy)] == [
            "everybody may read OPS (jira) and not everybody acme/ops (github): remediation tasks"
            " may not go from here to there"
        ]


@pytest.mark.parametrize("deployment", ["cloud", "datacenter"])
def test_a_jira_project_is_public_when_it_answers_without_credentials(
    tmp_path: Path, deployment: str
) -> None:
    with Stage(tmp_path, incidents=JIRA_INCIDENTS, deployment=deployment) as stage:
        jira = stage.container.trackers.by_connection["jira"]
        stage.sandbox.jira.projects["OPS"].public = True
        assert jira.is_public("OPS")
        assert not jira.is_public("INC")
        assert not jira.is_public("NONE")
        stage.sandbox.jira.projects["INC"].public = True
        assert not jira.is_public("INC"), "it was asked a moment ago"
        stage.clock.wait(timedelta(minutes=11))
        assert jira.is_public("INC")


def test_whether_jira_is_public_is_asked_without_any_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stage(tmp_path, incidents=JIRA_INCIDENTS) as stage:
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login kim password of-kim-in-netrc\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        stage.sandbox.jira.projects["OPS"].public = True
        # The sandbox refuses credentials that it does not know, as it refuses bad ones.
        assert stage.container.trackers.by_connection["jira"].is_public("OPS")


@pytest.mark.parametrize(("mode", "status"), [("plan", 200), ("act", 503)])
def test_who_copies_nothing_or_cannot_be_told_now_is_warned_and_starts(
    tmp_path: Path, mode: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with Stage(tmp_path, document=PUBLIC_ISSUE, mode=mode) as stage:
        if status != 200:
            stage.sandbox.fail_next("GET", "/repos/acme/website$", status=status)
        need_privacy(stage.container.rules)
    told = capsys.readouterr().out
    assert "who may read the postmortems and tasks" in told
    assert "team=payments" in told
    assert (EXPOSED in told) == (status == 200)


def test_doctor_tells_it_with_the_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Stage(tmp_path, document=PUBLIC_ISSUE, mode="plan", webhooks=False) as stage:
        for name, value in stage.environ.items():
            monkeypatch.setenv(name, value)
        told = CliRunner().invoke(doctor, ["--rules", str(stage.rules_file), "--json"])
        assert told.exit_code == 1
        assert f"{EXPOSED}: postmortems may not" in told.output
        stage.sandbox.github.repos["acme/website"].private = True
        told = CliRunner().invoke(doctor, ["--rules", str(stage.rules_file)])
        assert EXPOSED not in told.output
        assert "nothing goes from where only some may read" in told.output


def test_plan_tells_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Stage(tmp_path, document=PUBLIC_ISSUE, mode="plan") as stage:
        for name, value in stage.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(tmp_path / "never-made"))
        key = closed(stage)
        told = CliRunner().invoke(plan, ["--rules", str(stage.rules_file), key])
        assert told.exit_code == 0, told.output
        assert "What the service would refuse to do" in told.output
        assert f"{EXPOSED}: postmortems may" in " ".join(told.output.split())


@pytest.mark.parametrize(
    ("incidents", "document", "tasks"),
    [
        (GITHUB_INCIDENTS, PULL_REQUEST, JIRA_TASKS),
        (JIRA_INCIDENTS, PULL_REQUEST, GITHUB_TASKS),
        (JIRA_INCIDENTS, JIRA_ISSUE, JIRA_TASKS),
        (PUBLIC_INCIDENTS, PUBLIC_ISSUE, PUBLIC_TASKS),
        (PUBLIC_INCIDENTS, PULL_REQUEST, GITHUB_TASKS),
    ],
)
def test_private_to_private_and_public_to_anywhere_is_nobody_s_business(
    tmp_path: Path, incidents: str, document: str, tasks: str
) -> None:
    with Stage(tmp_path, incidents=incidents, document=document, tasks=tasks) as stage:
        container = stage.container
        assert list(container.trackers.audiences.of_rules(container.rules.policy)) == []


def test_a_tracker_that_is_down_keeps_nothing_from_starting(tmp_path: Path) -> None:
    with Stage(tmp_path, document=PUBLIC_ISSUE) as stage:
        stage.sandbox.fail_next("GET", "/repos/acme/website$", status=503, times=9)
        container = stage.container
        found = list(container.trackers.audiences.of_rules(container.rules.policy))
        assert [each.final for each in found] == [False]


# --- before each copy -----------------------------------------------------------------------------


def test_a_private_incident_is_copied_into_no_public_document(tmp_path: Path) -> None:
    with Stage(tmp_path, document=PUBLIC_ISSUE) as stage:
        key = closed(stage)
        letter = effects(stage, key)["document"]
        assert letter.state is EffectState.REJECTED
        assert letter.words.startswith(f"{EXPOSED}: postmortems")
        assert letter.mend.startswith(MEND)
        assert letter.attempts == 0, "it was never begun"
        assert stage.incident(key).outlook is Outlook.WAITING
        assert not any("Checkout" in words or key in words for words in public(stage))


def test_a_private_incident_is_copied_into_no_public_task(tmp_path: Path) -> None:
    with Stage(tmp_path, tasks=PUBLIC_TASKS) as stage:
        key = closed(stage)
        made = effects(stage, key)
        assert made["document"].state is EffectState.DONE
        assert made["task"].state is EffectState.REJECTED
        assert made["task"].words.startswith(f"{EXPOSED}: remediation tasks")
        assert not any("pool" in words or key in words for words in public(stage))
        stage.sandbox.github.repos["acme/website"].private = True
        stage.clock.wait(timedelta(minutes=11))
        with stage.store.write() as tx:
            for letter in tx.effects.dead_letters():
                tx.effects.replay(letter.key)
        stage.sandbox.github.comment(*_split(key), "mended", by="kim")
        stage.settle()
        assert stage.incident(key).outlook is Outlook.DONE, stage.told(key)


def test_a_repository_that_is_made_public_later_gets_no_further_copies(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        key = closed(stage)
        assert stage.incident(key).outlook is Outlook.DONE, stage.told(key)
        stage.sandbox.github.repos["acme/postmortems"].private = False
        stage.clock.wait(timedelta(minutes=11))
        stage.sandbox.github.comment(*_split(key), "the customer was called Zebra", by="noor")
        stage.settle()
        letter = effects(stage, key)["regions"]
        assert letter.state is EffectState.REJECTED
        assert "everybody may read acme/postmortems" in letter.words
        everything = stage.sandbox.github.repos["acme/postmortems"].commits.values()
        assert not any(b"Zebra" in text for commit in everything for text in commit.tree.values())


def test_while_nobody_can_tell_who_reads_it_the_copy_waits(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        stage.sandbox.fail_next("GET", "/repos/acme/postmortems$", status=503)
        key = closed(stage)
        waiting = effects(stage, key)["document"]
        assert waiting.state is EffectState.RETRY
        assert waiting.attempts == 0
        stage.wait(timedelta(seconds=31))
        assert stage.incident(key).outlook is Outlook.DONE, stage.told(key)


def test_a_row_of_a_private_document_becomes_no_public_task(tmp_path: Path) -> None:
    """Incident and tasks are public; what somebody adds to the private document is not."""
    document = "{kind: github-issue, connection: github, repository: acme/postmortems}"
    with Stage(
        tmp_path, incidents=PUBLIC_INCIDENTS, document=document, tasks=PUBLIC_TASKS
    ) as stage:
        key = closed(stage, "acme/website")  # no webhook tells of it
        stage.poll()
        incident = stage.incident(key)
        assert incident.outlook is Outlook.DONE, stage.told(key)
        kept = stage.sandbox.github.repos["acme/postmortems"].issues
        issue = next(each for each in kept.values() if not each.pull)
        table = regions(issue.body or "")["actions"]
        added = marked("actions", f"{table}\n| | Tell the Zebra account | | | | | |")
        body = (issue.body or "").replace(marked("actions", table), added)
        stage.sandbox.github.edit("acme/postmortems", issue.number, by="kim", body=body)
        stage.settle()
        letter = effects(stage, key)["task"]
        assert letter.state is EffectState.REJECTED, stage.told(key)
        assert "not everybody acme/postmortems" in letter.words
        assert not any("Zebra" in words for words in public(stage))


def _split(key: str) -> tuple[str, int]:
    place, _, number = key.partition("#")
    return place, int(number)
