"""Looking for somebody in Jira by an address: exactly theirs and shown, or nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from integrations.github.adapter import GitHubTracker
from integrations.github.client import GitHubClient
from integrations.jira.adapter import JiraTracker
from integrations.sandbox import Sandbox
from integrations.tracker import SignInFailed
from workflows.model import Person

BOT, KIM, TOKEN = "bot-1", "kim-2", "t0ken-of-the-bot"
NOW = datetime(2026, 12, 1, 10, 30, tzinfo=UTC)


@pytest.fixture(params=["cloud", "datacenter"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(deployment=request.param, clock=lambda: NOW) as running:
        running.jira.add_user(BOT, "Bot", "bot@acme.example", TOKEN)
        running.jira.add_user(KIM, "Kim Doe", "Kim@acme.example", shows_email=True)
        yield running


@pytest.fixture
def tracker(sandbox: Sandbox) -> JiraTracker:
    user = "bot@acme.example" if sandbox.jira.cloud else BOT
    return JiraTracker("acme", sandbox.jira_url, user=user, token=TOKEN, clock=lambda: NOW)


def test_somebody_is_found_by_their_whole_address_alone(tracker: JiraTracker) -> None:
    assert tracker.find_person("kim@ACME.example") == Person(KIM, "Kim Doe", "Kim@acme.example")
    assert tracker.find_person("kim@acme.exampl") is None
    assert tracker.find_person("Kim Doe") is None


def test_an_address_that_begins_like_another_is_not_it(
    sandbox: Sandbox, tracker: JiraTracker
) -> None:
    longer = "kim@acme.example.org"
    sandbox.jira.add_user("kim-3", "Kim Other", longer, shows_email=True)
    found = tracker.find_person("kim@acme.example")
    assert found is not None
    assert found.handle == KIM


def test_an_address_that_two_people_show_finds_nobody(
    sandbox: Sandbox, tracker: JiraTracker
) -> None:
    sandbox.jira.add_user("kim-3", "Kim Other", "kim@acme.example", shows_email=True)
    assert tracker.find_person("kim@acme.example") is None


def test_whoever_left_is_not_found(sandbox: Sandbox, tracker: JiraTracker) -> None:
    sandbox.jira.leave(KIM)
    assert tracker.find_person("kim@acme.example") is None


def test_an_address_that_cloud_hides_finds_nobody(sandbox: Sandbox, tracker: JiraTracker) -> None:
    sandbox.jira.add_user("lee-3", "Lee Low", "lee@acme.example")
    found = tracker.find_person("lee@acme.example")
    assert found == (None if sandbox.jira.cloud else Person("lee-3", "Lee Low", "lee@acme.example"))


def test_one_call_is_made(sandbox: Sandbox, tracker: JiraTracker) -> None:
    tracker.find_person("kim@acme.example")
    sandbox.reset_calls()
    tracker.find_person("kim@acme.example")
    assert [call.method for call in sandbox.calls] == ["GET"]


def test_an_account_that_may_not_look_says_so(sandbox: Sandbox, tracker: JiraTracker) -> None:
    tracker.account()
    sandbox.fail_next("GET", "/user/search", status=403)
    with pytest.raises(SignInFailed):
        tracker.find_person("kim@acme.example")


def test_github_is_not_asked(sandbox: Sandbox) -> None:
    github = GitHubTracker("github", GitHubClient(sandbox.github_url, "a-token"))
    sandbox.reset_calls()
    assert github.find_person("kim@acme.example") is None
    assert sandbox.calls == []
