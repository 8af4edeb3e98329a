"""When a team gets an architecture review of a factor that recurs, and what its ticket says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, policy
from core.test_rules_audits import RIGHT
from taught import measure, named, verdict

from config.rules import RulesError, load
from workflows.effects import CreateTask, Hold
from workflows.events import NotCreated, TaskCreated
from workflows.learning_rules import LearningRules, PatternRules
from workflows.model import Incident
from workflows.patterns import Naming
from workflows.policy import Mode, TaskDestination
from workflows.rungs import Verdict
from workflows.team_books import TeamBook, fold_team
from workflows.team_reviews import Wanted, decide_reviews, opening, reviewing, wanted
from workflows.team_turn import Heard, TeamDecision
from workflows.tickets import TicketRef

DAY = timedelta(days=1)
RECURS = PatternRules(3, 180 * DAY)
RULES = replace(policy(), learning=LearningRules(patterns=RECURS))
TEAM = RULES.teams["payments"]
BOOK = TeamBook("payments", "t3v9", reviews_from=NOON - 10 * DAY)
TICKET = TicketRef("github", "I_9", "acme/ops#9", "https://github.example/acme/ops/issues/9")


def incidents(count: int, first: datetime = NOON - DAY, **values: Any) -> list[Incident]:
    return [
        named(f"i{n}", "slow disk", opened=first - n * timedelta(hours=1), **values)
        for n in range(count)
    ]


def due(
    known: Sequence[Incident],
    book: TeamBook = BOOK,
    now: datetime = NOON,
    factor: str = "slow disk",
) -> list[Wanted]:
    namings = [Naming("checkout", factor, each.id, each.opened or now) for each in known]
    return wanted(book, namings, RECURS, now)


def decided(
    known: Sequence[Incident], book: TeamBook = BOOK, now: datetime = NOON, **heard: Any
) -> TeamDecision:
    by_id = {each.id: each for each in known}
    found = [(each, [by_id[id] for id in each.incidents]) for each in due(known, book, now)]
    told = Heard(**{"held": {}, "tellable": set(by_id), **heard})
    return decide_reviews(book, found, TEAM, RULES, told)


def opened(known: Sequence[Incident], **heard: Any) -> CreateTask:
    (wish,) = decided(known, **heard).effects
    assert isinstance(wish, CreateTask)
    return wish


# --- when -----------------------------------------------------------------------------------------


def test_the_incident_that_reaches_the_threshold_asks_for_one_ticket() -> None:
    assert due(incidents(2)) == []
    decision = decided(incidents(3))
    (wish,) = decision.effects
    assert wish.key == f"pattern:t3v9:{decision.book.reviews[0].id}:1"
    again = decided(incidents(3), decision.book, NOON + DAY)
    assert [each.key for each in again.effects] == [wish.key]
    assert again.book == decision.book


def test_what_recurred_before_the_rules_asked_has_to_be_named_once_more() -> None:
    old = incidents(3, first=NOON - 20 * DAY)
    assert due(old) == []
    assert len(due([*incidents(1), *old[1:]])) == 1


def test_once_it_is_opened_only_new_incidents_lead_to_another_round() -> None:
    known = incidents(3)
    decision = decided(known)
    book = fold_team(TaskCreated(decision.effects[0].key, TICKET, linked=False), decision.book)
    assert book.reviews[0].ticket == TICKET
    later = NOON + 30 * DAY
    assert due([*incidents(2, first=later - DAY), *known], book, later) == []
    (again,) = due([*incidents(3, first=later - DAY), *known], book, later)
    assert (again.review.round, again.before) == (2, book.reviews[0])
    assert len(again.incidents) == 3


def test_of_what_a_person_gave_up_nothing_is_asked_until_it_recurs_anew() -> None:
    known = incidents(3)
    first = decided(known)
    hold = Hold("given up by a person", refused=True, given_up=True)
    over = decided(known, first.book, held={first.effects[0].key: hold})
    assert over.effects == ()
    assert due(known, over.book) == []
    assert len(due(incidents(3, first=NOON + DAY), over.book, NOON + 2 * DAY)) == 1


def test_a_review_that_was_not_opened_falls_away_where_the_factor_is_taken_back() -> None:
    first = decided(incidents(3))
    left = decided(incidents(2), first.book)
    assert (left.effects, left.book.reviews) == ((), ())
    assert "fewer incidents" in left.reasons[0]


def test_one_that_may_have_been_opened_is_looked_for_first_and_never_made_anew() -> None:
    first = decided(incidents(3))
    key = first.effects[0].key
    left = decided(incidents(2), first.book, uncertain={key})
    (wish,) = left.effects
    assert isinstance(wish, CreateTask)
    assert wish.moot
    assert "slow disk" not in wish.title + wish.text
    assert fold_team(NotCreated(key), left.book).reviews == ()


def test_a_team_gets_none_where_the_rules_do_not_ask() -> None:
    off = replace(RULES, learning=LearningRules(patterns=RECURS, teams={"payments": None}))
    empty = TeamBook("payments", "t3v9")
    assert reviewing(empty, TEAM, RULES, NOON).reviews_from == NOON
    assert reviewing(BOOK, TEAM, RULES, NOON + DAY) == BOOK, "it began earlier"
    for team, rules in ((TEAM, off), (None, RULES), (replace(TEAM, mode=Mode.PLAN), RULES)):
        assert reviewing(BOOK, team, rules, NOON).reviews_from is None
    assert due(incidents(3), empty) == []


# --- what the ticket says -------------------------------------------------------------------------


def test_the_ticket_names_factor_incidents_measures_and_what_these_came_to() -> None:
    failed: dict[str, Any] = {
        "actions": (measure(status="done", done_at=NOON), measure(2)),
        "audits": (verdict(Verdict.EFFECTIVE, NOON, suspect="it came again"),),
    }
    wish = opened(incidents(3, **failed))
    assert wish.title == "Architecture review: slow disk in checkout"
    assert wish.target.labels == ("architecture-review",)
    assert "3 incidents of checkout within 180 days name the contributing factor" in wish.text
    assert wish.text.count("| done | effective, in doubt |") == 3
    assert wish.text.count("| open | — |") == 3
    assert "Which open measures would have kept the last one away" in wish.text


def test_where_one_incident_may_not_be_told_neither_factor_nor_titles_are() -> None:
    known = incidents(3, title="Ledger of Globex is lost", actions=(measure(),))
    wish = opened(known, tellable={"i0", "i1"})
    whole = wish.title + wish.text
    for words in ("slow disk", "checkout", "Globex", "Alert 1", "sev1"):
        assert words not in whole
    assert known[2].ticket.url in wish.text


def test_it_goes_where_the_audits_of_the_team_go() -> None:
    (each,) = due(incidents(3))
    to = TaskDestination("jira", "OPS", "Task")
    team = replace(TEAM, postmortem=replace(TEAM.postmortem, tasks=to), manager="Kim Ito")
    wish = opening(each.review, incidents(3), BOOK, team, RULES, ())
    assert (wish.target.connection, wish.target.place) == ("jira", "OPS")
    assert wish.owner == "5b10"


# --- the rules ------------------------------------------------------------------------------------


def loaded(tmp_path: Path, said: str) -> LearningRules:
    right = RIGHT.replace("    audits: AUDITS\n", "")
    (tmp_path / "rules.yaml").write_text(f"{right}\nlearning:\n  patterns: {said}\n")
    return load(tmp_path / "rules.yaml", {"TOKEN": "t"}).policy.learning


def test_a_team_has_its_own_numbers_or_none(tmp_path: Path) -> None:
    learning = loaded(tmp_path, "{within: 90 days, teams: {ops: {threshold: 2}}}")
    assert learning.reviews("ops") == PatternRules(2, 90 * DAY)
    assert learning.reviews("other") == PatternRules(3, 90 * DAY)
    assert loaded(tmp_path, "{teams: {ops: off}}").reviews("ops") is None
    assert loaded(tmp_path, "off").reviews("ops") is None


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("{threshold: 1}", "is one incident, and one does not recur"),
        ("{within: 2 hours}", "is not between 1 and 366 days"),
        ("{teams: {paiments: off}}", "“paiments” is no team"),
        ("{teams: {ops: 3}}", "is neither off nor a group of keys"),
        ("{teams: {ops: {treshold: 3}}}", "is not a key of this group"),
    ],
)
def test_what_is_wrong_with_them_is_told(tmp_path: Path, said: str, message: str) -> None:
    with pytest.raises(RulesError) as error:
        loaded(tmp_path, said)
    assert message in "\n".join(map(str, error.value.problems))
