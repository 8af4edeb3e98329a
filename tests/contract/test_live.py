"""What `make live` does, on a sandbox that plays the user's own trackers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from contract import live
from contract.onlooker import Onlooker

from integrations.sandbox import Sandbox
from integrations.sandbox.acme import BOT_EMAIL, BOT_GITHUB, BOT_JIRA, populate

JIRA_TOKEN, GITHUB_TOKEN = "jira-token-of-a-user", "github-token-of-a-user"


@pytest.fixture(params=["cloud"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(deployment=request.param) as sandbox:
        populate(sandbox, JIRA_TOKEN, GITHUB_TOKEN)
        sandbox.github.add_repo("acme/scratch", private=True, collaborators={BOT_GITHUB: "admin"})
        sandbox.jira.add_project("SCR", "Scratch", types=("Incident", "Postmortem", "Task"))
        sandbox.jira.add_role("SCR", "Developers", (BOT_JIRA,))
        sandbox.confluence.add_space("TRY", "Scratch of the wiki")
        sandbox.confluence.add_space("PM", "Postmortems")
        yield sandbox


def environ(
    sandbox: Sandbox, repository: str = "acme/scratch", project: str = "SCR", space: str = "TRY"
) -> dict[str, str]:
    return {
        "LIVE_CONFLUENCE_URL": sandbox.confluence_url,
        "LIVE_CONFLUENCE_SPACE": space,
        "LIVE_GITHUB_URL": sandbox.github_url,
        "LIVE_GITHUB_REPOSITORY": repository,
        "LIVE_GITHUB_TOKEN": GITHUB_TOKEN,
        "LIVE_JIRA_URL": sandbox.jira_url,
        "LIVE_JIRA_USER": BOT_EMAIL if sandbox.jira.cloud else "",
        "LIVE_JIRA_TOKEN": JIRA_TOKEN,
        "LIVE_JIRA_PROJECT": project,
        "LIVE_JIRA_INCIDENT": "Incident",
        "LIVE_JIRA_DOCUMENT": "Postmortem",
        "LIVE_JIRA_TASK": "Task",
    }


@pytest.mark.parametrize(
    ("sandbox", "opening"),
    [
        ("cloud", live.github),
        ("cloud", live.jira),
        ("cloud", live.confluence),
        ("datacenter", live.confluence),
    ],
    indirect=["sandbox"],
)
def test_an_incident_is_followed_in_what_was_lent_and_is_cleared_away(
    sandbox: Sandbox, opening: live.Opening, tmp_path: Path
) -> None:
    before = {id for id, page in sandbox.confluence.pages.items() if page.status == "current"}
    with opening("runqrst", environ(sandbox)) as ground:
        with Onlooker(tmp_path, ground) as onlooker:
            assert not onlooker.told, "nobody outside can reach this process"
            incident = ground.open("Down", "ACTION: alert before the disk is full")
            ground.close(incident)
            onlooker.until(lambda: bool(ground.tasks() and ground.documents()), "set up")
            assert all(task.open for task in ground.tasks())
        assert not any(task.open for task in ground.tasks())
    pages = sandbox.confluence.pages.items()
    assert {id for id, page in pages if page.status == "current"} == before
    made = [page.space for id, page in pages if id not in before]
    assert made == (["TRY"] if opening is live.confluence else [])


def test_what_does_not_call_itself_scratch_is_not_written_to(sandbox: Sandbox) -> None:
    said = environ(sandbox, repository="acme/ops", project="OPS")
    theirs = environ(sandbox, space="PM")
    named = ((live.github, said, "acme/ops"), (live.jira, said, "OPS"))
    for opening, given, name in (*named, (live.confluence, theirs, "PM")):
        with pytest.raises(live.NotLent, match=name), opening("runqrst", given):
            pass
    assert not sandbox.writes()


def test_what_the_environment_does_not_name_is_not_played(sandbox: Sandbox) -> None:
    said = environ(sandbox)
    assert list(live.lent({})) == []
    assert list(live.lent(said)) == ["your GitHub", "your Jira", "your Jira and Confluence"]
    del said["LIVE_JIRA_DOCUMENT"]
    assert list(live.lent(said)) == ["your GitHub", "your Jira and Confluence"]


@pytest.mark.parametrize("forgotten", ["LIVE_JIRA_TASK", "LIVE_GITHUB_TOKEN", "LIVE_JIRA_DOCUMENT"])
def test_what_was_forgotten_is_named_and_not_left_out(sandbox: Sandbox, forgotten: str) -> None:
    said = {n: v for n, v in environ(sandbox).items() if n != forgotten and "CONFLUENCE" not in n}
    assert list(live.lent(said)) == ["your GitHub", "your Jira"]
    opening = live.github if "GITHUB" in forgotten else live.jira
    with pytest.raises(live.NotLent, match=forgotten), opening("runqrst", said):
        pass


def test_the_page_tells_all_names_that_the_environment_is_asked_for() -> None:
    page = Path(__file__).parents[2] / "docs/how-to/try-it-on-your-own-trackers.md"
    told = set(re.findall(r"^\| (`LIVE_.*?) \|", page.read_text(), re.M))
    asked = set(re.findall(r'"(LIVE_\w+)"', Path(live.__file__).read_text()))
    assert {name for each in told for name in re.findall(r"\w+", each)} == asked
