"""Tasks of a project whose issues must have more than we know of: the rules name values for it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from stage import HOOKS, JIRA_INCIDENTS, JIRA_ISSUE, TOKENS, Stage, Staging

from integrations.sandbox.acme import KIM, LEE, NOOR
from service.commands.doctor import doctor

TEAM, COST, STORY = "customfield_10070", "customfield_10071", "customfield_10072"
TEAMS = "Payments, Search"
TASKS = "{{connection: jira, project: WORK, issue_type: Task, fill: {fill}}}"
ALL = '{team: payments, customfield_10071: "3", Background: See the *postmortem*}'


@pytest.fixture(params=["cloud", "datacenter"])
def stage(
    request: pytest.FixtureRequest, staged: Staging, monkeypatch: pytest.MonkeyPatch
) -> Stage:
    for name, value in {**TOKENS, **HOOKS}.items():
        monkeypatch.setenv(name, value)
    stage = staged(
        incidents=JIRA_INCIDENTS,
        document=JIRA_ISSUE,
        tasks=TASKS.format(fill=ALL),
        deployment=request.param,
    )
    jira = stage.sandbox.jira
    jira.add_field(TEAM, "Team", "option", ["Payments", "Search"])
    jira.add_field(COST, "Cost", "number")
    jira.add_field(STORY, "Background", "text")
    people, needed = (KIM, NOOR, LEE), (TEAM, COST, STORY)
    jira.add_project("WORK", types=("Task",), assignable=people, required=needed)
    jira.add_role("WORK", "Developers", people)
    monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(stage.rules_file))
    return stage


def closed(stage: Stage) -> str:
    jira = stage.sandbox.jira
    severity = {"value": "SEV-2"}
    key = jira.create_issue("INC", "Checkout is down", KIM, customfield_10050=severity)
    jira.comment(key, "ACTION: Alert on the error rate (owner: Noor Aziz)", KIM)
    jira.transition(key, "Resolved", KIM)
    stage.settle()
    return key


def faults() -> dict[str, str]:
    """Without the clock's: a story is told in its own time."""
    result = CliRunner().invoke(doctor, ["--json"])
    found = [f for f in json.loads(result.output) if not f["ok"]]
    return {f["what"]: f["mend"] for f in found if f["kind"] != "clock"}


def test_what_a_task_must_have_is_filled_in_by_name_or_id(stage: Stage) -> None:
    assert faults() == {}
    (item,) = stage.incident(closed(stage)).actions
    assert item.task is not None
    values = stage.sandbox.jira.issue(item.task.key).values
    assert values[TEAM] == {"id": "100700", "value": "Payments"}
    assert values[COST] == 3
    assert values[STORY]


def test_what_is_not_demanded_is_left_alone(stage: Stage) -> None:
    project = stage.sandbox.jira.projects["WORK"]
    project.required -= {COST}
    (item,) = stage.incident(closed(stage)).actions
    assert item.task is not None
    assert stage.sandbox.jira.issue(item.task.key).values.get(COST) is None


def test_a_required_field_without_a_value_is_told_by_doctor_and_by_the_dead_letter(
    stage: Stage,
) -> None:
    stage.restart(tasks=TASKS.format(fill="{Team: Payments}"))
    assert list(faults()) == ["Task in WORK demands Cost, Background"]
    assert "under teams.payments.postmortem.tasks.fill in" in next(iter(faults().values()))
    key = closed(stage)
    (item,) = stage.incident(key).actions
    assert item.task is None
    assert "Name a value for customfield_10071, customfield_10072 under fill" in stage.told(key)
    stage.restart(tasks=TASKS.format(fill=ALL))


def test_a_value_that_the_field_does_not_have_is_told_with_those_that_it_has(
    stage: Stage,
) -> None:
    stage.restart(tasks=TASKS.format(fill=ALL.replace("payments", "Platform")))
    ((what, mend),) = faults().items()
    assert what == f"Task in WORK does not take Team ({TEAM}): 'Platform' is not one of {TEAMS}"
    assert "under teams.payments.postmortem.tasks.fill" in mend
    told = stage.told(closed(stage))
    assert "WORK's Task does not take Team: 'Platform' is not one of Payments, Search" in told


DOCUMENT = "{{kind: jira-issue, connection: jira, project: WORK, issue_type: Task, fill: {fill}}}"


def test_a_postmortem_in_such_a_project_is_filled_in_as_well(stage: Stage) -> None:
    stage.restart(document=DOCUMENT.format(fill='{Team: Search, Cost: "0", Background: None yet}'))
    assert faults() == {}
    document = stage.incident(closed(stage)).postmortem
    assert document is not None
    assert document.ref is not None
    assert document.ref.ticket is not None
    values = stage.sandbox.jira.issue(document.ref.ticket.key).values
    assert values[TEAM] == {"id": "100701", "value": "Search"}
    assert values[COST] == 0


def test_what_tasks_are_given_fills_in_no_postmortem(stage: Stage) -> None:
    stage.restart(document=DOCUMENT.format(fill="{Team: Search}"))
    assert list(faults()) == ["Task in WORK demands Cost, Background"]
    assert "under teams.payments.postmortem.document.fill in" in next(iter(faults().values()))
    told = stage.told(closed(stage))
    assert f"Name a value for {COST}, {STORY} under fill" in told
