"""A company with a past: incidents that were closed before its team began."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from stage import GITHUB_INCIDENTS, JIRA_INCIDENTS, JIRA_ISSUE, JIRA_TASKS, Stage, StoryClock

from service import backfilling
from service.backfilling import Progress
from service.store.backfills import BackfillState, TicketState
from workflows.backfilling import Wish
from workflows.rights import Actor, Role

KIM = Actor("kim", Role.ADMIN, None, "command line")
OCTOBER, NOVEMBER = datetime(2026, 10, 5, 9, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
TODAY = datetime(2026, 12, 7, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)

TRACKERS: dict[str, dict[str, Any]] = {
    "github": {"incidents": GITHUB_INCIDENTS},
    "jira": {"incidents": JIRA_INCIDENTS, "document": JIRA_ISSUE, "tasks": JIRA_TASKS},
}


def with_a_past(directory: Path, tracker: str, incidents: int, **parts: Any) -> Stage:
    """A stage at which so many incidents of severity 2 were opened and closed in October, hours
    apart, each with one action item; and some tickets that are none of them. Enter it first, then
    `live_through`."""
    given = {"webhooks": False, "clock": StoryClock(OCTOBER), **TRACKERS[tracker], **parts}
    return Stage(directory, **given)


def live_through(stage: Stage, tracker: str, incidents: int) -> list[str]:
    """October and November pass; returns the keys of October's incidents, the first first."""
    make = _on_github if tracker == "github" else _on_jira
    keys = []
    for number in range(incidents):
        keys.append(make(stage, f"Outage {number}"))
        stage.clock.wait(timedelta(hours=3))
    _others(stage, tracker)
    stage.clock.wait(TODAY - stage.clock())
    stage.sandbox.reset_calls()
    return keys


def _on_github(stage: Stage, title: str, severity: str = "sev2") -> str:
    github = stage.sandbox.github
    labels = ["incident", severity, "tag:dns"]
    number = github.open_issue("acme/ops", title, by="kim", labels=labels)
    text = f"The resolver of {title} lost its zone\nACTION: alert on it @kim"
    github.comment("acme/ops", number, text, by="noor")
    github.close("acme/ops", number, by="kim")
    return f"acme/ops#{number}"


def _on_jira(stage: Stage, title: str, severity: str = "SEV-2") -> str:
    jira = stage.sandbox.jira
    said: dict[str, Any] = {"customfield_10050": {"value": severity}, "labels": ["tag:dns"]}
    said["components"] = [{"name": "checkout"}]
    key = jira.create_issue("INC", title, by="5b10-kim", **said)
    text = f"The resolver of {title} lost its zone\nACTION: alert on it @kim@acme.example"
    jira.comment(key, text, by="5b10-noor")
    jira.transition(key, "Resolved", by="5b10-kim")
    return key


def _others(stage: Stage, tracker: str) -> None:
    """Tickets of the time that are no closed incidents of a severity that counts."""
    if tracker == "github":
        github = stage.sandbox.github
        task = github.open_issue("acme/ops", "Tidy up", by="kim", labels=["chore"])
        github.close("acme/ops", task, by="kim")
        github.open_issue("acme/ops", "Still open", by="kim", labels=["incident", "sev1"])
    else:
        severity: dict[str, Any] = {"customfield_10050": {"value": "SEV-1"}}
        stage.sandbox.jira.create_issue("INC", "Still open", by="5b10-kim", **severity)


def wish(stage: Stage, **asked: Any) -> Wish:
    return Wish(stage.clock(), datetime(2026, 10, 1, tzinfo=UTC), NOVEMBER, ("payments",), **asked)


def ask(stage: Stage, **asked: Any) -> int:
    """Begin a backfill of October."""
    policy = stage.container.rules.policy
    with stage.store.write() as tx:
        return backfilling.begin(tx, wish(stage, **asked), policy, "", KIM)


def stop(stage: Stage, number: int) -> None:
    with stage.store.write() as tx:
        backfill = tx.backfills.get(number)
        assert backfill is not None
        backfilling.stop(tx, backfill, KIM)


def resume(stage: Stage, number: int) -> None:
    with stage.store.write() as tx:
        backfill = tx.backfills.get(number)
        assert backfill is not None
        backfilling.resume(tx, backfill, KIM)


def progress(stage: Stage, number: int) -> Progress:
    with stage.store.read() as tx:
        backfill = tx.backfills.get(number)
        assert backfill is not None
        return backfilling.progress(tx, backfill)


def run_on(stage: Stage, number: int) -> Iterator[Progress]:
    """Let the workers go on, second by second, until it is done or stopped."""
    for _ in range(2000):
        stage.settle()
        told = progress(stage, number)
        yield told
        if told.backfill.state is not BackfillState.RUNNING:
            return
        stage.clock.wait(SECOND)
    raise AssertionError("the backfill does not come to its end")


def finish(stage: Stage, number: int) -> dict[TicketState, int]:
    """How it ended, ticket by ticket."""
    *_, last = run_on(stage, number)
    assert last.backfill.state is BackfillState.DONE
    return dict(last.counts)
