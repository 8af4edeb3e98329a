"""What `make live` does, on a sandbox that plays the user's own trackers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from contract import live
from contract.onlooker import Onlooker

from integrations.sandbox import Sandbox
from integrations.sandbox.acme import BOT_EMAIL, BOT_GITHUB, BOT_JIRA, populate

JIRA_TOKEN, GITHUB_TOKEN = "jira-token-of-a-user", "github-token-of-a-user"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        populate(sandbox, JIRA_TOKEN, GITHUB_TOKEN)
        sandbox.github.add_repo("acme/scratch", private=True, collaborators={BOT_GITHUB: "admin"})
        sandbox.jira.add_project("SCR", "Scratch", types=("Incident", "Postmortem", "Task"))
        sandbox.jira.add_role("SCR", "Developers", (BOT_JIRA,))
        yield sandbox


def environ(
    sandbox: Sandbox, repository: str = "acme/scratch", project: str = "SCR"
) -> dict[str, str]:
    return {
        "LIVE_GITHUB_URL": sandbox.github_url,
        "LIVE_GITHUB_REPOSITORY": repository,
        "LIVE_GITHUB_TOKEN": GITHUB_TOKEN,
        "LIVE_JIRA_URL": sandbox.jira_url,
        "LIVE_JIRA_USER": BOT_EMAIL,
        "LIVE_JIRA_TOKEN": JIRA_TOKEN,
        "LIVE_JIRA_PROJECT": project,
        "LIVE_JIRA_INCIDENT": "Incident",
        "LIVE_JIRA_DOCUMENT": "Postmortem",
        "LIVE_JIRA_TASK": "Task",
    }


@pytest.mark.parametrize("opening", [live.github, live.jira])
def test_an_incident_is_followed_in_what_was_lent_and_is_cleared_away(
    sandbox: Sandbox, opening: live.Opening, tmp_path: Path
) -> None:
    with opening("runqrst", environ(sandbox)) as ground:
        with Onlooker(tmp_path, ground) as onlooker:
            assert not onlooker.told, "nobody outside can reach this process"
            incident = ground.open("Down", "ACTION: alert before the disk is full")
            ground.close(incident)
            onlooker.until(lambda: bool(ground.tasks() and ground.documents()), "set up")
            assert all(task.open for task in ground.tasks())
        assert not any(task.open for task in ground.tasks())


def test_what_does_not_call_itself_scratch_is_not_written_to(sandbox: Sandbox) -> None:
    said = environ(sandbox, repository="acme/ops", project="OPS")
    for opening, name in ((live.github, "acme/ops"), (live.jira, "OPS")):
        with pytest.raises(live.NotLent, match=name), opening("runqrst", said):
            pass
    assert not sandbox.writes()


def test_what_the_environment_does_not_name_is_not_played(sandbox: Sandbox) -> None:
    assert list(live.lent({})) == []
    assert list(live.lent(environ(sandbox))) == ["your GitHub", "your Jira"]
