"""What it costs to look through a thousand tasks of which nothing has changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from stage import Stage
from unheard import calls, closed, drifts, told

from integrations.sandbox.acme import BOT_GITHUB
from service.reconciler import WHOLE_EVERY
from service.store.refs import Ref, Role
from workflows.drift import Became
from workflows.model import Incident, Origin, TicketRef

MANY = 1000


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Stage(tmp_path) as stage:
        yield stage


def with_many(stage: Stage, refs: list[TicketRef]) -> None:
    """Incidents with these tasks, twenty each, all as agreed; no webhook arrives."""
    stage.sandbox.hooks.enabled = True
    model = stage.incident(closed(stage, "alert on depth @kim"))
    stage.sandbox.hooks.enabled = False
    lots = [refs[start : start + 20] for start in range(0, len(refs), 20)]
    with stage.store.write() as tx:
        for n, lot in enumerate(lots):
            incident = _incident(model, f"many{n}", lot)
            tx.incidents.save(incident, "")
            for ref in lot:
                tx.refs.put(Ref(ref.connection, ref.id, incident.id, Role.TASK, ref.key))


def _incident(model: Incident, id: str, refs: list[TicketRef]) -> Incident:
    items = tuple(
        replace(
            model.actions[0],
            number=number,
            origin=Origin("comment", "c", number),
            title=f"remedy {number}",
            owner=None,
            due=None,
            sides={},
            said={},
            task=ref,
            linked=True,
        )
        for number, ref in enumerate(refs, 1)
    )
    ticket = replace(model.ticket, id=id, key=f"acme/old#{id}")
    return replace(model, id=id, ticket=ticket, actions=items)


def test_a_thousand_unchanged_issues_cost_ten_calls_and_nothing_is_sent_again(
    stage: Stage,
) -> None:
    github = stage.sandbox.github
    stage.sandbox.hooks.enabled = False
    github.add_repo("acme/work", private=True, collaborators={BOT_GITHUB: "admin", "kim": "write"})
    numbers = [github.open_issue("acme/work", f"remedy {n}", by="kim") for n in range(MANY)]
    issues = github.repos["acme/work"].issues
    with_many(
        stage,
        [
            TicketRef("github", issues[n].node_id, f"acme/work#{n}", f"https://git.example/{n}")
            for n in numbers
        ],
    )
    stage.poll()
    stage.sandbox.reset_calls()
    stage.wait(WHOLE_EVERY)
    asked = calls(stage, "acme/work")
    assert [call.status for call in asked] == [304] * (MANY // 100)
    assert drifts(stage) == []

    github.assign("acme/work", numbers[500], ["kim"], by="kim")  # what is remembered blinds nobody
    stage.wait(WHOLE_EVERY)
    found = {("acme/work#" + str(numbers[500]), "owner", None, "kim", Became.TAKEN_OVER)}
    assert told(stage) == found


def test_a_thousand_unchanged_issues_cost_ten_calls_on_jira(stage: Stage) -> None:
    jira = stage.sandbox.jira
    stage.sandbox.hooks.enabled = False
    keys = [
        jira.create_issue("OPS", f"remedy {n}", by="5b10-kim", type="Task") for n in range(MANY)
    ]
    with_many(
        stage,
        [TicketRef("jira", jira.issue(key).id, key, f"https://jira.example/{key}") for key in keys],
    )
    stage.poll()
    stage.sandbox.reset_calls()
    stage.wait(WHOLE_EVERY)
    assert len(calls(stage, "/rest/api/")) <= MANY // 100 + 1
    assert drifts(stage) == []

    jira.edit(keys[500], by="5b10-kim", assignee="5b10-noor")
    stage.wait(WHOLE_EVERY)
    assert told(stage) == {(keys[500], "owner", None, "5b10-noor", Became.TAKEN_OVER)}
