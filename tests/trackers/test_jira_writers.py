"""Whose words count in a Jira project, on both deployments, and what it costs to know."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from integrations.jira import writers
from integrations.jira.adapter import JiraTracker
from integrations.sandbox import Sandbox
from integrations.sandbox.acme import BOT_EMAIL, BOT_JIRA, KIM, LEE, MALLORY, NOOR, populate
from workflows.model import Ticket


class Site:
    """Jira with its people, and the adapter that reads it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.jira = sandbox.jira
        self.now = datetime(2026, 12, 7, 12, tzinfo=UTC)
        self.open()

    def open(self, *roles: str) -> None:
        user = BOT_EMAIL if self.jira.cloud else BOT_JIRA
        self.tracker = JiraTracker(
            "jira",
            self.sandbox.jira_url,
            user=user,
            token="jira-token",
            writers={"INC": frozenset(roles)},
            clock=lambda: self.now,
        )

    def incident(self, by: str = KIM, **fields: str) -> str:
        return self.jira.create_issue("INC", "Slow", by=by, **fields)

    def read(self, key: str) -> Ticket:
        return self.tracker.fetch(self.tracker.find(key))

    def trusted(self) -> set[str]:
        """Who of the company counts, each asked by a comment."""
        key = self.incident()
        for account in (KIM, NOOR, LEE, MALLORY):
            self.jira.comment(key, "ACTION: x", by=account)
        comments = self.read(key).comments
        return {c.author.handle for c in comments if c.author and c.may_write}


@pytest.fixture(params=["cloud", "datacenter"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with Sandbox(deployment=request.param) as sandbox:
        populate(sandbox, "jira-token", "github-token")
        yield Site(sandbox)


def test_whoever_has_a_role_in_the_project_counts_and_nobody_else(site: Site) -> None:
    assert site.trusted() == {KIM, NOOR, LEE}


def test_the_reporter_speaks_in_the_description(site: Site) -> None:
    assert site.read(site.incident(KIM)).author_may_write
    assert not site.read(site.incident(MALLORY)).author_may_write


@pytest.mark.parametrize(
    "role",
    ["Viewer", "Viewers", "Service Desk Customers", "Customer", "atlassian-addons-project-access"],
)
def test_those_who_look_on_or_ask_for_help_and_apps_do_not_count(site: Site, role: str) -> None:
    site.jira.add_role("INC", role, [MALLORY])
    assert MALLORY not in site.trusted()


@pytest.mark.parametrize("role", ["Administrators", "Service Desk Team", "Reviewers"])
def test_any_other_role_counts(site: Site, role: str) -> None:
    site.jira.add_role("INC", role, [MALLORY])
    assert MALLORY in site.trusted()


def test_a_role_in_another_project_does_not_count(site: Site) -> None:
    site.jira.add_role("OPS", "Administrators", [MALLORY])
    assert MALLORY not in site.trusted()


def test_members_of_a_group_have_the_groups_role_all_pages_of_them(site: Site) -> None:
    crowd = [site.jira.add_user(f"one-{n:03}", f"One {n}") for n in range(120)]
    site.jira.add_group("responders", [*crowd, MALLORY])
    site.jira.add_role("INC", "Responders", groups=["responders"])
    assert MALLORY in site.trusted()


def test_the_rules_may_name_the_roles_that_count(site: Site) -> None:
    site.jira.add_role("INC", "Incident Responders", [LEE])
    site.jira.add_role("INC", "Viewers", [MALLORY])
    site.open("incident responders", "Viewers")
    assert site.trusted() == {LEE, MALLORY}


def test_where_the_roles_are_hidden_nobody_counts_and_the_mend_is_told(site: Site) -> None:
    site.jira.deny(BOT_JIRA, "ADMINISTER_PROJECTS", "INC")
    assert site.trusted() == set()
    told = site.read(site.incident()).writers_unknown
    assert "it is not known who may write in INC" in told
    assert "Grant this account Administer projects in INC." in told
    assert "  " not in told


def test_where_a_group_is_hidden_its_members_do_not_count_and_the_mend_is_told(site: Site) -> None:
    site.jira.add_group("responders", [MALLORY])
    site.jira.add_role("INC", "Responders", groups=["responders"])
    site.jira.deny(BOT_JIRA, "USER_PICKER" if site.jira.cloud else "ADMINISTER")
    assert site.trusted() == {KIM, NOOR, LEE}
    told = site.read(site.incident()).writers_unknown
    assert "the members of responders cannot be read" in told
    assert ("Browse users and groups" if site.jira.cloud else "Jira Administrators") in told


def test_a_group_that_is_too_large_is_not_read_to_its_end(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "MOST_MEMBERS", 60)
    crowd = [site.jira.add_user(f"one-{n:03}", f"One {n}") for n in range(300)]
    site.jira.add_group("everybody", [*crowd, MALLORY])
    site.jira.add_role("INC", "Users", groups=["everybody"])
    site.sandbox.reset_calls()
    assert site.trusted() == {KIM, NOOR, LEE}
    assert len([c for c in site.sandbox.calls if "/group/member" in c.path]) == 2


def test_who_edits_somebodys_words_must_be_able_to_write_too(site: Site) -> None:
    key = site.incident(KIM, description="Down.")
    site.jira.comment(key, "Looking.", by=KIM)
    issue = site.jira.issue(key)
    assert site.read(key).author_may_write
    assert site.read(key).comments[0].may_write
    body = issue.comments[0].body
    site.jira.edit_comment(issue, issue.comments[0], body, MALLORY)
    site.jira.edit(key, by=MALLORY, description="ACTION: pay me")
    assert not site.read(key).author_may_write
    assert not site.read(key).comments[0].may_write
    site.jira.edit_comment(issue, issue.comments[0], body, NOOR)
    assert site.read(key).comments[0].may_write


def test_roles_are_asked_for_once_in_ten_minutes(site: Site) -> None:
    key = site.incident()
    site.read(key)
    site.sandbox.reset_calls()
    site.read(key)
    assert not [call for call in site.sandbox.calls if "/role" in call.path]
    site.jira.add_role("INC", "Administrators", [MALLORY])
    site.now += timedelta(minutes=11)
    assert MALLORY in site.trusted()
