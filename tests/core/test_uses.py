"""What `doctor` asks each tracker about, by the rules of all teams."""

from __future__ import annotations

from dataclasses import replace

from builders import policy

from service.uses import uses, written_to
from workflows.policy import AuditRules, DocumentDestination, Mode, StatusWords, TaskDestination


def test_each_destination_of_each_team_is_asked_about_with_its_own_values() -> None:
    rules = policy()
    there = TaskDestination("jira", "OPS", "Task", statuses=StatusWords(fill={"Team": "Payments"}))
    pages = DocumentDestination(
        "jira-issue", "jira", "OPS", issue_type="Task", fill=(("Team", ""),)
    )
    payments = rules.teams["payments"]
    payments = replace(payments, postmortem=replace(payments.postmortem, tasks=there))
    search = replace(
        payments,
        name="search",
        postmortem=replace(payments.postmortem, tasks=replace(there, statuses=StatusWords())),
    )
    search = replace(search, postmortem=replace(search.postmortem, document=pages))
    (use,) = uses("jira", replace(rules, teams={"payments": payments, "search": search})).values()
    made = {each.rule: dict(each.fill) for each in use.creations}
    assert made == {
        "teams.payments.postmortem.tasks": {"Team": "Payments"},
        "teams.search.postmortem.document": {"Team": ""},
        "teams.search.postmortem.tasks": {},
    }
    assert use.types() == ("Task",)
    assert set(uses("github", rules)) == {"acme/ops"}


def test_audits_of_a_team_that_acts_are_written_where_nothing_else_of_it_is() -> None:
    rules = policy()
    there = TaskDestination("quality", "AUD", "Task")
    acting = replace(rules.teams["payments"], mode=Mode.ACT, audits=AuditRules(there))
    planning = replace(acting, mode=Mode.PLAN)
    assert written_to("quality", replace(rules, teams={"payments": acting}))
    assert not written_to("quality", replace(rules, teams={"payments": planning}))
