"""What a webhook's query lets through is told only where its words tell it for certain."""

from __future__ import annotations

import pytest

from integrations.jira.hook_query import named, of_projects, only_projects


@pytest.mark.parametrize(
    ("jql", "projects"),
    [
        ("project in (INC, OPS)", {"inc", "ops"}),
        ("project = INC OR project=10001", {"inc", "10001"}),
        ('project = "Late \\"Incidents\\"" or project = \'Ops\'', {'late "incidents"', "ops"}),
        ("status not in (Done) AND assignee is not EMPTY AND project = INC", {"inc"}),
        ('summary ~ "project = OPS" AND project = INC', {"inc"}),
        (of_projects(["INT", "SET"]), {"int", "set"}),
    ],
)
def test_projects_that_are_asked_for_are_named(jql: str, projects: set[str]) -> None:
    assert named(jql) == frozenset(projects)


@pytest.mark.parametrize(
    "jql",
    [
        "project not in (INC)",
        "project != INC",
        "NOT project = INC",
        "!(project = INC)",
        "project in projectsLeadByUser()",
        "project is not EMPTY",
        "filter = 10200",
        "project in (INC",
    ],
)
def test_of_any_other_query_nothing_is_said(jql: str) -> None:
    assert named(jql) is None


@pytest.mark.parametrize(
    ("jql", "alone"),
    [
        ("", True),
        (of_projects(["INT", "SET"]), True),
        ('PROJECT=INC OR project IN ( 10001 , "Late \\"Incidents\\"" )', True),
        ("project = INC AND issuetype = Incident", False),
        ("project = INC ORDER BY created", False),
        ("project = INC OR issuetype = Incident", False),
        ("project != INC", False),
        ("project not in (INC)", False),
        ("NOT project = INC", False),
        ("project in projectsLeadByUser()", False),
        ("(project = INC)", False),
    ],
)
def test_a_query_of_projects_alone_is_told_from_what_a_person_thought_of(
    jql: str, alone: bool
) -> None:
    assert only_projects(jql) is alone
