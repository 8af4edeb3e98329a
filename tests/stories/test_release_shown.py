"""Pull requests show the release check of their service, and again when it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from quarter import Kept, item
from stage import Stage
from web.history import TOKEN, Web

from service import dead_letters
from service.app import create_app
from service.releasing import EVERY, RELEASE_JOB
from service.store.candidates import KEPT

LATE, SOON = date(2026, 12, 1), date(2026, 12, 9)
RULES = (
    "release_checks: [{connection: github, repository: Acme/Ops, service: Checkout,"
    " fail_on: [late, suspect]}]"
)
OK, STOPPED = "success", "failure"

Making = Callable[..., Stage]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Making]:
    stages: list[Stage] = []

    def made(**parts: Any) -> Stage:
        stage = Stage(tmp_path, **{"participants": RULES, **parts})
        stages.append(stage.__enter__())
        return stage

    yield made
    for stage in stages:
        stage.__exit__(None, None, None)


@pytest.fixture
def stage(make: Making) -> Stage:
    return make()


def proposed(stage: Stage, branch: str = "feature") -> int:
    """Kim proposes a change."""
    stage.sandbox.github.push("acme/ops", f"{branch}.py", "x = 1\n", "kim", branch)
    return stage.sandbox.github.pull_request("acme/ops", branch, f"Add {branch}", "kim")


def head(stage: Stage, number: int) -> str:
    pull = stage.sandbox.github.repos["acme/ops"].issues[number].pull
    assert pull is not None
    return pull.head_sha


def shown(stage: Stage, number: int) -> list[tuple[str, str]]:
    """State and words of each status that was set on its newest commit, the last one last."""
    place = stage.sandbox.github.repos["acme/ops"]
    found = place.statuses.get(head(stage, number), [])
    assert {each["context"] for each in found} <= {"followthrough/release"}
    return [(each["state"], each["description"]) for each in found]


def test_a_pull_request_shows_the_check_as_soon_as_it_is_opened(stage: Stage) -> None:
    Kept(stage.store).incident(1, item(title="Secret plans", due=LATE, owner="Kim Ito"))
    number = proposed(stage)
    stage.settle()
    assert shown(stage, number) == [(STOPPED, "1 late preventive measure")]


def test_it_leads_to_the_board_and_names_nothing_but_counts(stage: Stage) -> None:
    stage.settings = replace(stage.settings, public_url="https://ft.example")
    stage.restart()
    Kept(stage.store).incident(1, item(title="Secret plans", due=LATE), service="Checkout & Co")
    stage.restart(participants=RULES.replace("Checkout", "checkout & co"))
    number = proposed(stage)
    stage.settle()
    place = stage.sandbox.github.repos["acme/ops"]
    [status] = place.statuses[head(stage, number)]
    page = "https://ft.example/actions?show=overdue&service=checkout+%26+co"
    assert (status["target_url"], status["state"]) == (page, STOPPED)
    assert "Secret" not in str(status)
    board = create_app(Web(stage.store)).test_client()
    board.post("/sign-in", data={"token": TOKEN})
    assert "Secret plans" in board.get(page.removeprefix("https://ft.example")).text


def test_each_new_commit_shows_it_and_the_same_is_not_shown_twice(stage: Stage) -> None:
    Kept(stage.store).incident(1, item(due=SOON))
    number = proposed(stage)
    stage.settle()
    first = head(stage, number)
    words = "nothing stops it; 1 open preventive measure"
    assert shown(stage, number) == [(OK, words)]
    stage.sandbox.github.push("acme/ops", "more.py", "y = 2\n", "kim", "feature")
    stage.settle()
    assert head(stage, number) != first
    assert shown(stage, number) == [(OK, words)]
    for _ in range(3):
        stage.wait(EVERY)
    assert shown(stage, number) == [(OK, words)]


def test_it_is_shown_again_when_a_measure_is_done_and_when_one_becomes_late(stage: Stage) -> None:
    kept = Kept(stage.store)
    made = kept.incident(1, item(due=LATE))
    number = proposed(stage)
    stage.settle()
    kept.incident(1, item(due=LATE, status="done"), id=made.id)
    kept.incident(2, item(due=SOON))
    stage.wait(EVERY)
    assert shown(stage, number)[-1] == (OK, "nothing stops it; 1 open preventive measure")
    stage.wait(timedelta(days=3))  # nobody did anything, but the day is over
    assert [state for state, _ in shown(stage, number)] == [STOPPED, OK, STOPPED]


def test_what_is_closed_or_merged_shows_nothing_more(stage: Stage) -> None:
    kept = Kept(stage.store)
    made = kept.incident(1, item(due=SOON))
    closed, merged, open = (proposed(stage, name) for name in ("one", "two", "three"))
    stage.settle()
    stage.sandbox.github.close_pull("acme/ops", closed, "kim")
    stage.sandbox.github.merge("acme/ops", merged, "kim")
    stage.settle()
    kept.incident(1, item(due=LATE), id=made.id)
    stage.wait(EVERY)
    assert [len(shown(stage, each)) for each in (closed, merged, open)] == [1, 1, 2]


def test_a_telling_that_was_overtaken_brings_nothing_back(stage: Stage) -> None:
    Kept(stage.store).incident(1, item(due=SOON))
    number = proposed(stage)
    stage.settle()
    [opened] = [d for d in stage.sandbox.hooks.log if b'"opened"' in d.body[:40]]
    stage.clock.wait(timedelta(minutes=1))
    stage.sandbox.github.close_pull("acme/ops", number, "kim")
    stage.settle()
    opened.id = "another-guid"
    stage.sandbox.hooks.redeliver(opened)
    stage.settle()
    with stage.store.read() as tx:
        assert tx.candidates.open_at("github", "acme/ops") == []


def test_who_hears_of_none_for_long_forgets_it_and_rests(stage: Stage) -> None:
    Kept(stage.store).incident(1, item(due=SOON))
    number = proposed(stage)
    stage.settle()
    stage.wait(KEPT)
    before = len(shown(stage, number))
    stage.wait(EVERY)
    assert len(shown(stage, number)) == before
    with stage.store.read() as tx:
        assert tx.jobs.unfinished(RELEASE_JOB) == 0


def test_a_service_of_which_nothing_is_known_says_so_and_stops_nothing(stage: Stage) -> None:
    number = proposed(stage)
    stage.settle()
    assert shown(stage, number) == [(OK, "no incident of this service is known")]


def test_what_only_some_may_read_does_not_count(stage: Stage) -> None:
    Kept(stage.store).incident(1, item(due=LATE), restricted=True)
    number = proposed(stage)
    stage.settle()
    assert shown(stage, number) == [(OK, "no incident of this service is known")]


def test_a_team_that_only_plans_shows_nothing_until_it_acts(make: Making) -> None:
    stage = make(mode="plan")
    Kept(stage.store).incident(1, item(due=LATE))
    number = proposed(stage)
    stage.settle()
    assert shown(stage, number) == []
    stage.restart(mode="act").releasing.start()
    stage.settle()
    assert shown(stage, number) == [(STOPPED, "1 late preventive measure")]


def test_a_repository_that_the_rules_do_not_name_shows_nothing(make: Making) -> None:
    stage = make(participants="")
    Kept(stage.store).incident(1, item(due=LATE))
    number = proposed(stage)
    stage.settle()
    assert shown(stage, number) == []


def test_what_is_refused_is_one_dead_letter_and_is_shown_once_it_is_replayed(
    stage: Stage,
) -> None:
    Kept(stage.store).incident(1, item(due=LATE))
    stage.sandbox.fail_next("POST", "/statuses/", status=403)
    numbers = [proposed(stage, name) for name in ("one", "two")]
    stage.settle()
    numbers.append(proposed(stage, "three"))
    stage.settle()
    with stage.store.read() as tx:
        [letter] = dead_letters.dead_letters(tx)
        assert dead_letters.team_of(tx, letter.id) == "payments"
    assert "Commit statuses: read and write" in letter.mend
    assert "show the release check" in letter.wanted
    assert letter.connection == "github"
    assert shown(stage, numbers[2]) == []
    with stage.store.write() as tx:
        assert dead_letters.replay(tx, letter.id, by="kim")
    stage.settle()
    assert [shown(stage, each)[-1:] for each in numbers] == [
        [(STOPPED, "1 late preventive measure")]
    ] * 3


def test_while_the_tracker_fails_it_is_tried_again(stage: Stage) -> None:
    Kept(stage.store).incident(1, item(due=LATE))
    for status in (502, 503):
        stage.sandbox.fail_next("POST", "/statuses/", status=status)
    number = proposed(stage)
    stage.settle()
    for _ in range(10):
        stage.wait(timedelta(minutes=1))
    assert shown(stage, number) == [(STOPPED, "1 late preventive measure")]
    with stage.store.read() as tx:
        assert dead_letters.count(tx) == 0


def test_a_commit_that_is_not_there_any_more_holds_up_nothing(stage: Stage) -> None:
    Kept(stage.store).incident(1, item(due=LATE))
    stage.sandbox.hooks.enabled = False
    gone = proposed(stage, "gone")
    stage.sandbox.hooks.enabled = True
    [told] = [d for d in stage.sandbox.hooks.log if b'"opened"' in d.body[:40]]
    told.body = told.body.replace(head(stage, gone).encode(), b"f" * 40)
    stage.sandbox.hooks.redeliver(told)
    number = proposed(stage)
    stage.settle()
    assert shown(stage, number) == [(STOPPED, "1 late preventive measure")]
    with stage.store.read() as tx:
        assert dead_letters.count(tx) == 0


def test_the_delivery_says_what_it_led_to(stage: Stage) -> None:
    proposed(stage)
    stage.settle()
    with stage.store.read() as tx:
        whys = [each.why for each in tx.deliveries.page() if each.event == "pull_request"]
    assert whys == ["pull_request.opened: its release check is looked at"]
