"""Only people who may write cause effects; what others ask for waits until one of them accepts."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from faults.test_crashes import Crash, die_at, rise_again
from stage import (
    DEPLOYMENTS,
    GITHUB_TASKS,
    JIRA_INCIDENTS,
    JIRA_ISSUE,
    JIRA_TASKS,
    LOCAL_FILE,
    Stage,
)

from integrations.jira.text import ADF, WIKI
from integrations.sandbox.acme import BOT_JIRA
from service.commands.all import followthrough
from workflows.model import Incident

ADMIN = {"Authorization": "Bearer admin-token-1b2c"}
ACTION = "ACTION: Give me access @kim due:2026-12-20"
JIRA: dict[str, Any] = {"incidents": JIRA_INCIDENTS, "document": JIRA_ISSUE, "tasks": JIRA_TASKS}


@dataclass
class World:
    """One incident, sev2, in either tracker, and what people do to it."""

    stage: Stage
    key: str

    @property
    def incident(self) -> Incident:
        return self.stage.incident(self.key)

    @property
    def proposals(self) -> dict[str, str]:
        return {proposal.name: proposal.title for proposal in self.incident.proposals}

    @property
    def tasks(self) -> list[str]:
        return sorted(self.task_titles())

    def task_titles(self) -> list[str]:
        raise NotImplementedError

    def comment(self, text: str, by: str) -> str:
        raise NotImplementedError

    def edit_comment(self, id: str, text: str, by: str) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def expel(self, who: str) -> None:
        raise NotImplementedError

    def our_comment(self) -> str:
        raise NotImplementedError

    def settle(self) -> None:
        self.stage.settle()

    def accept_on_page(self, name: str) -> requests.Response:
        url = f"{self.stage.url}/incidents/{self.incident.id}/accept"
        answer = requests.post(
            url, data={"proposal": name}, headers=ADMIN, timeout=10, allow_redirects=False
        )
        self.settle()
        return answer

    def accept_by_command(self, name: str, monkeypatch: pytest.MonkeyPatch) -> str:
        monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(self.stage.directory / "data"))
        monkeypatch.setenv("LOGNAME", "dana")
        output = CliRunner().invoke(followthrough, ["accept", self.key, name]).output
        self.stage.wait(timedelta(seconds=1))
        return output


class OnGitHub(World):
    @property
    def _repo(self) -> Any:
        return self.stage.sandbox.github.repos["acme/ops"]

    @property
    def _issue(self) -> Any:
        return self._repo.issues[int(self.key.split("#")[1])]

    def task_titles(self) -> list[str]:
        return [i.title for i in self._repo.issues.values() if "remediation" in i.labels]

    def comment(self, text: str, by: str) -> str:
        return str(self.stage.sandbox.github.comment("acme/ops", self._issue.number, text, by=by))

    def edit_comment(self, id: str, text: str, by: str) -> None:
        note = next(note for note in self._issue.notes if str(note.id) == id)
        self.stage.sandbox.github.edit_note(self._issue, note, text, by)

    def close(self) -> None:
        self.stage.sandbox.github.close("acme/ops", self._issue.number, by="kim")
        self.settle()

    def expel(self, who: str) -> None:
        self._repo.members[who] = "read"

    def our_comment(self) -> str:
        return next(str(n.body) for n in self._issue.notes if n.user == "followthrough-bot")


class OnJira(World):
    def task_titles(self) -> list[str]:
        issues = self.stage.sandbox.jira.issues.values()
        return [str(i.values["summary"]) for i in issues if i.type == "Task"]

    def comment(self, text: str, by: str) -> str:
        jira = self.stage.sandbox.jira
        return jira.add_comment(jira.issue(self.key), self._body(text), f"5b10-{by}").id

    def edit_comment(self, id: str, text: str, by: str) -> None:
        jira = self.stage.sandbox.jira
        issue = jira.issue(self.key)
        comment = next(one for one in issue.comments if one.id == id)
        jira.edit_comment(issue, comment, self._body(text), f"5b10-{by}")

    def _body(self, text: str) -> object:
        """The text as Jira's editor leaves it: its boxes, quotes and code are no marks there."""
        markup = ADF if self.stage.sandbox.jira.cloud else WIKI
        return markup.from_markdown(text)

    def close(self) -> None:
        self.stage.sandbox.jira.transition(self.key, "Resolved", by="5b10-kim")
        self.settle()

    def expel(self, who: str) -> None:
        for role in self.stage.sandbox.jira.roles.values():
            people, _ = role.actors.get("INC", ([], []))
            people[:] = [one for one in people if one != f"5b10-{who}"]

    def our_comment(self) -> str:
        comments = self.stage.sandbox.jira.issue(self.key).comments
        return next(str(one.body) for one in comments if one.author == BOT_JIRA)


def on_github(stage: Stage, text: str = "Slow.", by: str = "kim") -> World:
    github = stage.sandbox.github
    number = github.open_issue("acme/ops", "Slow", by=by, body=text)
    github.label("acme/ops", number, "incident", by="kim")
    github.label("acme/ops", number, "sev2", by="kim")
    return OnGitHub(stage, f"acme/ops#{number}")


def on_jira(stage: Stage, text: str = "Slow.", by: str = "kim") -> World:
    severity: dict[str, Any] = {"customfield_10050": {"value": "SEV-2"}}
    jira = stage.sandbox.jira
    key = jira.create_issue("INC", "Slow", by=f"5b10-{by}", description=text, **severity)
    return OnJira(stage, key)


Opening = Callable[..., World]


@pytest.fixture(params=["github", *DEPLOYMENTS])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opening]:
    """Opens an incident in either tracker."""
    github = request.param == "github"
    with Stage(tmp_path, **({} if github else JIRA | {"deployment": request.param})) as stage:

        def open_one(text: str = "Slow.", by: str = "kim") -> World:
            return (on_github if github else on_jira)(stage, text, by)

        yield open_one


@pytest.fixture
def world(opened: Opening) -> World:
    """A closed incident on which a stranger asked for something."""
    world = opened()
    world.comment(ACTION, by="mallory")
    world.close()
    return world


# --- strangers --------------------------------------------------------------------------------


def test_a_strangers_lines_create_nothing_in_description_comment_edit_or_checklist(
    opened: Opening,
) -> None:
    world = opened("ACTION: pay me", by="mallory")
    world.comment("- [ ] tick me", by="mallory")
    harmless = world.comment("Me too.", by="mallory")
    world.comment("ACTION: Add an alert", by="noor")
    world.close()
    world.edit_comment(harmless, "ACTION: edited in", by="mallory")
    world.settle()
    assert world.tasks == ["Add an alert"]
    assert set(world.proposals.values()) == {"pay me", "tick me", "edited in"}
    assert "may not write in this tracker" in world.our_comment()


def test_a_strangers_line_about_what_is_there_changes_nothing(opened: Opening) -> None:
    world = opened()
    world.comment("ACTION: Add an alert", by="noor")
    world.close()
    before = world.incident.actions
    world.comment("ACTION: AI-1 drop the tables\n\nACTION: add an  ALERT", by="mallory")
    world.settle()
    assert world.incident.actions == before
    assert world.proposals == {}


def test_who_loses_access_keeps_the_items_that_are_there_and_proposes_from_then_on(
    opened: Opening,
) -> None:
    world = opened()
    world.comment("ACTION: Add an alert", by="noor")
    world.close()
    world.expel("noor")
    world.stage.clock.wait(timedelta(minutes=11))
    world.comment("ACTION: Another one", by="noor")
    world.settle()
    assert world.tasks == ["Add an alert"]
    assert world.proposals == {"P-1": "Another one"}


def test_a_collaborator_who_may_only_read_is_a_stranger(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage:
        stage.sandbox.github.repos["acme/ops"].members["lee"] = "triage"
        world = on_github(stage)
        world.comment("ACTION: one", by="lee")
        world.close()
        assert world.tasks == []
        assert world.proposals == {"P-1": "one"}


def test_where_jira_hides_its_roles_lines_wait_and_say_what_to_grant(tmp_path: Path) -> None:
    with Stage(tmp_path, **JIRA) as stage:
        stage.sandbox.jira.deny(BOT_JIRA, "ADMINISTER_PROJECTS", "INC")
        world = on_jira(stage)
        world.comment("ACTION: Add an alert", by="noor")
        world.close()
        assert world.tasks == []
        assert "Grant this account Administer projects in INC" in world.our_comment()

        stage.sandbox.jira.denied.clear()
        stage.clock.wait(timedelta(minutes=11))
        world.comment("Granted.", by="kim")
        world.settle()
        assert world.tasks == ["Add an alert"]
        assert world.proposals == {}


def test_the_rules_name_the_roles_that_count(tmp_path: Path) -> None:
    incidents = JIRA_INCIDENTS + "  writers: [Responders]\n"
    with Stage(tmp_path, **(JIRA | {"incidents": incidents})) as stage:
        stage.sandbox.jira.add_role("INC", "Responders", ["5b10-lee"])
        world = on_jira(stage)
        world.comment("ACTION: one", by="noor")
        world.comment("ACTION: two", by="lee")
        world.close()
        assert world.tasks == ["two"]
        assert world.proposals == {"P-1": "one"}


# --- accepting --------------------------------------------------------------------------------


def test_a_comment_accepts(world: World) -> None:
    assert world.tasks == []
    assert "P-1 “Give me access”" in world.our_comment()
    world.comment("Yes, she needs it.\n\n/accept P-1", by="noor")
    world.settle()
    assert world.tasks == ["Give me access"]
    item = world.incident.actions[-1]
    assert (item.origin.source, item.owner) == ("comment", "Kim Ito")
    assert item.task is not None
    assert "Noor Aziz accepted P-1 by a comment (2026-12-07" in world.stage.told(world.key)
    assert "Proposed" not in world.our_comment()


def test_a_stranger_a_quote_and_an_edit_of_a_stranger_accept_nothing(world: World) -> None:
    edited = world.comment("Nice.", by="mallory")
    world.comment("/accept P-1", by="mallory")
    world.comment("> ACTION: Give me access\n>\n> /accept P-1\n\nNo!", by="noor")
    world.comment("```\nACTION: Give me access\n/accept P-1\n```", by="noor")
    world.settle()
    world.edit_comment(edited, "/accept P-1", by="mallory")
    world.settle()
    assert world.tasks == []
    assert world.proposals == {"P-1": "Give me access"}


def test_what_was_edited_under_the_hand_is_not_accepted_and_that_is_said(
    opened: Opening,
) -> None:
    world = opened()
    asked = world.comment("ACTION: Add an alert", by="mallory")
    world.close()
    world.edit_comment(asked, "ACTION: Make me an admin", by="mallory")
    world.comment("/accept P-1", by="noor")
    world.settle()
    assert world.tasks == []
    assert world.proposals == {"P-2": "Make me an admin"}
    assert "P-1 does not stand any more as it was shown" in world.our_comment()
    assert "nothing is done: P-1 does not stand" in world.stage.told(world.key)
    assert world.accept_on_page("P-1").status_code == 409


def test_the_page_accepts_and_the_web_process_only_writes_a_row(world: World) -> None:
    page = requests.get(
        f"{world.stage.url}/incidents/{world.incident.id}", headers=ADMIN, timeout=10
    ).text
    assert "Accept P-1" in page
    assert "owner kim, due 2026-12-20" in page
    assert world.accept_on_page("P-1").status_code == 303
    assert world.tasks == ["Give me access"]
    told = world.stage.told(world.key)
    assert "an admin accepted P-1 by the page: Give me access" in told
    assert "accepted P-1 by the page (2026-12-07" in told


def test_the_command_line_accepts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    output = world.accept_by_command("P-1", monkeypatch)
    assert "P-1 is accepted: Give me access" in output
    assert world.tasks == ["Give me access"]
    assert "dana accepted P-1 by the command line (" in world.stage.told(world.key)
    assert "P-1 is AI-1 already" in world.accept_by_command("P-1", monkeypatch)
    assert "there is no P-7" in world.accept_by_command("P-7", monkeypatch)


def test_however_often_and_by_whichever_way_it_is_accepted_it_is_made_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{world.stage.url}/incidents/{world.incident.id}/accept"
    for _ in range(3):
        requests.post(url, data={"proposal": "P-1"}, headers=ADMIN, timeout=10)
    world.comment("/accept P-1", by="noor")
    world.comment("/accept p-1", by="kim")
    world.settle()
    world.accept_by_command("P-1", monkeypatch)
    world.stage.poll()
    assert world.tasks == ["Give me access"]
    assert [item.name for item in world.incident.actions] == ["AI-1"]


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(
    "commit",
    [pytest.param(n, marks=[] if n % 3 == 2 else [pytest.mark.long]) for n in range(1, 9)],
)
def test_it_is_made_once_also_when_the_worker_dies(
    tmp_path: Path, commit: int, before: bool
) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path / "postmortems")], check=True)
    with Stage(tmp_path, document=LOCAL_FILE, tasks=GITHUB_TASKS) as stage:
        world = on_github(stage)
        world.comment(ACTION, by="mallory")
        world.close()
        url = f"{stage.url}/incidents/{world.incident.id}/accept"
        requests.post(url, data={"proposal": "P-1"}, headers=ADMIN, timeout=10)
        world.comment("/accept P-1", by="noor")
        stage.sandbox.hooks.drain()
        die_at(stage, commit, before=before)
        with suppress(Crash):
            stage.settle()
        rise_again(stage)
        assert world.tasks == ["Give me access"]
        assert [item.name for item in world.incident.actions] == ["AI-1"]
