"""Incidents of a service desk (Jira Service Management), whose issue types are the product's own,
and whose postmortems are its post-incident reviews.

https://support.atlassian.com/jira-service-management-cloud/docs/what-is-incident-management/
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from stage import Stage, Staging

from integrations.sandbox.acme import KIM, LEE, NOOR
from workflows.model import Incident

INCIDENTS = """\
- connection: jira
  project: DESK
  match:
    issue_type: "[System] Incident"
    fields: {Request type: Report a system problem}
  severity: {field: severity}
"""
REVIEW = (
    "{kind: jira-issue, connection: jira, project: DESK,"
    ' issue_type: "[System] Post-incident review"}'
)
TASKS = "{connection: jira, project: OPS, issue_type: Task, labels: [remediation]}"
TYPES = ("[System] Incident", "[System] Service request", "[System] Post-incident review")
REQUESTS = ("Report a system problem", "Get help")

Closed = Callable[[Stage, str], Incident]


@pytest.fixture(params=["cloud", "datacenter"])
def stage(request: pytest.FixtureRequest, staged: Staging) -> Stage:
    deployment = request.param
    stage = staged(incidents=INCIDENTS, document=REVIEW, tasks=TASKS, deployment=deployment)
    jira = stage.sandbox.jira
    statuses = {"Open": "new", "Work in progress": "indeterminate", "Completed": "done"}
    people = (KIM, NOOR, LEE)
    jira.add_project("DESK", types=TYPES, statuses=statuses, assignable=people, kind="service_desk")
    jira.add_role("DESK", "Service Desk Team", people)
    jira.add_field("customfield_10010", "Request Type", "request", REQUESTS)
    return stage


def closed(stage: Stage, request: str, type: str = TYPES[0]) -> str:
    """An incident as the portal makes it, from its opening to its end."""
    jira = stage.sandbox.jira
    key = jira.create_issue(
        "DESK",
        "Checkout is down",
        KIM,
        type,
        customfield_10010={"value": request},
        customfield_10050={"value": "SEV-1"},
    )
    jira.comment(key, "ACTION: Alert on the error rate (owner: Noor Aziz)", KIM)
    jira.transition(key, "Completed", KIM)
    stage.settle()
    return key


def test_an_incident_gets_the_post_incident_review_of_its_own_desk(stage: Stage) -> None:
    key = closed(stage, REQUESTS[0])
    incident, jira = stage.incident(key), stage.sandbox.jira
    assert incident.severity == "sev1"
    assert incident.postmortem is not None
    assert incident.postmortem.ref.ticket is not None
    review = jira.issue(incident.postmortem.ref.ticket.key)
    assert (review.project.key, review.type) == ("DESK", "[System] Post-incident review")
    tasks = [jira.issue(item.task.key) for item in incident.actions if item.task]
    assert [task.project.key for task in tasks] == ["OPS", "OPS"]
    linked = {jira.issue(key).id, review.id}
    for task in tasks:
        ends = {end for link in jira.links_of(task) for end in (link.inward, link.outward)}
        assert linked < ends


def test_its_customers_do_not_see_what_is_said_of_it(stage: Stage) -> None:
    comments = stage.sandbox.jira.issue(closed(stage, REQUESTS[0])).comments
    ours = [comment for comment in comments if comment.author != KIM]
    assert [each.properties["sd.public.comment"] for each in ours] == [{"internal": True}]


def test_another_request_type_or_issue_type_is_no_incident(stage: Stage) -> None:
    closed(stage, REQUESTS[1])
    closed(stage, REQUESTS[0], TYPES[1])
    assert stage.incidents() == []
