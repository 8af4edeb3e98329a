"""Owners across trackers: told by the rules, by address, by login, and never guessed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from stage import HOOKS, TOKENS, Stage

from service.commands.people import people_command
from workflows.action_table import read_rows
from workflows.documents import regions
from workflows.model import ActionItem
from workflows.snapshots import Field

OPS, DOCUMENTS = "acme/ops", "acme/postmortems"
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
BOTH = (
    "{connection: jira, project: OPS, issue_type: Task,"
    " twin: {connection: github, repository: acme/ops, labels: [remediation]}}"
)
SAM = "  - {name: Sam Roe, email: sam@acme.example, github: sam}\n"


class Story:
    """One action item of Kim's: a task in Jira, whose twin is on GitHub. On GitHub there is a
    login sam, and somebody of that name in Jira, Data Center unless said otherwise."""

    def __init__(self, stage: Stage, handle: str, name: str = "Sam Roe", **user: Any) -> None:
        self.stage, self.handle = stage, handle
        self.github, self.jira = stage.sandbox.github, stage.sandbox.jira
        self.github.add_user("sam", "Sam")
        self.github.repos[OPS].members["sam"] = "write"
        self.jira.add_user(handle, name, "sam@acme.example", projects=("OPS",), **user)
        number = self.github.open_issue(OPS, "Slow", by="kim", labels=["incident", "sev2"])
        self.github.comment(OPS, number, "ACTION: alert on depth @kim", by="noor")
        self.github.close(OPS, number, by="kim")
        self.key = f"{OPS}#{number}"
        stage.settle()
        stage.sandbox.reset_calls()

    @property
    def item(self) -> ActionItem:
        return self.stage.incident(self.key).actions[0]

    @property
    def issue(self) -> Any:
        assert self.item.twin is not None
        return self.github.repos[OPS].issues[int(self.item.twin.key.rpartition("#")[2])]

    @property
    def ticket(self) -> Any:
        assert self.item.task is not None
        return self.jira.issue(self.item.task.key)

    @property
    def owner_in_jira(self) -> str | None:
        owner: str | None = self.ticket.values["assignee"]
        return owner

    @property
    def row_owner(self) -> str | None:
        path = f"postmortems/2026/{self.key.replace('/', '-').replace('#', '-')}.md"
        place = self.github.repos[DOCUMENTS]
        branch = next(n for n in place.branches if n.startswith("followthrough/"))
        text = place.commits[place.branches[branch]].tree[path].decode()
        return read_rows(regions(text)["actions"])["AI-1"].values[Field.OWNER]

    @property
    def searches(self) -> int:
        return sum("/user/search" in call.path for call in self.stage.sandbox.calls)

    def on_github(self, login: str) -> None:
        self.github.assign(OPS, self.issue.number, [login], by="kim")
        self.stage.settle()

    def in_jira(self, handle: str) -> None:
        self.jira.edit(self.ticket.key, by="5b10-kim", assignee=handle)
        self.stage.settle()

    def told(self, *arguments: str) -> str:
        """What `followthrough people` prints."""
        ended = CliRunner().invoke(people_command, list(arguments), catch_exceptions=False)
        assert ended.exit_code == 0
        return ended.output


Open = Callable[..., Story]


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    with ExitStack() as opened:

        def open_stage(
            handle: str = "5b10-sam",
            people: str = "",
            deployment: str = "datacenter",
            **user: Any,
        ) -> Story:
            stage = Stage(tmp_path, tasks=BOTH, deployment=deployment, people=people)
            opened.enter_context(stage)
            for name, value in {**TOKENS, **HOOKS}.items():
                monkeypatch.setenv(name, value)
            monkeypatch.setenv("FOLLOWTHROUGH_RULES", str(stage.rules_file))
            monkeypatch.setenv("FOLLOWTHROUGH_DATA", str(tmp_path / "data"))
            return Story(stage, handle, **user)

        yield open_stage


def test_an_owner_whom_nothing_maps_is_sent_to_no_other_tracker(begin: Open) -> None:
    story = begin(handle="sam")  # the same login there: who knows whose
    story.on_github("sam")
    story.stage.wait(MINUTE)
    assert story.row_owner == "sam"
    assert story.owner_in_jira == "5b10-kim"
    assert not [call for call in story.stage.sandbox.calls if "sam" in call.path]


def test_an_owner_whom_nothing_maps_is_listed_with_the_line_that_would_map_them(
    begin: Open,
) -> None:
    story = begin()
    story.on_github("sam")
    assert "Kim Ito  github: kim, jira: 5b10-kim\n" in story.told()
    assert f"  github: sam, named in {OPS}#{story.issue.number}\n" in story.told()
    [one] = json.loads(story.told("--json"))["unmapped"]
    assert one["line"] == "- {name: sam, github: sam, jira: …}"
    line = one["line"].replace("name: sam", "name: Sam Roe").replace("…", "5b10-sam")
    story.stage.restart(people=f"  {line}\n")
    story.github.assign(OPS, story.issue.number, ["kim"], by="kim")
    story.on_github("sam")
    assert story.owner_in_jira == "5b10-sam"
    assert "Known in one tracker alone" not in story.told()


def test_an_owner_is_found_by_the_address_in_the_rules_and_asked_for_once(begin: Open) -> None:
    story = begin(people=SAM)
    story.on_github("sam")
    assert story.owner_in_jira == "5b10-sam"
    for login in ("kim", "sam"):
        story.on_github(login)
    assert story.owner_in_jira == "5b10-sam"
    assert story.searches == 1
    assert "Sam Roe  github: sam, jira: 5b10-sam (by email)\n" in story.told()


def test_whom_a_tracker_does_not_know_it_is_asked_for_again_after_a_day(begin: Open) -> None:
    story = begin(people=SAM.replace("sam@", "samuel@"))
    for login in ("sam", "kim", "sam"):
        story.on_github(login)
    assert (story.searches, story.owner_in_jira) == (1, "5b10-kim")
    assert "\n  jira: samuel@acme.example (by email), 2026-12-07 12:00 UTC\n" in story.told()
    story.jira.add_user("5b10-samuel", "Sam", "samuel@acme.example", projects=("OPS",))
    story.stage.wait(DAY)
    for login in ("kim", "sam"):
        story.on_github(login)
    assert (story.searches, story.owner_in_jira) == (2, "5b10-samuel")


@pytest.mark.parametrize(("shows", "owner"), [(True, "5b10-sam"), (False, "5b10-kim")])
def test_on_cloud_an_address_counts_only_where_it_is_shown(
    begin: Open, shows: bool, owner: str
) -> None:
    story = begin(people=SAM, deployment="cloud", shows_email=shows)
    story.on_github("sam")
    assert story.owner_in_jira == owner


def test_no_tracker_is_asked_by_address_where_the_rules_do_not_take_it(begin: Open) -> None:
    story = begin(people=f"{SAM}people_by: []\n")
    story.on_github("sam")
    assert (story.searches, story.owner_in_jira) == (0, "5b10-kim")


def test_a_tracker_that_will_not_tell_is_asked_again_after_a_day_and_quoted(begin: Open) -> None:
    story = begin(people=SAM)
    words = {"errorMessages": ["You may not browse users."]}
    story.stage.sandbox.fail_next("GET", "/user/search", status=403, body=words)
    for login in ("sam", "kim", "sam"):
        story.on_github(login)
    assert (story.searches, story.owner_in_jira) == (1, "5b10-kim")
    assert "You may not browse users." in story.told()


def test_while_a_tracker_is_down_the_owner_waits_and_is_asked_for_later(begin: Open) -> None:
    story = begin(people=SAM)
    story.stage.sandbox.fail_next("GET", "/user/search", status=503)
    story.on_github("sam")
    assert story.owner_in_jira == "5b10-kim"
    story.stage.wait(timedelta(hours=1))
    assert story.owner_in_jira == "5b10-sam"


def test_an_equal_login_maps_where_the_rules_allow_it(begin: Open) -> None:
    story = begin(handle="sam", people="people_by: [email, login]\n")
    story.on_github("sam")
    assert story.owner_in_jira == "sam"
    assert "(by login)" in story.told()


def test_somebody_whom_jira_alone_knows_is_called_by_their_name_and_stays_assigned(
    begin: Open,
) -> None:
    story = begin()
    story.in_jira("5b10-sam")
    story.stage.wait(MINUTE)
    assert story.row_owner == "Sam Roe"
    assert story.owner_in_jira == "5b10-sam"
    assert story.issue.assignees == ["kim"]
    assert not [call for call in story.stage.sandbox.writes() if call.dialect == "jira"]


def test_two_of_one_name_are_told_apart(begin: Open) -> None:
    story = begin()
    story.jira.add_user("5b10-roe", "Sam Roe", "roe@acme.example", projects=("OPS",))
    story.in_jira("5b10-sam")
    story.in_jira("5b10-roe")
    story.stage.wait(MINUTE)
    assert story.row_owner == "Sam Roe (5b10-roe, jira)"
    assert story.owner_in_jira == "5b10-roe"
    assert len(json.loads(story.told("--json"))["unmapped"]) == 2


def test_a_namesake_of_somebody_in_the_rules_is_not_them(begin: Open) -> None:
    story = begin(name="Noor Aziz")
    story.in_jira("5b10-sam")
    story.stage.wait(MINUTE)
    assert story.row_owner == "Noor Aziz (5b10-sam, jira)"
    assert story.issue.assignees == ["kim"]


def test_somebody_who_left_is_listed_as_such(begin: Open) -> None:
    story = begin()
    story.in_jira("5b10-sam")
    story.jira.leave("5b10-sam")
    story.jira.edit(story.ticket.key, by="5b10-kim", duedate="2027-02-01")
    story.stage.settle()
    assert "  Sam Roe  jira: 5b10-sam (left), named in OPS-1\n" in story.told()


def test_a_name_can_not_pass_for_another_entry(begin: Open) -> None:
    story = begin(name='Sam"}\n  Kim Ito  github: \x1b[2Jmallory')
    story.in_jira("5b10-sam")
    assert "\n  Kim Ito  github: mallory" not in story.told()
    assert "\x1b" not in story.told()
    [one] = json.loads(story.told("--json"))["unmapped"]
    [entry] = yaml.safe_load(one["line"])
    assert set(entry) == {"name", "email", "github", "jira"}
