"""Custom fields that the rules call by their names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from stage import (
    DEPLOYMENTS,
    GITHUB_TASKS,
    HOOKS,
    JIRA_INCIDENTS,
    JIRA_ISSUE,
    TOKENS,
    Stage,
)

from integrations.sandbox.acme import KIM
from service.commands.doctor import doctor

BY_NAME = JIRA_INCIDENTS.replace("customfield_10050", "Severity")
SECOND = "customfield_10060"


@pytest.fixture(params=DEPLOYMENTS)
def stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Stage]:
    for name, value in {**TOKENS, **HOOKS}.items():
        monkeypatch.setenv(name, value)
    parts: dict[str, Any] = {"document": JIRA_ISSUE, "tasks": GITHUB_TASKS}
    with Stage(tmp_path, incidents=BY_NAME, deployment=request.param, **parts) as stage:
        monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(stage.rules_file))
        yield stage


def faults() -> dict[str, str]:
    """Without the clock's: a story is told in its own time."""
    result = CliRunner().invoke(doctor, ["--json"])
    found = [f for f in json.loads(result.output) if not f["ok"]]
    return {f["what"]: f["mend"] for f in found if f["kind"] != "clock"}


def closed(stage: Stage, **severities: str) -> str:
    values: dict[str, Any] = {id: {"value": said} for id, said in severities.items()}
    key = stage.sandbox.jira.create_issue("INC", "Checkout is down", KIM, **values)
    stage.sandbox.jira.transition(key, "Resolved", KIM)
    stage.settle()
    return key


@pytest.mark.parametrize("name", ["Severity", "severity", "SEVERITY", "customfield_10050"])
def test_a_field_is_read_by_its_name_however_it_is_written_or_by_its_id(
    stage: Stage, name: str
) -> None:
    stage.restart(incidents=JIRA_INCIDENTS.replace("customfield_10050", name))
    assert stage.incident(closed(stage, customfield_10050="SEV-1")).severity == "sev1"
    assert faults() == {}


def test_doctor_tells_the_ids_of_fields_that_have_one_name(stage: Stage) -> None:
    stage.sandbox.jira.add_field(SECOND, "severity", "option", ["SEV-1"])
    found = faults()
    assert list(found) == [f"INC has several fields Severity: customfield_10050, {SECOND}"]
    assert "instead of Severity" in found[next(iter(found))]
    stage.restart(incidents=JIRA_INCIDENTS)
    assert faults() == {}


def test_a_team_managed_projects_field_is_no_other_projects(stage: Stage) -> None:
    if not stage.sandbox.jira.cloud:
        pytest.skip("Data Center has no team-managed projects")
    stage.sandbox.jira.add_field(SECOND, "Severity", "option", ["SEV-1"], project="OPS")
    assert faults() == {}


def test_of_two_fields_with_one_name_the_filled_one_is_read(stage: Stage) -> None:
    stage.sandbox.jira.add_field(SECOND, "Severity", "option", ["SEV-1"])
    assert stage.incident(closed(stage, **{SECOND: "SEV-1"})).severity == "sev1"


def test_two_that_say_different_things_are_not_guessed_between(stage: Stage) -> None:
    stage.sandbox.jira.add_field(SECOND, "Severity", "option", ["SEV-1"])
    key = closed(stage, customfield_10050="SEV-3", **{SECOND: "SEV-1"})
    assert stage.incident(key).severity is None
    assert f"customfield_10050 and {SECOND} are both called Severity" in stage.told(key)


OWN = "customfield_10061"
FELT = "customers: {teams: {Helpdesk: [Noor Aziz]}, felt: {fields: {Customers: []}}}\n"


def test_a_field_that_is_called_like_one_of_jiras_own_is_told_with_its_id(stage: Stage) -> None:
    stage.sandbox.jira.add_field(OWN, "Priority", "option", ["SEV-1"])
    stage.restart(incidents=JIRA_INCIDENTS.replace("customfield_10050", "Priority"))
    ((what, mend),) = faults().items()
    assert what == f"INC has several fields Priority: {OWN}, priority"
    assert f"{OWN}, say" in mend
    stage.restart(incidents=JIRA_INCIDENTS.replace("customfield_10050", OWN))
    assert faults() == {}


def test_an_empty_field_of_ones_own_is_not_read_from_jiras_own(stage: Stage) -> None:
    stage.sandbox.jira.add_field(OWN, "Resolution", "option", ["SEV-1"])
    stage.restart(incidents=JIRA_INCIDENTS.replace("customfield_10050", "Resolution"))
    key = closed(stage)
    assert stage.incident(key).severity is None
    assert f"{OWN} and resolution are both called Resolution" in stage.told(key)


def test_jiras_own_field_is_meant_by_its_id_and_doctor_says_so(stage: Stage) -> None:
    stage.restart(incidents=JIRA_INCIDENTS.replace("customfield_10050", "priority"))
    assert faults() == {}
    stage.sandbox.jira.add_field(OWN, "Priority", "option", ["SEV-1"])
    told = json.loads(CliRunner().invoke(doctor, ["--json"]).output)
    (note,) = [each for each in told if each["what"].startswith("INC: priority in the rules")]
    assert note["ok"]
    assert OWN in note["mend"]


def test_names_that_differ_in_capitals_alone_are_not_guessed_between(stage: Stage) -> None:
    stage.sandbox.jira.add_field(SECOND, "severity", "option", ["SEV-1"])
    key = closed(stage, customfield_10050="SEV-3", **{SECOND: "SEV-1"})
    assert stage.incident(key).severity is None


def test_fields_of_verdicts_and_of_what_customers_felt_are_looked_for(stage: Stage) -> None:
    verdicts = "{destination: {connection: jira, project: OPS}, verdict_field: Verdikt}"
    stage.restart(incidents=JIRA_INCIDENTS, audits=verdicts, participants=FELT)
    assert sorted(faults()) == ["INC has no field Customers", "OPS has no field Verdikt"]
