"""A ticket that is restricted while a creation is uncertain: what is sent again tells no words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from stage import JIRA_INCIDENTS, JIRA_ISSUE, JIRA_TASKS, Stage

from workflows.audience import WITHHELD_ACTION

KIM, NOOR = "5b10-kim", "5b10-noor"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path, incidents=JIRA_INCIDENTS, document=JIRA_ISSUE, tasks=JIRA_TASKS) as stage:
        yield stage


@pytest.mark.parametrize("lost", ["/issue$", "/issue/bulk$"], ids=["document", "task"])
@pytest.mark.parametrize("arrived", [True, False])
def test_a_creation_that_never_happened_is_made_in_todays_words(
    stage: Stage, lost: str, arrived: bool
) -> None:
    jira = stage.sandbox.jira
    severity: dict[str, Any] = {"customfield_10050": {"value": "SEV-2"}}
    key = jira.create_issue("INC", "The vault is open", by=KIM, **severity)
    jira.comment(key, "ACTION: rotate the code of the vault", by=NOOR)
    stage.sandbox.fail_next("POST", lost, drop_connection=True, after_effect=arrived)
    jira.transition(key, "Resolved", by=KIM)
    stage.settle()
    before = {issue.key for issue in jira.issues.values()}
    jira.edit(key, by=KIM, security="Staff only")
    for _ in range(8):
        stage.wait(timedelta(minutes=2))
        stage.settle()
    made = [str(i.values) for i in jira.issues.values() if i.key not in before]
    assert not [words for words in made if "vault" in words]
    incident = stage.incident(key)
    assert [item.title for item in incident.actions] == [WITHHELD_ACTION]
    assert [item.task is not None for item in incident.actions] == [True]
    assert len(jira.issues) == 3, "the incident, one document and one task"
