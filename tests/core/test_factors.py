"""Which factors recur, whether anything was done about them that works, and who may see that."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import NOON
from taught import measure, named, saved, verdict

from service.store import Store
from workflows.learning_rules import LearningRules, PatternRules
from workflows.patterns import Pattern, State, counted_quarters, tally
from workflows.projection import project
from workflows.proven import Proof
from workflows.rungs import Verdict
from workflows.sight import EVERYTHING, NOTHING, Sight
from workflows.snapshots import Progress

DAY = timedelta(days=1)
RULES = LearningRules(patterns=PatternRules(3, 180 * DAY))
DISK = "slow disk"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path / 'store.db'}", lambda: NOON)
    opened.migrate()
    yield opened
    opened.close()


def page(
    store: Store, sight: Sight = EVERYTHING, rules: LearningRules = RULES, **only: Any
) -> list[Pattern]:
    with store.read() as tx:
        return tx.patterns.page(rules, sight, limit=10, **only)


def thrice(**values: Any) -> Any:
    return [named(f"i{n}", DISK, opened=NOON - n * DAY, **values) for n in (1, 2, 3)]


# --- what is counted ------------------------------------------------------------------------------


def test_the_quarters_that_are_counted_end_with_the_present_one() -> None:
    shown = [str(each) for each in counted_quarters(date(2026, 12, 7))]
    assert shown == ["2025Q4", "2026Q1", "2026Q2", "2026Q3", "2026Q4"]
    assert str(counted_quarters(date(2027, 1, 1))[0]) == "2026Q1"


def test_a_verdict_in_doubt_does_not_count_as_effective() -> None:
    items = tuple(measure(n, status="done", done_at=NOON) for n in (1, 2))
    sure = verdict(Verdict.EFFECTIVE, NOON)
    doubted = verdict(Verdict.EFFECTIVE, NOON, 2, suspect="it came again")
    known = named("i1", DISK, actions=(*items, measure(3)), audits=(sure, doubted))
    found = tally(project(known, {}).measures)
    assert (found.measures, found.open, found.effective, found.suspect) == (3, 1, 1, 1)
    assert found.answered == NOON


def test_done_without_the_evidence_that_is_asked_for_is_unproven() -> None:
    proof = Proof(Progress.DONE, 1, NOON)
    known = named("i1", DISK, actions=(measure(status="done", proof=proof),))
    assert tally(project(known, {}).measures).unproven == 1


def test_a_factor_that_one_incident_names_is_no_pattern(store: Store) -> None:
    saved(store, named("i1", DISK, "no alert"), named("i2", DISK))
    (pattern,) = page(store)
    assert (pattern.name, pattern.incidents, pattern.quarters) == (DISK, 2, {"2026Q4": 2})


def test_three_incidents_of_one_service_recur_and_of_three_services_do_not(store: Store) -> None:
    saved(store, *thrice())
    for n, service in enumerate(("search", "ledger", "mail")):
        saved(store, named(f"i7{n}", "no alert", service=service))
    states = {each.name: each.state for each in page(store)}
    assert states == {DISK: State.UNANSWERED, "no alert": State.SELDOM}


def test_what_recurs_unanswered_comes_before_what_is_answered_and_that_before_the_rest(
    store: Store,
) -> None:
    works: dict[str, Any] = {
        "actions": (measure(status="done", done_at=NOON),),
        "audits": (verdict(Verdict.EFFECTIVE, NOON),),
    }
    for n in range(4):
        saved(store, named(f"i1{n}", "answered", opened=NOON - DAY, **works))
    saved(store, *thrice())
    for n in range(5):
        saved(store, named(f"i2{n}", "seldom", opened=NOON - 200 * DAY))
    assert [(each.name, each.state) for each in page(store)] == [
        (DISK, State.UNANSWERED),
        ("answered", State.ANSWERED),
        ("seldom", State.SELDOM),
    ]


def test_a_factor_that_is_named_again_after_its_measure_was_done_is_not_answered(
    store: Store,
) -> None:
    works: dict[str, Any] = {
        "actions": (measure(status="done", done_at=NOON - 10 * DAY),),
        "audits": (verdict(Verdict.EFFECTIVE, NOON),),
    }
    saved(store, *thrice(**works))
    assert [each.state for each in page(store)] == [State.UNANSWERED]


def test_a_team_with_a_threshold_of_its_own_is_measured_by_that(store: Store) -> None:
    saved(store, named("i1", DISK), named("i2", DISK))
    own = LearningRules(patterns=RULES.patterns, teams={"payments": PatternRules(2, 180 * DAY)})
    assert [each.state for each in page(store)] == [State.SELDOM]
    assert [each.state for each in page(store, rules=own)] == [State.UNANSWERED]
    short = LearningRules(patterns=RULES.patterns, teams={"payments": PatternRules(2, DAY / 2)})
    saved(store, named("i2", DISK, opened=NOON - DAY))
    assert [each.state for each in page(store, rules=short)] == [State.SELDOM]


def test_what_may_not_be_seen_is_not_counted(store: Store) -> None:
    saved(store, *thrice(), named("i8", DISK, restricted=True), named("i9", DISK, team="search"))
    assert [each.incidents for each in page(store)] == [5]
    assert [each.incidents for each in page(store, Sight(None))] == [4]
    assert [each.incidents for each in page(store, Sight(frozenset({"payments"})))] == [3]
    assert page(store, NOTHING) == []
    with store.read() as tx:
        assert tx.patterns.where(DISK, NOTHING) == []
        assert tx.patterns.incidents(DISK, NOTHING, 10) == []
        assert tx.patterns.said(DISK, Sight(frozenset({"data"}))) == ""
        assert tx.patterns.teams(Sight(frozenset({"payments"}))) == ["payments"]
        assert len(tx.patterns.incidents(DISK, Sight(None), 10)) == 4


def test_measures_that_failed_come_before_those_in_doubt_and_those_that_are_open(
    store: Store,
) -> None:
    items = tuple(measure(n, status="done" if n < 4 else "") for n in (1, 2, 3, 4))
    audits = (
        verdict(Verdict.EFFECTIVE, NOON, 1),
        verdict(Verdict.EFFECTIVE, NOON, 2, suspect="it came again"),
        verdict(Verdict.NOT_EFFECTIVE, NOON, 3),
    )
    saved(store, named("i1", DISK, actions=items, audits=audits))
    with store.read() as tx:
        against = tx.patterns.against(tx.patterns.incidents(DISK, EVERYTHING, 10))
    proved = [(each.item, each.proved) for each in against]
    assert proved == [(3, "not effective"), (2, "in doubt"), (4, "open"), (1, "effective")]
