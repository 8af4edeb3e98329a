"""Which of two milestones follows the other, and which two belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from builders import NOON, policy, task_ref, ticket
from hypothesis import given
from hypothesis import strategies as st

from workflows.closings import Closing, Milestone, Pair, followed, moved, pairs, rests_until
from workflows.model import ActionItem, Incident, Kind, Origin, Phase, TicketRef
from workflows.policy import FieldRules, SyncRules, Team
from workflows.snapshots import Agreement, Field, Side

OPS, HUB = Milestone("jira", "OPS", "Q1"), Milestone("github", "acme/ops", "Q1")
TICKET = TicketRef("jira", "10001", "OPS-1", "https://jira.example/OPS-1")
PAIR = Pair(HUB, OPS, frozenset({HUB, OPS}), ("abc",))
RULES = SyncRules()


def item(number: int = 1, task: str | None = "Q1", twin: str | None = "Q1") -> ActionItem:
    """In Jira, with a twin on GitHub; each with the milestone of that name."""
    return ActionItem(
        number,
        Origin("comment", "c1", number),
        "Alert",
        Kind.CORRECTIVE,
        task=TICKET,
        twin=task_ref(number),
        sides={
            Side.TASK: Agreement(base={Field.MILESTONE: task}),
            Side.TWIN: Agreement(base={Field.MILESTONE: twin}),
        },
    )


def incident(*items: ActionItem, id: str = "abc", muted: bool = False) -> Incident:
    ref = ticket().ref
    return Incident(id, "payments", ref, "Slow", Phase.CLOSED, actions=items, muted=muted)


def team(rule: FieldRules | None = None) -> Team:
    found = policy().teams["payments"]
    fields = {**found.sync.fields, Field.MILESTONE: rule or FieldRules()}
    return replace(found, sync=replace(found.sync, fields=fields))


def place_of(ref: TicketRef) -> str:
    return ref.key.rpartition("#")[0] or ref.key.rpartition("-")[0]


def found(*incidents: Incident, rule: FieldRules | None = None) -> list[tuple[str, str]]:
    return [(p.one.name, p.other.name) for p in pairs(incidents, team(rule), place_of)]


def bring(known: Closing, closed: Mapping[Milestone, bool]) -> dict[Milestone, bool]:
    first = moved(PAIR, known, closed)
    return dict.fromkeys(closed, closed[first]) if first else dict(closed)


@given(st.booleans(), st.booleans(), st.booleans())
def test_the_one_that_is_no_more_as_agreed_is_followed_and_then_nothing_moves(
    agreed: bool, one: bool, other: bool
) -> None:
    closed = {HUB: one, OPS: other}
    after = bring(Closing(agreed), closed)
    assert after[HUB] == after[OPS]
    edited = [state for state in (one, other) if state != agreed]
    assert after[HUB] == (edited[0] if edited else agreed)
    assert moved(PAIR, Closing(after[HUB]), after) is None


def test_what_was_never_agreed_on_was_open() -> None:
    assert moved(PAIR, Closing(), {HUB: True, OPS: False}) == HUB
    assert moved(PAIR, Closing(), {HUB: False, OPS: True}) == OPS


def test_what_several_tasks_carry_is_one_pair() -> None:
    other = incident(item(), id="xyz")
    (pair,) = pairs([incident(item(), item(2)), other], team(), place_of)
    assert pair.incidents == ("abc", "xyz")
    assert pair.count == {pair.one, pair.other}


@pytest.mark.parametrize(
    "unpaired",
    [
        item(twin="Q2"),  # in conflict, or refused
        item(twin=None),
        item(task=None, twin=None),
        replace(item(), twin=None),
        replace(item(), sides={**item().sides, Side.TWIN: Agreement(gone="deleted")}),
    ],
)
def test_only_what_both_carry_belongs_together(unpaired: ActionItem) -> None:
    assert found(incident(unpaired)) == []
    assert found(incident(item())) == [("Q1", "Q1")]


def test_names_that_differ_in_case_are_one_to_jira() -> None:
    assert found(incident(item(task="q1", twin="Q1"))) == [("Q1", "q1")]


def test_a_muted_incident_asks_for_nothing() -> None:
    assert found(incident(item(), muted=True)) == []


def test_only_the_sides_that_count_are_followed() -> None:
    (pair,) = pairs([incident(item())], team(FieldRules(frozenset({Side.TASK}))), place_of)
    assert {each.connection for each in pair.count} == {"jira"}
    (pair,) = pairs([incident(item())], team(FieldRules(frozenset())), place_of)
    assert pair.count == frozenset()


def test_six_writes_within_ten_minutes_are_enough_for_an_hour() -> None:
    known = Closing()
    for minute in range(6):
        assert rests_until(known, RULES) is None
        known = followed(known, True, RULES, NOON + timedelta(minutes=minute))
    assert rests_until(known, RULES) == NOON + timedelta(hours=1, minutes=5)
    later = followed(known, True, RULES, NOON + timedelta(hours=2))
    assert rests_until(later, RULES) is None
    assert len(later.written) == 6
