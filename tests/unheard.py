"""Incidents whose tasks change without anybody telling of it, and what is found of that."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from stage import Stage

from integrations.sandbox.github_site import Repo
from integrations.sandbox.world import Call
from service.store.drifts import DriftRecord
from workflows.action_table import read_rows
from workflows.documents import regions
from workflows.drift import Became
from workflows.model import ActionItem, TicketRef
from workflows.snapshots import Field

OPS, SITE, DOCUMENTS = "acme/ops", "acme/website", "acme/postmortems"
MINUTE = timedelta(minutes=1)


def closed(stage: Stage, *lines: str) -> str:
    """A closed incident on GitHub with these action items, all of it set up."""
    github = stage.sandbox.github
    number = github.open_issue(OPS, "Slow", by="kim", labels=["incident", "sev2"])
    github.comment(OPS, number, "\n".join(f"ACTION: {line}" for line in lines), by="noor")
    github.close(OPS, number, by="kim")
    stage.settle()
    return f"{OPS}#{number}"


def settled(stage: Stage, *lines: str) -> str:
    """The same, and all that was made is seen and agreed on; from now on no webhook arrives."""
    key = closed(stage, *lines)
    stage.poll()
    for _ in range(2):
        stage.wait(MINUTE)
    assert drifts(stage) == []
    stage.sandbox.hooks.enabled = False
    return key


def drifts(stage: Stage) -> list[DriftRecord]:
    with stage.store.read() as tx:
        return tx.drifts.page(1000)


def told(stage: Stage) -> set[tuple[str, str, str | None, str | None, Became | None]]:
    """The drift report: of what, which field, what was agreed, what was found, what was done."""
    return {
        (each.key, each.drift.what, each.drift.agreed, each.drift.found, each.became)
        for each in drifts(stage)
    }


def item(stage: Stage, key: str, number: int = 1) -> ActionItem:
    return stage.incident(key).actions[number - 1]


def task(stage: Stage, key: str, number: int = 1) -> TicketRef:
    ref = item(stage, key, number).task
    assert ref is not None
    return ref


def number_of(ref: TicketRef) -> int:
    return int(ref.key.rpartition("#")[2])


def row(stage: Stage, key: str, name: str = "AI-1") -> dict[Field, str | None]:
    return dict(read_rows(regions(document(stage, key))["actions"])[name].values)


def document(stage: Stage, key: str) -> str:
    place, branch, path = _draft(stage, key)
    return str(place.commits[place.branches[branch]].tree[path].decode())


def write(stage: Stage, key: str, before: str, after: str) -> None:
    """Somebody edits the document."""
    _, branch, path = _draft(stage, key)
    text = document(stage, key)
    assert before in text
    text = text.replace(before, after, 1)
    stage.sandbox.github.push(DOCUMENTS, path, text, by="kim", branch=branch)


def _draft(stage: Stage, key: str) -> tuple[Repo, str, str]:
    place = stage.sandbox.github.repos[DOCUMENTS]
    branch = next(n for n in place.branches if n.startswith("followthrough/"))
    return place, branch, f"postmortems/2026/{key.replace('/', '-').replace('#', '-')}.md"


class Pair(NamedTuple):
    """The tickets of an action item: in Jira, and its twin on GitHub."""

    task: TicketRef
    twin: TicketRef


def pair(stage: Stage, key: str, number: int) -> Pair:
    twin = item(stage, key, number).twin
    assert twin is not None
    return Pair(task(stage, key, number), twin)


def calls(stage: Stage, path: str) -> list[Call]:
    return [call for call in stage.sandbox.calls if path in call.path]
