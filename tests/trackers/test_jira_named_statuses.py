"""Statuses that the rules name, held against those of a project."""

from __future__ import annotations

from integrations.jira.named_statuses import named_statuses
from integrations.uses import NamedStatus

TYPES = {"Incident": ("Open", "Resolved"), "Task": ("To Do", "Done")}


def named(*names: str, rule: str = "closed.status") -> list[NamedStatus]:
    return [NamedStatus(name, rule, ("Incident",)) for name in names]


def test_a_rule_none_of_whose_statuses_is_there_is_a_fault() -> None:
    found = list(named_statuses("INC", TYPES, named("Closed", "Shipped")))
    assert [each.ok for each in found] == [False, False]
    assert "there are Open, Resolved" in found[0].mend


def test_one_of_several_is_noted_where_another_of_the_same_rule_is_there() -> None:
    (found,) = named_statuses("INC", TYPES, named("Closed", "resolved"))
    assert found.ok
    assert "has no status Closed" in found.what


def test_another_rules_status_does_not_make_up_for_it() -> None:
    both = [*named("Resolved"), *named("Closed", rule="moments.ended.status")]
    assert [each.ok for each in named_statuses("INC", TYPES, both)] == [False]
