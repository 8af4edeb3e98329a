"""A verdict is given here, and the rules have lost the connection that would answer it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner
from measures import REVIEWERS, Measure, OnGitHub
from stage import ADMIN_TOKEN, Stage
from stories.test_judging import asked, judged, post

from config.rules import load
from service.audits import REST
from service.commands.all import followthrough
from service.container import build
from workflows.judging import COUNTS
from workflows.rungs import Verdict

IN_JIRA = REVIEWERS.replace("{", "{destination: {connection: jira, project: OPS}, ", 1)


@pytest.fixture
def measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Measure]:
    """A measure of an incident on GitHub whose audit is open, in Jira."""
    with Stage(tmp_path, **{**OnGitHub.parts, "audits": IN_JIRA}) as stage:
        monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(tmp_path / "data"))
        monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(stage.rules_file))
        for name, value in stage.environ.items():
            monkeypatch.setenv(name, value)
        yield asked(OnGitHub(stage))


def loses(measure: Measure, connection: str) -> None:
    """Somebody renames the connection in the rules, and starts both processes again."""
    stage = measure.stage
    text = stage.rules_file.read_text().replace(f"  {connection}:\n", "  renamed:\n")
    text = text.replace(f"connection: {connection}", "connection: renamed")
    stage.rules_file.write_text(text)
    rules = load(stage.rules_file, stage.environ)
    stage.container = build(stage.settings, rules, store=stage.store, clock=stage.clock)
    stage.start_web(stage.stop_web())


def gets_it_back(measure: Measure) -> None:
    measure.stage.restart()
    measure.stage.start_web(measure.stage.stop_web())


def page(measure: Measure, path: str = "") -> str:
    address = f"{measure.stage.url}{path or f'/incidents/{measure.incident.id}'}"
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    text = requests.get(address, headers=headers, timeout=10).text
    return text.replace("&#39;", "'")


def explained(measure: Measure) -> str:
    return CliRunner().invoke(followthrough, ["explain", measure.key]).stdout


@pytest.mark.parametrize("lost", ["jira", "github"])
def test_a_verdict_that_nothing_can_answer_is_said_to_wait_until_the_connection_is_back(
    measure: Measure, lost: str
) -> None:
    """Of the audit's ticket, or of the incident's own: without that there are no turns."""
    key = measure.key if lost == "github" else measure.audit_key
    why = f"the rules have no connection '{lost}' for {key}"
    mend = f"Give the rules the connection '{lost}' again, under this name"
    loses(measure, lost)
    answer = post(measure).text.replace("&#39;", "'")
    assert f"Until then it waits: {why}. {mend}" in answer
    measure.stage.settle()
    assert measure.audit.verdict is None
    waits = f"AI-1, audit 1.1: the verdict of Noor Aziz waits: {why}. {mend}"
    assert waits in explained(measure)
    assert waits in page(measure)
    assert waits in page(measure, "/")
    assert f"it waits: {why}" in page(measure)
    for _ in range(3):
        measure.stage.wait(REST)
    assert waits in explained(measure)
    gets_it_back(measure)
    measure.stage.wait(REST)
    assert measure.audits[0].verdict is Verdict.EFFECTIVE
    assert [said.answer for said in measure.incident.judgements] == [COUNTS]
    assert "waits" not in explained(measure)
    assert "Needs you" not in page(measure)


@pytest.mark.parametrize("lost", ["jira", "github"])
def test_one_that_was_given_before_the_rules_lost_the_connection_is_told_as_well(
    measure: Measure, lost: str
) -> None:
    post(measure)
    loses(measure, lost)
    measure.stage.settle()
    assert f"the verdict of Noor Aziz waits: the rules have no connection '{lost}'" in (
        explained(measure)
    )
    gets_it_back(measure)
    measure.stage.wait(REST)
    assert measure.audits[0].verdict is Verdict.EFFECTIVE


def test_the_command_line_says_at_once_that_a_verdict_waits(measure: Measure) -> None:
    loses(measure, "jira")
    given = judged(measure.key, "AI-1", "--effective", "it fired", "--by", "noor")
    assert given.exit_code == 0, given.stderr
    assert "Until then it waits: the rules have no connection 'jira'" in given.stdout


def test_who_mended_the_rules_need_not_wait(measure: Measure) -> None:
    loses(measure, "jira")
    post(measure)
    measure.stage.settle()
    gets_it_back(measure)
    address = f"{measure.stage.url}/incidents/{measure.incident.id}/retry"
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    assert requests.post(address, headers=headers, timeout=10).status_code == 200
    measure.stage.wait(timedelta(0))
    assert measure.audits[0].verdict is Verdict.EFFECTIVE


def test_a_lost_connection_of_which_nothing_is_asked_troubles_nobody(measure: Measure) -> None:
    loses(measure, "jira")
    with measure.stage.store.write() as tx:
        ticket = measure.incident.ticket
        tx.jobs.touch("incident", f"{ticket.connection}/{ticket.id}")
    measure.stage.settle()
    assert "Needs you" not in explained(measure)
