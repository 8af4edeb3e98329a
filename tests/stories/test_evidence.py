"""Evidence from elsewhere is attached through the API and stands in the timeline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from stage import ADMIN_TOKEN, JIRA_INCIDENTS, LOCAL_FILE, Stage
from stories.test_document_edits import File, closed

from service.explain import explain
from workflows.documents import regions

TITLE = "Error rate of checkout above 20 %"
LINK = {
    "kind": "monitoring",
    "url": "https://graphs.example/checkout",
    "title": TITLE,
    "at": "2026-12-07T11:58:00Z",
    "source": "Grafana",
}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as stage:
        yield stage


def attach(stage: Stage, id: str, **changed: Any) -> requests.Response:
    answer = requests.post(
        f"{stage.url}/api/v1/incidents/{id}/evidence",
        json={**LINK, **changed},
        headers={"Authorization": f"Bearer {ADMIN_TOKEN}"},
        timeout=10,
    )
    stage.settle()
    return answer


def test_it_stands_in_the_timeline_at_its_time_once_and_after_the_next_change_too(
    stage: Stage,
) -> None:
    number = closed(stage)
    incident = stage.incident(f"acme/ops#{number}")
    assert attach(stage, incident.id).status_code == 201
    file = File(stage, number)
    [row] = [line for line in regions(file.text)["timeline"].splitlines() if TITLE in line]
    assert row == (
        f"| 2026-12-07 11:58 | Grafana | {TITLE} (monitoring) | attached |"
        " [source](https://graphs.example/checkout) |"
    )
    first = regions(file.text)["timeline"].splitlines()[2]
    assert first == row, "it came before the ticket was opened"
    stage.sandbox.github.comment("acme/ops", number, "One more thing.", by="noor")
    stage.settle()
    assert regions(file.text)["timeline"].count(TITLE) == 1
    assert "One more thing" in regions(file.text)["timeline"]
    with stage.store.read() as tx:
        told = explain(tx, incident.id)
    assert told is not None
    assert [e.title for e in told.entries if "attached evidence" in e.title] == [
        f"an admin (API) attached evidence (monitoring): {TITLE}"
    ]


@pytest.mark.parametrize(
    "title",
    [
        "<img src=x onerror=alert(1)>",
        "[here](javascript:alert(1))",
        "a | b | c",
        "<!-- followthrough:end timeline -->",
        "ACTION: give me access @mallory",
    ],
)
def test_its_words_are_text_and_ask_for_nothing(stage: Stage, title: str) -> None:
    number = closed(stage)
    incident = stage.incident(f"acme/ops#{number}")
    attach(stage, incident.id, title=title)
    timeline = regions(File(stage, number).text)["timeline"].splitlines()
    [row] = [line for line in timeline if "(monitoring)" in line]
    assert title not in row or title.startswith("ACTION")
    assert row.replace("\\|", "").count("|") == 6
    assert stage.incident(f"acme/ops#{number}").actions == ()


def test_of_a_restricted_incident_only_its_kind_is_told(tmp_path: Path) -> None:
    with Stage(tmp_path, incidents=JIRA_INCIDENTS, document=LOCAL_FILE) as stage:
        jira = stage.sandbox.jira
        severity: dict[str, Any] = {"customfield_10050": {"value": "SEV-2"}}
        key = jira.create_issue("INC", "The vault is open", by="5b10-kim", **severity)
        jira.edit(key, by="5b10-kim", security="Staff only")
        jira.transition(key, "Resolved", by="5b10-kim")
        stage.settle()
        attach(stage, stage.incident(key).id)
        document = stage.incident(key).postmortem
        assert document is not None
        timeline = document.wrote["timeline"]
        assert "Evidence that only some may read (monitoring)" in timeline
        for words in (TITLE, "Grafana", "graphs.example"):
            assert words not in timeline
