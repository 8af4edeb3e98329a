"""Tickets as nobody wants them go the whole way all the same, to the document and the tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from stage import (
    GITHUB_ISSUE,
    JIRA_INCIDENTS,
    JIRA_ISSUE,
    JIRA_TASKS,
    LOCAL_FILE,
    PULL_REQUEST,
    Stage,
)

from integrations.sandbox import github_views, jira_views
from service.routing import INCIDENT_JOB
from service.store.deliveries import DeliveryState
from workflows.model import Incident, Outlook


@dataclass(frozen=True)
class Odd:
    """A ticket's title, text and comments."""

    title: str = "Slow"
    text: str = "Pool exhausted."
    comments: tuple[str, ...] = ("ACTION: one\nACTION: two",)


TICKETS = {
    "no text": Odd(text="", comments=("ACTION: one\nACTION: two",)),
    "500 comments": Odd(
        comments=(*(f"note {n}" for n in range(499)), "ACTION: one\nACTION: two"),
    ),
    "a long text": Odd(text="The pool is exhausted again and again.\n" * 1530),
    "a text without a space": Odd(text="x" * 60_000),
    "long comments": Odd(comments=("y" * 30_000, "z \n" * 2_000, "ACTION: one\nACTION: two")),
    "right to left": Odd(
        "\u202eevil\u202c توقف الدفع",
        "\u202eevil\u202c توقف",
        ("ACTION: \u202eevil\u202c إصلاح\nACTION: two",),
    ),
    "emoji": Odd("🔥👩‍🚒🏳️‍🌈" * 20, "🔥" * 5_000, ("ACTION: 🔥 one 🔥\nACTION: 👩‍🚒",)),
    "script": Odd(
        "@everyone <script>alert(1)</script> {{7*7}} ${x} '; DROP TABLE incidents; --",
        "<!-- /followthrough --> {{ incident }} {% for x in y %} <img src=x onerror=alert(1)>",
        ("ACTION: @everyone <script>alert(1)</script>\nACTION: {{ 7*7 }} | `x` |",),
    ),
    "control characters": Odd(
        "a\x07b\x1b[31mred",
        "\x00\x01\x02\x7f\x85",
        ("ACTION: a\x1bb\nACTION: \x1b\nACTION: \u200b\nACTION: two",),
    ),
    "half surrogates": Odd(
        "half \ud83d of it", "\udfff \ud800", ("ACTION: half \ud800\nACTION: two",)
    ),
    "a long title": Odd("x" * 250),
    "a title of marks": Odd("# * _ ` [ ] | ~ > \\ - +"),
    "a path": Odd("../../etc/passwd", "..\\..\\", ("ACTION: ../..\nACTION: /etc",)),
}
GITHUB_DOCUMENTS = [PULL_REQUEST, GITHUB_ISSUE, LOCAL_FILE]


def on_github(stage: Stage, odd: Odd) -> str:
    github = stage.sandbox.github
    number = github.open_issue(
        "acme/ops", odd.title, by="kim", body=odd.text, labels=["incident", "sev1"]
    )
    for text in odd.comments:
        github.comment("acme/ops", number, text, by="noor")
    github.close("acme/ops", number, by="kim")
    return f"acme/ops#{number}"


#: https://support.atlassian.com/jira-cloud-administration/docs/configure-advanced-settings/
JIRA_LONGEST = 32_767


def on_jira(stage: Stage, odd: Odd) -> str:
    jira = stage.sandbox.jira
    more: dict[str, Any] = {"description": odd.text[: JIRA_LONGEST // 2]} if odd.text else {}
    key = jira.create_issue(
        "INC", odd.title, by="5b10-kim", customfield_10050={"value": "SEV-1"}, **more
    )
    for text in odd.comments:
        jira.comment(key, text, by="5b10-noor")
    jira.transition(key, "Resolved", by="5b10-kim")
    return key


def went_the_whole_way(stage: Stage, key: str) -> Incident:
    incident = stage.incident(key)
    assert incident.outlook is Outlook.DONE, stage.told(key)
    assert incident.postmortem is not None
    assert incident.postmortem.conflicts == ()
    assert len(incident.actions) == 3, [item.title for item in incident.actions]
    assert all(item.task and item.linked for item in incident.actions)
    with stage.store.read() as tx:
        assert tx.effects.dead_letters() == []
        assert tx.jobs.failing() == []
    return incident


Closing = Callable[[Stage, Odd], str]


@pytest.mark.parametrize("odd", TICKETS.values(), ids=TICKETS)
@pytest.mark.parametrize("document", GITHUB_DOCUMENTS, ids=lambda text: text[7:20])
def test_an_odd_github_issue(tmp_path: Path, document: str, odd: Odd) -> None:
    with Stage(tmp_path, document=document, webhooks=False) as stage:
        key = on_github(stage, odd)
        stage.poll()
        went_the_whole_way(stage, key)


@pytest.mark.parametrize("odd", TICKETS.values(), ids=TICKETS)
@pytest.mark.parametrize("deployment", ["cloud", "datacenter"])
def test_an_odd_jira_issue(tmp_path: Path, deployment: str, odd: Odd) -> None:
    with Stage(
        tmp_path,
        incidents=JIRA_INCIDENTS,
        document=JIRA_ISSUE,
        tasks=JIRA_TASKS,
        deployment=deployment,
        webhooks=False,
    ) as stage:
        key = on_jira(stage, odd)
        stage.poll()
        went_the_whole_way(stage, key)


# --- tickets that are not all there -----------------------------------------------------------

Fields = dict[str, Any]
SPOILT: dict[str, Callable[[Fields], Fields]] = {
    "none": lambda fields: {},
    "all null": lambda fields: dict.fromkeys(fields),
    "only times and status": lambda fields: {
        name: fields[name]
        for name in ("created", "updated", "status", "created_at", "updated_at", "state")
        if name in fields
    },
    "numbers": lambda fields: dict.fromkeys(fields, 7),
    "words": lambda fields: dict.fromkeys(fields, "@everyone <script>"),
    "truths": lambda fields: dict.fromkeys(fields, True),
    "lists": lambda fields: {name: [7, None, "x", [], {}] for name in fields},
    "objects": lambda fields: {name: {"id": [], "name": {}, "key": 7} for name in fields},
}


def ends_visibly(stage: Stage) -> None:
    """Nothing of ours raises, each delivery says what became of it, and what is tried again says
    why."""
    stage.settle()
    with stage.store.read() as tx:
        deliveries = tx.deliveries.page(limit=1000)
        jobs = [tx.jobs.get(INCIDENT_JOB, each.subject) for each in deliveries if each.subject]
    assert deliveries
    for each in deliveries:
        assert each.state is not DeliveryState.RECEIVED
        assert each.why
    assert all(job.reason for job in jobs if job is not None)


@pytest.mark.parametrize("spoilt", SPOILT.values(), ids=SPOILT)
def test_a_jira_issue_with_such_fields_ends_visibly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoilt: Callable[[Fields], Fields]
) -> None:
    whole = jira_views.issue

    def issue(*args: Any, **options: Any) -> Any:
        shown = whole(*args, **options)
        return shown | {"fields": spoilt(shown["fields"])}

    with Stage(tmp_path, incidents=JIRA_INCIDENTS, document=JIRA_ISSUE, tasks=JIRA_TASKS) as stage:
        on_jira(stage, Odd())
        assert stage.sandbox.hooks.drain()
        monkeypatch.setattr(jira_views, "issue", issue)
        ends_visibly(stage)


@pytest.mark.parametrize("spoilt", SPOILT.values(), ids=SPOILT)
def test_a_github_issue_with_such_fields_ends_visibly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoilt: Callable[[Fields], Fields]
) -> None:
    whole = github_views.issue
    with Stage(tmp_path) as stage:
        on_github(stage, Odd())
        assert stage.sandbox.hooks.drain()
        monkeypatch.setattr(github_views, "issue", lambda *args: spoilt(whole(*args)))
        ends_visibly(stage)
