"""What judges the stateful test of the sync sees what it says it sees."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from judge import Judged, was_told
from town import OPS, Edit
from towns import CHARTERS, Town, Towns

from integrations.sandbox.acme import BOT_GITHUB

KIM, NOOR = "Kim Ito", "Noor Aziz"


@pytest.fixture
def town(towns: Towns) -> Iterator[Town]:
    town = towns.of(CHARTERS[0], sockets=False)
    with town.at_work(None):
        yield town


@pytest.fixture
def remedy(town: Town) -> Judged:
    return town.begin_anew()


def unheard(remedy: Judged, owner: str) -> None:
    """Somebody edits the issue on GitHub, and the webhook is lost."""
    hooks = remedy.stage.sandbox.hooks
    hooks.enabled = False
    remedy.edit("github", "owner", owner)
    hooks.enabled = True


def test_a_town_begins_anew_as_it_was(town: Town, remedy: Judged) -> None:
    before, told, now = remedy.shown(), remedy.stage.told(remedy.names.incident), town.stage.clock()
    remedy.edit("jira", "owner", NOOR)
    remedy.deletes("github")
    town.grow_quiet()
    assert remedy.in_row()["owner"] == NOOR
    again = town.begin_anew()
    assert again.shown() == before
    assert again.stage.told(again.names.incident) == told
    assert town.stage.clock() - now < timedelta(seconds=1)


def test_where_all_is_well_there_is_nothing_to_say(town: Town, remedy: Judged) -> None:
    remedy.edit("github", "owner", NOOR)
    town.grow_quiet()
    assert [place["owner"] for place in remedy.shown().values()] == [NOOR] * 3
    assert remedy.disagreements(town.charter.fields) == []
    assert remedy.lost() == remedy.written_over() == remedy.made_again() == []
    assert town.writes_when_nothing_happens() == []


def test_an_edit_that_was_written_over_is_seen_at_once(remedy: Judged) -> None:
    unheard(remedy, NOOR)
    assert remedy.written_over() == []
    remedy.github.edit(OPS, remedy.names.number, BOT_GITHUB, assignees=["kim"])
    assert len(remedy.written_over()) == len(remedy.lost()) == 1


def test_what_was_said_before_the_edit_does_not_count_as_told_of_it(remedy: Judged) -> None:
    remedy.edit("github", "owner", NOOR)
    remedy.stage.settle()
    remedy.edit("github", "owner", KIM)
    remedy.stage.settle()
    remedy.look()
    assert remedy.stage.told(remedy.names.incident).count(f"→ “{NOOR}”") == 1
    unheard(remedy, NOOR)
    remedy.github.edit(OPS, remedy.names.number, BOT_GITHUB, assignees=["kim"])
    assert len(remedy.written_over()) == 1


def test_what_was_taken_back_before_anybody_read_it_is_not_lost(remedy: Judged) -> None:
    unheard(remedy, NOOR)
    unheard(remedy, KIM)
    remedy.github.edit(OPS, remedy.names.number, BOT_GITHUB, assignees=["noor"])
    assert remedy.written_over() == remedy.lost() == []


def test_what_was_taken_back_after_it_was_read_is_lost_if_it_is_written_over(
    remedy: Judged,
) -> None:
    remedy.edit("github", "owner", NOOR)
    remedy.stage.settle()
    remedy.look()
    unheard(remedy, KIM)
    remedy.github.edit(OPS, remedy.names.number, BOT_GITHUB, assignees=["noor"])
    assert len(remedy.written_over()) == 1


@pytest.mark.parametrize("line", ["nothing (the task)", "(empty) (the task, Kim Ito)"])
def test_that_a_field_was_emptied_is_told_in_either_word(line: str) -> None:
    emptied = Edit("github", "owner", None, lines=1)
    told = [f"AI-1 owner: changed on two sides, {line} and “{NOOR}” (the twin)"]
    assert was_told(emptied, told, "changed on two sides")
    assert not was_told(emptied, [told[0].replace(line, f"“{KIM}” (the task)")])


def test_two_places_that_differ_are_seen(town: Town, remedy: Judged) -> None:
    unheard(remedy, NOOR)
    assert len(remedy.disagreements(town.charter.fields)) == 1
    remedy.deletes("github")
    assert remedy.disagreements(town.charter.fields) == []


def test_a_value_that_nobody_said_is_seen(town: Town, remedy: Judged) -> None:
    remedy.github.edit(OPS, remedy.names.number, BOT_GITHUB, assignees=["noor"])
    town.grow_quiet()
    assert remedy.disagreements(town.charter.fields) == []
    assert len(remedy.from_nowhere(town.charter.fields)) == 1


def test_a_ticket_that_was_made_again_is_seen(remedy: Judged) -> None:
    remedy.deletes("github")
    assert remedy.made_again() == []
    number = remedy.github.open_issue(OPS, "alert on depth", by=BOT_GITHUB)
    assert remedy.made_again() == [str(number)]


def test_a_write_where_nothing_happens_is_seen(town: Town, remedy: Judged) -> None:
    town.grow_quiet()
    unheard(remedy, NOOR)
    assert len(town.writes_when_nothing_happens()) >= 1


def test_a_row_whose_write_lost_its_answer_follows_what_was_taken_back_since(
    town: Town, remedy: Judged
) -> None:
    sandbox = town.stage.sandbox
    remedy.edit("github", "owner", NOOR)
    sandbox.fail_next("PUT", "/contents/", status=502, after_effect=True, drop_connection=True)
    town.stage.wait(timedelta(seconds=70))
    remedy.edit("jira", "owner", KIM)
    town.grow_quiet()
    assert remedy.disagreements(["owner"]) == []


def test_a_version_that_somebody_made_a_minute_ago_is_set(town: Town, remedy: Judged) -> None:
    remedy.edit("github", "milestone", "Q2")
    town.stage.settle()  # by now the project's versions are known
    remedy.edit("jira", "milestone", "Q3")
    town.stage.settle()
    remedy.edit("jira", "milestone", "Q2")
    town.stage.settle()
    remedy.edit("github", "milestone", "Q3")
    town.grow_quiet()
    assert remedy.disagreements(["milestone"]) == []
