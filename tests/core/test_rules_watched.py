"""Rules are looked at while the service runs, and taken when they changed and are right."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruled import ENVIRONMENT, RIGHT, team, written

from config.rules import Rules, load
from config.watching import TRY_AGAIN, WatchedRules


class Kept:
    """Rules in a directory that somebody edits, and that are looked at."""

    def __init__(self, directory: Path) -> None:
        self.directory = written(directory, RIGHT)
        self.refused: list[str] = []
        self.environ = dict(ENVIRONMENT)
        rules = load(directory, self.environ)
        self.watched = WatchedRules(directory, rules, self._refusals, self.environ)
        assert self.looks() == 0

    def _refusals(self, rules: Rules) -> list[str]:
        return self.refused if "ops" in rules.policy.teams else []

    def edit(self, name: str, text: str) -> None:
        (self.directory / name).write_text(text, encoding="utf-8")

    def looks(self, times: int = 3) -> int:
        """How many of these looks found other rules."""
        return sum(self.watched.look() for _ in range(times))

    @property
    def teams(self) -> list[str]:
        return list(self.watched.rules.policy.teams)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "rules")


def test_a_new_file_is_a_new_team(kept: Kept) -> None:
    kept.edit("ops.yaml", team("ops"))
    assert kept.looks() == 1
    assert kept.teams == ["ops", "payments", "web"]
    (kept.directory / "ops.yaml").unlink()
    assert kept.looks() == 1
    assert kept.teams == ["payments", "web"]


def test_what_is_still_being_written_is_left(kept: Kept) -> None:
    """Half a file may be right, and say something else."""
    for end in range(1, 4):
        kept.edit("ops.yaml", team("ops", "\n" * end))
        assert not kept.watched.look()
    assert kept.watched.look()


def test_a_note_or_a_new_time_changes_nothing(kept: Kept) -> None:
    before = kept.watched.rules
    kept.edit("web.yaml", "# a note\n" + RIGHT["web.yaml"])
    (kept.directory / "payments.yaml").touch()
    assert kept.looks() == 0
    assert kept.watched.rules is before


def test_rules_that_are_wrong_leave_those_before_until_they_are_mended(kept: Kept) -> None:
    kept.edit("web.yaml", team("web").replace("hub", "hob"))
    assert kept.looks() == 0
    assert kept.teams == ["payments", "web"]
    assert "web.yaml:4: teams.web.incidents[0].connection" in kept.watched.problems[0]
    kept.edit("web.yaml", team("shop"))
    assert kept.looks() == 1
    assert kept.watched.problems == ()
    assert kept.teams == ["payments", "shop"]


def test_going_back_to_what_was_read_ends_the_problems(kept: Kept) -> None:
    kept.edit("web.yaml", "teams: [")
    kept.looks()
    assert kept.watched.problems
    kept.edit("web.yaml", RIGHT["web.yaml"])
    assert kept.looks() == 0
    assert kept.watched.problems == ()


def test_a_rotated_secret_and_an_edited_template_are_seen(kept: Kept) -> None:
    hub = RIGHT["connections.yaml"].replace("env: TOKEN", "file: token")
    kept.edit("token", "one\n")
    kept.edit("connections.yaml", hub)
    shipped = Path(__file__).parents[2] / "config" / "templates" / "postmortem.md.j2"
    kept.edit("ours.md.j2", shipped.read_text())
    in_template = team("web").replace(
        "    postmortem:", "    postmortem:\n      template: ours.md.j2"
    )
    kept.edit("web.yaml", in_template)
    assert kept.looks() == 1
    before = kept.watched.rules.policy.hash
    kept.edit("token", "two\n")
    assert kept.looks() == 1
    assert kept.watched.rules.connections["hub"].auth.token.reveal() == "two"
    assert kept.watched.rules.policy.hash == before  # no new decision
    kept.edit("ours.md.j2", shipped.read_text() + "\nOurs.\n")
    assert kept.looks() == 1
    assert kept.watched.rules.policy.hash != before


def test_a_secret_that_stands_in_another_file_is_looked_at_there(kept: Kept) -> None:
    hub = RIGHT["connections.yaml"].replace("env: TOKEN", "file: token")
    kept.edit("token", "one\n")
    kept.edit("moved", "one\n")
    kept.edit("connections.yaml", hub)
    assert kept.looks() == 1
    kept.edit("connections.yaml", hub.replace("file: token", "file: moved"))
    assert kept.looks() == 0  # it says the same
    kept.edit("moved", "two\n")
    assert kept.looks() == 1
    assert kept.watched.rules.connections["hub"].auth.token.reveal() == "two"


def test_a_secret_that_comes_after_the_rules_is_found(kept: Kept) -> None:
    hub = RIGHT["connections.yaml"].replace("env: TOKEN", "env: LATER")
    kept.edit("connections.yaml", hub)
    kept.looks()
    assert kept.watched.problems
    kept.environ["LATER"] = "t0ken"
    assert kept.looks(TRY_AGAIN) == 1
    assert kept.watched.problems == ()


def test_rules_that_are_refused_leave_those_before(kept: Kept) -> None:
    kept.refused = ["Team ops: everybody may read acme/ops."]
    kept.edit("ops.yaml", team("ops"))
    assert kept.looks() == 0
    assert kept.teams == ["payments", "web"]
    assert kept.watched.problems == ("Team ops: everybody may read acme/ops.",)
    kept.refused = []
    assert kept.looks(TRY_AGAIN) == 1
    assert kept.teams == ["ops", "payments", "web"]
    assert kept.watched.late
    kept.edit("ops.yaml", team("operations"))
    assert kept.looks() == 1
    assert not kept.watched.late


def test_rules_that_are_gone_leave_those_before(kept: Kept) -> None:
    kept.directory.rename(kept.directory.with_name("away"))
    assert kept.looks() == 0
    assert "there is no such file" in kept.watched.problems[0]
    kept.directory.with_name("away").rename(kept.directory)
    assert kept.looks() == 0
    assert kept.watched.problems == ()
